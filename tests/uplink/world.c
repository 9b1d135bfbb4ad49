// SPDX-License-Identifier: Apache-2.0
#include "tests/uplink/world.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include "lib/component.h"
#include "lib/frame.h"

#define DEPTH   512u
#define UNBOUND 400u

/* The component under test, whole, beside this program's own main(). */
int uplink_main(void);
#define main uplink_main
#include "services/uplink/main.c"
#undef main

struct item {
	struct msg m;
	uint8_t data[TCP_CHUNK];
};

struct fifo {
	unsigned first, count;
	struct item item[DEPTH];
};

struct chan {
	enum chan_result state; /* to be told; CHAN_CLOSED once told: not there */
	bool there;
	unsigned room;
	uint64_t next_id, asked, answered;
	void *user;
	struct fifo in, out; /* as uplink sees it */
};

static struct chan to_driver, clients[WORLD_CLIENTS];
static ucontext_t test, component;
static uint8_t stack[1 << 18];
static uint64_t clock_ns = 1000000000000u, deadline;
static bool no_memory;

static _Noreturn void wrong(const char *what)
{
	fprintf(stderr, "not ok uplink: %s\n", what);
	abort();
}

static bool put(struct fifo *f, const struct msg *m, const void *p, size_t n)
{
	struct item *i = &f->item[(f->first + f->count) % DEPTH];

	if (f->count == DEPTH)
		return false;
	i->m = *m;
	i->m.len = (uint32_t)(sizeof(*m) + n);
	if (n)
		memcpy(i->data, p, n);
	f->count++;
	return true;
}

static bool get(struct fifo *f, struct msg *m, void *p)
{
	struct item *i = &f->item[f->first];

	if (!f->count)
		return false;
	*m = i->m;
	memcpy(p, i->data, m->len - sizeof(*m));
	f->first = (f->first + 1) % DEPTH;
	f->count--;
	return true;
}

/* ---- what uplink calls ---- */

void *world_malloc(size_t n)
{
	return no_memory ? NULL : calloc(1, n);
}

uint64_t now_ns(void)
{
	return clock_ns;
}

void random_bytes(void *p, size_t n)
{
	static uint32_t state = 1;

	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		((uint8_t *)p)[i] = (uint8_t)(state >> 24);
	}
}

void component_wait(uint64_t until)
{
	deadline = until;
	swapcontext(&component, &test);
}

void log_line(const char *fmt, ...)
{
	(void)fmt;
}

void die(const char *fmt, ...)
{
	wrong(fmt);
}

struct chan *chan_open(const char *peer, const char *proto)
{
	return !peer && !strcmp(proto, "frame") ? &to_driver : NULL;
}

struct chan *chan_next(struct chan *c)
{
	if (!c)
		return &to_driver;
	for (c = c == &to_driver ? clients : c + 1; c < clients + WORLD_CLIENTS; c++)
		if (c->there)
			return c;
	return NULL;
}

bool chan_is_server(const struct chan *c)
{
	return c != &to_driver;
}

void **chan_user(struct chan *c)
{
	return &c->user;
}

enum chan_result chan_look(struct chan *c)
{
	enum chan_result r = c->state;

	if (!c->there)
		wrong("a closed channel is used");
	if (r == CHAN_RESTARTED)
		c->state = CHAN_OK;
	if (r == CHAN_CLOSED) {
		c->there = false;
		c->user = NULL;
	}
	return r;
}

enum chan_result chan_recv(struct chan *c, struct msg *m, void *buf, size_t cap)
{
	enum chan_result r = chan_look(c);

	if (r != CHAN_OK)
		return r;
	if (cap < (c == &to_driver ? FRAME_MAX : TCP_CHUNK))
		wrong("too small a buffer");
	return get(&c->in, m, buf) ? CHAN_OK : CHAN_EMPTY;
}

enum chan_result chan_send(struct chan *c, struct msg *m, const void *payload, size_t n)
{
	enum chan_result r = c->state;

	if (n > (c == &to_driver ? FRAME_MAX : TCP_CHUNK))
		wrong("too long a message");
	if (r == CHAN_RESTARTED)
		c->state = CHAN_OK;
	if (r != CHAN_OK)
		return r;
	if (c->out.count >= c->room)
		return CHAN_FULL;
	return put(&c->out, m, payload, n) ? CHAN_OK : CHAN_FULL;
}

void chan_answer(struct chan *c, const struct msg *q, enum chan_status s, uint64_t arg,
		 const void *payload, size_t n)
{
	struct msg m = { .type = (uint16_t)(q->type | CHAN_ANSWER),
			 .status = (uint16_t)s,
			 .id = q->id,
			 .arg = arg };

	if (c->state != CHAN_OK)
		return;
	if (c->answered++ == c->asked)
		wrong("more answers than requests");
	if (!put(&c->out, &m, payload, n))
		wrong("too many answers");
}

/* ---- what the test calls ---- */

static void run_main(void)
{
	uplink_main();
	wrong("main() returned");
}

void world_begin(void)
{
	to_driver.there = true;
	to_driver.room = UNBOUND;
	for (unsigned i = 0; i < WORLD_CLIENTS; i++)
		world_client(i, CHAN_OK);
	getcontext(&component);
	component.uc_stack.ss_sp = stack;
	component.uc_stack.ss_size = sizeof(stack);
	makecontext(&component, run_main, 0);
	swapcontext(&test, &component);
}

void world_run(unsigned ms)
{
	uint64_t end = clock_ns + ms * 1000000ull;

	for (;;) {
		swapcontext(&test, &component);
		if (!deadline)
			wrong("no deadline");
		if (clock_ns >= end)
			return;
		clock_ns = deadline < end ? deadline : end;
	}
}

void world_short_of_memory(bool yes)
{
	no_memory = yes;
}

void world_frame(const uint8_t *frame, size_t n)
{
	struct msg m = { .type = FRAME };

	put(&to_driver.in, &m, frame, n < FRAME_MAX ? n : FRAME_MAX);
}

void world_link(bool up)
{
	struct frame_link l = { { 0x52, 0x54, 0, 1, 2, 3 }, up, 0, 1500 };
	struct msg m = { .type = FRAME_LINK };

	put(&to_driver.in, &m, &l, sizeof(l));
}

void world_wire_restarted(void)
{
	to_driver.in.count = to_driver.out.count = 0;
	to_driver.state = CHAN_RESTARTED;
}

size_t world_sent(uint8_t frame[FRAME_MAX])
{
	struct msg m;

	return get(&to_driver.out, &m, frame) ? m.len - sizeof(m) : 0;
}

uint64_t world_ask(unsigned client, uint16_t type, uint64_t arg, const void *p, size_t n)
{
	struct chan *c = &clients[client];
	struct msg m = { .type = type, .id = ++c->next_id, .arg = arg };

	if (put(&c->in, &m, p, n))
		c->asked++;
	return m.id;
}

bool world_told(unsigned client, struct msg *m, uint8_t payload[TCP_CHUNK])
{
	return get(&clients[client].out, m, payload);
}

void world_client(unsigned client, enum chan_result state)
{
	struct chan *c = &clients[client];

	if (state == CHAN_OK && c->there)
		return;
	c->asked = c->answered = 0;
	c->in.count = c->out.count = 0;
	if (state == CHAN_OK) {
		c->there = true;
		c->room = UNBOUND;
	}
	c->state = state;
}

void world_room(unsigned client, unsigned messages)
{
	clients[client].room = messages < UNBOUND ? messages : UNBOUND;
}
