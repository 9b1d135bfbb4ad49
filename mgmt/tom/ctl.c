// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include "mgmt/tom/ctl.h"

enum { PATIENCE_SECONDS = 60 };

static bool address(struct tom *t, const char *server, struct sockaddr_un *a)
{
	char path[512];

	tom_path(t, path, sizeof(path), "run/%s.sock", server);
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return false;
	memcpy(a->sun_path, path, strlen(path) + 1);
	return true;
}

int ctl_connect(struct tom *t, const char *server)
{
	struct sockaddr_un a;
	int fd;

	if (!address(t, server, &a))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool ctl_online(struct tom *t, const char *server)
{
	int fd = ctl_connect(t, server);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int ctl_listen(struct tom *t, const char *server)
{
	struct sockaddr_un a;
	int fd;

	if (!address(t, server, &a))
		return -1;
	unlink(a.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 8) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A session that does not answer is as good as gone. */
static void set_patience(int fd, time_t seconds)
{
	struct timeval t = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

/* One line without its newline; what follows stays in the socket. */
static bool read_line(int fd, char *line)
{
	size_t n = 0;

	while (n + 1 < CTL_LINE && read(fd, line + n, 1) == 1) {
		if (line[n] == '\n') {
			line[n] = 0;
			return true;
		}
		n++;
	}
	return false;
}

static int ask(int fd, char *answer, const char *fmt, va_list args)
{
	char line[CTL_LINE];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, args);

	if (n < 0 || (size_t)n >= sizeof(line) - 1)
		return -1;
	line[n++] = '\n';
	set_patience(fd, PATIENCE_SECONDS);
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n || !read_line(fd, line))
		return -1;
	set_patience(fd, 0);
	snprintf(answer, CTL_LINE, "%s", strlen(line) > 3 ? line + 3 : "");
	return strncmp(line, "ok ", 3) == 0;
}

int ctl_ask(int fd, char *answer, const char *fmt, ...)
{
	va_list args;
	int result;

	va_start(args, fmt);
	result = ask(fd, answer, fmt, args);
	va_end(args);
	return result;
}

int ctl_request(struct tom *t, const char *server, const char *fmt, ...)
{
	int fd = ctl_connect(t, server), result;
	char answer[CTL_LINE];
	va_list args;

	if (fd < 0)
		return tom_fail(TOM_BROKEN,
				"server %s is not connected; it is asked when it connects again",
				server);
	va_start(args, fmt);
	result = ask(fd, answer, fmt, args);
	va_end(args);
	close(fd);
	if (result < 0)
		return tom_fail(TOM_BROKEN,
				"server %s: no answer within a minute, or the connection ended; "
				"`tom config show` tells what it has",
				server);
	if (result == 0)
		return tom_fail(TOM_REFUSED, "server %s: %s", server, answer);
	if (!t->json)
		printf("server %s: %s\n", server, answer);
	return TOM_OK;
}
