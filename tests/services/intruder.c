// SPDX-License-Identifier: Apache-2.0
/*
 * A hostile component. First what the kernel must refuse with a status; then one forbidden access per life: root starts it again after
 * each death, and the number of its restarts picks the next. Test component of laboratory images.
 */
#include <stdlib.h>
#include <string.h>
#include "abi/calls.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/port.h"

static void check(bool good, const char *what)
{
	log_line("%s intruder: %s", good ? "ok" : "not ok", what);
}

/* Selectors that no call of this program filled. */
static bool is_own(sel_t s)
{
	return s == START_SEL_PD || s == START_SEL_WAKE || s >= START_SEL_CHAN;
}

static void try_capabilities(void)
{
	uint64_t v0, v1;
	unsigned got = 0;

	for (sel_t s = 0; s < 4096; s++) {
		if (is_own(s) && s < START_SEL_CHAN + START_MAX_CHAN)
			continue;
		got += sys_ctrl_sm(s, SM_UP, 0, &v0) == S_OK;
		got += sys_ctrl_hw(s, HW_PUTC, 'x', 0, &v0, &v1) == S_OK;
		got += sys_create_pd(2000, s, 64, 0) == S_OK;
		got += sys_derive(2001, s, 0, 4096, RIGHT_ALL) == S_OK;
		got += sys_revoke(s, REVOKE_OBJECT) == S_OK;
		got += sys_ipc_call(s, 0, &v0) == S_OK;
	}
	check(!got, "no capability but its own");
	check(sys_delegate(START_SEL_WAKE, START_SEL_PD, 100, RIGHT_ALL) != S_OK,
	      "may not copy even its own");
	check(sys_revoke(START_SEL_PD, REVOKE_OBJECT) != S_OK, "may not destroy its domain object");
	check(sys_ctrl_sm(START_SEL_CHAN, SM_DOWN, 1, &v0) == S_RIGHTS,
	      "may up but not take its server's semaphore");
}

static void try_exhaust(void)
{
	unsigned sms = 0, mib = 0;

	while (sys_create_sm((sel_t)(4096 + sms), START_SEL_PD, 0) == S_OK)
		sms++;
	check(sms > 100, "its kernel memory is its own, and ends");
	for (void **last = NULL, **p; (p = malloc(1 << 20)) != NULL; last = p, mib++)
		*p = last; /* never given back */
	check(mib && mib < 8, "so is its heap");
}

/* Fills both rings' words and data with noise, then waits a little: the server must bear it. */
static void try_channel(void)
{
	const struct start_info *info = start_info();

	for (uint32_t i = 0; i < info->chan_count; i++) {
		const struct start_chan *c = &info->chan[i];

		if (!strcmp(c->peer, "uart"))
			continue;
		for (unsigned round = 0; round < 200; round++) {
			uint64_t count;

			random_bytes((void *)c->va, c->size > 8192 ? 8192 : c->size);
			if (sys_ctrl_sm(c->peer_wake, SM_UP, 0, &count) != S_OK)
				return;
		}
		memset((void *)c->va, 0, 4096);
	}
	check(true, "noise in all its channels");
}

/* More lines than anybody may print. */
static void flood(void)
{
	uint64_t end;

	for (unsigned i = 0; i < 20000; i++)
		log_line("noise %u", i);
	end = now_ns() + 2000000000ull;
	while (now_ns() < end)
		component_wait(end);
	log_line("flood over");
}

static void sin(uint32_t number)
{
	const struct start_info *info = start_info();
	static volatile uint32_t sink;

	switch (number) {
	case 0:
		log_line("life 0: port 0x3f8");
		port_out8(0x3f8, 'X');
		break;
	case 1:
		log_line("life 1: port 0xcf8");
		port_out32(0xcf8, 1u << 31);
		break;
	case 2:
		log_line("life 2: kernel memory");
		sink = *(volatile uint32_t *)0xffffffff80000000ull;
		break;
	case 3:
		log_line("life 3: a page nobody gave");
		sink = *(volatile uint32_t *)0xfed40000ull;
		break;
	case 4:
		log_line("life 4: writing its start info");
		((volatile struct start_info *)info)->lab = 7;
		break;
	case 5:
		log_line("life 5: executing its heap");
		*(volatile uint8_t *)info->heap_va = 0xc3;
		((void (*)(void))info->heap_va)();
		break;
	case 6:
		log_line("life 6: writing its code");
		*(volatile uint8_t *)(uintptr_t)&sin = 0xc3;
		break;
	case 7:
		log_line("life 7: an MSR");
		__asm__ volatile("rdmsr" : : "c"(0xc0000080) : "eax", "edx");
		break;
	case 8:
		log_line("life 8: interrupts off");
		__asm__ volatile("cli");
		break;
	case 9:
		log_line("life 9: below its stack");
		sink = *(volatile uint32_t *)(0x7ff000000000ull - (1ull << 20));
		break;
	default:
		log_line("intruder done");
		flood();
		for (;;)
			component_wait(0);
	}
	check(false, sink ? "lived through it, and read" : "lived through it");
}

int main(void)
{
	if (start_info()->restart == 0) {
		try_capabilities();
		try_exhaust();
		try_channel();
	}
	sin(start_info()->restart);
	return 1;
}
