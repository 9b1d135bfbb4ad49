// SPDX-License-Identifier: Apache-2.0
#include "mgmt/tom/progress.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "mgmt/tom/ctl.h"

static bool on_terminal(void)
{
	return isatty(STDERR_FILENO) == 1;
}

/* Answers are "image N of M: P %, X of Y MiB"; tenths of different images differ. */
static int tenth_of(const char *answer)
{
	unsigned image, images, percent;

	if (sscanf(answer, "image %u of %u: %u", &image, &images, &percent) != 3)
		return 0;
	return (int)(image * 11 + percent / 10);
}

void progress_show(struct tom *t, const char *server, struct progress *p)
{
	char answer[CTL_LINE];
	int fd = t->json ? -1 : ctl_connect(t, server), tenth;
	bool good = fd >= 0 && ctl_ask(fd, answer, "progress") == 1;

	if (fd >= 0)
		close(fd);
	if (!good || strcmp(answer, p->last) == 0)
		return;
	tenth = tenth_of(answer);
	if (tenth == 0 || (!on_terminal() && tenth == p->tenth))
		return;
	snprintf(p->last, sizeof(p->last), "%.63s", answer);
	p->tenth = tenth;
	fprintf(stderr, on_terminal() ? "\r%s: %s\033[K" : "%s: %s\n", server, answer);
}

void progress_end(const struct tom *t, const struct progress *p)
{
	if (!t->json && p->last[0] && on_terminal())
		fputc('\n', stderr);
}
