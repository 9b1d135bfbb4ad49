// SPDX-License-Identifier: Apache-2.0
#include "drivers/uart/line.h"
#include <stdio.h>

size_t line_format(char *out, unsigned long long time_us, const char *name, const char *instance,
		   const char *text, size_t n)
{
	int head = snprintf(out, LINE_MAX - 2, "[%5llu.%06llu] %s%s%s: ", time_us / 1000000,
			    time_us % 1000000, name, *instance ? "/" : "", instance);
	size_t len = head < 0 ? 0 : (size_t)head;

	len = len < LINE_MAX - 3 ? len : LINE_MAX - 3;
	for (size_t i = 0; i < n && len < LINE_MAX - 2; i++)
		out[len++] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	out[len++] = '\r';
	out[len++] = '\n';
	return len;
}
