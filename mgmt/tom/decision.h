// SPDX-License-Identifier: Apache-2.0
/* What the operator decided about a server against the default policy: who, when, what. Kept in the database for good; tomd writes each into its log once. */
#pragma once
#include "mgmt/tom/tom.h"

#define DECISION_TEXT 160 /* the longest, with time and name */

/* For the record, in the caller's transaction. */
void decision_note(struct tom *t, const char *server, const char *text);
/* The next one about this server after number *id (begin with 0), which becomes its number: "2026-01-01 12:00Z NAME: TEXT". False: there is none. */
bool decision_next(struct tom *t, const char *server, int64_t *id, char text[DECISION_TEXT]);
/* The same of those that are not in tomd's log yet; each comes once. */
bool decision_unlogged(struct tom *t, const char *server, char text[DECISION_TEXT]);
