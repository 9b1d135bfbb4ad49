// SPDX-License-Identifier: Apache-2.0
/* Validation of a desired state as a whole, before anything of it is used. No side effects. */
#pragma once
#include "lib/chan.h"
#include "mgmt/proto/operator.h"
#include "mgmt/proto/state.h"

#define POLICY_TEXT      200u               /* of a verdict, with its NUL */
#define SIGNED_STATE_MAX (STATE_MAX + 128u) /* bytes of an encoded struct signed_state */

/*
 * Checks everything about an encoded signed_state but its epoch: form, operator signature, server id, state_check(). CS_OK: *out is
 * the state, its spans point into `p`. Otherwise *out is undefined and `text` (POLICY_TEXT bytes) says what is wrong, where.
 */
enum chan_status check_signed(const struct binding *binding, const uint8_t *p, size_t n,
			      struct state *out, char *text);
/* The document inside an encoded signed_state that was checked before; empty if it does not decode. */
struct span check_document(const uint8_t *p, size_t n);
