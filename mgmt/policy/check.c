// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "mgmt/policy/check.h"

static bool signature_good(const struct binding *binding, const struct signed_state *m)
{
	static uint8_t input[STATE_SIGNED_MAX];
	size_t n = state_signed_input(&m->document, input, sizeof(input));

	return n && operator_verify(binding->operator_key, input, n, m->signature);
}

static enum chan_status say(char *text, enum chan_status s, const char *why)
{
	snprintf(text, POLICY_TEXT, "desired state: %s", why);
	return s;
}

enum chan_status check_signed(const struct binding *binding, const uint8_t *p, size_t n,
			      struct state *out, char *text)
{
	struct signed_state outer;
	struct schema_error err;
	const char *why, *which;

	if (!schema_decode(&signed_state_schema, &outer, p, n, &err))
		return say(text, CS_BAD_REQUEST, err.text);
	if (!signature_good(binding, &outer))
		return say(text, CS_DENIED, "not signed by the operator key of the binding record");
	if (!schema_decode(&state_schema, out, outer.document.p, outer.document.n, &err))
		return say(text, CS_BAD_REQUEST, err.text);
	if (memcmp(out->server_id, binding->server_id, sizeof(out->server_id)) != 0)
		return say(text, CS_DENIED, "made for another server");
	why = state_check(out, &which);
	if (!why)
		return CS_OK;
	snprintf(text, POLICY_TEXT, "desired state: %s%s%s", why, *which ? ": " : "", which);
	return CS_BAD_REQUEST;
}

struct span check_document(const uint8_t *p, size_t n)
{
	struct signed_state outer;

	if (!schema_decode(&signed_state_schema, &outer, p, n, NULL))
		return (struct span){ 0 };
	return outer.document;
}
