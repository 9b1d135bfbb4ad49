// SPDX-License-Identifier: Apache-2.0
/*
 * hosted MANIFEST DIR: runs the components of a compiled system manifest as Linux processes.
 *
 * MANIFEST  output of tools/manifest.py compile
 * DIR       existing directory: the shared memory file (hosted.mem), boot parts (parts/NAME), what stand-ins keep there
 *
 * Image NAME is the program hosted-NAME in the directory of this program. Ends on SIGTERM or SIGINT, and with its parent.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "lib/host/hosted.h"

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "hosted: %s: %m\n", what);
	exit(2);
}

static void make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)HOSTED_SIZE))
		fail(path);
	close(fd);
}

int main(int argc, char **argv)
{
	char self[PATH_MAX] = "", dir[PATH_MAX], path[2 * PATH_MAX], env[3 * PATH_MAX];

	if (argc != 3) {
		fprintf(stderr, "usage: hosted MANIFEST DIR\n");
		return 2;
	}
	if (!realpath("/proc/self/exe", self) || !realpath(argv[2], dir))
		fail(argv[2]);
	snprintf(path, sizeof(path), "%s/hosted.mem", dir);
	make_file(path);
	snprintf(env, sizeof(env), "%s:%zu:0", path, sizeof(struct hosted_mem));
	setenv(HOSTED_ENV, env, 1);
	setenv("HOSTED_PROGRAMS", dirname(self), 1);
	setenv("HOSTED_DIR", dir, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/hosted-root", getenv("HOSTED_PROGRAMS"));
	execv(path, argv);
	fail(path);
}
