// SPDX-License-Identifier: Apache-2.0
#include "services/tpm/command.h"

#include <string.h>

#include "services/tpm/tpm.h"

enum handle { /* what the product has in a TPM; docs/formats.md, section 2 */
	      SRK = 0x81000001,
	      AK = 0x81000002,
	      EK = 0x81010001,
	      BIND_INDEX = 0x01800100,
	      EK_CERT_INDEX = 0x01c00002,
	      RH_OWNER = 0x40000001,
	      RH_NULL = 0x40000007,
	      RH_ENDORSEMENT = 0x4000000b,
};

enum { RANGE_NV = 0x01, RANGE_HMAC = 0x02, RANGE_POLICY = 0x03, RANGE_TRANSIENT = 0x80 };
enum { DISK = TPM_DISK, TMC = TPM_TMC, VAULT = TPM_VAULT, ALL = TPM_DISK | TPM_TMC | TPM_VAULT };

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static uint32_t take(struct reader *r, size_t n)
{
	uint32_t v = 0;

	if (r->left < n) {
		r->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | r->at[i];
	r->at += n;
	r->left -= n;
	return v;
}

static void skip(struct reader *r, size_t n)
{
	if (r->left < n) {
		r->bad = true;
		return;
	}
	r->at += n;
	r->left -= n;
}

static const struct {
	uint32_t code;
	uint8_t clients;
	uint8_t handles; /* in the handle area (Part 3, the command's table) */
} rules[] = {
	{ TPM_CC_START_AUTH_SESSION, ALL, 2 },
	{ TPM_CC_FLUSH_CONTEXT, ALL, 0 },
	{ TPM_CC_READ_PUBLIC, ALL, 1 },
	{ TPM_CC_GET_CAPABILITY, ALL, 0 },
	{ TPM_CC_GET_RANDOM, ALL, 0 },
	{ TPM_CC_PCR_READ, ALL, 0 },
	{ TPM_CC_LOAD_EXTERNAL, ALL, 0 },
	{ TPM_CC_VERIFY_SIGNATURE, ALL, 1 },
	{ TPM_CC_LOAD, ALL, 1 },
	{ TPM_CC_POLICY_PCR, DISK | VAULT, 1 },
	{ TPM_CC_POLICY_AUTHORIZE, DISK | VAULT, 1 },
	{ TPM_CC_UNSEAL, DISK | VAULT, 1 },
	{ TPM_CC_IMPORT, VAULT, 1 },
	{ TPM_CC_CREATE, DISK | TMC, 1 },
	{ TPM_CC_CREATE_PRIMARY, DISK | TMC, 1 },
	{ TPM_CC_EVICT_CONTROL, DISK | TMC, 2 },
	{ TPM_CC_QUOTE, TMC, 1 },
	{ TPM_CC_CERTIFY, TMC, 2 },
	{ TPM_CC_ACTIVATE_CREDENTIAL, TMC, 2 },
	{ TPM_CC_POLICY_SECRET, TMC, 2 },
	{ TPM_CC_NV_READ_PUBLIC, TMC, 1 },
	{ TPM_CC_NV_READ, TMC, 2 },
	{ TPM_CC_NV_DEFINE_SPACE, TMC, 1 },
	{ TPM_CC_NV_WRITE, TMC, 2 },
	{ TPM_CC_NV_WRITE_LOCK, TMC, 2 },
	{ TPM_CC_READ_CLOCK, TMC, 0 },
};

static const struct {
	uint32_t handle;
	uint8_t clients;
} named[] = {
	{ SRK, ALL }, { RH_NULL, ALL }, { RH_OWNER, DISK | TMC }, { RH_ENDORSEMENT, TMC },
	{ AK, TMC },  { EK, TMC },      { BIND_INDEX, TMC },      { EK_CERT_INDEX, TMC },
};

enum tpm_client tpm_client_of(const char *peer)
{
	static const struct {
		const char *name;
		enum tpm_client client;
	} names[] = { { "disk", TPM_DISK },
		      { "tmc", TPM_TMC },
		      { "vault", TPM_VAULT },
		      { "policy", TPM_POLICY } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(peer, names[i].name) == 0)
			return names[i].client;
	return TPM_NOBODY;
}

/* Sessions and transient objects are always the lease holder's: there are no others. */
static bool handle_allowed(enum tpm_client client, uint32_t handle)
{
	switch (handle >> 24) {
	case RANGE_HMAC:
	case RANGE_POLICY:
	case RANGE_TRANSIENT:
		return true;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (named[i].handle == handle)
			return (named[i].clients & (unsigned)client) != 0;
	return false;
}

/* Stands behind the authorization area (Part 1, 18.4). */
static void skip_authorization(struct reader *r, uint32_t tag)
{
	if (tag == TPM_ST_SESSIONS)
		skip(r, take(r, 4));
}

/* Only a fresh object becomes persistent, and only at the product's own handles. */
static bool evict_allowed(struct reader *r, uint32_t tag, uint32_t object)
{
	uint32_t handle;

	skip_authorization(r, tag);
	handle = take(r, 4);
	return !r->bad && object >> 24 == RANGE_TRANSIENT && (handle == SRK || handle == AK);
}

/* Only the binding index is ever defined: TPM2B_AUTH, then TPM2B_NV_PUBLIC, which begins with the index. */
static bool define_allowed(struct reader *r, uint32_t tag)
{
	uint32_t index;

	skip_authorization(r, tag);
	skip(r, take(r, 2));
	take(r, 2);
	index = take(r, 4);
	return !r->bad && index == BIND_INDEX;
}

static bool arguments_allowed(struct reader *r, uint32_t tag, uint32_t code, const uint32_t *handle)
{
	if (code == TPM_CC_EVICT_CONTROL)
		return evict_allowed(r, tag, handle[1]);
	if (code == TPM_CC_NV_DEFINE_SPACE)
		return define_allowed(r, tag);
	return !r->bad;
}

bool tpm_command_allowed(enum tpm_client client, const uint8_t *command, size_t n)
{
	struct reader r = { .at = command, .left = n };
	uint32_t tag = take(&r, 2), size = take(&r, 4), code = take(&r, 4);
	uint32_t handle[2] = { 0 };

	if (r.bad || size != n || (tag != TPM_ST_SESSIONS && tag != TPM_ST_NO_SESSIONS))
		return false;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].code != code)
			continue;
		for (unsigned h = 0; h < rules[i].handles; h++) {
			handle[h] = take(&r, 4);
			if (r.bad || !handle_allowed(client, handle[h]))
				return false;
		}
		return (rules[i].clients & (unsigned)client) &&
		       arguments_allowed(&r, tag, code, handle);
	}
	return false;
}

bool tpm_extend_allowed(enum tpm_client client, uint64_t pcr)
{
	switch (client) {
	case TPM_POLICY:
		return pcr == TPM_PCR_RUNTIME;
	case TPM_DISK:
		return pcr == TPM_PCR_PARTS || pcr == TPM_PCR_IDENTITY;
	default:
		return false;
	}
}
