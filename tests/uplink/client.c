// SPDX-License-Identifier: Apache-2.0
/*
 * Hosted client of uplink for test_uplink.py: obeys lines that come on the socket HOSTED_DIR/client.sock, one answer line each.
 *
 *   status                 "up ip mac"
 *   connect IP PORT        status of the answer and its text
 *   ask TYPE ARG SIZE      any request with SIZE zero bytes: status of its answer
 *   send TEXT              status
 *   bulk OUT IN            sends OUT and receives IN bytes of the pattern at once: "good", or what is wrong
 *   next                   what comes next: "data TEXT", "closed WHY", "restarted", or "nothing" within 10 s
 *   close                  status
 * The pattern's byte i is i ^ i >> 8.
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

#define PATIENCE_NS 10000000000u
#define STALL_NS    60000000000u

static struct chan *uplink;
static uint64_t stream;
static uint8_t data[TCP_CHUNK + 1];
static char reply[TCP_CHUNK + 100];

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i ^ i >> 8);
}

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

/* The next message of this stream, within `ns`. */
static enum chan_result next(struct msg *m, uint64_t ns)
{
	uint64_t end = now_ns() + ns;
	enum chan_result r;

	for (;;) {
		r = chan_recv(uplink, m, data, TCP_CHUNK);
		if (r != CHAN_EMPTY && (r != CHAN_OK || m->type & CHAN_ANSWER || m->arg == stream))
			return r;
		if (r == CHAN_EMPTY && now_ns() > end)
			return r;
		if (r == CHAN_EMPTY)
			component_wait(end);
	}
}

static void say_next(void)
{
	struct msg m = { 0 };
	enum chan_result r = next(&m, PATIENCE_NS);

	if (r == CHAN_OK)
		snprintf(reply, sizeof(reply), "%s %.*s", m.type == TCP_DATA ? "data" : "closed",
			 (int)(m.len - sizeof(m)), (char *)data);
	else
		snprintf(reply, sizeof(reply), "%s", r == CHAN_RESTARTED ? "restarted" : "nothing");
}

/* Sends more of the pattern as long as there is room and fewer than four requests wait. */
static void push(uint64_t *sent, uint64_t out, unsigned *waiting)
{
	while (*sent < out && *waiting < 4) {
		struct msg m = { .type = TCP_SEND, .id = 1ull << 40 | *sent, .arg = stream };
		size_t n = out - *sent < TCP_CHUNK ? (size_t)(out - *sent) : TCP_CHUNK;
		uint8_t chunk[TCP_CHUNK];

		for (size_t i = 0; i < n; i++)
			chunk[i] = pattern(*sent + i);
		if (chan_send(uplink, &m, chunk, n) != CHAN_OK)
			return;
		*sent += n;
		++*waiting;
	}
}

static const char *bulk(uint64_t out, uint64_t in)
{
	uint64_t sent = 0, got = 0;
	unsigned waiting = 0;
	struct msg m;

	while (got < in || sent < out || waiting) {
		push(&sent, out, &waiting);
		if (next(&m, STALL_NS) != CHAN_OK)
			return "no progress, or a restart";
		if (m.type == TCP_CLOSED)
			return "closed";
		if (m.type == (TCP_SEND | CHAN_ANSWER) && m.status != CS_OK)
			return "send refused";
		waiting -= m.type == (TCP_SEND | CHAN_ANSWER);
		for (size_t i = 0; m.type == TCP_DATA && i < m.len - sizeof(m); i++)
			if (data[i] != pattern(got++))
				return "wrong bytes";
	}
	return got == in ? "good" : "too many bytes";
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
		snprintf(reply, sizeof(reply), "%s", bulk(out, in));
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
