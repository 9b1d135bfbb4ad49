// SPDX-License-Identifier: Apache-2.0
/* The desired state of a server, made from the database. */
#pragma once
#include "mgmt/proto/state.h"
#include "mgmt/tom/server.h"

/*
 * Builds, checks, signs and stores the next epoch for a bound server. NULL, or why not (static text).
 * Wrapped keys are made once per server and TVD and kept.
 */
const char *desired_make(struct tom *t, const struct server *s, uint64_t *epoch);
/* The stored document and signature as an encoded signed_state, malloc'ed; NULL if there is none yet. */
uint8_t *desired_load(struct tom *t, const char *server, size_t *n, uint64_t *epoch);
/* The stored document decoded; *keep holds its bytes (free it). False if there is none. */
bool desired_decode(struct tom *t, const char *server, struct state *s, uint8_t **keep);
