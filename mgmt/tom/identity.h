// SPDX-License-Identifier: Apache-2.0
/* What the TOM is to its servers, and whom it trusts as makers of TPMs. */
#pragma once
#include "mgmt/proto/binding.h"
#include "mgmt/tom/tom.h"

/* Adds the certificates of a PEM file to the trusted TPM makers; server "": for all servers. enum tom_exit. */
int trust_ek_ca(struct tom *t, const char *server, const char *file);
/* All PEM texts that count for `server`, malloc'ed. */
char *trusted_ek_cas(struct tom *t, const char *server);

/* Fills the keys, the CA certificate and the version of a binding record; spans live in static buffers. */
bool identity_record(struct tom *t, struct binding *b);
/* SHA-256 of the TLS key's SubjectPublicKeyInfo: what a server writes to its TPM. */
void identity_hash(const struct binding *b, uint8_t hash[32]);

/* "1.2.3.4:7443" */
bool parse_address(const char *text, uint8_t ip[4], uint64_t *port);
