// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "mgmt/tom/args.h"
#include "mgmt/tom/tom.h"

enum { NAME_LEN = 31 };

static void take_out(struct args *a, int at, int n)
{
	a->count -= n;
	memmove(a->word + at, a->word + at + n, (size_t)(a->count - at) * sizeof(a->word[0]));
}

static int find(const struct args *a, const char *name)
{
	for (int i = 0; i < a->count; i++)
		if (strcmp(a->word[i], name) == 0)
			return i;
	return -1;
}

const char *arg_option(struct args *a, const char *name)
{
	int at = find(a, name);
	const char *value;

	if (at < 0)
		return NULL;
	if (at + 1 == a->count)
		exit(tom_fail(TOM_USAGE, "%s wants a value; usage: tom %s", name, a->usage));
	value = a->word[at + 1];
	take_out(a, at, 2);
	return value;
}

bool arg_flag(struct args *a, const char *name)
{
	int at = find(a, name);

	if (at >= 0)
		take_out(a, at, 1);
	return at >= 0;
}

const char *arg_word(struct args *a)
{
	for (int i = 0; i < a->count; i++) {
		const char *word = a->word[i];

		if (strncmp(word, "--", 2) != 0) {
			take_out(a, i, 1);
			return word;
		}
	}
	return NULL;
}

int64_t arg_number(struct args *a, const char *name, int64_t otherwise, int64_t least, int64_t most)
{
	const char *text = arg_option(a, name);
	char *end;
	int64_t n;

	if (!text)
		return otherwise;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || *end || end == text || n < least || n > most)
		exit(tom_fail(TOM_USAGE, "%s %s: expected a number from %" PRId64 " to %" PRId64,
			      name, text, least, most));
	return n;
}

bool arg_end(struct args *a)
{
	if (a->count == 0)
		return true;
	tom_fail(TOM_USAGE, "what is \"%s\"? usage: tom %s", a->word[0], a->usage);
	return false;
}

bool arg_name(struct args *a, const char *word)
{
	size_t n = word ? strlen(word) : 0;

	if (!word) {
		tom_fail(TOM_USAGE, "usage: tom %s", a->usage);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)word[i]) && !isdigit((unsigned char)word[i]) &&
		    !strchr("-._", word[i]))
			n = NAME_LEN + 1;
	if (n == 0 || n > NAME_LEN) {
		tom_fail(TOM_USAGE, "\"%s\" is no name: 1 to 31 of a-z 0-9 - . _", word);
		return false;
	}
	return arg_end(a);
}
