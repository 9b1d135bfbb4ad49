// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <mbedtls/sha256.h>
#include "lib/component.h"
#include "mgmt/policy/internal.h"
#include "services/disk/disk.h"
#include "services/tpm/tpm.h"

#define RECORD "state"

static struct state candidate;

/* Checks everything about a signed state but its epoch; the candidate points into p. */
static enum chan_status check(const uint8_t *p, size_t n, char *text)
{
	static uint8_t input[STATE_SIGNED_MAX];
	struct signed_state outer;
	struct schema_error err;
	const char *why, *which;
	size_t len;

	if (!schema_decode(&signed_state_schema, &outer, p, n, &err)) {
		snprintf(text, POLICY_TEXT, "%s", err.text);
		return CS_BAD_REQUEST;
	}
	len = state_signed_input(&outer.document, input, sizeof(input));
	if (!len || !operator_verify(policy.binding->operator_key, input, len, outer.signature)) {
		snprintf(text, POLICY_TEXT,
			 "desired state: not signed by the operator key of the binding record");
		return CS_DENIED;
	}
	if (!schema_decode(&state_schema, &candidate, outer.document.p, outer.document.n, &err)) {
		snprintf(text, POLICY_TEXT, "%s", err.text);
		return CS_BAD_REQUEST;
	}
	if (memcmp(candidate.server_id, policy.binding->server_id, 16) != 0) {
		snprintf(text, POLICY_TEXT, "desired state: made for another server");
		return CS_DENIED;
	}
	why = state_check(&candidate, &which);
	if (why) {
		snprintf(text, POLICY_TEXT, "desired state: %s (%s)", why, which);
		return CS_BAD_REQUEST;
	}
	return CS_OK;
}

static void keep_track(struct vm_track *old, size_t count)
{
	for (size_t i = 0; i < policy.state.vm_count; i++) {
		struct vm_track *t = &policy.vms[i];

		memset(t, 0, sizeof(*t));
		memcpy(t->id, policy.state.vms[i].id, sizeof(t->id));
		for (size_t j = 0; j < count; j++)
			if (memcmp(old[j].id, t->id, sizeof(t->id)) == 0)
				t->attached = old[j].attached;
	}
}

/* The candidate becomes the state; its bytes move to our own buffer, so it is decoded there again. */
static void adopt(const uint8_t *p, size_t n)
{
	static struct vm_track old[STATE_VMS];
	size_t count = policy.state.vm_count;
	struct signed_state outer;

	memcpy(old, policy.vms, sizeof(old));
	memmove(policy.bytes, p, n);
	policy.size = n;
	if (!schema_decode(&signed_state_schema, &outer, policy.bytes, n, NULL) ||
	    !schema_decode(&state_schema, &policy.state, outer.document.p, outer.document.n, NULL))
		die("a state that was checked does not decode");
	keep_track(old, count);
	policy.settled = false;
}

/* PCR 10: word, epoch (8 bytes, little-endian), SHA-256 of the document. */
static bool measure_epoch(void)
{
	static const char word[] = "epoch";
	struct signed_state outer;
	uint8_t event[sizeof(word) + 8 + 32];

	memcpy(event, word, sizeof(word));
	for (unsigned i = 0; i < 8; i++)
		event[sizeof(word) + i] = (uint8_t)(policy.state.epoch >> (8 * i));
	if (!schema_decode(&signed_state_schema, &outer, policy.bytes, policy.size, NULL) ||
	    mbedtls_sha256(outer.document.p, outer.document.n, event + sizeof(word) + 8, 0) != 0)
		return false;
	return chan_call(policy.tpm, TPM_EXTEND, TPM_PCR_RUNTIME, event, sizeof(event), NULL, 0,
			 NULL) == CS_OK;
}

bool commit_load(void)
{
	static uint8_t bytes[sizeof(policy.bytes)];
	char text[POLICY_TEXT];
	enum chan_status s;
	size_t n = 0;

	s = chan_call(policy.disk, STORE_GET, 0, RECORD, strlen(RECORD), bytes, sizeof(bytes), &n);
	if (s != CS_OK && s != CS_NOT_FOUND)
		return false;
	policy.loaded = true;
	if (s == CS_NOT_FOUND) {
		policy.settled = true;
		return true;
	}
	if (check(bytes, n, text) != CS_OK) {
		log_line("the stored state is refused: %s", text);
		return true;
	}
	adopt(bytes, n);
	log_line("stored state: epoch %" PRIu64 ", %zu domains, %zu VMs", policy.state.epoch,
		 policy.state.tvd_count, policy.state.vm_count);
	if (!measure_epoch())
		log_line("PCR 10: the epoch could not be measured");
	return true;
}

static bool store(const uint8_t *p, size_t n)
{
	static uint8_t buf[sizeof(struct store_item) + sizeof(RECORD) + sizeof(policy.bytes)];
	struct store_item item = { .value_size = (uint32_t)n, .name_size = sizeof(RECORD) - 1 };

	memcpy(buf, &item, sizeof(item));
	memcpy(buf + sizeof(item), RECORD, item.name_size);
	memcpy(buf + sizeof(item) + item.name_size, p, n);
	return chan_call(policy.disk, STORE_PUT, 0, buf, sizeof(item) + item.name_size + n, NULL, 0,
			 NULL) == CS_OK;
}

enum chan_status commit_state(const uint8_t *p, size_t n, char *text)
{
	enum chan_status s;

	if (!policy.loaded) {
		snprintf(text, POLICY_TEXT, "disk is not open");
		return CS_STATE;
	}
	s = n <= sizeof(policy.bytes) ? check(p, n, text) : CS_BAD_REQUEST;
	if (s != CS_OK)
		return s;
	if (policy.size == n && memcmp(policy.bytes, p, n) == 0) {
		snprintf(text, POLICY_TEXT, "epoch %" PRIu64 " is committed already",
			 policy.state.epoch);
		return CS_OK;
	}
	if (candidate.epoch <= policy.state.epoch) {
		snprintf(text, POLICY_TEXT,
			 "epoch %" PRIu64 " is refused: epoch %" PRIu64 " is committed",
			 candidate.epoch, policy.state.epoch);
		return CS_DENIED;
	}
	if (!store(p, n)) {
		snprintf(text, POLICY_TEXT, "disk did not take the state");
		return CS_IO;
	}
	adopt(p, n);
	if (!measure_epoch())
		log_line("PCR 10: the epoch could not be measured");
	snprintf(text, POLICY_TEXT, "epoch %" PRIu64 " committed", policy.state.epoch);
	log_line("%s", text);
	return CS_OK;
}
