// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "drivers/uart/budget.h"
#include "drivers/uart/line.h"

#define WHOLE "[   12.345678] vault/tvd-a: hello\r\n"

static unsigned failures;

static void check(int ok, const char *what)
{
	printf("%s uart_line: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static void test_budget(void)
{
	struct budget b;
	unsigned n = 0;

	budget_begin(&b, 5000);
	while (budget_take(&b, 6000))
		n++;
	check(n == BUDGET_BURST && b.dropped == 1, "a burst of lines, then none");
	for (n = 0; budget_take(&b, 6000 + 500000000); n++)
		;
	check(n == BUDGET_PER_SECOND / 2, "half a second grants half of a second's lines");
	for (n = 0; budget_take(&b, 3600000000000); n++)
		;
	check(n == BUDGET_BURST, "an hour grants no more than a burst");
	check(!budget_take(&b, 0), "time that runs back grants nothing");
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
	test_budget();
	return failures ? 1 : 0;
}
