// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/tpm_command.h"
#include "boot/loader/mem.h"

enum {
	TAG_NO_SESSIONS = 0x8001,
	TAG_SESSIONS = 0x8002,
	CC_STARTUP = 0x144,
	CC_GET_CAPABILITY = 0x17a,
	CC_GET_RANDOM = 0x17b,
	CC_PCR_EXTEND = 0x182,
	RS_PASSWORD = 0x40000009,
	SU_CLEAR = 0,
	CAP_PCRS = 5,
	AUTHORISATION = 9, /* handle, empty nonce, attributes, empty password */
};

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *start(uint8_t *command, uint32_t tag, uint32_t code)
{
	return put32(put32(put16(command, tag), 0), code);
}

static uint32_t finish(uint8_t *command, const uint8_t *end)
{
	uint32_t length = (uint32_t)(end - command);

	put32(command + 2, length);
	return length;
}

uint32_t tpm_startup_command(uint8_t *command)
{
	return finish(command, put16(start(command, TAG_NO_SESSIONS, CC_STARTUP), SU_CLEAR));
}

uint32_t tpm_random_command(uint8_t *command, uint32_t bytes)
{
	return finish(command, put16(start(command, TAG_NO_SESSIONS, CC_GET_RANDOM), bytes));
}

uint32_t tpm_extend_command(uint8_t *command, uint32_t pcr, uint32_t alg, const uint8_t *digest,
			    uint32_t size)
{
	uint8_t *p = put32(start(command, TAG_SESSIONS, CC_PCR_EXTEND), pcr);

	p = put32(put32(p, AUTHORISATION), RS_PASSWORD);
	p = put16(p, 0);
	*p++ = 0;
	p = put16(p, 0);
	p = put16(put32(p, 1), alg); /* one digest */
	memcpy(p, digest, size);
	return finish(command, p + size);
}

uint32_t tpm_banks_command(uint8_t *command)
{
	uint8_t *p = put32(start(command, TAG_NO_SESSIONS, CC_GET_CAPABILITY), CAP_PCRS);

	return finish(command, put32(put32(p, 0), 1));
}

uint32_t tpm_response_size(const uint8_t *response)
{
	return get32(response + 2);
}

uint32_t tpm_response_code(const uint8_t *response)
{
	return get32(response + 6);
}
