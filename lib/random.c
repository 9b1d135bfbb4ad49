// SPDX-License-Identifier: Apache-2.0
/*
 * Random bytes: ChaCha20 (RFC 8439, section 2.3) as a generator with fast key erasure: each call makes a key stream, whose
 * first 32 bytes become the next key before any of the rest is given out.
 */
#include <cpuid.h>
#include <stdbool.h>
#include <string.h>
#include "lib/component.h"

static uint8_t key[32];
static bool seeded;

static uint32_t rotl(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotl(*d ^ *a, 16);
	*c += *d;
	*b = rotl(*b ^ *c, 12);
	*a += *b;
	*d = rotl(*d ^ *a, 8);
	*c += *d;
	*b = rotl(*b ^ *c, 7);
}

static void block(const uint8_t k[32], uint32_t counter, uint8_t out[64])
{
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint32_t x[16];

	memcpy(&in[4], k, 32);
	in[12] = counter;
	memcpy(x, in, sizeof(x));
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 4; i++)
			quarter(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
		for (unsigned i = 0; i < 4; i++)
			quarter(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4],
				&x[12 + (i + 3) % 4]);
	}
	for (unsigned i = 0; i < 16; i++)
		x[i] += in[i];
	memcpy(out, x, 64);
	wipe(x, sizeof(x));
	wipe(in, sizeof(in));
}

static bool rdrand(uint64_t *value)
{
	bool ok = false;

	for (unsigned i = 0; i < 10 && !ok; i++)
		__asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
	return ok;
}

static void mix_rdrand(void)
{
	uint32_t a, b, c, d;
	uint64_t word, old;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_RDRND))
		return;
	for (unsigned i = 0; i < sizeof(key); i += 8) {
		if (!rdrand(&word))
			continue;
		memcpy(&old, key + i, 8);
		old ^= word;
		memcpy(key + i, &old, 8);
	}
}

void random_bytes(void *p, size_t n)
{
	uint8_t *out = p, stream[64];

	if (!seeded)
		memcpy(key, start_info()->seed, sizeof(key));
	seeded = true;
	mix_rdrand();
	for (uint32_t counter = 1; n; counter++) {
		size_t part = n < sizeof(stream) ? n : sizeof(stream);

		block(key, counter, stream);
		memcpy(out, stream, part);
		out += part;
		n -= part;
	}
	block(key, 0, stream);
	memcpy(key, stream, sizeof(key));
	wipe(stream, sizeof(stream));
}

void wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}
