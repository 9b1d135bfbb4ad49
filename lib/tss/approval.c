// SPDX-License-Identifier: Apache-2.0
#include "lib/tss/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *at;
	size_t left;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (n < 0)
		return;
	n = (size_t)n >= text->left ? (int)text->left - 1 : n;
	text->at += n;
	text->left -= (size_t)n;
}

static int explain_invalid(const uint8_t pcr[APPROVAL_PCRS][32], struct text *text)
{
	int found = 0;

	for (unsigned i = 0; i < APPROVAL_PCRS; i++)
		if (tss_pcr_invalid(pcr[i]))
			add(text, "%sPCR %u reads all-%02X", found++ ? ", " : "",
			    (unsigned)approval_pcr_number(i), pcr[i][0]);
	return found;
}

void tss_approval_explain(const uint8_t pcr[APPROVAL_PCRS][32], const struct approval *list,
			  unsigned n, char *buf, size_t size)
{
	struct text text = { .at = buf, .left = size };

	buf[0] = 0;
	if (explain_invalid(pcr, &text))
		return;
	if (!n)
		add(&text, "there is no approval");
	for (unsigned k = 0; k < n; k++) {
		unsigned differing = 0;

		add(&text, "%srelease %.31s: ", k ? "; " : "", list[k].release);
		for (unsigned i = 0; i < APPROVAL_PCRS; i++)
			if (memcmp(pcr[i], list[k].pcr[i], 32) != 0)
				add(&text, "%sPCR %u", differing++ ? ", " : "",
				    (unsigned)approval_pcr_number(i));
		add(&text, differing ? " differ%s" : "no PCR differs%s", differing == 1 ? "s" : "");
	}
}

uint32_t tss_approval_find(struct tss *t, const struct approval *list, unsigned n, unsigned *which)
{
	uint8_t pcr[APPROVAL_PCRS][32];
	uint32_t rc = tss_pcrs(t, APPROVAL_PCR_MASK, pcr);

	if (rc)
		return rc;
	for (unsigned i = 0; i < APPROVAL_PCRS; i++)
		if (tss_pcr_invalid(pcr[i]))
			return TSS_PCR_INVALID;
	for (unsigned k = 0; k < n; k++)
		if (memcmp(pcr, list[k].pcr, sizeof(pcr)) == 0) {
			*which = k;
			return 0;
		}
	return TSS_NO_APPROVAL;
}
