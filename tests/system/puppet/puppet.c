// SPDX-License-Identifier: Apache-2.0
/*
 * A hosted component that does what a test says: the test connects to HOSTED_DIR/<name><label>.sock and sends requests, little-endian:
 *   u32 length of all that follows, u32 operation, char peer[32], char proto[16], u32 type, u64 arg, payload
 * and gets u32 length, u32 status, u32 type, u64 arg, payload. Operations:
 *   0 call: chan_call() on the channel to `peer` ("name" or "name/instance"); status is the answer's, or 255: no such channel
 *   1 receive: the next message that no call took; `arg` milliseconds at most; status 255: none came
 *   2 send without an answer
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/chan.h"
#include "lib/component.h"

#define LIMIT (1u << 20)
#define NONE  255u
#define KEPT  256u

struct request {
	uint32_t operation;
	char peer[32];
	char proto[16];
	uint32_t type;
	uint64_t arg;
} __attribute__((packed));

struct response {
	uint32_t length;
	uint32_t status;
	uint32_t type;
	uint64_t arg;
} __attribute__((packed));

static uint8_t in[LIMIT], out[LIMIT];

static int read_all(int fd, void *data, size_t n)
{
	for (uint8_t *p = data; n;) {
		ssize_t got = read(fd, p, n);

		if (got <= 0)
			return -1;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static struct chan *find(const struct request *q)
{
	char peer[33] = "", proto[17] = "", *instance;

	memcpy(peer, q->peer, sizeof(q->peer));
	memcpy(proto, q->proto, sizeof(q->proto));
	instance = strchr(peer, '/');
	if (instance)
		*instance++ = 0;
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (!strcmp(chan_peer(c), peer) && !strcmp(chan_proto(c), proto) &&
		    (!instance || !strcmp(chan_instance(c), instance)))
			return c;
	return NULL;
}

/* Messages nobody has asked for yet. Looking at every channel also lets the closed ones go. */
static struct {
	struct chan *chan;
	struct msg m;
	uint8_t *payload;
} kept[KEPT];
static unsigned kept_count;

static void drain(void)
{
	struct msg m;

	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		while (kept_count < KEPT && chan_recv(c, &m, out, sizeof(out)) == CHAN_OK) {
			kept[kept_count].chan = c;
			kept[kept_count].m = m;
			kept[kept_count].payload = malloc(m.len);
			memcpy(kept[kept_count++].payload, out, m.len - sizeof(m));
		}
}

static size_t receive(struct chan *c, uint64_t ms, struct response *r)
{
	const uint64_t end = now_ns() + ms * 1000000;

	for (;;) {
		for (unsigned i = 0; i < kept_count; i++) {
			const struct msg m = kept[i].m;

			if (kept[i].chan != c)
				continue;
			memcpy(out, kept[i].payload, m.len - sizeof(m));
			free(kept[i].payload);
			memmove(&kept[i], &kept[i + 1], (--kept_count - i) * sizeof(kept[0]));
			r->type = m.type;
			r->arg = m.arg;
			return m.len - sizeof(m);
		}
		if (now_ns() >= end)
			break;
		component_wait(now_ns() + 5000000);
		drain();
	}
	r->status = NONE;
	return 0;
}

static size_t obey(const struct request *q, const uint8_t *payload, size_t n, struct response *r)
{
	struct chan *c = (drain(), find(q));
	struct msg m = { .type = (uint16_t)q->type, .arg = q->arg };
	size_t size = 0;

	r->status = c ? 0 : NONE;
	if (!c)
		return 0;
	switch (q->operation) {
	case 0:
		r->status = chan_call(c, (uint16_t)q->type, q->arg, payload, n, out, sizeof(out),
				      &size);
		return size;
	case 1:
		return receive(c, q->arg, r);
	default:
		r->status = chan_send(c, &m, payload, n) == CHAN_OK ? 0 : NONE;
		return 0;
	}
}

static void serve(int fd)
{
	struct request q;
	struct response r;
	uint32_t length;

	while (!read_all(fd, &length, sizeof(length)) && length >= sizeof(q) && length <= LIMIT &&
	       !read_all(fd, in, length)) {
		size_t n;

		memset(&r, 0, sizeof(r));
		memcpy(&q, in, sizeof(q));
		n = obey(&q, in + sizeof(q), length - sizeof(q), &r);
		r.length = (uint32_t)(sizeof(r) - sizeof(r.length) + n);
		if (write(fd, &r, sizeof(r)) != sizeof(r) || write(fd, out, n) != (ssize_t)n)
			break;
	}
	close(fd);
}

int main(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s%s.sock", getenv("HOSTED_DIR"),
		 start_info()->name, start_info()->instance);
	unlink(address.sun_path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 1))
		die("%s: %m", address.sun_path);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			serve(fd);
	}
}
