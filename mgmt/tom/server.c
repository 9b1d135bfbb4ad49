// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "boot/eventlog.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/server.h"
#include "mgmt/tom/tpm_make.h"
#include "services/tpm/tpm.h"

static const char *const state_names[] = { "new", "armed", "binding", "bound" };

#define COLUMNS                                                                           \
	"name, id, release, state, token, record, ak, srk, pcr7, reset_count, sequence, " \
	"next_release, iommu, allow_no_iommu"

const char *server_state_name(enum server_state state)
{
	return state_names[state];
}

static size_t column(sqlite3_stmt *q, int at, uint8_t *out, size_t cap)
{
	size_t n = (size_t)sqlite3_column_bytes(q, at);

	n = n <= cap ? n : 0;
	if (n)
		memcpy(out, sqlite3_column_blob(q, at), n);
	return n;
}

static void read_row(sqlite3_stmt *q, struct server *s)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", tom_text(q, 0));
	tom_column(q, 1, s->id, sizeof(s->id));
	snprintf(s->release, sizeof(s->release), "%s", tom_text(q, 2));
	for (unsigned i = 0; i <= SERVER_BOUND; i++)
		if (strcmp(tom_text(q, 3), state_names[i]) == 0)
			s->state = (enum server_state)i;
	tom_column(q, 4, s->token, sizeof(s->token));
	s->record_size = column(q, 5, s->record, sizeof(s->record));
	s->ak_size = column(q, 6, s->ak, sizeof(s->ak));
	s->srk_size = column(q, 7, s->srk, sizeof(s->srk));
	s->have_pcr7 = column(q, 8, s->pcr7, sizeof(s->pcr7)) == sizeof(s->pcr7);
	s->reset_count = sqlite3_column_int64(q, 9);
	s->sequence = sqlite3_column_int64(q, 10);
	snprintf(s->next_release, sizeof(s->next_release), "%s", tom_text(q, 11));
	s->iommu = sqlite3_column_int64(q, 12);
	s->allow_no_iommu = sqlite3_column_int64(q, 13);
}

const char *server_refuses_vms(const struct server *s)
{
	static char text[200];

	if (s->iommu != TMC_IOMMU_NONE || s->allow_no_iommu)
		return NULL;
	snprintf(text, sizeof(text),
		 "no IOMMU keeps its devices out of its VMs' memory: switch VT-d or AMD-Vi on in "
		 "its "
		 "firmware setup, or decide that VMs may run so: tom server allow-no-iommu %s",
		 s->name);
	return text;
}

bool server_load(struct tom *t, const char *name, struct server *s)
{
	sqlite3_stmt *q = tom_query(t, "SELECT " COLUMNS " FROM server WHERE name = ?", "s", name);
	bool found = false;

	while (tom_row(q)) {
		read_row(q, s);
		found = true;
	}
	return found;
}

bool server_by_id(struct tom *t, const uint8_t id[16], struct server *s)
{
	sqlite3_stmt *q =
		tom_query(t, "SELECT " COLUMNS " FROM server WHERE id = ?", "b", id, (size_t)16);
	bool found = false;

	while (tom_row(q)) {
		read_row(q, s);
		found = true;
	}
	return found;
}

void server_set_state(struct tom *t, struct server *s, enum server_state state)
{
	s->state = state;
	tom_run(t, "UPDATE server SET state = ? WHERE name = ?", "ss", state_names[state], s->name);
}

void server_promote(struct tom *t, struct server *s)
{
	memcpy(s->release, s->next_release, sizeof(s->release));
	s->next_release[0] = 0;
	tom_run(t, "UPDATE server SET release = next_release, next_release = '' WHERE name = ?",
		"s", s->name);
}

uint64_t server_next_sequence(struct tom *t, struct server *s)
{
	sqlite3_stmt *q;

	tom_run(t, "UPDATE server SET sequence = sequence + 1 WHERE name = ?", "s", s->name);
	q = tom_query(t, "SELECT sequence FROM server WHERE name = ?", "s", s->name);
	while (tom_row(q))
		s->sequence = sqlite3_column_int64(q, 0);
	return (uint64_t)s->sequence;
}

static void load_parts(struct tom *t, struct verify_expect *want)
{
	sqlite3_stmt *q =
		tom_query(t, "SELECT name, digest FROM part WHERE release = ? ORDER BY at", "s",
			  want->release);

	while (tom_row(q)) {
		struct verify_part *p = &want->parts[want->part_count];

		if (want->part_count == VERIFY_PARTS)
			continue; /* refused when it was added */
		snprintf(p->name, sizeof(p->name), "%s", tom_text(q, 0));
		tom_column(q, 1, p->digest, sizeof(p->digest));
		want->part_count++;
	}
}

static bool load_release(struct tom *t, const char *name, uint8_t pcr4[32], uint8_t pcr11[32])
{
	sqlite3_stmt *q = tom_query(t, "SELECT pcr4, pcr11 FROM release WHERE name = ?", "s", name);
	bool found = false;

	while (tom_row(q)) {
		tom_column(q, 0, pcr4, 32);
		tom_column(q, 1, pcr11, 32);
		found = true;
	}
	return found;
}

bool server_expect(struct tom *t, const struct server *s, struct verify_expect *want)
{
	uint8_t pcr11[32];

	memset(want, 0, sizeof(*want));
	want->release = s->release;
	if (!load_release(t, s->release, want->pcr4, pcr11))
		return false;
	load_parts(t, want);
	tom_sha256(s->record, s->record_size, want->record);
	tom_sha256("", 0, want->cmdline);
	want->know_pcr7 = s->have_pcr7;
	memcpy(want->pcr7, s->pcr7, 32);
	want->reset_count = (uint64_t)s->reset_count;
	return true;
}

static void extend(uint8_t pcr[32], const void *data, size_t n)
{
	uint8_t digest[32];

	tom_sha256(data, n, digest);
	tom_sha256_two(pcr, 32, digest, 32, pcr);
}

void server_pcr12(const struct server *s, uint8_t pcr[32])
{
	memset(pcr, 0, 32);
	extend(pcr, s->record, s->record_size);
	extend(pcr, "", 0);
}

bool server_approval(struct tom *t, const struct server *s, const char *release,
		     enum approval_kind kind, const uint8_t id[KEYS_ID], struct approval *out)
{
	uint8_t pcr[APPROVAL_PCRS][32] = { { 0 } };
	EVP_PKEY *key;

	if (!load_release(t, release, pcr[0], pcr[2]))
		return false;
	memcpy(pcr[1], s->pcr7, 32);
	if (kind == APPROVAL_TVD)
		extend(pcr[2], TPM_WORD_DISK_OPEN, sizeof(TPM_WORD_DISK_OPEN));
	server_pcr12(s, pcr[3]);
	key = tom_load_key(t, "policy");
	make_approval(key, kind, id, release, pcr, out);
	EVP_PKEY_free(key);
	return true;
}
