// SPDX-License-Identifier: Apache-2.0
/* lib/chan.c: both ends in one process, then with a peer that writes what it likes. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/runtime.h"

#define SIZE 0x9000u /* two rings of 16 KiB */
static _Alignas(4096) uint8_t memory[SIZE];
static struct start_info info;
static unsigned ups[2], failures;
static void (*while_asleep)(void);
static bool
	direct; /* component_wait() sleeps at once: it would also see the server's end, which is in this process */

const struct start_info *start_info(void)
{
	return &info;
}

void component_wait(uint64_t deadline_ns)
{
	if (direct || chan_arm())
		runtime_sleep(deadline_ns);
}

void runtime_up(uint32_t sel)
{
	ups[sel & 1]++;
}

void runtime_sleep(uint64_t deadline_ns)
{
	(void)deadline_ns;
	while_asleep();
}

static void check(int ok, const char *what)
{
	printf("%s lib_chan: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

/* Slots 0 (client) and 1 (server) are the two ends of one channel. */
static void connect(void)
{
	uint32_t n = info.chan[0].serial + 1;

	memset(memory, 0, sizeof(memory));
	for (uint32_t side = 0; side < 2; side++) {
		info.chan[side] = (struct start_chan){
			.peer = "peer",
			.proto = "test",
			.va = (uintptr_t)memory,
			.size = SIZE,
			.peer_wake = 1 - side,
			.side = side,
			.state = START_CHAN_OPEN,
			.serial = n,
			.tag = 7,
			.epoch = 1,
		};
		snprintf(info.chan[side].peer, START_NAME, side ? "client" : "server");
	}
	atomic_store(&info.chan_count, 2);
}

static void close_both(void)
{
	for (uint32_t side = 0; side < 2; side++)
		atomic_store(&info.chan[side].state, START_CHAN_CLOSED);
}

static void disconnect(void)
{
	struct msg m;

	close_both();
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		chan_recv(c, &m, NULL, 0);
}

static struct chan *client(void)
{
	return chan_open("server", "test");
}

static struct chan *server(void)
{
	return chan_open("client", "test");
}

static void test_sizes(void)
{
	check(chan_ring_size(0x1000) == 0 && chan_ring_size(0x3000) == 0x1000 &&
		      chan_ring_size(SIZE) == 0x4000 && chan_ring_size(0x8000) == 0x2000,
	      "ring sizes");
}

static void test_traffic(void)
{
	static uint8_t in[8192], out[8192];
	uint64_t sent = 0, got = 0;
	int ok = 1;

	srand(1);
	while (got < 20000 && ok) {
		struct msg m = { .type = 1, .id = sent };
		size_t n = (size_t)rand() % (chan_max(client()) + 1);

		memset(in, (int)sent, sizeof(in));
		if (rand() % 2 && chan_send2(client(), &m, in, n / 2, in, n - n / 2) == CHAN_OK)
			sent++;
		if (rand() % 2 && chan_recv(server(), &m, out, sizeof(out)) == CHAN_OK) {
			size_t k = m.len - sizeof(m);

			memset(in, (int)got, sizeof(in));
			ok = m.id == got && !memcmp(in, out, k);
			got++;
		}
	}
	check(ok, "20000 messages of random length arrive whole and in order");
}

static void test_full(void)
{
	struct msg m = { .type = 1 };
	static uint8_t buf[8192];
	unsigned n = 0, taken = 0;

	while (chan_send(client(), &m, buf, 1000) == CHAN_OK)
		n++;
	check(n == 16, "a full ring refuses");
	ups[0] = ups[1] = 0;
	while (chan_recv(server(), &m, buf, sizeof(buf)) == CHAN_OK)
		taken++;
	check(taken == n && ups[0] == 1, "the starving sender is woken once");
	check(chan_arm(), "nothing new: may sleep");
	check(chan_send(client(), &m, buf, 8) == CHAN_OK && ups[1] == 1,
	      "the sleeping receiver is woken");
	check(!chan_arm() && chan_arm(), "a message left in the ring is news once");
	chan_recv(server(), &m, buf, sizeof(buf));
	check(chan_send(client(), &m, buf, chan_max(client()) + 1) == CHAN_FULL,
	      "too long a message is refused");
}

static unsigned served, raise_at;

/* Serves one request; before the request number raise_at it is "restarted" and forgets it. */
static void serve(void)
{
	struct msg q;
	uint8_t buf[8192];
	struct msg event = { .type = 9 };

	for (;;) {
		enum chan_result r = chan_recv(server(), &q, buf, sizeof(buf));

		if (r == CHAN_RESTARTED)
			continue;
		if (r != CHAN_OK)
			return;
		if (++served == raise_at) {
			for (uint32_t side = 0; side < 2; side++)
				atomic_fetch_add(&info.chan[side].epoch, 1);
			continue;
		}
		chan_send(server(), &event, "event", 5);
		chan_answer(server(), &q, CS_EXISTS, 3, buf, q.len - sizeof(q));
	}
}

static void test_call(void)
{
	char out[16] = "";
	size_t n = 0;
	struct msg m;
	enum chan_status s;

	while_asleep = serve;
	s = chan_call(client(), 5, 1, "hello", 5, out, sizeof(out), &n);
	check(s == CS_EXISTS && n == 5 && !memcmp(out, "hello", 5), "a call gets its answer");
	check(chan_recv(client(), &m, out, sizeof(out)) == CHAN_OK && m.type == 9,
	      "an event that came meanwhile is kept");
	served = 0;
	raise_at = 1;
	memset(out, 0, sizeof(out));
	s = chan_call(client(), 5, 1, "again", 5, out, sizeof(out), &n);
	check(s == CS_EXISTS && served == 2 && !memcmp(out, "again", 5),
	      "a call survives a restart of the server");
	check(chan_recv(client(), &m, out, sizeof(out)) == CHAN_RESTARTED &&
		      chan_recv(client(), &m, out, sizeof(out)) == CHAN_OK &&
		      chan_recv(client(), &m, out, sizeof(out)) == CHAN_EMPTY,
	      "and the restart is told once");
	raise_at = 0;
}

/* Answers one request, then says something of its own. */
static void serve_and_tell(void)
{
	struct msg q, event = { .type = 9 };
	uint8_t buf[64];

	if (chan_recv(server(), &q, buf, sizeof(buf)) != CHAN_OK)
		return;
	chan_answer(server(), &q, CS_OK, 0, NULL, 0);
	chan_send(server(), &event, "event", 5);
}

static void test_behind(void)
{
	char out[16];
	struct msg m;
	bool sleeps;

	while (!chan_arm())
		;
	while_asleep = serve_and_tell;
	direct = true;
	check(chan_call(client(), 5, 1, NULL, 0, out, sizeof(out), NULL) == CS_OK, "a call");
	direct = false;
	sleeps = chan_arm();
	check(!sleeps, "what came right behind its answer is news");
	check(chan_recv(client(), &m, out, sizeof(out)) == CHAN_OK && m.type == 9, "and is there");
	check(chan_recv(client(), &m, out, sizeof(out)) == CHAN_EMPTY && chan_arm(), "once");
}

static void test_pile(void)
{
	struct msg m = { .type = 1 }, q = { .type = 1 };
	static uint8_t buf[8192];
	unsigned got = 0;

	for (unsigned i = 0; i < 60; i++)
		chan_answer(server(), &q, CS_OK, i, buf, 1000);
	check(chan_send(client(), &m, NULL, 0) == CHAN_OK &&
		      chan_recv(server(), &m, buf, sizeof(buf)) == CHAN_EMPTY,
	      "no further request is taken while answers wait");
	while (chan_recv(client(), &m, buf, sizeof(buf)) == CHAN_OK && m.arg == got) {
		got++;
		chan_recv(server(), &q, buf, sizeof(buf));
	}
	check(got == 60, "waiting answers follow in order");
	for (unsigned i = 0; i < 200; i++)
		chan_answer(server(), &q, CS_OK, i, buf, 1000);
	check(chan_recv(server(), &m, buf, sizeof(buf)) == CHAN_BROKEN,
	      "a client that never reads breaks its channel");
}

static void test_unread(void)
{
	chan_arm();
	check(chan_arm(), "nothing new at first");
	for (uint32_t side = 0; side < 2; side++)
		atomic_fetch_add(&info.chan[side].epoch, 1);
	check(!chan_arm() && chan_arm(),
	      "a restart is news once, also to an owner who never looks");
	check(chan_look(server()) == CHAN_RESTARTED && chan_look(server()) == CHAN_OK,
	      "who takes no message learns of it too");
	close_both();
	check(!chan_arm() && chan_arm(), "so is a closed channel");
}

static void test_closed(void)
{
	struct chan *c = client();
	struct chan_mem *mem = (struct chan_mem *)memory;
	struct msg m = { .type = 1 };

	*chan_user(c) = &m;
	atomic_store(&info.chan[0].state, START_CHAN_CLOSED);
	check(chan_send(c, &m, NULL, 0) == CHAN_CLOSED && !atomic_load(&mem->closed[0]),
	      "a closed channel refuses");
	check(chan_recv(c, &m, NULL, 0) == CHAN_CLOSED &&
		      atomic_load(&mem->closed[0]) == info.chan[0].serial,
	      "its end is acknowledged when the owner was told");
	check(!client() && !*chan_user(c), "and it is gone");
}

/* Three messages, then the end of who sent them. */
static struct chan *left_behind(void)
{
	struct msg m = { .type = 1 };
	struct chan *s;

	disconnect();
	connect();
	client();
	s = server();
	for (m.id = 0; m.id < 3; m.id++)
		chan_send(client(), &m, "last", 4);
	close_both();
	return s;
}

static void test_left(void)
{
	struct chan_mem *mem = (struct chan_mem *)memory;
	struct chan *s = left_behind();
	char out[16];
	struct msg m;
	uint64_t got = 0;

	*chan_user(s) = &m;
	while (got < 9 && chan_drain(s, &m, out, sizeof(out)) == CHAN_OK && m.id == got &&
	       m.len == sizeof(m) + 4 && !memcmp(out, "last", 4) && *chan_user(s) &&
	       !atomic_load(&mem->closed[1]))
		got++;
	check(got == 3 && atomic_load(&mem->closed[1]) == info.chan[1].serial && !server(),
	      "what was sent before the end is still read, then the end acknowledged");
	s = left_behind();
	check(chan_recv(s, &m, out, sizeof(out)) == CHAN_CLOSED && !server(),
	      "a request is not: its client is gone");
}

/* The peer, whom nobody has stopped yet, goes on. */
static void test_left_alive(void)
{
	struct chan_mem *mem = (struct chan_mem *)memory;
	struct chan *s = left_behind();
	unsigned got = 0;
	char out[16];
	struct msg m;

	ups[0] = 0;
	while (got < 99 && chan_drain(s, &m, out, sizeof(out)) == CHAN_OK) {
		memcpy(memory + CHAN_HEADER + atomic_load(&mem->ring[0].head), memory + CHAN_HEADER,
		       32);
		atomic_fetch_add(&mem->ring[0].head, 32);
		atomic_store(&mem->ring[0].starving, 1);
		got++;
	}
	check(got == 3 && !server() && !ups[0],
	      "what comes behind is not read, and nobody woken for it");
}

static void test_left_restarted(void)
{
	struct msg m = { .type = 1, .id = 8 };
	struct chan *s;
	char out[16];
	bool told;

	disconnect();
	connect();
	client();
	s = server();
	chan_send(client(), &m, "old", 4);
	for (uint32_t side = 0; side < 2; side++)
		atomic_fetch_add(&info.chan[side].epoch, 1);
	while (chan_send(client(), &m, "new", 4) == CHAN_RESTARTED)
		;
	close_both();
	told = chan_drain(s, &m, out, sizeof(out)) == CHAN_RESTARTED;
	check(told && chan_drain(s, &m, out, sizeof(out)) == CHAN_OK && !strcmp(out, "new") &&
		      chan_drain(s, &m, out, sizeof(out)) == CHAN_CLOSED,
	      "a peer that was restarted first: only what it sent since");
}

/* Who lives so shortly that the other end never saw it. */
static void test_left_unseen(void)
{
	struct chan_mem *mem = (struct chan_mem *)memory;
	struct msg m = { .type = 1 };
	char out[16] = "";

	disconnect();
	connect();
	atomic_store(&info.chan[1].state, START_CHAN_EMPTY); /* not told yet */
	chan_send(client(), &m, "last", 5);
	atomic_store(&info.chan[1].state, START_CHAN_CLOSED);
	check(server() && chan_drain(server(), &m, out, sizeof(out)) == CHAN_OK &&
		      !strcmp(out, "last") &&
		      chan_drain(server(), &m, out, sizeof(out)) == CHAN_CLOSED &&
		      atomic_load(&mem->closed[1]) == info.chan[1].serial && !server(),
	      "a channel that was closed before it was seen is read and acknowledged");
}

static void test_left_broken(void)
{
	struct chan_mem *mem = (struct chan_mem *)memory;
	struct chan *s = left_behind();
	char out[16];
	struct msg m;

	atomic_store(&mem->ring[0].head, 0x10000);
	check(chan_drain(s, &m, out, sizeof(out)) == CHAN_CLOSED && !server() &&
		      atomic_load(&mem->closed[1]) == info.chan[1].serial,
	      "numbers that make no sense end it at once");
}

static void test_hostile(void)
{
	struct chan_mem *mem = (struct chan_mem *)memory;
	static uint8_t buf[8192];
	unsigned broken = 0;

	srand(2);
	for (unsigned round = 0; round < 20000; round++) {
		struct msg m = { .type = 1 };

		disconnect();
		connect();
		client();
		for (unsigned i = 0; i < 8; i++) {
			uint8_t *at =
				memory + (rand() % 2 ? 128 + rand() % 256 : rand() % (int)SIZE);

			*at = (uint8_t)rand();
			if (rand() % 2)
				atomic_store(&mem->ring[0].head, (uint32_t)rand() % 64);
			chan_send(client(), &m, buf, (size_t)rand() % 512);
			broken += chan_recv(server(), &m, buf, 4096) == CHAN_BROKEN;
			chan_arm();
		}
	}
	check(broken > 1000, "a hostile ring breaks the channel and nothing else");
}

int main(void)
{
	test_sizes();
	connect();
	test_traffic();
	disconnect();
	connect();
	test_full();
	test_call();
	disconnect();
	connect();
	test_behind();
	disconnect();
	connect();
	test_pile();
	disconnect();
	connect();
	test_unread();
	disconnect();
	connect();
	test_closed();
	test_left();
	test_left_alive();
	test_left_restarted();
	test_left_unseen();
	test_left_broken();
	test_hostile();
	return failures ? 1 : 0;
}
