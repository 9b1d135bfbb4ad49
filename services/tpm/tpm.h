// SPDX-License-Identifier: Apache-2.0
/*
 * TPM broker (proto "tpm"): tpm <- disk, vault, policy, tmc.
 *
 *   request      arg            payload                        answer arg        answer payload
 *   TPM_OPEN     0              -                              -                 -     (waits in turn for the lease)
 *   TPM_CMD      0              one TPM 2.0 command            -                 its response
 *   TPM_CLOSE    0              -                              -                 -
 *   TPM_EXTEND   PCR number     word, a zero byte, data        record number     -     (no lease needed)
 *   TPM_LOG      offset         struct tpm_log_request         size of the log   its bytes from the offset; empty at its end
 *
 * A lease makes its holder the only user of the chip; when it ends (TPM_CLOSE, or the holder's channel restarts) the broker
 * flushes every transient object and session. Commands outside the client's allow-list are answered with CS_DENIED.
 *
 * TPM_EXTEND: the PCR is extended with SHA-256(payload), and a record with the payload is appended to the run-time log
 * (docs/formats.md); both have happened when it is answered. The word is 1..31 bytes of [a-z0-9-]. PCR 10 is policy's,
 * PCR 11 and 15 are disk's. A request that is sent again because the broker was restarted is not executed twice: one with the id and payload of the
 * client's last one before is only answered.
 */
#pragma once
#include <stdint.h>

#define TPM_CMD_MAX   4096u
#define TPM_EVENT_MAX 1024u /* payload of TPM_EXTEND */
#define TPM_WORD_MAX  31u

enum tpm_type { TPM_OPEN = 1, TPM_CMD = 2, TPM_CLOSE = 3, TPM_EXTEND = 4, TPM_LOG = 5 };

enum tpm_log { TPM_LOG_BOOT = 0, TPM_LOG_RUNTIME = 1 };

struct tpm_log_request {
	uint32_t log; /* enum tpm_log */
	uint32_t max; /* bytes wanted; the answer may hold fewer */
};

/* PCRs and words of the product. */
#define TPM_PCR_RUNTIME  10u
#define TPM_PCR_PARTS    11u
#define TPM_PCR_IDENTITY 15u
/* PCR 11, no data: the disk key is out, nothing later can unseal it. */
#define TPM_WORD_DISK_OPEN "disk-open"
/* PCR 15, data: server id, disk UUID, HMAC (docs/formats.md). */
#define TPM_WORD_DISK_ID "disk-id"
