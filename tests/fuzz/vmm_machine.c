// SPDX-License-Identifier: Apache-2.0
/*
 * A hostile guest: any sequence of port and device-memory accesses, writes to RAM (rings), MSR exits, time, answers of
 * the disk, frames from the network, what is typed, and a restore of an arbitrary state. Whatever it does, only the guest's RAM may be touched.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/vmm_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OP = 12, USED = 0x8000, DEVICES = 4, BASES = 7 };

static struct harness h;

static void scripted_exit(const uint8_t *d)
{
	struct vcpu_state *s = &h.state;

	memcpy(&s->gpr[VCPU_RCX], d + 2, 4);
	memcpy(&s->gpr[VCPU_RAX], d + 6, 4);
	s->gpr[VCPU_RDX] = d[10];
	s->exit = d[11];
	s->insn_len = 2;
}

static const uint8_t *exit_bytes;

static bool guest(struct harness *x, uint64_t deadline)
{
	(void)x;
	(void)deadline;
	if (exit_bytes == NULL)
		return false;
	scripted_exit(exit_bytes);
	exit_bytes = NULL;
	return true;
}

static void run_exit(const uint8_t *d)
{
	exit_bytes = d;
	h.m.end = MACHINE_RUNS;
	machine_run(&h.m, 0);
}

static void restore(const uint8_t *d, size_t n)
{
	static uint8_t buf[MACHINE_STATE_MAX];
	struct state s;
	size_t at;

	state_save(&s, buf, sizeof(buf));
	machine_state(&s, &h.m);
	memcpy(&at, d + 2, sizeof(uint32_t));
	at = (at & UINT32_MAX) % s.at;
	memcpy(buf + at, d + 6, s.at - at < 6 ? s.at - at : 6);
	state_load(&s, buf, s.at - (n & 1));
	machine_state(&s, &h.m);
	if (s.bad)
		harness_again(&h, true, 0);
	h.guest = guest;
}

static void wire(uint32_t at, uint32_t value)
{
	static const uint8_t frame[FRAME_MAX + 1];

	if (at & 0x10000)
		vnet_link(&h.m.net, value & 1);
	h.frame_room = value & 7;
	vnet_receive(&h.m.net, frame, at % sizeof(frame));
	vnet_received(&h.m.net);
	vnet_resume(&h.m.net);
}

static void person(uint32_t at, const uint8_t *typed, size_t n)
{
	h.console_stuck = at & 1;
	machine_console_input(&h.m, typed, n);
}

static void step(const uint8_t *d)
{
	static const uint64_t base[BASES] = { 0xc0000000, 0xc0004000, 0xc0008000, 0xc000c000,
					      0xe0008000, 0xfec00000, 0xfee00000 };
	unsigned width = 1u << (d[1] & 3) % 3;
	uint32_t at, value;

	memcpy(&at, d + 2, 4);
	memcpy(&value, d + 6, 4);
	switch (d[0] % 11) {
	case 0:
		port_out(&h, (uint16_t)at, width, value);
		break;
	case 1:
		(void)port_in(&h, (uint16_t)at, width);
		break;
	case 2:
		mem_out(&h, base[(at >> 16) % BASES] + (at & 0x3fff), width, value);
		break;
	case 3:
		(void)mem_in(&h, base[(at >> 16) % BASES] + (at & 0x3fff), width);
		break;
	case 4:
		memcpy(h.ram + at % (USED - 4), &value, 4);
		break;
	case 5:
		h.tsc += value;
		machine_timers(&h.m, &h.m.cpu[0]);
		break;
	case 6:
		if (h.sent_count != 0)
			harness_answer(&h);
		break;
	case 7:
		run_exit(d);
		break;
	case 8:
		restore(d, at);
		break;
	case 9:
		person(at, d, OP);
		break;
	default:
		wire(at, value);
		break;
	}
}

/* Devices that are ready to be rung, so that short inputs reach the rings. All of them share their rings. */
static void make_ready(uint64_t bar)
{
	mem_out(&h, bar + 0x08, 4, 1);
	mem_out(&h, bar + 0x0c, 4, 1);
	for (unsigned q = 0; q < 2; q++) {
		mem_out(&h, bar + 0x16, 2, q);
		mem_out(&h, bar + 0x20, 4, 0x1000);
		mem_out(&h, bar + 0x28, 4, 0x2000);
		mem_out(&h, bar + 0x30, 4, 0x3000);
		mem_out(&h, bar + 0x1c, 2, 1);
	}
	mem_out(&h, bar + 0x14, 1, 15);
}

static void prepare(void)
{
	harness_again(&h, true, USED);
	h.guest = guest;
	for (unsigned device = 1; device <= DEVICES; device++) {
		port_out(&h, 0xcf8, 4, 0x80000004 | device << 11);
		port_out(&h, 0xcfc, 2, 7);
		make_ready(0xc0000000 + (device - 1) * VIRTIO_BAR_SIZE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare();
	for (size_t i = 0; i + OP <= size; i += OP)
		step(data + i);
	return 0;
}
