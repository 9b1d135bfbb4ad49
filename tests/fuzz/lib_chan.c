// SPDX-License-Identifier: Apache-2.0
/* lib/chan.c as a server whose client writes arbitrary bytes: each round of input overwrites the shared memory. */
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/runtime.h"

#define SIZE 0x3000u
static _Alignas(4096) uint8_t memory[SIZE];
static struct start_info info;

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chan_mem *mem = (struct chan_mem *)memory;
	uint8_t buf[2048];
	struct chan *c;

	fresh();
	c = chan_open("client", "test");
	while (size > 8) {
		uint32_t head, n = data[4] % 64u;
		struct msg m;

		memcpy(&head, data, 4);
		n = n > size - 8 ? (uint32_t)(size - 8) : n;
		memcpy(memory + CHAN_HEADER + (head % 4032), data + 8, n);
		atomic_store(&mem->ring[0].head_epoch, data[5] & 1);
		atomic_store(&mem->ring[0].head, data[6] & 1 ? head : head % 4096);
		atomic_store(&mem->ring[1].tail, data[7]);
		if (chan_recv(c, &m, buf, sizeof(buf)) == CHAN_OK)
			chan_answer(c, &m, CS_OK, 0, buf, m.len - sizeof(m));
		data += 8 + n;
		size -= 8 + n;
	}
	return 0;
}
