// SPDX-License-Identifier: Apache-2.0
/*
 * Policy (proto "conf"): policy <- tmc. It decides what runs: validates the desired state, commits it, reconciles.
 *
 *   request       arg                payload                         answer payload
 *   CONF_STATE    0                  encoded signed_state            text: what became of it. CS_OK: committed; CS_DENIED:
 *                                    (mgmt/proto/state.h)            signature or epoch; CS_BAD_REQUEST: not valid;
 *                                                                    CS_STATE: disk not open
 *   CONF_STATUS   0                  -                               encoded tmc_status (sequence 0)
 *   CONF_TIME     seconds since 1970 -                               -
 *   policy -> tmc, no answer:
 *   CONF_CHANGED  0                  -                               ask for the status again
 */
#pragma once

enum conf_type { CONF_STATE = 1, CONF_STATUS = 2, CONF_TIME = 3, CONF_CHANGED = 16 };
