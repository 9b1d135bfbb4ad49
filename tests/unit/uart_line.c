// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "drivers/uart/line.h"

#define WHOLE "[   12.345678] vault/tvd-a: hello\r\n"

static unsigned failures;

static void check(int ok, const char *what)
{
	printf("%s uart_line: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

int main(void)
{
	char out[LINE_MAX], text[1000];
	size_t n = line_format(out, 12345678, "vault", "tvd-a", "hello", 5);

	check(n == strlen(WHOLE) && !memcmp(out, WHOLE, n), "time, name, text");
	n = line_format(out, 1, "disk", "", "a\n\x1b[2J\xff", 7);
	check(n > 9 && !memcmp(out + n - 9, "a??[2J?\r\n", 9), "nothing but printable ASCII");
	memset(text, 'x', sizeof(text));
	check(line_format(out, 1, "disk", "", text, sizeof(text)) == LINE_MAX,
	      "a long line is cut");
	return failures ? 1 : 0;
}
