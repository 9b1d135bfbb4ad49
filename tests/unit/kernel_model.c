// SPDX-License-Identifier: Apache-2.0
/*
 * The model of the kernel's calls (tests/kernel/model.h) held against the kernel's common code: after every call the slots and pages themselves are
 * looked at, and now and then all that the kernel's structures promise.
 */
#include "kernel/inc/iommu.h"
#include "kernel/inc/pt.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "tests/kernel/model.h"
#include "tests/unit/kernel_host/world.h"
#include <stdlib.h>

const char *test_name = "kernel_model";

enum {
	RUNS = 60,
	CALLS = 2000,
	CHECK_EVERY = 64,
	MO = ROOT_FREE,
	PIO,
	DC,
	PDS, /* + actor */
	XCR0_X87 = 1,
	XCR0_SSE = 2,
	CALL_IP = 0x400000,
};

static struct ec *thread[MODEL_ACTORS];
static struct pd *domain[MODEL_ACTORS];
static unsigned int calls_made;

_Static_assert((int)MODEL_CALLS == (int)CALL_COUNT, "every call is in the model");

static void (*const calls[CALL_COUNT])(struct ec *) = CALL_TABLE;

/* A handler at the echo replies as it is; elsewhere its first instruction faults. */
static void run_handler(struct ec *h)
{
	if (h->regs.rip == CALL_IP && domain[0] && h->pd != world.root &&
	    (h->pd == domain[0] || h->pd == domain[1] || h->pd == domain[2])) {
		h->regs.rdi = h->regs.rsi;
		calls[CALL_IPC_REPLY_WAIT](h);
	} else {
		ec_stop_faulted(h);
	}
	if (host_cpu->resched || !host_cpu->ec)
		world_run();
}

/* The actor runs on root's time, which comes back. */
static uint32_t call(unsigned int actor, uint32_t number, const uint64_t *args, uint64_t *results)
{
	struct ec *e = thread[actor];
	uint32_t r;

	if (number >= CALL_COUNT)
		return S_BAD_CALL; /* kernel/src/syscall.c is not here */
	e->sc = world.ec->sc;
	e->sc->cur = e;
	e->run = EC_READY;
	world.ec->run = EC_CALLING;
	host_cpu->ec = e;
	r = world_call_as(e, number, args);
	while (r == S_WAITS && number == CALL_IPC_CALL && host_cpu->ec && host_cpu->ec != e) {
		run_handler(host_cpu->ec);
		r = host_cpu->ec == e ? (uint32_t)e->regs.rax : (uint32_t)S_WAITS;
		world.v0 = e->regs.rdi;
	}
	results[0] = world.v0;
	results[1] = world.v1;
	e->sc->cur = world.ec;
	e->sc = NULL;
	world.ec->run = EC_READY;
	host_cpu->ec = world.ec;
	return r == S_WAITS ? MODEL_STUCK : r;
}

static uint32_t live(unsigned int actor)
{
	uint32_t found = 0;

	for (unsigned int i = 0; i < MODEL_SLOTS; i++)
		found |= (uint32_t) !!world_slot(domain[actor], MODEL_FIRST + i) << i;
	return found;
}

static void look(unsigned int actor, struct model_page *pages)
{
	for (unsigned int i = 0; i < MODEL_PAGES; i++) {
		uint64_t size, e = ptab_lookup(&domain[actor]->space.ptab,
					       MODEL_VA + i * FRAME_SIZE, &size);

		pages[i] =
			(struct model_page){ e, e & 2, ((e & PTAB_ADDR) - RAM_BASE) / FRAME_SIZE };
	}
}

static void prepare(unsigned int actor, unsigned int i)
{
	uint64_t size,
		e = ptab_lookup(&domain[actor]->space.ptab, MODEL_VA + i * FRAME_SIZE, &size);
	struct vcpu_state *s = pa_ptr(e & PTAB_ADDR);

	s->xcr0 = XCR0_X87;
	s->dirty = VCPU_G_ALL;
}

static uint32_t no_memory(struct vcpu *v)
{
	(void)v;
	return VM_EXIT_MEMORY;
}

static void account(unsigned int actor, uint64_t *quota, uint64_t *used)
{
	*quota = domain[actor]->account.quota;
	*used = domain[actor]->account.used;
}

static enum status give(unsigned int actor, unsigned int gift, sel_t sel, uint32_t rights)
{
	uint64_t src = gift < GIFT_MO ? PDS + gift : MO + gift - GIFT_MO;

	return (enum status)CALL4(DELEGATE, src, PDS + actor, sel, rights);
}

static void end(unsigned int actor)
{
	world_call(CALL_REVOKE, PDS + actor, REVOKE_SELF, 0, 0, 0, 0);
	domain[actor] = NULL;
}

static void settle(void)
{
	const char *wrong;

	while (reap(1000))
		;
	if (calls_made++ % CHECK_EVERY)
		return;
	wrong = world_check();
	if (wrong)
		check(false, wrong);
}

static void text(const char *t)
{
	fputs(t, stdout);
}

static void number(uint64_t n)
{
	printf("%llu", (unsigned long long)n);
}

static const struct model_world host = {
	.cpus = 1,
	.guests = true,
	.dma = true,
	.echo = CALL_IP,
	.call = call,
	.live = live,
	.look = look,
	.prepare = prepare,
	.account = account,
	.give = give,
	.end = end,
	.settle = settle,
	.text = text,
	.number = number,
};

static void must(uint32_t status)
{
	if (status != S_OK)
		abort();
}

static void set_scene(void)
{
	struct ec_start start = { 0, 0x10000, 0x20000, CALL_IP };
	enum status s;

	world_make();
	fpu_mask = XCR0_X87 | XCR0_SSE;
	host_guest = no_memory;
	must(CALL5(DERIVE, MO, ROOT_MO, 0, MODEL_MO_PAGES * FRAME_SIZE, RIGHT_ALL));
	must(CALL5(DERIVE, PIO, ROOT_PIO, MODEL_PORT, MODEL_PORTS, RIGHT_ALL));
	must(CALL5(DERIVE, DC, ROOT_DC, MODEL_RID, MODEL_RIDS, RIGHT_ALL));
	for (unsigned int d = 0; d < MODEL_ACTORS; d++) {
		must(CALL4(CREATE_PD, PDS + d, ROOT_PD, MODEL_FRAMES, MODEL_PRIO));
		domain[d] = world_pd(PDS + d);
		thread[d] = ec_create(domain[d], &start, &s);
		must(s);
	}
}

static void run(uint64_t seed, struct model_figures *figures)
{
	uint64_t quota, used;
	char what[120];
	bool good;

	set_scene();
	quota = world.root->account.quota + MODEL_ACTORS * MODEL_FRAMES;
	used = world.root->account.used;
	good = model_run(&host, seed, CALLS, figures);
	good &= world.root->account.quota == quota && world.root->account.used == used;
	snprintf(what, sizeof(what), "seed %llu: %d calls as the model says, every frame back",
		 (unsigned long long)seed, CALLS);
	check(good && !world_check(), what);
}

int main(void)
{
	struct model_figures figures = { 0 };
	bool all = true;

	vm_choose();
	iommu_start();
	for (uint64_t s = 1; s <= RUNS && !failures(); s++)
		run(s * 1000003, &figures);
	for (unsigned int i = 0; i < CALL_COUNT; i++) {
		printf("# call %u: %llu, worked %llu\n", i, (unsigned long long)figures.made[i],
		       (unsigned long long)figures.worked[i]);
		all &= figures.worked[i] || i == CALL_IPC_REPLY_WAIT || i == CALL_CTRL_HW;
	}
	check(all, "every call that an actor may make worked");
	return failures();
}
