// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include "mgmt/tom/tom.h"

static bool comma;     /* the next value is not the first of its container */
static bool after_key; /* the next value belongs to the key before it */

static void separate(void)
{
	if (comma && !after_key)
		putchar(',');
	after_key = false;
	comma = true;
}

static void quoted(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

void json_open(char bracket)
{
	separate();
	putchar(bracket);
	comma = false;
}

void json_close(char bracket)
{
	putchar(bracket);
	comma = true;
}

void json_key(const char *key)
{
	separate();
	quoted(key);
	putchar(':');
	after_key = true;
}

void json_string(const char *s)
{
	separate();
	quoted(s);
}

void json_number(int64_t n)
{
	separate();
	printf("%" PRId64, n);
}

void json_bool(bool b)
{
	separate();
	fputs(b ? "true" : "false", stdout);
}

void json_field(const char *key, const char *s)
{
	json_key(key);
	json_string(s);
}

void json_end(void)
{
	putchar('\n');
	comma = after_key = false;
}
