// SPDX-License-Identifier: Apache-2.0
#include <time.h>
#include "mgmt/proto/frame.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/evidence.h"

enum { KEEP = 200 }; /* per server */

void evidence_binder(const struct tmc_binder *b, uint8_t hash[32])
{
	uint8_t input[256];
	size_t n = tmc_binder_input(b, input, sizeof(input));

	tom_sha256(input, n, hash);
}

void evidence_store(struct tom *t, const char *server, const struct tmc_binder *b,
		    const struct tmc_evidence *e, const struct verdict *v)
{
	static uint8_t body[TMC_FRAME_BODY_MAX];
	size_t n = schema_encode(&tmc_evidence_schema, e, body, sizeof(body));

	tom_run(t,
		"INSERT INTO evidence(server, time, good, verdict, exporter, nonce, keys, body)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
		"siisbbbb", server, (int64_t)time(NULL), (int64_t)v->good,
		v->good ? "good" : v->text, b->exporter, sizeof(b->exporter), b->nonce,
		sizeof(b->nonce), b->keys, sizeof(b->keys), body, n);
	tom_run(t,
		"DELETE FROM evidence WHERE server = ?1 AND id NOT IN"
		" (SELECT id FROM evidence WHERE server = ?1 ORDER BY id DESC LIMIT ?2)",
		"si", server, (int64_t)KEEP);
}
