// SPDX-License-Identifier: Apache-2.0
/* Life of an instance: made from its template, started, halted, deleted. */
#include "services/root/instance.h"
#include <stdio.h>
#include <string.h>
#include "lib/component.h"

/* Two trees of page tables with 2 MiB pages. */
enum { FRAMES_PER_GIB = 2 };
enum { THREAD_STACK_KIB = 16 };

struct manifest manifest;
struct instance instances[INSTANCE_MAX];

static uint64_t pages(uint64_t size)
{
	return (size + 4095) & ~4095ull;
}

void instances_begin(struct start_info *own, const struct wake *own_wake)
{
	for (uint32_t n = 0; n < INSTANCE_MAX; n++)
		instances[n].number = n;
	instances[0].component = &manifest.component[0];
	instances[0].info = own;
	instances[0].wake = *own_wake;
	instances[0].state = INST_RUNNING;
}

const char *instance_title(const struct instance *i)
{
	static char title[2 * START_NAME];

	snprintf(title, sizeof(title), "%s%s%s", i->component->name, i->label[0] ? "/" : "",
		 i->label);
	return title;
}

struct instance *instance_find(const char *template, uint64_t tag)
{
	for (struct instance *i = instances + 1; i < instances + INSTANCE_MAX; i++)
		if (i->state != INST_FREE && i->tag == tag &&
		    !strncmp(i->component->name, template, START_NAME))
			return i;
	return NULL;
}

static enum chan_status fill(struct instance *i, const struct ctl_start *s, const void *arg)
{
	const struct manifest_component *c = i->component;

	i->mem_size = (uint64_t)c->mem_kib << 10;
	if (s) {
		i->tag = s->id.tag;
		memcpy(i->label, s->instance, sizeof(i->label));
		if (s->mem_mib > c->mem_max_mib)
			return CS_NO_SPACE;
		if (s->mem_mib)
			i->mem_size = s->mem_mib << 20;
		if (c->parent != MANIFEST_NONE) {
			i->parent = instance_find(manifest.component[c->parent].name, s->parent);
			if (!i->parent || i->parent->state == INST_ENDED)
				return CS_STATE;
		}
	}
	if (!wake_new(&i->wake) ||
	    (c->kept_kib && !area_new(&i->kept, (uint64_t)c->kept_kib << 10, 4096)))
		return CS_NO_SPACE;
	if (s && s->arg_len) {
		void *at = area_new(&i->arg, pages(s->arg_len), 4096)
				   ? area_window(&i->arg, pages(s->arg_len))
				   : NULL;

		if (!at)
			return CS_NO_SPACE;
		memcpy(at, arg, s->arg_len);
		i->arg_len = s->arg_len;
	}
	return links_make(i) ? CS_OK : CS_NO_SPACE;
}

enum chan_status instance_new(uint32_t kind, const struct ctl_start *s, const void *arg,
			      struct instance **out)
{
	struct instance *i = instances + 1;
	uint32_t number;
	enum chan_status r;

	while (i < instances + INSTANCE_MAX && i->state != INST_FREE)
		i++;
	if (i == instances + INSTANCE_MAX)
		return CS_NO_SPACE;
	number = i->number;
	*i = (struct instance){ .number = number,
				.state = INST_WAITING,
				.kind = kind,
				.component = &manifest.component[kind] };
	r = fill(i, s, arg);
	if (r != CS_OK)
		instance_delete(i);
	else
		*out = i;
	return r;
}

static struct area *add_area(struct instance *i, uint64_t size, uint64_t align)
{
	struct area *a = &i->area[i->areas];

	if (i->areas == INSTANCE_AREAS || !area_new(a, size, align))
		return NULL;
	i->areas++;
	return a;
}

static bool give_stacks(struct instance *i)
{
	const struct manifest_component *c = i->component;

	for (uint32_t n = 0; n < c->threads; n++) {
		uint64_t top = LAYOUT_STACK_TOP - n * LAYOUT_STACK_STRIDE, at;
		uint64_t kib = n ? THREAD_STACK_KIB : c->stack_kib;
		struct area *a = add_area(i, pages(kib << 10), 4096);

		if (!a || !domain_give(&i->domain, a, top - a->size, GIVE_RW, &at))
			return false;
		i->info->stack_top[n] = top;
	}
	i->info->threads = c->threads;
	return true;
}

/* Heap, extra memory, kept memory, argument. */
static bool give_memory(struct instance *i)
{
	const struct manifest_component *c = i->component;
	uint64_t heap = pages((uint64_t)c->heap_kib << 10);
	struct start_info *info = i->info;
	struct area *a;

	if (heap) {
		a = add_area(i, heap, 4096);
		if (!a || !domain_give(&i->domain, a, LAYOUT_HEAP, GIVE_RW, &info->heap_va))
			return false;
		info->heap_size = heap;
	}
	if (i->mem_size) {
		a = add_area(i, pages(i->mem_size), 2u << 20);
		if (!a || !domain_give(&i->domain, a, LAYOUT_MEM, GIVE_RW, &info->mem_va) ||
		    !domain_give_mem(&i->domain, a))
			return false;
		info->mem_size = i->mem_size;
		info->mem_sel = START_SEL_MEM;
	}
	if (i->kept.size &&
	    !domain_give(&i->domain, &i->kept, LAYOUT_KEPT, GIVE_RW, &info->kept_va))
		return false;
	info->kept_size = i->kept.size;
	return !i->arg.size || domain_give(&i->domain, &i->arg, LAYOUT_ARG, GIVE_R, &info->arg_va);
}

static const char *give_devices(struct instance *i)
{
	static char wrong[120];

	for (uint32_t n = 0; n < manifest.header->devices; n++) {
		const struct manifest_device *m = &manifest.device[n];
		struct start_info *info = i->info;
		const char *r;

		if (m->component != i->kind)
			continue;
		if (info->dev_count == START_MAX_DEV || i->areas == INSTANCE_AREAS)
			return "too many devices";
		r = domain_device(&i->domain, info->dev_count, m, &info->dev[info->dev_count],
				  &i->area[i->areas]);
		i->areas += i->area[i->areas].size != 0;
		if (!r) {
			info->dev_count++;
			continue;
		}
		info->dev[info->dev_count] = (struct start_dev){ 0 };
		if (!m->optional || strcmp(r, "absent")) {
			snprintf(wrong, sizeof(wrong), "device %s: %s", m->name, r);
			return wrong;
		}
	}
	return NULL;
}

static const char *give_roms(struct instance *i)
{
	for (uint32_t n = 0; n < manifest.header->roms; n++) {
		const struct manifest_rom *m = &manifest.rom[n];
		struct start_info *info = i->info;

		if (m->component != i->kind)
			continue;
		if (info->rom_count == START_MAX_ROM)
			return "too many roms";
		if (domain_rom(&i->domain, info->rom_count, m->part, &info->rom[info->rom_count]))
			info->rom_count++;
		else if (!m->optional)
			return "a rom is missing";
	}
	return NULL;
}

static void write_info(struct instance *i)
{
	struct start_info *info = i->info;

	info->magic = START_MAGIC;
	info->version = 1;
	info->size = sizeof(*info);
	memcpy(info->name, i->component->name, sizeof(info->name));
	memcpy(info->instance, i->label, sizeof(info->instance));
	info->tag = i->tag;
	info->restart = i->restarts;
	info->cpu = i->domain.cpu;
	info->cpu_count = engine_cpus();
	info->prio = i->component->prio;
	info->tsc_khz = engine_tsc_khz();
	info->boot_id = engine_boot_id();
	info->iommu = engine_iommu();
	info->lab = manifest.header->flags & MANIFEST_LAB;
	info->arg_size = i->arg_len;
	engine_seed(info->seed);
}

/* Its account: what the manifest says, and page tables for its extra memory, which it may map in its own space and in a guest's. */
static uint32_t frames(const struct instance *i)
{
	uint64_t gib = (i->mem_size + (1u << 30) - 1) >> 30;

	return i->component->frames + (uint32_t)(gib * FRAMES_PER_GIB);
}

static const char *build(struct instance *i)
{
	const char *wrong;
	uint64_t at;

	if (!domain_new(&i->domain, i->component, frames(i), instance_title(i), i->number))
		return "no kernel memory for its domain";
	if (!area_new(&i->info_area, START_INFO_SIZE, 4096))
		return "no memory for its start info";
	i->info = area_window(&i->info_area, START_INFO_SIZE);
	if (!i->info || !domain_give(&i->domain, &i->info_area, START_INFO_VA, GIVE_R, &at))
		return "cannot map its start info";
	write_info(i);
	wrong = domain_load(&i->domain, i->component->image, &i->area[0]);
	i->areas = 1;
	if (!wrong && (!give_stacks(i) || !give_memory(i)))
		wrong = "no memory";
	if (!wrong)
		wrong = give_devices(i);
	if (!wrong)
		wrong = give_roms(i);
	if (wrong)
		return wrong;
	if (!wake_own(&i->wake, &i->domain) || !links_tell(i))
		return "cannot map its channels";
	return domain_run(&i->domain, i->component, &i->info_area)
		       ? NULL
		       : "no kernel memory for its thread";
}

uint64_t instance_kib(const struct instance *i)
{
	uint64_t bytes = i->info_area.size + i->arg.size + i->kept.size;

	for (uint32_t n = 0; n < i->areas; n++)
		bytes += i->area[n].size;
	return (bytes + links_size(i)) / 1024 + frames(i) * 4ull;
}

const char *instance_start(struct instance *i)
{
	const char *wrong = build(i);

	if (wrong) {
		instance_halt(i);
		return wrong;
	}
	i->state = INST_RUNNING;
	i->started = now_ns();
	return NULL;
}

/* A device that could not be switched off may still write: its memory is never used again. */
static void lose_dma(struct instance *i, const struct start_dev *dev)
{
	for (uint32_t n = 0; n < i->areas; n++)
		if (dev->dma_size && i->area[n].base == dev->dma_addr)
			i->area[n] = (struct area){ 0 };
}

void instance_halt(struct instance *i)
{
	for (uint32_t n = 0; i->info && n < i->info->dev_count; n++)
		if (!domain_device_off(&i->domain, &i->info->dev[n]))
			lose_dma(i, &i->info->dev[n]);
	domain_free(&i->domain);
	i->info = NULL;
	area_free(&i->info_area);
	for (uint32_t n = 0; n < i->areas; n++)
		area_free(&i->area[n]);
	i->areas = 0;
	links_forget(i);
}

void instance_delete(struct instance *i)
{
	for (struct instance *k = instances + 1; k < instances + INSTANCE_MAX; k++)
		if (k->state != INST_FREE && k->parent == i)
			instance_delete(k);
	instance_halt(i);
	links_drop(i);
	wake_free(&i->wake);
	area_free(&i->arg);
	area_free(&i->kept);
	i->state = INST_FREE;
}
