// SPDX-License-Identifier: Apache-2.0
/*
 * Keys of the trusted virtual domains as the TOM keeps them: in the database, each sealed (AES-256-GCM, the domain's id
 * as authenticated data) under the key in the file keys/tvd.key. Who takes the database alone has none of them.
 */
#pragma once
#include "mgmt/tom/tom.h"

#define TVD_KEY_SEALED (12u + 32u + 16u) /* nonce, ciphertext, tag */

/* Makes the file; once, by `tom init`. */
bool tvd_key_init(const struct tom *t);
/* A new key for domain `id`, sealed for the database. Ends the program if the file is not there. */
void tvd_key_new(const struct tom *t, const uint8_t id[16], uint8_t sealed[TVD_KEY_SEALED]);
/* The key of domain `id`; the caller wipes it. False: no such domain, or its row or the file is damaged. */
bool tvd_key_load(struct tom *t, const uint8_t id[16], uint8_t key[32]);
