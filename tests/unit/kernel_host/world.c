// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/kernel_host/world.h"
#include "kernel/inc/console.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/lock.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/stats.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/boot.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct cpu *host_cpu;
struct cpu *cpus[CPU_MAX];
uint32_t cpu_count = 1;
uint64_t host_tsc = 1, kernel_root, tsc_khz = 1000000, fpu_mask, tlb_sent;
struct ticket_lock kernel_lock;
struct world world;
unsigned world_lines, host_timer_set;

static jmp_buf idle_return;
static void *pool;
static int failed;

/* What the kernel's common code expects of the rest. */

void host_idle(void)
{
	longjmp(idle_return, 1);
}

void lock_wait(uint32_t ticket)
{
	(void)ticket;
	abort();
}

void tlb_shoot(struct space *s)
{
	if (space_is_dma(s)) {
		if (s->dma_domain)
			iommu_ops->flush(s->dma_domain);
		return;
	}
	s->tlb_gen++;
}

void space_install_kernel(uint64_t *root)
{
	(void)root;
}

void arch_load_pd(struct cpu *cpu, struct pd *pd)
{
	cpu->pd = pd;
}

void fpu_reset(void *area)
{
	(void)area;
}

void fpu_import(void *area, const void *from, uint64_t n)
{
	memcpy(area, from, n);
}

void fpu_drop(struct ec *e)
{
	(void)e;
}

void lapic_ipi(uint32_t apic_id, uint8_t vector)
{
	(void)apic_id;
	(void)vector;
}

void lapic_timer(uint64_t deadline)
{
	host_timer_set += deadline != 0;
}

bool boot_is_ram(uint64_t base, uint64_t size)
{
	return base < RAM_BASE + RAM_SIZE && RAM_BASE < base + size;
}

void call_ctrl_hw(struct ec *self)
{
	ec_status(self, S_BAD_CAP);
}

void kprintf(const char *fmt, ...)
{
	world_lines += strchr(fmt, '\n') != NULL;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nnot ok %s: the kernel panics\n", test_name);
	fflush(stdout);
	abort();
}

/* The world. */

static sel_t put_range(sel_t sel, enum obj_type type, uint64_t base, uint64_t size)
{
	struct slot *s;

	if (cap_empty(world.root, sel, &s) != S_OK)
		abort();
	slot_set_range(s, type, base, size, RIGHT_ALL, 0);
	return sel;
}

static void put_object(sel_t sel, struct obj *o)
{
	struct slot *s;

	if (cap_empty(world.root, sel, &s) != S_OK)
		abort();
	slot_set_object(s, o);
}

static void make_root(void)
{
	struct ec_start start = { 0, 0x10000, 0x20000, 0x30000 };
	enum status s;
	struct sc *sc;

	world.root = pd_create(NULL, ROOT_FRAMES, PRIO_MAX);
	world.ec = ec_create(world.root, &start, &s);
	sc = sc_create(world.root, world.ec, 200, 0, 0);
	put_range(ROOT_PD, OBJ_PD, (uint64_t)&world.root->obj, 0);
	put_range(ROOT_MO, OBJ_MO, RAM_BASE, RAM_SIZE);
	put_range(ROOT_PIO, OBJ_PIO, 0, 65536);
	put_range(ROOT_DC, OBJ_DC, 0, 65536);
	put_object(ROOT_EC, &world.ec->obj);
	put_object(ROOT_SC, &sc->obj);
	sc_start(sc);
	sched_run();
}

void world_make(void)
{
	uint64_t size = WORLD_FRAMES * (uint64_t)FRAME_SIZE;

	while (reap(1000))
		;
	free(pool);
	pool = aligned_alloc(FRAME_SIZE, size);
	if (!pool)
		abort();
	memset(pool, 0x5a, size);
	pool_delta = (uint64_t)pool - 0x40000000;
	pool_init(0x40000000, size);
	free(trace_ring);
	trace_ring = calloc(1, sizeof(*trace_ring));
	if (host_cpu)
		free(host_cpu->stats);
	free(host_cpu);
	host_cpu = calloc(1, sizeof(*host_cpu));
	host_cpu->self = host_cpu;
	host_cpu->stats = calloc(1, sizeof(*host_cpu->stats));
	host_cpu->tss = NULL;
	cpus[0] = host_cpu;
	sched_init(host_cpu);
	make_root();
}

static void (*const calls[CALL_COUNT])(struct ec *) = CALL_TABLE;

void world_run(void)
{
	if (setjmp(idle_return))
		return;
	sched_run();
}

static void one_entry(struct ec *ec, uint32_t number)
{
	if (setjmp(idle_return))
		return;
	calls[number](ec);
	if (host_cpu->resched || !host_cpu->ec)
		sched_run();
}

uint32_t world_call_as(struct ec *ec, uint32_t number, const uint64_t args[6])
{
	uint64_t ip = 0x400000;

	do {
		ec->regs.rdi = args[0];
		ec->regs.rsi = args[1];
		ec->regs.rdx = args[2];
		ec->regs.r10 = args[3];
		ec->regs.r8 = args[4];
		ec->regs.r9 = args[5];
		ec->regs.rax = number;
		ec->regs.rip = ip;
		one_entry(ec, number);
		if (host_cpu->ec != ec)
			return S_WAITS;
	} while (ec->regs.rip != ip);
	world.v0 = ec->regs.rdi;
	world.v1 = ec->regs.rsi;
	return (uint32_t)ec->regs.rax;
}

uint32_t world_call(uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		    uint64_t f)
{
	return world_call_as(world.ec, number, (const uint64_t[6]){ a, b, c, d, e, f });
}

struct slot *world_slot(struct pd *pd, sel_t sel)
{
	struct slot *s = slot_at(pd->caps, sel);

	return s && s->type != OBJ_NONE ? s : NULL;
}

struct pd *world_pd(sel_t sel)
{
	struct slot *s = world_slot(world.root, sel);

	return s && s->type == OBJ_PD ? container_of(s->obj, struct pd, obj) : NULL;
}

/* Checks. */

static const char *check_slot(const struct slot *s)
{
	if (s->next && s->next->prev != s)
		return "derivation list broken";
	if (s->next && s->next->type == OBJ_NONE)
		return "empty slot on a derivation list";
	if (s->prev && s->prev->next != s)
		return "derivation list broken backwards";
	if (!s->prev && s->depth)
		return "first of its list is not the root";
	if (slot_has_object(s) && (s->flags & SLOT_ORIGIN) && s->obj->origin != s)
		return "origin mixed up";
	return NULL;
}

static const char *check_mapping(const struct mapping *m)
{
	uint64_t size;

	if (m->pio)
		return NULL;
	for (uint64_t at = 0; at < m->size; at += FRAME_SIZE) {
		uint64_t e = ptab_lookup(&m->space->ptab, m->va + at, &size);

		uint64_t pa = (e & PTAB_ADDR & ~(size - 1)) + (m->va + at) % size;

		if (!e)
			return "mapping without its page";
		if (pa < m->slot->base || pa >= m->slot->base + m->slot->size)
			return "mapping of memory outside its capability";
	}
	return NULL;
}

/* Frames of a domain, counted by what they are used for, less slabs. */
static uint64_t known_frames(const struct pd *pd)
{
	uint64_t n = 3;

	for (unsigned int i = 0; i < CAP_PAGES; i++)
		n += pd->caps[i] != NULL;
	return n;
}

static const char *check_pd(struct pd *pd, uint64_t *quota);

static const char *check_objects(struct pd *pd, uint64_t *quota)
{
	const char *wrong = NULL;

	for (struct list *l = pd->objects.next; l != &pd->objects && !wrong; l = l->next) {
		struct obj *o = container_of(l, struct obj, acct_link);

		if (o->acct != pd)
			return "object on another's list";
		if (o->type == OBJ_PD)
			wrong = check_pd(container_of(o, struct pd, obj), quota);
	}
	return wrong;
}

static const char *check_pd(struct pd *pd, uint64_t *quota)
{
	const char *wrong = NULL;
	uint32_t origins = 0;

	*quota += pd->account.quota;
	if (pd->account.used > pd->account.quota)
		return "account overdrawn";
	if (pd->obj.dead)
		return check_objects(pd, quota); /* its table is being taken apart */
	if (pd->account.used < known_frames(pd))
		return "frames not charged";
	for (sel_t sel = 0; sel < SEL_MAX && !wrong; sel++) {
		struct slot *s = slot_at(pd->caps, sel);

		if (!s) {
			sel += SLOTS_PER_PAGE - 1;
			continue;
		}
		if (s->type == OBJ_NONE)
			continue;
		if (s->pd != pd)
			return "slot of another domain";
		origins += s->flags & SLOT_ORIGIN;
		wrong = check_slot(s);
	}
	if (!wrong && origins != pd->origins)
		wrong = "first capabilities miscounted";
	for (struct list *l = pd->space.maps.next; l != &pd->space.maps && !wrong; l = l->next)
		wrong = check_mapping(container_of(l, struct mapping, space_link));
	return wrong ? wrong : check_objects(pd, quota);
}

const char *world_check(void)
{
	uint64_t quota = 0;
	const char *wrong = check_pd(world.root, &quota);

	if (!wrong && quota != ROOT_FRAMES)
		wrong = "frames lost or made";
	return wrong;
}

bool check(bool good, const char *what)
{
	printf("%s %s: %s\n", good ? "ok" : "not ok", test_name, what);
	failed |= !good;
	return good;
}

int failures(void)
{
	return failed;
}
