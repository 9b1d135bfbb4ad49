// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/save.h"
#include <string.h>
#include "services/vmm/ticks.h"

enum { HEADER = 64, FIRST = offsetof(struct vcpu_state, gpr), VCPU_BYTES = VCPU_STATE_SIZE };

size_t save_bound(const struct machine *m)
{
	return HEADER + m->gm.low + m->gm.high + MACHINE_STATE_MAX + m->cpus * (size_t)VCPU_BYTES;
}

static void same(struct state *s, uint64_t mine)
{
	uint64_t v = mine;

	state_u64(s, &v);
	state_check(s, v == mine);
}

/* What only fits a machine of one kind; *now: the tick at which it was saved. */
static void header(struct state *s, const struct machine *m, uint64_t *now)
{
	state_section(s, 0x4d564452, 1); /* "RDVM" */
	same(s, m->khz);
	same(s, m->cpus);
	same(s, m->gm.low);
	same(s, m->gm.high);
	state_u64(s, now);
	state_check(s, *now < TICKS_NEVER / 2);
}

/* The registers lie between the exit's own fields and tsc_offset, which belongs to the host. */
static void vcpu_registers(struct state *s, struct vcpu_state *v)
{
	state_section(s, 0x55504356, 1); /* "VCPU" */
	state_u32(s, &v->event.info);
	state_u32(s, &v->event.error);
	state_u32(s, &v->shadow);
	state_bytes(s, v->gpr, offsetof(struct vcpu_state, tsc_offset) - FIRST);
	state_bytes(s, v->pdpte, sizeof(v->pdpte));
	state_bytes(s, v->fpu, sizeof(v->fpu));
}

static void whole(struct state *s, struct machine *m)
{
	uint8_t unused[SAVE_SUM] = { 0 };

	for (unsigned i = 0; i < m->cpus; i++)
		vcpu_registers(s, m->cpu[i].s);
	/* requests of devices that are under way are looked up in RAM */
	state_bytes(s, m->gm.base, m->gm.low + m->gm.high);
	machine_state(s, m);
	state_section(s, 0x20444e45, 2); /* "END " */
	state_bytes(s, unused, sizeof(unused));
}

/* Two running sums of 64-bit words, the second over the first: what changes or moves shows. */
static void checksum(const uint8_t *p, size_t n, uint64_t sum[2])
{
	uint64_t word, a = n, b = 0;

	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		__builtin_memcpy(&word, p, sizeof(word)); /* inline */
		b += a += word;
	}
	word = 0;
	memcpy(&word, p, n);
	sum[0] = a + word;
	sum[1] = b + sum[0];
}

void save_seal(uint8_t *image, size_t n)
{
	uint64_t sum[2];

	checksum(image, n - SAVE_SUM, sum);
	memcpy(image + n - SAVE_SUM, sum, SAVE_SUM);
}

static bool is_sealed(const uint8_t *image, size_t n)
{
	uint64_t sum[2];

	if (n < SAVE_SUM)
		return false;
	checksum(image, n - SAVE_SUM, sum);
	return memcmp(image + n - SAVE_SUM, sum, SAVE_SUM) == 0;
}

size_t save_write(struct machine *m, void *image, size_t size)
{
	uint64_t now = machine_now(m);
	struct state s;

	for (unsigned i = 0; i < m->cpus; i++)
		if (!machine_fetch(m, &m->cpu[i], VCPU_G_ALL | VCPU_G_FPU))
			return 0;
	state_save(&s, image, size);
	header(&s, m, &now);
	whole(&s, m);
	if (s.bad)
		return 0;
	save_seal(image, s.at);
	return s.at;
}

/* The guest's time goes on where it stopped. */
static void set_time(struct machine *m, uint64_t now)
{
	m->tsc_base = m->host->tsc(m->host) - now;
	for (unsigned i = 0; i < m->cpus; i++)
		m->cpu[i].msrs.tsc_base = 0 - m->tsc_base;
}

static void take_vcpu(struct machine_cpu *cpu)
{
	struct vcpu_state *v = cpu->s;

	v->tsc_offset = cpu->msrs.tsc_base + cpu->msrs.tsc_adjust;
	v->window = 0;
	v->dirty = VCPU_G_ALL | VCPU_G_FPU;
}

bool save_read(struct machine *m, const void *image, size_t size, struct state *s)
{
	uint64_t now = 0;

	state_load(s, image, size);
	if (!is_sealed(image, size))
		return false;
	header(s, m, &now);
	if (s->bad)
		return false;
	set_time(m, now);
	whole(s, m);
	set_time(m, now); /* without the time that took */
	for (unsigned i = 0; i < m->cpus; i++)
		take_vcpu(&m->cpu[i]);
	return !s->bad && s->at == size;
}
