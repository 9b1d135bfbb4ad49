// SPDX-License-Identifier: Apache-2.0
/*
 * The binding record: the file \redoubt\binding of the ESP. It names the one TOM whose orders the server takes. The loader
 * measures its bytes into PCR 12 and hands them on as the part "binding"; an unbound server has the word "unbound" there.
 * Written by `tom server add`, read by tmc and policy. One CBOR map (schema binding_schema).
 */
#pragma once
#include "mgmt/proto/schema.h"

#define BINDING_VERSION 1u
#define BINDING_UNBOUND "unbound"
#define BINDING_MAX     2048u
#define SPKI_MAX        120u /* DER SubjectPublicKeyInfo of P-256: 91 bytes */
#define CERT_MAX        1024u
#define P256_POINT      65u /* 04 || X || Y */
#define P256_SIG        64u /* r || s, big-endian */

struct binding {
	uint64_t version;
	uint8_t server_id[16];
	char server_name[32];
	uint8_t ip[4]; /* of the TOM, network order */
	uint64_t port;
	struct span tls_spki; /* the TOM's TLS key: pinned */
	struct span ca_cert;  /* DER, the TOM's own CA: must have issued that key's certificate */
	uint8_t operator_key[P256_POINT]; /* signs commands, bindings and attestation results */
	uint8_t policy_key[P256_POINT];   /* signs TPM policies */
	uint8_t token
		[32]; /* proves at binding that this record is the one `tom server add` wrote */
};

extern const struct schema binding_schema;
