// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/vmm_driver.h"

struct harness h;
uint32_t bar, io;

struct ring *ring(unsigned q)
{
	return (struct ring *)(void *)(h.ram + QUEUE + q * QUEUE_STEP);
}

uint32_t driver_config(unsigned device, unsigned at)
{
	port_out(&h, 0xcf8, 4, 0x80000000u | device << 11 | at);
	return port_in(&h, 0xcfc, 4);
}

static const struct virtio *device_of(unsigned device)
{
	const struct virtio *v[] = {
		[RNG] = &h.m.rng.v, [DISK] = &h.m.disk.v, [NET] = &h.m.net.v, [HVC] = &h.m.hvc.v
	};

	return v[device];
}

static void set_vector(unsigned entry, uint32_t vector)
{
	mem_out(&h, bar + 0x3000 + 16 * entry, 4, 0xfee00000);
	mem_out(&h, bar + 0x3004 + 16 * entry, 4, 0);
	mem_out(&h, bar + 0x3008 + 16 * entry, 4, vector);
	mem_out(&h, bar + 0x300c + 16 * entry, 4, 0);
}

static void enable_msix(unsigned device)
{
	driver_config(device, device_of(device)->msix_cap);
	port_out(&h, 0xcfe, 2, 0x8000);
	set_vector(0, VECTOR + 2);
	set_vector(1, VECTOR);
	set_vector(2, VECTOR + 1);
	mem_out(&h, bar + 0x10, 2, 0);
}

void driver_features(uint32_t low)
{
	mem_out(&h, bar + 0x14, 1, 3);
	mem_out(&h, bar + 0x08, 4, 0);
	mem_out(&h, bar + 0x0c, 4, low);
	mem_out(&h, bar + 0x08, 4, 1);
	mem_out(&h, bar + 0x0c, 4, 1);
	mem_out(&h, bar + 0x14, 1, 11);
}

static void set_queue(unsigned q)
{
	uint32_t at = QUEUE + q * QUEUE_STEP;

	mem_out(&h, bar + 0x16, 2, q);
	mem_out(&h, bar + 0x18, 2, SIZE);
	mem_out(&h, bar + 0x1a, 2, 1 + q);
	mem_out(&h, bar + 0x20, 4, at);
	mem_out(&h, bar + 0x28, 4, at + offsetof(struct ring, avail_flags));
	mem_out(&h, bar + 0x30, 4, at + offsetof(struct ring, used_flags));
	mem_out(&h, bar + 0x1c, 2, 1);
}

void driver_start(unsigned device, uint32_t features)
{
	harness_start(&h, true);
	mem_out(&h, 0xfee000f0, 4, 0x1ff);
	bar = driver_config(device, 0x10) & ~15u;
	io = driver_config(device, 0x14) & ~3u;
	driver_config(device, 4);
	port_out(&h, 0xcfc, 2, 7);
	enable_msix(device);
	driver_features(features);
	for (unsigned q = 0; q < device_of(device)->queues; q++)
		set_queue(q);
	mem_out(&h, bar + 0x14, 1, 15);
}

void driver_descriptor(unsigned q, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
		       uint16_t next)
{
	ring(q)->desc[i].addr = addr;
	ring(q)->desc[i].len = len;
	ring(q)->desc[i].flags = flags;
	ring(q)->desc[i].next = next;
}

void driver_submit(unsigned q, uint16_t head)
{
	struct ring *r = ring(q);

	r->avail[r->avail_idx % SIZE] = head;
	r->avail_idx++;
	port_out(&h, (uint16_t)(io + 4 * q), 2, 0);
}

bool driver_interrupt(unsigned n)
{
	struct lapic *l = &h.m.cpu[0].lapic;

	if (lapic_pending(l) != (int)(VECTOR + n))
		return false;
	lapic_accept(l, (uint8_t)(VECTOR + n));
	mem_out(&h, 0xfee000b0, 4, 0);
	return true;
}

bool driver_interrupted(void)
{
	return driver_interrupt(0);
}
