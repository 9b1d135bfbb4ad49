// SPDX-License-Identifier: Apache-2.0
/*
 * The exact bytes that are hashed or signed, made in one place for both ends. Each begins with its own label, so no
 * signature can stand for another. Callers hash (SHA-256) or sign (ECDSA P-256 over SHA-256, r || s) what these write.
 */
#pragma once
#include "mgmt/proto/msg.h"

#define TMC_EXPORTER_LABEL "EXPORTER-redoubt-tmc-attest"
#define TMC_EXPORTER_LEN   32u
#define TMC_ROLE_SERVER    "server"
#define TMC_SIGNED_MAX     (TMC_COMMAND_MAX + 256u)

/* What the quote's extraData and the connection's results are bound to: SHA-256 of this input is the *binder*. */
struct tmc_binder {
	uint8_t exporter[TMC_EXPORTER_LEN]; /* TLS exporter, context: the role */
	uint8_t nonce[32];
	uint8_t keys[32]; /* SHA-256(TOM SPKI || server SPKI), both DER */
	uint64_t boot_id;
	uint64_t iommu; /* enum tmc_iommu */
};

/* Each returns the length written, 0 if `cap` is too small. */
size_t tmc_binder_input(const struct tmc_binder *b, uint8_t *out, size_t cap);
size_t tmc_bind_input(const struct tmc_bind *m, uint8_t *out, size_t cap);
size_t tmc_result_input(const struct tmc_result *m, uint8_t *out, size_t cap);
size_t tmc_command_input(const struct tmc_command *m, uint8_t *out, size_t cap);
