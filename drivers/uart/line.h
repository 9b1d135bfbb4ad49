// SPDX-License-Identifier: Apache-2.0
/* One line of the merged log. Pure. */
#pragma once
#include <stddef.h>

#define LINE_MAX 512u

/* "[   12.345678] name/instance: text\r\n" into out (LINE_MAX bytes); bytes that are not printable ASCII become '?'. Returns its length. */
size_t line_format(char *out, unsigned long long time_us, const char *name, const char *instance,
		   const char *text, size_t n);
