// SPDX-License-Identifier: Apache-2.0
/* tom evidence: what a server proved, shown, judged again, or written out for stock TPM tools. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <openssl/pem.h>
#include "mgmt/tom/commands.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/evidence.h"
#include "mgmt/tom/server.h"

struct stored {
	struct server server;
	int64_t id, time;
	struct tmc_binder binder;
	uint8_t binder_hash[32];
	uint8_t *body;
	struct tmc_evidence evidence; /* points into body */
};

static bool read_row(sqlite3_stmt *q, struct stored *e)
{
	size_t n = (size_t)sqlite3_column_bytes(q, 5);

	e->id = sqlite3_column_int64(q, 0);
	e->time = sqlite3_column_int64(q, 1);
	tom_column(q, 2, e->binder.exporter, sizeof(e->binder.exporter));
	tom_column(q, 3, e->binder.nonce, sizeof(e->binder.nonce));
	tom_column(q, 4, e->binder.keys, sizeof(e->binder.keys));
	e->body = malloc(n + 1);
	if (!e->body)
		return false;
	tom_column(q, 5, e->body, n);
	return schema_decode(&tmc_evidence_schema, &e->evidence, e->body, n, NULL);
}

/* --id N, or the newest. enum tom_exit. */
static int load(struct tom *t, struct args *a, struct stored *e)
{
	int64_t id = arg_number(a, "--id", 0, 1, INT64_MAX);
	const char *name = arg_word(a);
	sqlite3_stmt *q;
	bool found = false;

	if (!arg_name(a, name))
		return TOM_USAGE;
	if (!server_load(t, name, &e->server))
		return tom_fail(TOM_USAGE, "server %s: not registered", name);
	q = tom_query(t,
		      "SELECT id, time, exporter, nonce, keys, body FROM evidence WHERE server = ?1"
		      " AND (?2 = 0 OR id = ?2) ORDER BY id DESC LIMIT 1",
		      "si", name, id);
	while (tom_row(q))
		found = read_row(q, e);
	if (!found)
		return tom_fail(TOM_USAGE, "server %s: no such evidence stored", name);
	e->binder.boot_id = e->evidence.boot_id;
	e->binder.iommu = e->evidence.iommu;
	evidence_binder(&e->binder, e->binder_hash);
	return TOM_OK;
}

/* Judged as if it came now, but for what changed since: the reset count may only have risen. */
static bool judge(struct tom *t, struct stored *e, struct verdict *v)
{
	struct verify_expect want;

	if (!server_expect(t, &e->server, &want)) {
		snprintf(v->text, sizeof(v->text), "release %s is not approved", e->server.release);
		return false;
	}
	want.reset_count = 0;
	memcpy(want.binder, e->binder_hash, sizeof(want.binder));
	if (tpm_read_ecc(e->server.ak, e->server.ak_size, &want.ak) != NULL) {
		snprintf(v->text, sizeof(v->text),
			 "no attestation key is enrolled for this server yet");
		return false;
	}
	verify_evidence(&want, &e->evidence, v);
	return v->good;
}

static void print_pcrs(struct tom *t, const struct verdict *v)
{
	char hex[65], label[8];

	for (unsigned i = 0; i < VERIFY_PCRS; i++) {
		tom_hex(v->pcr[i], 32, hex);
		snprintf(label, sizeof(label), "%u", i);
		if (t->json)
			json_field(label, hex);
		else
			printf("  PCR %-3s %s\n", label, hex);
	}
}

static void print_verdict(struct tom *t, const struct stored *e, const struct verdict *v)
{
	char when[32];
	time_t seconds = (time_t)e->time;

	strftime(when, sizeof(when), "%F %TZ", gmtime(&seconds));
	if (!t->json) {
		printf("evidence %" PRId64 " of server %s, %s: %s\n", e->id, e->server.name, when,
		       v->good ? "good" : v->text);
		printf("  %u boot events, %u run-time records, TPM reset count %" PRIu64
		       ", disk %s\n",
		       v->boot_events, v->run_records, v->reset_count,
		       v->disk_open ? "opened" : "not opened");
		printf("  IOMMU: %s\n", tmc_iommu_name(e->evidence.iommu));
		print_pcrs(t, v);
		return;
	}
	json_open('{');
	json_key("id");
	json_number(e->id);
	json_field("server", e->server.name);
	json_field("time", when);
	json_key("good");
	json_bool(v->good);
	json_field("verdict", v->good ? "good" : v->text);
	json_key("boot_events");
	json_number(v->boot_events);
	json_key("run_records");
	json_number(v->run_records);
	json_field("iommu", tmc_iommu_name(e->evidence.iommu));
	json_key("pcr");
	json_open('{');
	print_pcrs(t, v);
	json_close('}');
	json_close('}');
	json_end();
}

/* One file below the directory of an export. */
static bool export_file(const char *dir, const char *name, const void *p, size_t n)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return tom_write_file(path, p, n);
}

static bool export_key(const char *dir, const struct server *s)
{
	struct tpm_ecc_key ak;
	EVP_PKEY *key = tpm_read_ecc(s->ak, s->ak_size, &ak) ? NULL : tom_key_from_point(ak.point);
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = key && bio && PEM_write_bio_PUBKEY(bio, key) == 1;
	char *pem;
	long n = good ? BIO_get_mem_data(bio, &pem) : 0;

	good = good && export_file(dir, "ak.pem", pem, (size_t)n);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return good;
}

static int export_all(const char *dir, const struct stored *e)
{
	const struct tmc_evidence *m = &e->evidence;
	char hex[66];

	mkdir(dir, 0700);
	tom_hex(e->binder_hash, 32, hex);
	hex[64] = '\n';
	if (!export_file(dir, "quote.msg", m->quote.p, m->quote.n) ||
	    !export_file(dir, "quote.sig", m->signature.p, m->signature.n) ||
	    !export_file(dir, "boot.log", m->boot_log.p, m->boot_log.n) ||
	    !export_file(dir, "run.log", m->run_log.p, m->run_log.n) ||
	    !export_file(dir, "qualification", hex, 65) || !export_key(dir, &e->server))
		return tom_fail(TOM_BROKEN, "%s: cannot be written, or no key is enrolled", dir);
	printf("tpm2_checkquote -u %s/ak.pem -m %s/quote.msg -s %s/quote.sig -g sha256 -q $(cat "
	       "%s/qualification)\n",
	       dir, dir, dir, dir);
	return TOM_OK;
}

int cmd_evidence_show(struct tom *t, struct args *a)
{
	const char *dir = arg_option(a, "--export");
	struct stored e = { .body = NULL };
	struct verdict v = { .good = false };
	int result = load(t, a, &e);

	if (result == TOM_OK && dir) {
		result = export_all(dir, &e);
	} else if (result == TOM_OK) {
		judge(t, &e, &v);
		print_verdict(t, &e, &v);
	}
	free(e.body);
	return result;
}

int cmd_evidence_verify(struct tom *t, struct args *a)
{
	struct stored e = { .body = NULL };
	struct verdict v = { .good = false };
	int result = load(t, a, &e);

	if (result == TOM_OK) {
		result = judge(t, &e, &v) ? TOM_OK : TOM_REFUSED;
		if (t->json)
			print_verdict(t, &e, &v);
		else if (v.good)
			printf("evidence %" PRId64 " of server %s: good\n", e.id, e.server.name);
		else
			tom_fail(TOM_REFUSED, "evidence %" PRId64 " of server %s: %s", e.id,
				 e.server.name, v.text);
	}
	free(e.body);
	return result;
}
