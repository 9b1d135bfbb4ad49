// SPDX-License-Identifier: Apache-2.0
#include "services/root/manifest.h"
#include <stdbool.h>
#include <string.h>

#define MAX_KIB (64u << 20) /* 64 GiB: keeps all sums far from overflow */

/* NUL-terminated, NUL-padded, [a-z0-9_.-], not empty. */
static bool good_name(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	if (!n || n == size)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = s[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
			    c == '-' || c == '.';

		if (i < n ? !word : c != 0)
			return false;
	}
	return true;
}

static const char *check_layout(const struct manifest_header *h, size_t size)
{
	uint64_t need;

	if (size < sizeof(*h))
		return "shorter than its header";
	if (h->magic != MANIFEST_MAGIC || h->version != MANIFEST_VERSION)
		return "magic or version is not ours";
	if (h->components < 2 || h->components > MANIFEST_MAX_COMPONENTS ||
	    h->devices > MANIFEST_MAX_DEVICES || h->channels > MANIFEST_MAX_CHANNELS ||
	    h->roms > MANIFEST_MAX_ROMS || h->flags & ~(uint32_t)MANIFEST_LAB)
		return "a count or flag is out of range";
	need = sizeof(*h) + h->components * sizeof(struct manifest_component) +
	       h->devices * sizeof(struct manifest_device) +
	       h->channels * sizeof(struct manifest_channel) +
	       h->roms * sizeof(struct manifest_rom);
	return h->size == need && size >= need ? NULL : "its size does not fit its counts";
}

static const char *check_component(const struct manifest *m, uint32_t i)
{
	const struct manifest_component *c = &m->component[i];

	if (!good_name(c->name, sizeof(c->name)))
		return "malformed component name";
	for (uint32_t k = 0; k < i; k++)
		if (!strcmp(m->component[k].name, c->name))
			return "two components of one name";
	if (i == 0)
		return strcmp(c->name, "root") ? "component 0 is not root" : NULL;
	if (!good_name(c->image, sizeof(c->image)))
		return "malformed image name";
	if (c->flags & ~(uint32_t)MC_ALL || !c->prio || c->prio > 250 || c->frames < 16 ||
	    !c->stack_kib)
		return "flags, priority, frames or stack out of range";
	if (c->stack_kib > MAX_KIB || c->heap_kib > MAX_KIB || c->mem_kib > MAX_KIB ||
	    c->mem_max_mib > MAX_KIB >> 10 || c->kept_kib > MAX_KIB || c->frames > MAX_KIB)
		return "more memory than any machine has";
	if (!c->threads || c->threads > START_MAX_THREADS || c->pad)
		return "threads out of range";
	if (c->parent != MANIFEST_NONE && (c->parent >= i || !(c->flags & MC_TEMPLATE) ||
					   !(m->component[c->parent].flags & MC_TEMPLATE)))
		return "parent is not an earlier template";
	return NULL;
}

static const char *check_device(const struct manifest *m, const struct manifest_device *d)
{
	if (!good_name(d->name, sizeof(d->name)) || !d->component ||
	    d->component >= m->header->components)
		return "device: malformed name or no such component";
	if (d->dma_kib > MAX_KIB || d->optional > 1)
		return "device: dma or optional out of range";
	if (d->kind == MD_PCI)
		return NULL;
	if (d->kind == MD_PORTS)
		return d->size && d->base < 0x10000 && d->size <= 0x10000 - d->base
			       ? NULL
			       : "device: bad ports";
	if (d->kind == MD_MMIO)
		return d->size && !((d->base | d->size) & 0xfff) && d->base < 1ull << 52 &&
				       d->size < 1ull << 40
			       ? NULL
			       : "device: bad window";
	return "device: unknown kind";
}

static const char *check_channel(const struct manifest *m, const struct manifest_channel *c)
{
	uint32_t n = m->header->components;

	if (c->client >= n || c->server >= n || c->client == c->server ||
	    !good_name(c->proto, sizeof(c->proto)))
		return "channel: malformed protocol or no such component";
	if (c->kib < 12 || c->kib > 64 << 10 || c->kib % 4 || c->otherwise > 1)
		return "channel: size out of range";
	if (m->component[c->client].flags & m->component[c->server].flags & MC_TEMPLATE &&
	    m->component[c->client].parent != c->server)
		return "channel: between templates that are not child and parent";
	return NULL;
}

/* An alternative is like the channel before it in all but the server, which is no template. */
static const char *check_alternative(const struct manifest *m, uint32_t i)
{
	const struct manifest_channel *c = &m->channel[i];

	if (!c->otherwise)
		return NULL;
	if (!i || c->client != c[-1].client || c->kib != c[-1].kib ||
	    memcmp(c->proto, c[-1].proto, sizeof(c->proto)) != 0)
		return "channel: an alternative to nothing";
	return (m->component[c->server].flags | m->component[c[-1].server].flags) & MC_TEMPLATE
		       ? "channel: a template as alternative"
		       : NULL;
}

static const char *check_rom(const struct manifest *m, const struct manifest_rom *r)
{
	return good_name(r->part, sizeof(r->part)) && r->component &&
			       r->component < m->header->components && r->optional <= 1
		       ? NULL
		       : "rom: malformed name or no such component";
}

const char *manifest_read(struct manifest *m, const void *data, size_t size)
{
	const struct manifest_header *h = data;
	const char *wrong = check_layout(h, size);

	if (wrong)
		return wrong;
	m->header = h;
	m->component = (const void *)(h + 1);
	m->device = (const void *)(m->component + h->components);
	m->channel = (const void *)(m->device + h->devices);
	m->rom = (const void *)(m->channel + h->channels);
	for (uint32_t i = 0; i < h->components && !wrong; i++)
		wrong = check_component(m, i);
	for (uint32_t i = 0; i < h->devices && !wrong; i++)
		wrong = check_device(m, &m->device[i]);
	for (uint32_t i = 0; i < h->channels && !wrong; i++) {
		wrong = check_channel(m, &m->channel[i]);
		if (!wrong)
			wrong = check_alternative(m, i);
	}
	for (uint32_t i = 0; i < h->roms && !wrong; i++)
		wrong = check_rom(m, &m->rom[i]);
	return wrong;
}
