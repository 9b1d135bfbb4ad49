// SPDX-License-Identifier: Apache-2.0
#include "services/tpm/cel.h"

#include <string.h>

enum { CEL_NUMBER = 0, CEL_PCR = 1, CEL_DIGESTS = 3, ALG_SHA256 = 0x0b, HEAD = 5 };

static int word_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

int cel_content_check(const uint8_t *content, size_t n)
{
	size_t word = 0;

	if (n > TPM_EVENT_MAX)
		return -1;
	while (word < n && word <= TPM_WORD_MAX && word_byte(content[word]))
		word++;
	if (word == 0 || word > TPM_WORD_MAX || word == n || content[word] != 0)
		return -1;
	return 0;
}

/* The value of a TLV that must have that type and, unless 0, that length. NULL: it has not. */
static const uint8_t *tlv(const uint8_t *log, size_t size, size_t *at, unsigned type, size_t want,
			  size_t *length)
{
	const uint8_t *p = log + *at;
	size_t n;

	if (size - *at < HEAD || p[0] != type)
		return NULL;
	n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (n > size - *at - HEAD || (want && n != want))
		return NULL;
	*at += HEAD + n;
	*length = n;
	return p + HEAD;
}

static void split_content(struct cel_record *r)
{
	r->word = (const char *)r->content;
	r->data = r->content + strlen(r->word) + 1;
	r->data_size = r->content_size - (size_t)(r->data - r->content);
}

int cel_next(const uint8_t *log, size_t size, size_t *at, struct cel_record *out)
{
	size_t here = *at, n, inner = 0;
	const uint8_t *number, *pcr, *digests;

	if (here >= size)
		return 0;
	number = tlv(log, size, &here, CEL_NUMBER, 8, &n);
	pcr = number ? tlv(log, size, &here, CEL_PCR, 1, &n) : NULL;
	digests = pcr ? tlv(log, size, &here, CEL_DIGESTS, HEAD + 32, &n) : NULL;
	out->digest = digests ? tlv(digests, n, &inner, ALG_SHA256, 32, &n) : NULL;
	out->content =
		out->digest ? tlv(log, size, &here, CEL_CONTENT, 0, &out->content_size) : NULL;
	if (!out->content || cel_content_check(out->content, out->content_size) != 0)
		return -1;
	out->number = 0;
	for (unsigned i = 0; i < 8; i++)
		out->number = out->number << 8 | number[i];
	out->pcr = pcr[0];
	split_content(out);
	*at = here;
	return 1;
}

static uint8_t *head(uint8_t *p, unsigned type, size_t n)
{
	*p++ = (uint8_t)type;
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(n >> shift);
	return p;
}

size_t cel_write(uint8_t *out, uint64_t number, uint32_t pcr, const uint8_t digest[32],
		 const uint8_t *content, size_t n)
{
	uint8_t *p = head(out, CEL_NUMBER, 8);

	for (int shift = 56; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(number >> shift);
	p = head(p, CEL_PCR, 1);
	*p++ = (uint8_t)pcr;
	p = head(p, CEL_DIGESTS, HEAD + 32);
	p = head(p, ALG_SHA256, 32);
	memcpy(p, digest, 32);
	p = head(p + 32, CEL_CONTENT, n);
	memcpy(p, content, n);
	return (size_t)(p - out) + n;
}
