// SPDX-License-Identifier: Apache-2.0
/* Command lines: options may stand anywhere; each function takes what it finds out of the list. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ARGS_MAX 64

struct args {
	int count;
	char *word[ARGS_MAX];
	const char *usage; /* of the command, for messages */
};

/* Value of "--name VALUE", or NULL. */
const char *arg_option(struct args *a, const char *name);
bool arg_flag(struct args *a, const char *name);
/* Next word that is no option, or NULL. */
const char *arg_word(struct args *a);
/* Number option within limits; ends the program with a message if it is none. */
int64_t arg_number(struct args *a, const char *name, int64_t otherwise, int64_t least,
		   int64_t most);
/* Nothing is left over; else false, with a message. */
bool arg_end(struct args *a);
/* The same, and `word` (from arg_word) is there and is a name. */
bool arg_name(struct args *a, const char *word);
