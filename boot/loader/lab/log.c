// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/lab/log.h"
#include "boot/loader/firmware.h"
#include "boot/loader/mem.h"
#include "boot/eventlog.h"

enum {
	CAPACITY = 64 << 10,
	DIGEST = 32,
	RECORD_FIXED = 4 + 4 + 4 + 2 + DIGEST + 4, /* PCR, type, count, one digest, data size */
	SHA1_DIGEST = 20,
	SPEC_ID = 16 + 4 + 4 + 4 + 4 + 1, /* TCG_EfiSpecIDEvent with one algorithm: 10.4.5.1 */
	SPEC_VERSION = 0x02690200,        /* 2.0, errata 105, 64-bit UINTN */
};

static uint8_t *start, *end, *last;

static uint8_t *put(uint8_t *p, uint32_t value, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		*p++ = (uint8_t)(value >> 8 * i);
	return p;
}

static uint8_t *put_bytes(uint8_t *p, const void *data, uint32_t size)
{
	memcpy(p, data, size);
	return p + size;
}

void lab_log_open(void)
{
	static const char signature[16] = "Spec ID Event03";

	start = alloc_pages(pages_of(CAPACITY));
	uint8_t *p = put(put(start, 0, 4), EV_NO_ACTION, 4) + SHA1_DIGEST;

	p = put_bytes(put(p, SPEC_ID, 4), signature, sizeof(signature));
	p = put(put(p, 0, 4), SPEC_VERSION, 4);
	p = put(put(put(p, 1, 4), TPM_ALG_SHA256, 2), DIGEST, 2);
	end = put(p, 0, 1); /* no vendor information */
	last = start;
}

int lab_log_append(uint32_t pcr, uint32_t type, const uint8_t digest[32], const void *data,
		   uint32_t size)
{
	if (size > CAPACITY || end + RECORD_FIXED + size > start + CAPACITY)
		return -1;
	last = end;
	uint8_t *p = put(put(put(end, pcr, 4), type, 4), 1, 4);

	p = put_bytes(put(p, TPM_ALG_SHA256, 2), digest, DIGEST);
	end = put_bytes(put(p, size, 4), data, size);
	return 0;
}

const uint8_t *lab_log_start(void)
{
	return start;
}

const uint8_t *lab_log_last(void)
{
	return last;
}
