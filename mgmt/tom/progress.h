// SPDX-License-Identifier: Apache-2.0
/* How far the images are on their way to a server, for the person who waits: on standard error, asked from the session. */
#pragma once
#include "mgmt/tom/tom.h"

struct progress {
	char last[64]; /* what was shown last */
	int tenth;     /* of the image that it was about */
};

/* Asks and shows. On a terminal one line that changes; elsewhere a line for each tenth of an image. Nothing with --json. */
void progress_show(struct tom *t, const char *server, struct progress *p);
/* What comes next begins on a line of its own. */
void progress_end(const struct tom *t, const struct progress *p);
