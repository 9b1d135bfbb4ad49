// SPDX-License-Identifier: Apache-2.0
/* Endorsement key certificates (TCG EK Credential Profile): is this key in a TPM whose maker we trust? */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "mgmt/tom/tpm_types.h"

/*
 * The certificate (DER) chains to one of the PEM certificates in `trusted` (any number in one text, roots and
 * intermediates), is an EK certificate, and is for `ek`. NULL, or why not (static or thread-local text).
 */
const char *ek_check(const uint8_t *cert, size_t n, const char *trusted,
		     const struct tpm_rsa_key *ek);
/* Number of certificates in a PEM text. */
unsigned ek_count_pem(const char *pem);
