// SPDX-License-Identifier: Apache-2.0
/* An image of a machine with wrong bytes in it: refused, or a machine whose devices stand what a guest does to them. */
#include <stdlib.h>
#include <string.h>
#include "services/vmm/save.h"
#include "tests/unit/vmm_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VCPUS = 2, EDIT = 5, ENDS = 24576 };

static struct harness h;
static uint8_t *image, *copy;
static size_t length;

static bool fetched(struct harness *x, uint64_t deadline)
{
	(void)deadline;
	x->m.cpu[x->entered].s->exit = VM_EXIT_TIMEOUT;
	return true;
}

static void make_image(void)
{
	size_t bound;

	harness_start_smp(&h, VCPUS);
	h.guest = fetched;
	bound = save_bound(&h.m);
	image = calloc(1, bound);
	copy = malloc(bound);
	length = save_write(&h.m, image, bound);
	if (length == 0)
		abort();
	memcpy(copy, image, length);
}

/* Where an edit goes: the RAM in the middle would swallow nearly all of them. */
static size_t place(const uint8_t *d)
{
	size_t at = ((size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3]) % (2 * ENDS);

	return at < ENDS ? at : length - (2 * ENDS - at);
}

static void use(void)
{
	machine_timers(&h.m, &h.m.cpu[0]);
	machine_timers(&h.m, &h.m.cpu[1]);
	for (uint32_t at = 0; at < 0x40; at += 4)
		(void)mem_in(&h, 0xc0000000 + at, 4);
	port_out(&h, 0x20, 1, 0x20);
	mem_out(&h, 0xfee000b0, 4, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s;
	size_t n;

	if (image == NULL)
		make_image();
	n = length - (size != 0 && data[0] == 255);
	harness_start_smp(&h, VCPUS);
	for (size_t i = 0; i + EDIT <= size; i += EDIT)
		copy[place(data + i)] ^= data[i + 4];
	save_seal(copy, n);
	if (save_read(&h.m, copy, n, &s))
		use();
	for (size_t i = 0; i + EDIT <= size; i += EDIT)
		copy[place(data + i)] = image[place(data + i)];
	memcpy(copy + length - SAVE_SUM - 1, image + length - SAVE_SUM - 1, SAVE_SUM + 1);
	return 0;
}
