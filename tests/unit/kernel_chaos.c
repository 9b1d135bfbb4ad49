// SPDX-License-Identifier: Apache-2.0
/*
 * Threads of several domains make random calls of every kind, wait, call each other, fault, and die; time passes in jumps. Whatever they do, the kernel's
 * structures stay sound, and when all domains are gone every frame is back. Freed memory is filled with rubbish, so what still uses it shows.
 */
#include "kernel/inc/pt.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "tests/unit/kernel_host/world.h"
#include <stdlib.h>
#include <string.h>

const char *test_name = "kernel_chaos";

enum {
	CALLS = 60000,
	SEEDS = 12,
	SLOTS = 40,      /* selectors in play in each domain */
	PD_FIRST = 1000, /* root keeps its domains here */
	PDS = 4,
	PD_QUOTA = 120,
	RUBBISH = 0xdd,
};

#define IP 0x400000ull

void __real_slab_free(struct account *a, void *p);
void __wrap_slab_free(struct account *a, void *p);
void __real_frame_free(struct account *a, void *frame);
void __wrap_frame_free(struct account *a, void *frame);

/* The first word of freed memory links the free ones. */
void __wrap_slab_free(struct account *a, void *p)
{
	memset((char *)p + 8, RUBBISH, 56);
	__real_slab_free(a, p);
}

void __wrap_frame_free(struct account *a, void *frame)
{
	memset((char *)frame + 8, RUBBISH, FRAME_SIZE - 8);
	__real_frame_free(a, frame);
}

static uint64_t seed, done[CALL_COUNT];

static uint64_t next(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static uint64_t sel(void)
{
	return 1 + next(SLOTS);
}

/* Mostly one of e's capabilities of that type; an empty slot for OBJ_NONE. */
static uint64_t sel_of(const struct ec *e, enum obj_type type)
{
	uint64_t at = next(SLOTS);

	for (unsigned int i = 0; i < SLOTS && next(16); i++) {
		const struct slot *s = world_slot(e->pd, (sel_t)(1 + (at + i) % SLOTS));

		if ((s ? (enum obj_type)s->type : OBJ_NONE) == type)
			return 1 + (at + i) % SLOTS;
	}
	return sel();
}

static uint64_t page_va(void)
{
	return 0x10000000 + next(24) * FRAME_SIZE;
}

/* Types of the selectors among a call's first three arguments. */
static const uint8_t selectors[CALL_COUNT][3] = {
	[CALL_IPC_CALL] = { OBJ_PT },
	[CALL_CREATE_PD] = { OBJ_NONE, OBJ_PD },
	[CALL_CREATE_SPACE] = { OBJ_NONE, OBJ_PD },
	[CALL_CREATE_EC] = { OBJ_NONE, OBJ_PD },
	[CALL_CREATE_SC] = { OBJ_NONE, OBJ_PD, OBJ_EC },
	[CALL_CREATE_PT] = { OBJ_NONE, OBJ_PD, OBJ_EC },
	[CALL_CREATE_SM] = { OBJ_NONE, OBJ_PD },
	[CALL_DERIVE] = { OBJ_NONE, OBJ_MO },
	[CALL_DELEGATE] = { OBJ_MO, OBJ_PD, OBJ_NONE },
	[CALL_MAP] = { OBJ_MO, OBJ_PD },
	[CALL_UNMAP] = { OBJ_PD },
	[CALL_CTRL_KMEM] = { OBJ_PD, OBJ_PD },
	[CALL_CTRL_EC] = { OBJ_EC },
	[CALL_CTRL_SC] = { OBJ_SC },
	[CALL_CTRL_SM] = { OBJ_SM },
	[CALL_ASSIGN] = { OBJ_DC, OBJ_NONE, OBJ_SM },
};

/* Arguments that are no selectors, made likely. */
static void shape_values(struct regs *r, uint64_t number)
{
	switch (number) {
	case CALL_IPC_CALL:
		r->rsi = next(UTCB_WORDS + 2);
		break;
	case CALL_IPC_REPLY_WAIT:
		r->rdi = next(UTCB_WORDS + 2);
		break;
	case CALL_CREATE_PD:
		r->rdx = next(20);
		r->r10 = next(10) ? 0 : next(300);
		break;
	case CALL_CREATE_SPACE:
	case CALL_CREATE_SM:
		r->rdx = next(3);
		break;
	case CALL_CREATE_EC:
		r->rdx = next(2) ? EC_LOCAL : 0;
		r->r10 = page_va();
		r->r8 = r->r9 = IP;
		break;
	case CALL_CREATE_SC:
		r->r10 = next(20) ? 1 + next(190) : 256;
		r->r8 = next(2) ? 0 : 100 + next(1000);
		r->r9 = r->r8 + next(2000);
		break;
	case CALL_CREATE_PT:
		r->r10 = IP;
		break;
	case CALL_DERIVE:
		r->rdx = next(4) * FRAME_SIZE;
		r->r10 = (1 + next(400)) * FRAME_SIZE;
		r->r8 = RIGHT_ALL;
		break;
	case CALL_DELEGATE:
		r->r10 = next(4) ? (uint64_t)RIGHT_ALL : next(RIGHT_ALL);
		break;
	case CALL_MAP:
		r->rdx = next(8) ? page_va() : 0;
		r->r10 = next(3) * FRAME_SIZE;
		r->r8 = next(2) ? (1 + next(4)) * FRAME_SIZE : 200 * (uint64_t)FRAME_SIZE;
		r->r9 = next(4) ? RIGHT_RW : 1 + next(7);
		break;
	case CALL_UNMAP:
		r->rsi = page_va();
		r->rdx = (1 + next(100)) * FRAME_SIZE;
		break;
	case CALL_REVOKE:
		r->rsi = next(3);
		break;
	case CALL_CTRL_KMEM:
		r->rdx = next(10);
		break;
	case CALL_CTRL_EC:
		r->rsi = next(4) ? 1 + next(5) : EC_KILL;
		break;
	case CALL_CTRL_SM:
		r->rsi = next(4);
		r->rdx = next(2) ? host_tsc + next(5000000) : 0;
		break;
	case CALL_ASSIGN:
		r->rsi = r->r10 = 0;
		break;
	default:
		break;
	}
}

static void shape(struct ec *e, uint64_t number)
{
	static const enum obj_type any[] = {
		OBJ_MO, OBJ_PIO, OBJ_PT, OBJ_SM, OBJ_EC, OBJ_SC, OBJ_PD
	};
	struct regs *r = &e->regs;
	uint64_t *arg[6] = { &r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9 };

	for (unsigned int i = 0; i < 6; i++)
		*arg[i] = next(3) ? sel() : next(UINT64_MAX);
	for (unsigned int i = 0; i < 3; i++)
		*arg[i] = sel_of(e, (enum obj_type)selectors[number][i]);
	if (number == CALL_REVOKE || (number == CALL_DELEGATE && next(2)))
		r->rdi = sel_of(e, any[next(sizeof(any) / sizeof(any[0]))]);
	if (number == CALL_MAP && !next(4))
		r->rdi = sel_of(e, OBJ_PIO);
	if (number == CALL_CTRL_EC)
		r->rdx = sel_of(e, OBJ_PT);
	shape_values(r, number);
	if (number == CALL_MAP && !r->rdx) {
		r->r10 = next(100);
		r->r8 = 1 + next(20);
	}
	r->rax = number;
}

/* Root must stay: its thread neither waits without end nor ends itself. */
static bool harmless(const struct ec *e, uint64_t number)
{
	const struct regs *r = &e->regs;

	if (e->pd != world.root)
		return true;
	if (number == CALL_IPC_CALL || number == CALL_CTRL_EC)
		return false;
	if (number == CALL_CTRL_SM)
		return r->rsi == SM_UP || (r->rdx > host_tsc && r->rdx < host_tsc + 10000000);
	if (number != CALL_REVOKE && number != CALL_DELEGATE)
		return true;
	return r->rdi != ROOT_EC && r->rdi != ROOT_SC && r->rdi != ROOT_PD;
}

static void (*const calls[CALL_COUNT])(struct ec *) = CALL_TABLE;

static void kernel_call(struct ec *e)
{
	uint64_t number = e->regs.rax;

	calls[number](e);
	if (host_cpu->ec != e || (e->regs.rip == IP && e->regs.rax == S_OK))
		done[number]++;
}

static void one_call(struct ec *e)
{
	uint64_t number = next(CALL_COUNT);

	if ((number == CALL_REVOKE || number == CALL_CTRL_EC) && next(6))
		number = CALL_IPC_CALL;

	/* A call that is run again; now and then its registers have changed, as a fault handler can do. */
	if (e->regs.rip != IP - 2 || !next(10)) {
		shape(e, number);
		if (!harmless(e, number))
			return;
	}
	e->regs.rip = IP;
	kernel_call(e);
}

static void one_fault(struct ec *e)
{
	if (e->pd == world.root || e->regs.rip == IP - 2 || ipc_send_fault(e, 6, 0, 0))
		return;
	ec_stop_faulted(e);
}

static void one_event(void)
{
	struct ec *e = host_cpu->ec;
	uint64_t what = next(100);

	if (!e || what < 10) {
		host_tsc += next(3000000);
		sched_tick();
	} else if (what == 10 && !next(8)) {
		one_fault(e);
	} else {
		one_call(e);
	}
	if (host_cpu->resched || !host_cpu->ec)
		world_run();
}

static void give(uint64_t pd)
{
	for (unsigned int i = 0; i < 6; i++)
		world_call(CALL_DELEGATE, next(2) ? ROOT_MO : PD_FIRST + next(PDS), pd, sel(),
			   RIGHT_ALL, 0, 0);
	world_call(CALL_DELEGATE, pd, pd, 1 + next(5), RIGHT_ALL, 0, 0);
	world_call(CALL_DELEGATE, ROOT_PIO, pd, sel(), RIGHT_ALL, 0, 0);
	world_call(CALL_DELEGATE, ROOT_DC, pd, sel(), RIGHT_ALL, 0, 0);
}

/* A domain with two threads and a server in it; root at highest priority does it between the others' calls. */
static void populate(uint64_t pd)
{
	uint64_t s = 2000 + (pd - PD_FIRST) * 8;

	world_call(CALL_REVOKE, pd, REVOKE_SELF, 0, 0, 0, 0);
	world_call(CALL_CREATE_PD, pd, ROOT_PD, PD_QUOTA, 0, 0, 0);
	give(pd);
	for (uint64_t i = 0; i < 2; i++) {
		world_call(CALL_CREATE_EC, s + i, pd, 0, 0x20000000 + i * FRAME_SIZE, IP, IP);
		world_call(CALL_CREATE_SC, s + 2 + i, pd, s + i, 100 + next(90), next(2) ? 0 : 500,
			   1000);
	}
	world_call(CALL_CREATE_EC, s + 4, pd, EC_LOCAL, 0x20003000, IP, IP);
	world_call(CALL_CREATE_PT, s + 5, pd, s + 4, IP, 7, 0);
	for (uint64_t i = 0; i < PDS; i++)
		world_call(CALL_DELEGATE, s + 5, PD_FIRST + i, sel(), RIGHT_ALL, 0, 0);
	for (uint64_t i = 0; i < 5; i++)
		world_call(CALL_DELEGATE, s + i, PD_FIRST + next(PDS), sel(), RIGHT_ALL, 0, 0);
}

/* Back to root's thread, wherever it waits. */
static bool root_again(void)
{
	for (unsigned int i = 0; i < 10000; i++) {
		host_tsc += 1000000;
		sched_tick();
		if (world.ec->run != EC_READY && i > 1000)
			ec_wake(world.ec, S_OK);
		world_run();
		if (host_cpu->ec == world.ec)
			return true;
	}
	return false;
}

static bool finish_pending(void)
{
	for (unsigned int i = 0; i < 10000 && world.ec->regs.rip == IP - 2; i++) {
		world.ec->regs.rip = IP;
		kernel_call(world.ec);
		if (host_cpu->ec != world.ec && !root_again())
			return false;
	}
	return host_cpu->ec == world.ec;
}

static bool clean_up(uint64_t quota)
{
	if (!root_again() || !finish_pending())
		return false;
	for (uint64_t i = 1; i < 3000; i++)
		if (i != ROOT_PD && i != ROOT_EC && i != ROOT_SC &&
		    world_slot(world.root, (sel_t)i))
			world_call(CALL_REVOKE, i, REVOKE_SELF, 0, 0, 0, 0);
	return world.root->account.quota == quota;
}

static void run(uint64_t with)
{
	const char *wrong = NULL;
	uint64_t quota;
	char text[120];
	bool clean;
	unsigned int i;

	seed = with;
	world_make();
	world.ec->sc->prio = 199;
	quota = world.root->account.quota;
	for (uint64_t p = 0; p < PDS; p++)
		populate(PD_FIRST + p);
	for (i = 0; i < CALLS && !wrong; i++) {
		one_event();
		if (i % 500 == 499 && root_again() && finish_pending())
			populate(PD_FIRST + next(PDS));
		if (i % 50 == 0)
			wrong = world_check();
	}
	clean = !wrong && clean_up(quota);
	wrong = wrong ? wrong : world_check();
	snprintf(text, sizeof(text),
		 "seed %llu: %u random events, sound to the end, every frame back",
		 (unsigned long long)with, i);
	if (!check(clean && !wrong, text))
		printf("# %s, quota %llu of %llu\n", wrong ? wrong : "sound",
		       (unsigned long long)world.root->account.quota, (unsigned long long)quota);
}

int main(void)
{
	for (uint64_t s = 1; s <= SEEDS; s++)
		run(s * 7919);
	for (unsigned int i = 0; i < CALL_COUNT; i++)
		printf("# call %u worked %llu times\n", i, (unsigned long long)done[i]);
	return failures();
}
