// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/desired.h"
#include "mgmt/tom/identity.h"
#include "mgmt/tom/tpm_make.h"
#include "mgmt/tom/tvd_key.h"

/* Where a state's borrowed bytes live while it is encoded. */
struct room {
	struct state state;
	uint8_t key[STATE_TVDS][WRAPPED_MAX];
	struct approval approval[STATE_TVDS][2]; /* present and next release */
	uint8_t document[STATE_MAX], input[STATE_SIGNED_MAX];
};

static size_t wrap_key(struct tom *t, const struct server *s, const uint8_t id[16],
		       const uint8_t key[32], uint8_t *out)
{
	struct tpm_ecc_key srk;
	uint8_t point[65];
	EVP_PKEY *policy;

	if (tpm_read_ecc(s->srk, s->srk_size, &srk) != NULL)
		return 0;
	policy = tom_load_key(t, "policy");
	tom_key_point(policy, point);
	EVP_PKEY_free(policy);
	return make_wrapped(srk.point, point, id, key, out);
}

/* The key wrapped for this server: kept from last time, or made now. */
static size_t wrapped_key(struct tom *t, const struct server *s, const char *tvd,
			  const uint8_t id[16], uint8_t key[32], uint8_t out[WRAPPED_MAX])
{
	sqlite3_stmt *q = tom_query(t, "SELECT key FROM wrapped WHERE server = ? AND tvd = ?", "ss",
				    s->name, tvd);
	size_t n = 0;

	while (tom_row(q)) {
		n = (size_t)sqlite3_column_bytes(q, 0);
		n = n <= WRAPPED_MAX ? n : 0;
		tom_column(q, 0, out, n);
	}
	if (n)
		return n;
	n = wrap_key(t, s, id, key, out);
	if (n)
		tom_run(t, "INSERT INTO wrapped VALUES(?, ?, ?)", "ssb", s->name, tvd, out, n);
	return n;
}

/* Approvals of the present release and the next; how many, 0 on failure. */
static size_t approve_tvd(struct tom *t, const struct server *s, const uint8_t id[16],
			  struct approval out[2])
{
	if (!server_approval(t, s, s->release, APPROVAL_TVD, id, &out[0]))
		return 0;
	if (!s->next_release[0])
		return 1;
	return server_approval(t, s, s->next_release, APPROVAL_TVD, id, &out[1]) ? 2 : 0;
}

static const char *add_tvds(struct tom *t, const struct server *s, struct room *r)
{
	sqlite3_stmt *q = tom_query(t,
				    "SELECT name, id FROM tvd WHERE name IN (SELECT tvd FROM "
				    "vm WHERE server = ?) ORDER BY name",
				    "s", s->name);
	const char *why = NULL;
	uint8_t key[32];

	while (tom_row(q)) {
		size_t i = r->state.tvd_count;
		struct state_tvd *tvd = &r->state.tvds[i];

		if (i == STATE_TVDS)
			why = "more domains than one server takes";
		if (why)
			continue;
		snprintf(tvd->name, sizeof(tvd->name), "%s", tom_text(q, 0));
		tom_column(q, 1, tvd->id, sizeof(tvd->id));
		if (!tvd_key_load(t, tvd->id, key)) {
			why = "the key of a domain does not open: is keys/tvd.key the right one?";
			continue;
		}
		tvd->key.p = r->key[i];
		tvd->key.n = wrapped_key(t, s, tvd->name, tvd->id, key, r->key[i]);
		tvd->approvals.p = (uint8_t *)r->approval[i];
		tvd->approvals.n =
			approve_tvd(t, s, tvd->id, r->approval[i]) * sizeof(struct approval);
		if (!tvd->key.n || !tvd->approvals.n)
			why = "the storage root key or the release of the server is unknown";
		r->state.tvd_count++;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return why;
}

static const char *add_image(struct state *s, const uint8_t tvd[16], const uint8_t digest[32],
			     int64_t size)
{
	struct state_image *image = &s->images[s->image_count];

	if (state_find_image(s, tvd, digest))
		return NULL;
	if (s->image_count == STATE_IMAGES)
		return "more images than one server takes";
	memcpy(image->tvd, tvd, 16);
	memcpy(image->digest, digest, 32);
	image->size = (uint64_t)size;
	s->image_count++;
	return NULL;
}

static const char *add_vm(struct state *s, sqlite3_stmt *q)
{
	struct state_vm *vm = &s->vms[s->vm_count];
	const char *why;

	if (s->vm_count == STATE_VMS)
		return "more VMs than one server takes";
	snprintf(vm->name, sizeof(vm->name), "%s", tom_text(q, 0));
	tom_column(q, 1, vm->id, sizeof(vm->id));
	tom_column(q, 2, vm->tvd, sizeof(vm->tvd));
	tom_column(q, 3, vm->kernel, sizeof(vm->kernel));
	tom_column(q, 5, vm->initrd, sizeof(vm->initrd));
	vm->mem_mib = (uint64_t)sqlite3_column_int64(q, 7);
	snprintf(vm->cmdline, sizeof(vm->cmdline), "%s", tom_text(q, 8));
	tom_column(q, 9, vm->volume, sizeof(vm->volume));
	vm->blocks = (uint64_t)sqlite3_column_int64(q, 10);
	vm->run = (uint64_t)sqlite3_column_int64(q, 11);
	vm->cpus = (uint64_t)sqlite3_column_int64(q, 12);
	s->vm_count++;
	why = add_image(s, vm->tvd, vm->kernel, sqlite3_column_int64(q, 4));
	return why ? why : add_image(s, vm->tvd, vm->initrd, sqlite3_column_int64(q, 6));
}

static const char *add_vms(struct tom *t, const struct server *s, struct room *r)
{
	sqlite3_stmt *q = tom_query(
		t,
		"SELECT vm.name, vm.id, tvd.id, image.kernel, image.kernel_size, image.initrd, "
		"image.initrd_size,"
		" mem_mib, cmdline, volume, blocks, run, vcpus FROM vm JOIN tvd ON tvd.name = "
		"vm.tvd"
		" JOIN image ON image.name = vm.image WHERE server = ? ORDER BY vm.name",
		"s", s->name);
	const char *why = NULL;

	while (tom_row(q))
		if (!why)
			why = add_vm(&r->state, q);
	return why;
}

static uint64_t next_epoch(struct tom *t, const char *server)
{
	sqlite3_stmt *q = tom_query(t, "SELECT epoch FROM config WHERE server = ?", "s", server);
	uint64_t epoch = 0;

	while (tom_row(q))
		epoch = (uint64_t)sqlite3_column_int64(q, 0);
	return epoch + 1;
}

static const char *sign_and_store(struct tom *t, const struct server *s, struct room *r)
{
	struct span document = { r->document, 0 };
	uint8_t signature[P256_SIG];
	EVP_PKEY *key;
	size_t n;

	document.n = schema_encode(&state_schema, &r->state, r->document, sizeof(r->document));
	if (!document.n)
		return "the desired state is too large";
	n = state_signed_input(&document, r->input, sizeof(r->input));
	key = tom_load_key(t, "operator");
	tom_sign(key, r->input, n, signature);
	EVP_PKEY_free(key);
	tom_run(t, "REPLACE INTO config VALUES(?, ?, ?, ?)", "sibb", s->name,
		(int64_t)r->state.epoch, document.p, document.n, signature, sizeof(signature));
	return NULL;
}

static const char *make(struct tom *t, const struct server *s, struct room *r)
{
	static char text[120];
	const char *which, *why;

	r->state.version = STATE_VERSION;
	memcpy(r->state.server_id, s->id, sizeof(s->id));
	r->state.epoch = next_epoch(t, s->name);
	r->state.allow_no_iommu = s->allow_no_iommu != 0;
	why = add_tvds(t, s, r);
	why = why ? why : add_vms(t, s, r);
	if (why)
		return why;
	why = state_check(&r->state, &which);
	if (!why)
		return sign_and_store(t, s, r);
	snprintf(text, sizeof(text), "%s (%s)", why, which);
	return text;
}

const char *desired_make(struct tom *t, const struct server *s, uint64_t *epoch)
{
	struct room *r = calloc(1, sizeof(*r));
	const char *why;

	if (!r)
		return "out of memory";
	if (s->state != SERVER_BOUND) {
		free(r);
		return "the server is not bound yet";
	}
	tom_run(t, "BEGIN IMMEDIATE", "");
	why = make(t, s, r);
	tom_run(t, why ? "ROLLBACK" : "COMMIT", "");
	*epoch = r->state.epoch;
	free(r);
	return why;
}

uint8_t *desired_load(struct tom *t, const char *server, size_t *n, uint64_t *epoch)
{
	sqlite3_stmt *q = tom_query(
		t, "SELECT epoch, document, signature FROM config WHERE server = ?", "s", server);
	uint8_t *out = NULL;

	*epoch = 0;
	while (tom_row(q)) {
		struct signed_state s;

		s.document.p = sqlite3_column_blob(q, 1);
		s.document.n = (size_t)sqlite3_column_bytes(q, 1);
		tom_column(q, 2, s.signature, sizeof(s.signature));
		*epoch = (uint64_t)sqlite3_column_int64(q, 0);
		out = malloc(s.document.n + 128);
		*n = out ? schema_encode(&signed_state_schema, &s, out, s.document.n + 128) : 0;
	}
	return out;
}

bool desired_decode(struct tom *t, const char *server, struct state *s, uint8_t **keep)
{
	struct signed_state outer;
	uint64_t epoch;
	size_t n = 0;

	*keep = desired_load(t, server, &n, &epoch);
	if (*keep && schema_decode(&signed_state_schema, &outer, *keep, n, NULL) &&
	    schema_decode(&state_schema, s, outer.document.p, outer.document.n, NULL))
		return true;
	free(*keep);
	*keep = NULL;
	return false;
}
