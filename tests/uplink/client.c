// SPDX-License-Identifier: Apache-2.0
/*
 * Hosted client of uplink for test_uplink.py: obeys lines that come on the socket HOSTED_DIR/client.sock, one answer line each.
 *
 *   status                 "up ip mac"
 *   connect IP PORT        status of the answer and its text
 *   ask TYPE ARG SIZE      any request with SIZE zero bytes: status of its answer
 *   send TEXT              status
 *   bulk OUT IN            sends OUT and receives IN bytes at once (tests/uplink/bulk.h)
 *   next                   what comes next: "data TEXT", "closed WHY", "restarted", or "nothing" within 10 s
 *   close                  status
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "services/uplink/uplink.h"
#include "tests/uplink/bulk.h"

#define PATIENCE_NS 10000000000u

static struct chan *uplink;
static uint64_t stream;
static uint8_t data[TCP_CHUNK + 1];
static char reply[TCP_CHUNK + 100];

static void status(void)
{
	struct tcp_status s = { 0 };
	enum chan_status r = chan_call(uplink, TCP_STATUS, 0, NULL, 0, &s, sizeof(s), NULL);

	snprintf(reply, sizeof(reply), "%d %d %d.%d.%d.%d %02x:%02x:%02x:%02x:%02x:%02x", r, s.up,
		 s.ip[0], s.ip[1], s.ip[2], s.ip[3], s.mac[0], s.mac[1], s.mac[2], s.mac[3],
		 s.mac[4], s.mac[5]);
}

static void connect_to(const char *args)
{
	struct tcp_addr a = { 0 };
	enum chan_status r;
	size_t n = 0;

	sscanf(args, "%hhu.%hhu.%hhu.%hhu %hu", &a.ip[0], &a.ip[1], &a.ip[2], &a.ip[3], &a.port);
	r = chan_call(uplink, TCP_CONNECT, ++stream, &a, sizeof(a), data, TCP_CHUNK, &n);
	snprintf(reply, sizeof(reply), "%d %.*s", r, (int)n, (char *)data);
}

static void ask(const char *args)
{
	unsigned type = 0, size = 0;
	unsigned long arg = 0;
	uint8_t *zero;

	sscanf(args, "%u %lu %u", &type, &arg, &size);
	zero = calloc(1, size + 1);
	snprintf(reply, sizeof(reply), "%d",
		 chan_call(uplink, (uint16_t)type, arg, zero, size, data, TCP_CHUNK, NULL));
	free(zero);
}

static void say_next(void)
{
	struct msg m = { 0 };
	enum chan_result r = bulk_next(uplink, stream, &m, data, PATIENCE_NS);

	if (r == CHAN_OK)
		snprintf(reply, sizeof(reply), "%s %.*s", m.type == TCP_DATA ? "data" : "closed",
			 (int)(m.len - sizeof(m)), (char *)data);
	else
		snprintf(reply, sizeof(reply), "%s", r == CHAN_RESTARTED ? "restarted" : "nothing");
}

static void obey(const char *line)
{
	unsigned long long out = 0, in = 0;

	if (!strcmp(line, "status"))
		status();
	else if (!strncmp(line, "connect ", 8))
		connect_to(line + 8);
	else if (!strncmp(line, "ask ", 4))
		ask(line + 4);
	else if (!strncmp(line, "send ", 5))
		snprintf(reply, sizeof(reply), "%d",
			 chan_call(uplink, TCP_SEND, stream, line + 5, strlen(line + 5), NULL, 0,
				   NULL));
	else if (sscanf(line, "bulk %llu %llu", &out, &in) == 2)
		snprintf(reply, sizeof(reply), "%s", bulk(uplink, stream, out, in));
	else if (!strcmp(line, "next"))
		say_next();
	else if (!strcmp(line, "close"))
		snprintf(reply, sizeof(reply), "%d",
			 chan_call(uplink, TCP_CLOSE, stream, NULL, 0, NULL, 0, NULL));
	else
		snprintf(reply, sizeof(reply), "unknown order");
}

int main(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[1000];

	uplink = chan_open("uplink", "tcp");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/client.sock", getenv("HOSTED_DIR"));
	unlink(a.sun_path);
	if (!uplink || s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 1))
		die("%s: %m", a.sun_path);
	log_line("client is ready");
	for (;;) {
		int fd = accept(s, NULL, NULL);
		FILE *f = fdopen(fd, "r");

		while (f && fgets(line, sizeof(line), f)) {
			line[strcspn(line, "\n")] = 0;
			obey(line);
			dprintf(fd, "%s\n", reply);
		}
		if (f)
			fclose(f);
	}
}
