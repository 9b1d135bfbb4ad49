// SPDX-License-Identifier: Apache-2.0
/*
 * What the broker reads of a TPM 2.0 command (Part 1, 18; Part 3) and which client may send it.
 * Nothing here talks to anybody: parsed from bytes, decided by a table.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tpm_client { TPM_NOBODY = 0, TPM_DISK = 1, TPM_TMC = 2, TPM_VAULT = 4, TPM_POLICY = 8 };

enum tpm_code {
	TPM_CC_EVICT_CONTROL = 0x120,
	TPM_CC_NV_DEFINE_SPACE = 0x12a,
	TPM_CC_CREATE_PRIMARY = 0x131,
	TPM_CC_NV_WRITE = 0x137,
	TPM_CC_NV_WRITE_LOCK = 0x138,
	TPM_CC_ACTIVATE_CREDENTIAL = 0x147,
	TPM_CC_CERTIFY = 0x148,
	TPM_CC_NV_READ = 0x14e,
	TPM_CC_POLICY_SECRET = 0x151,
	TPM_CC_CREATE = 0x153,
	TPM_CC_IMPORT = 0x156,
	TPM_CC_LOAD = 0x157,
	TPM_CC_QUOTE = 0x158,
	TPM_CC_UNSEAL = 0x15e,
	TPM_CC_FLUSH_CONTEXT = 0x165,
	TPM_CC_LOAD_EXTERNAL = 0x167,
	TPM_CC_NV_READ_PUBLIC = 0x169,
	TPM_CC_POLICY_AUTHORIZE = 0x16a,
	TPM_CC_READ_PUBLIC = 0x173,
	TPM_CC_START_AUTH_SESSION = 0x176,
	TPM_CC_VERIFY_SIGNATURE = 0x177,
	TPM_CC_GET_CAPABILITY = 0x17a,
	TPM_CC_GET_RANDOM = 0x17b,
	TPM_CC_PCR_READ = 0x17e,
	TPM_CC_POLICY_PCR = 0x17f,
	TPM_CC_READ_CLOCK = 0x181,
	TPM_CC_PCR_EXTEND = 0x182,
};

#define TPM_ST_NO_SESSIONS 0x8001u
#define TPM_ST_SESSIONS    0x8002u

/* The client a channel's peer name stands for; TPM_NOBODY if it is none. */
enum tpm_client tpm_client_of(const char *peer);

/*
 * The command is whole (its header's size is n), well formed as far as it is read, on the client's list, and names only persistent
 * objects, NV indices and hierarchies that are this client's to use.
 */
bool tpm_command_allowed(enum tpm_client client, const uint8_t *command, size_t n);

/* May the client extend that PCR? */
bool tpm_extend_allowed(enum tpm_client client, uint64_t pcr);
