// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/ktest.h"

/* Program headers of our own image (ELF-64, linker/component.ld). */
struct program {
	uint32_t type, flags;
	uint64_t offset, va, pa, filled, size, align;
};

enum {
	ELF_PHOFF = 32,
	ELF_PHNUM = 56,
	LOAD = 1,
	FLAG_X = 1,
	FLAG_W = 2,
	STACK_SIZE = 0x4000,
};

struct seen_fault seen;

static const struct root_part *own_part(void)
{
	for (uint32_t i = 0; i < lab_root->part_count; i++)
		if (!__builtin_memcmp(lab_root->part[i].name, "root", 5))
			return &lab_root->part[i];
	lab_must(S_BAD_PARAM, "find own image");
	return NULL;
}

static uint64_t pages(uint64_t bytes)
{
	return (bytes + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

static const uint8_t *own_image(void)
{
	static const uint8_t *image;
	const struct root_part *part = own_part();
	uint64_t va;

	if (image)
		return image;
	va = lab_va(pages(part->size) / PAGE_SIZE);
	lab_must(sys_map(part->sel, lab_root->pd, va, 0, pages(part->size), RIGHT_R),
		 "map own image");
	image = (const uint8_t *)va;
	return image;
}

static void map_segment(struct domain *d, const struct program *p)
{
	const uint8_t *image = own_image();
	uint8_t *copy;

	if (!(p->flags & FLAG_W)) {
		lab_must(sys_map(d->image_mo, d->pd, p->va, p->offset, pages(p->size),
				 p->flags & FLAG_X ? RIGHT_RX : RIGHT_R),
			 "map image");
		return;
	}
	copy = lab_alloc(pages(p->size), &d->data_mo);
	for (uint64_t i = 0; i < p->filled; i++)
		copy[i] = image[p->offset + i];
	lab_must(sys_map(d->data_mo, d->pd, p->va, 0, pages(p->size), RIGHT_RW), "map data");
}

static void map_image(struct domain *d)
{
	const uint8_t *image = own_image();
	const struct program *p = (const void *)(image + *(const uint64_t *)(image + ELF_PHOFF));
	uint16_t count = *(const uint16_t *)(image + ELF_PHNUM);

	d->image_mo = lab_sel();
	lab_must(sys_derive(d->image_mo, own_part()->sel, 0, pages(own_part()->size), RIGHT_ALL),
		 "derive image");
	for (uint16_t i = 0; i < count; i++)
		if (p[i].type == LOAD)
			map_segment(d, &p[i]);
}

void domain_make(struct domain *d, uint64_t frames)
{
	domain_make_below(d, frames, 0);
}

void domain_make_below(struct domain *d, uint64_t frames, uint64_t max_prio)
{
	void *stack;

	*d = (struct domain){ .pd = lab_sel(), .ec = lab_sel(), .sc = lab_sel(), .sm = lab_sel() };
	lab_must(sys_create_pd(d->pd, lab_root->pd, frames, max_prio), "create pd");
	lab_must(sys_ctrl_ec(d->pd, EC_NAME, 0x6e69616d6f64, 0, &(uint64_t){ 0 }, &(uint64_t){ 0 }),
		 "name pd");
	map_image(d);
	stack = lab_alloc(STACK_SIZE, &d->stack_mo);
	(void)stack;
	lab_must(sys_map(d->stack_mo, d->pd, KT_STACK_TOP - STACK_SIZE, 0, STACK_SIZE, RIGHT_RW),
		 "map stack");
	d->shared = lab_alloc(PAGE_SIZE, &d->shared_mo);
	lab_must(sys_map(d->shared_mo, d->pd, KT_SHARED, 0, PAGE_SIZE, RIGHT_RW), "map shared");
	lab_must(sys_create_sm(d->sm, d->pd, 0), "create sm");
	lab_must(sys_delegate(d->pd, d->pd, KT_SEL_PD,
			      RIGHT_PAY | RIGHT_MAP | RIGHT_EC | RIGHT_DELEGATE),
		 "delegate pd");
	lab_must(sys_delegate(d->sm, d->pd, KT_SEL_SM, RIGHT_UP | RIGHT_DOWN), "delegate sm");
}

void domain_run(struct domain *d, uint32_t cpu, uint64_t prio, void (*fn)(void))
{
	lab_must(sys_create_ec(d->ec, d->pd, cpu, KT_UTCB, KT_STACK_TOP - 8, (uint64_t)fn),
		 "create ec");
	if (prio)
		lab_must(sys_create_sc(d->sc, d->pd, d->ec, prio, 0, 0), "create sc");
}

/* The handler's function ends with ipc_reply_wait; entered with rsp 8 below a multiple of 16, as after a call. */
sel_t domain_server(struct domain *d, uint32_t cpu, void (*entry)(uint64_t id, uint64_t words),
		    uint64_t id)
{
	sel_t pt = lab_sel();

	lab_must(sys_create_ec(d->ec, d->pd, cpu | EC_LOCAL, KT_UTCB, KT_STACK_TOP - 8, 0),
		 "create server");
	lab_must(sys_create_pt(pt, d->pd, d->ec, (uint64_t)entry, id), "create portal");
	return pt;
}

static void drop(sel_t sel)
{
	if (sel)
		lab_must(sys_revoke(sel, REVOKE_SELF), "revoke");
}

void domain_end(struct domain *d)
{
	drop(d->pd);
	drop(d->shared_mo);
	drop(d->stack_mo);
	drop(d->data_mo);
	drop(d->image_mo);
}

_Noreturn void kt_stop(void)
{
	uint64_t count;

	for (;;)
		(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &count);
}

uint64_t root_used(void)
{
	uint64_t quota, used = 0;

	lab_must(sys_ctrl_kmem(lab_root->pd, lab_root->pd, 0, &quota, &used), "ask for memory");
	return used;
}

uint64_t root_quota(void)
{
	uint64_t quota = 0, used;

	lab_must(sys_ctrl_kmem(lab_root->pd, lab_root->pd, 0, &quota, &used), "ask for memory");
	return quota;
}

static sel_t fault_done;

static void fault_entry(uint64_t id, uint64_t words)
{
	struct utcb *u = utcb_self();
	uint64_t count;

	if (words == FAULT_WORDS) {
		seen.id = id;
		seen.vector = u->msg[FAULT_VECTOR];
		seen.error = u->msg[FAULT_ERROR];
		seen.cr2 = u->msg[FAULT_CR2];
		seen.ip = u->msg[FAULT_IP];
		seen.count++;
	}
	(void)!sys_ctrl_sm(fault_done, SM_UP, 0, &count);
	u->msg[0] = FAULT_REPLY_STOP;
	sys_ipc_reply_wait(1);
}

sel_t root_server(uint32_t cpu, void (*entry)(uint64_t id, uint64_t words), uint64_t id)
{
	sel_t mo, ec = lab_sel(), pt = lab_sel();
	uint64_t stack = (uint64_t)lab_alloc(STACK_SIZE, &mo) + STACK_SIZE;

	lab_must(sys_create_ec(ec, lab_root->pd, cpu | EC_LOCAL, lab_va(1), stack - 8, 0),
		 "create handler");
	lab_must(sys_create_pt(pt, lab_root->pd, ec, (uint64_t)entry, id), "create portal");
	return pt;
}

sel_t fault_portal(uint32_t cpu, sel_t done, uint64_t id)
{
	fault_done = done;
	return root_server(cpu, fault_entry, id);
}

uint64_t kt_call(uint64_t number, const uint64_t *args, uint64_t *results)
{
	uint64_t rdi = args[0], rsi = args[1];

	__asm__ volatile("mov 16(%[a]), %%rdx\n\t"
			 "mov 24(%[a]), %%r10\n\t"
			 "mov 32(%[a]), %%r8\n\t"
			 "mov 40(%[a]), %%r9\n\t"
			 "syscall"
			 : "+a"(number), "+D"(rdi), "+S"(rsi)
			 : [a] "b"(args)
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
	results[0] = rdi;
	results[1] = rsi;
	return number;
}

bool wait_sm(sel_t sm, uint64_t ms)
{
	uint64_t count;

	return sys_ctrl_sm(sm, SM_DOWN, lab_tsc() + ms * lab_root->tsc_khz, &count) == S_OK;
}

void sleep_ms(uint64_t ms)
{
	static sel_t sm;

	if (!sm) {
		sm = lab_sel();
		lab_must(sys_create_sm(sm, lab_root->pd, 0), "create sm");
	}
	wait_sm(sm, ms);
}

uint64_t state_of(sel_t ec)
{
	uint64_t state = 99, ticks;

	(void)!sys_ctrl_ec(ec, EC_STATE, 0, 0, &state, &ticks);
	return state;
}
