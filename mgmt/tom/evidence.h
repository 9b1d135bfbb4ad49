// SPDX-License-Identifier: Apache-2.0
/* Evidence as it is stored: what was on the wire and what the connection was, so that it can be judged again offline. */
#pragma once
#include "mgmt/proto/msg.h"
#include "mgmt/proto/signed.h"
#include "mgmt/tom/tom.h"
#include "mgmt/tom/verify.h"

void evidence_binder(const struct tmc_binder *b, uint8_t hash[32]);
void evidence_store(struct tom *t, const char *server, const struct tmc_binder *b,
		    const struct tmc_evidence *e, const struct verdict *v);
