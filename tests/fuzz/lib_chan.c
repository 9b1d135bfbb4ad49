// SPDX-License-Identifier: Apache-2.0
/*
 * lib/chan.c as a server whose client writes arbitrary bytes: each round of input overwrites the shared memory. Somewhere the client's end
 * is closed while it goes on writing: no more is read than was there at the next look.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/runtime.h"

#define SIZE 0x3000u
static _Alignas(4096) uint8_t memory[SIZE];
static struct start_info info;
static bool closed;
static uint32_t left; /* bytes that may be read of the closed channel */

const struct start_info *start_info(void)
{
	return &info;
}

void component_wait(uint64_t deadline_ns)
{
	(void)deadline_ns;
}

void runtime_up(uint32_t sel)
{
	(void)sel;
}

static void fresh(void)
{
	struct msg m;

	atomic_store(&info.chan[0].state, START_CHAN_CLOSED);
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		chan_recv(c, &m, NULL, 0);
	memset(memory, 0, sizeof(memory));
	closed = false;
	info.chan[0] = (struct start_chan){ .peer = "client",
					    .proto = "test",
					    .va = (uintptr_t)memory,
					    .size = SIZE,
					    .side = 1,
					    .state = START_CHAN_OPEN,
					    .serial = info.chan[0].serial + 1,
					    .epoch = 1 };
	atomic_store(&info.chan_count, 1);
}

/* As one that keeps lines does, or a server of requests. */
static enum chan_result receive(struct chan *c, struct msg *m, uint8_t *buf, size_t cap, bool keeps)
{
	const struct chan_ring *q = &((struct chan_mem *)memory)->ring[0];
	enum chan_result r;

	if (!closed && atomic_load(&info.chan[0].state) != START_CHAN_OPEN) {
		closed = true;
		left = atomic_load(&q->head) - atomic_load(&q->tail);
	}
	r = keeps ? chan_drain(c, m, buf, cap) : chan_recv(c, m, buf, cap);
	if (!closed || r != CHAN_OK)
		return r;
	if (!keeps || left < m->len)
		__builtin_trap();
	left -= (m->len + 7) & ~7u;
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chan_mem *mem = (struct chan_mem *)memory;
	uint8_t buf[2048];
	struct chan *c;

	fresh();
	c = chan_open("client", "test");
	while (size > 8 && c == chan_open("client", "test")) {
		uint32_t head, n = data[4] % 64u;
		struct msg m;

		memcpy(&head, data, 4);
		n = n > size - 8 ? (uint32_t)(size - 8) : n;
		memcpy(memory + CHAN_HEADER + (head % 4032), data + 8, n);
		atomic_store(&mem->ring[0].head_epoch, data[5] & 1);
		atomic_store(&mem->ring[0].head, data[6] & 1 ? head : head % 4096);
		atomic_store(&mem->ring[1].tail, data[7]);
		if (data[5] > 200)
			atomic_store(&info.chan[0].state, START_CHAN_CLOSED);
		if (receive(c, &m, buf, sizeof(buf), data[5] & 2) == CHAN_OK)
			chan_answer(c, &m, CS_OK, 0, buf, m.len - sizeof(m));
		data += 8 + n;
		size -= 8 + n;
	}
	return 0;
}
