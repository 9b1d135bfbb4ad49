// SPDX-License-Identifier: Apache-2.0
/* Domains: protection domain, image, memory, wake semaphores, thread. */
#include <string.h>
#include "abi/elf.h"
#include "lib/component.h"
#include "services/root/kernel/kernel.h"

/* Where a component is linked: linker/component.ld. */
#define COMPONENT_LOW  0x10000ull
#define COMPONENT_HIGH START_INFO_VA

static void set_name(sel_t sel, const char *label)
{
	uint64_t word[2] = { 0 }, v0, v1;
	enum status s;

	memcpy(word, label, strnlen(label, sizeof(word)));
	s = sys_ctrl_ec(sel, EC_NAME, word[0], word[1], &v0, &v1);
	(void)s; /* the name is for the kernel's log only */
}

bool domain_new(struct domain *d, const struct manifest_component *c, uint32_t frames,
		const char *label, uint32_t number)
{
	static uint32_t round;

	*d = (struct domain){ .number = number, .pd = sel_new() };
	d->cpu = (c->cpu == MANIFEST_NONE ? ++round : c->cpu) % root->cpu_count;
	if (!d->pd || sys_create_pd(d->pd, root->pd, frames, c->prio) != S_OK) {
		sel_free(d->pd);
		*d = (struct domain){ 0 };
		return false;
	}
	d->used = true;
	set_name(d->pd, label);
	memcpy(d->label, label, strnlen(label, sizeof(d->label) - 1));
	return sys_delegate(d->pd, d->pd, START_SEL_PD, RIGHT_PAY | RIGHT_MAP | RIGHT_EC) == S_OK;
}

void domain_free(struct domain *d)
{
	sel_drop(&d->pd);
	for (uint32_t cpu = 0; cpu < START_MAX_CPU; cpu++)
		sel_drop(&d->pt[cpu]);
	if (d->ec)
		sel_free(d->ec);
	if (d->sc)
		sel_free(d->sc);
	*d = (struct domain){ 0 };
}

bool domain_give(struct domain *d, const struct area *a, uint64_t va, enum give rights,
		 uint64_t *at)
{
	*at = va;
	return sys_map(a->sel, d->pd, va, 0, a->size, rights) == S_OK;
}

bool domain_give_mem(struct domain *d, const struct area *a)
{
	return sys_delegate(a->sel, d->pd, START_SEL_MEM, RIGHT_RW | RIGHT_X) == S_OK;
}

/* Pages of the measured part itself. */
static const char *map_part(struct domain *d, const struct root_part *p,
			    const struct elf_segment *s)
{
	uint64_t size = (s->mem_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ull);
	uint64_t rights = s->flags & ELF_X ? RIGHT_RX : RIGHT_R;

	if (s->offset % PAGE_SIZE || s->file_size != s->mem_size)
		return "read-only segment that is not whole pages of the file";
	return sys_map(p->sel, d->pd, s->va, s->offset, size, rights) == S_OK
		       ? NULL
		       : "no kernel memory for its image";
}

static const char *copy_part(struct domain *d, const uint8_t *file, const struct elf_segment *s,
			     struct area *own)
{
	uint64_t at;
	uint8_t *to;

	if (own->size)
		return "two writable segments";
	if (!area_new(own, (s->mem_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ull), PAGE_SIZE))
		return "no memory for its data";
	to = area_window(own, own->size);
	if (!to)
		return "no kernel memory for its data";
	memcpy(to, file + s->offset, s->file_size);
	area_unwindow(own);
	return domain_give(d, own, s->va, GIVE_RW, &at) ? NULL : "no kernel memory for its data";
}

const char *domain_load(struct domain *d, const char *image, struct area *own)
{
	const struct root_part *p = part_find(image);
	const uint8_t *file = (const uint8_t *)(ROOT_WINDOW + (p ? p->base : 0));
	const char *wrong;
	struct elf e;

	if (!p)
		return "its image is no boot part";
	wrong = elf_read(&e, file, p->size, COMPONENT_LOW, COMPONENT_HIGH);
	if (wrong)
		return wrong;
	for (uint32_t i = 0; i < e.count && !wrong; i++) {
		const struct elf_segment *s = &e.segment[i];

		wrong = s->flags & ELF_W ? copy_part(d, file, s, own) : map_part(d, p, s);
	}
	d->entry = e.entry;
	return wrong;
}

bool domain_rom(struct domain *d, uint32_t n, const char *part, struct start_rom *rom)
{
	bool log = !strcmp(part, "eventlog");
	const struct root_part *p = log ? NULL : part_find(part);
	uint64_t size = log ? root->log_size : p ? p->size : 0;

	if (!size)
		return false;
	*rom = (struct start_rom){ .va = LAYOUT_ROM + (uint64_t)n * (1u << 30), .size = size };
	memcpy(rom->name, part, strnlen(part, START_NAME - 1));
	if (p)
		memcpy(rom->digest, p->digest, sizeof(rom->digest));
	return sys_map(p ? p->sel : root->mo_log, d->pd, rom->va, 0,
		       (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ull), RIGHT_R) == S_OK;
}

/* Of its own thread, and of those it may make. */
static bool make_fault_portals(struct domain *d, const struct manifest_component *c)
{
	uint32_t first = c->threads > 1 ? 0 : d->cpu,
		 end = c->threads > 1 ? root->cpu_count : d->cpu + 1;

	faults_expect(d->number);
	for (uint32_t cpu = first; cpu < end; cpu++) {
		d->pt[cpu] = fault_portal(d->number, cpu);
		if (!d->pt[cpu])
			return false;
		if (c->threads > 1 &&
		    sys_delegate(d->pt[cpu], d->pd, START_SEL_FAULT + cpu, RIGHT_CALL) != S_OK)
			return false;
	}
	return true;
}

bool domain_run(struct domain *d, const struct manifest_component *c, const struct area *info)
{
	uint64_t v0, v1;

	(void)info;
	d->ec = sel_new();
	d->sc = sel_new();
	if (!d->ec || !d->sc || !make_fault_portals(d, c) ||
	    sys_create_ec(d->ec, d->pd, d->cpu, LAYOUT_UTCB, LAYOUT_STACK_TOP, d->entry) != S_OK)
		return false;
	set_name(d->ec, d->label);
	return sys_ctrl_ec(d->ec, EC_SET_FAULT_PT, d->pt[d->cpu], 0, &v0, &v1) == S_OK &&
	       sys_create_sc(d->sc, d->pd, d->ec, c->prio, 0, 0) == S_OK;
}

bool wake_new(struct wake *w)
{
	w->sel = sel_new();
	if (w->sel && sys_create_sm(w->sel, root->pd, 0) == S_OK)
		return true;
	sel_free(w->sel);
	w->sel = SEL_NULL;
	return false;
}

void wake_free(struct wake *w)
{
	sel_drop(&w->sel);
}

void wake_up(const struct wake *w)
{
	uint64_t count;

	if (sys_ctrl_sm(w->sel, SM_UP, 0, &count) != S_OK)
		die("cannot wake through %u", w->sel);
}

bool wake_own(const struct wake *w, struct domain *d)
{
	return sys_delegate(w->sel, d->pd, START_SEL_WAKE, RIGHT_UP | RIGHT_DOWN) == S_OK;
}

uint32_t wake_give(const struct wake *w, struct domain *d, uint32_t slot)
{
	if (!d)
		return w->sel;
	return sys_delegate(w->sel, d->pd, START_SEL_CHAN + slot, RIGHT_UP) == S_OK
		       ? START_SEL_CHAN + slot
		       : 0;
}
