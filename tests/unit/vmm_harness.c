// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/vmm_harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static uint64_t tsc(struct machine_host *host)
{
	return ((struct harness *)host)->tsc;
}

static void fill(void *p, size_t n)
{
	memset(p, 0xa5, n);
}

static bool enter(struct machine_host *host, unsigned vcpu, uint64_t deadline)
{
	struct harness *h = (struct harness *)host;

	h->entered = vcpu;
	h->m.cpu[vcpu].s->valid = VCPU_G_ALL;
	return h->guest != NULL && h->guest(h, deadline);
}

static void sleep_until(struct machine_host *host, unsigned vcpu, uint64_t deadline)
{
	struct harness *h = (struct harness *)host;

	(void)vcpu;
	h->sleeps++;
	if (deadline > h->tsc)
		h->tsc = deadline;
	if (deadline == 0 || h->sleeps > 1000)
		h->m.end = MACHINE_HALTED; /* would sleep for ever */
}

static void kick(struct machine_host *host, unsigned vcpu)
{
	((struct harness *)host)->kicked |= UINT32_C(1) << vcpu;
}

static void service(struct machine_host *host, struct machine *m, unsigned vcpu)
{
	(void)host;
	(void)m;
	(void)vcpu;
}

/* One thread: nobody ever contends. */
static void no_lock(struct machine_host *host)
{
	(void)host;
	abort();
}

/* Append as much as fits. */
static void keep(char *out, size_t cap, size_t *len, const uint8_t *tx, size_t n)
{
	if (n > cap - *len)
		n = cap - *len;
	memcpy(out + *len, tx, n);
	*len += n;
}

static void console(struct machine_host *host, struct machine *m)
{
	struct harness *h = (struct harness *)host;

	h->consoles++;
	if (h->console_stuck)
		return;
	keep(h->out, sizeof(h->out), &h->out_len, m->uart.tx, m->uart.tx_len);
	keep(h->hvc, sizeof(h->hvc), &h->hvc_len, m->hvc.tx, m->hvc.tx_len);
	machine_console_sent(m, m->uart.tx_len, m->hvc.tx_len);
}

static void cpuid_host(uint32_t leaf, uint32_t sub, struct cpuid_regs *r)
{
	(void)leaf;
	(void)sub;
	*r = (struct cpuid_regs){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
}

static bool send(struct vblk_backend *be, struct virtio_blk *b, const struct vblk_piece *p)
{
	struct harness *h = (struct harness *)((char *)be - offsetof(struct harness, backend));

	if (h->room == 0 || h->sent_count == VBLK_SLOTS)
		return false;
	h->room--;
	if (p->type == BLK_WRITE && p->block + p->count <= HARNESS_DISK)
		vblk_data(b, p, h->disk + p->block * BLK_SIZE);
	h->sent[h->sent_count++] = *p;
	return true;
}

void harness_answer(struct harness *h)
{
	struct vblk_piece p = h->sent[0];
	bool read = p.type == BLK_READ;

	h->sent_count--;
	memmove(h->sent, h->sent + 1, h->sent_count * sizeof(p));
	vblk_answer(&h->m.disk, p.slot, true, h->disk + (read ? p.block * BLK_SIZE : 0),
		    read ? (size_t)p.count * BLK_SIZE : 0);
}

static bool send_frame(struct vnet_port *p, const void *frame, size_t n)
{
	struct harness *h = (struct harness *)((char *)p - offsetof(struct harness, port));

	if (h->frame_room == 0)
		return false;
	h->frame_room--;
	memcpy(h->frame, frame, n);
	h->frame_len = n;
	h->frames++;
	return true;
}

static void port_ready(struct vnet_port *p, struct virtio_net *n)
{
	struct harness *h = (struct harness *)((char *)p - offsetof(struct harness, port));

	h->ready += vnet_takes(n);
}

static void start(struct harness *h, bool disk, unsigned vcpus, size_t ram_used)
{
	static const struct blk_info info = { .blocks = HARNESS_DISK, .max_count = 2 };
	static const struct frame_link link = { { 0x52, 0x34, 0, 0x56, 0x12, 7 }, 1, 0, 1500 };
	struct vcpu_state *state[MACHINE_VCPUS] = { &h->state };
	struct machine_config c = { .ram_size = HARNESS_RAM,
				    .tsc_khz = HARNESS_KHZ,
				    .vcpus = vcpus,
				    .disk = disk ? &info : NULL,
				    .backend = &h->backend,
				    .net = &link,
				    .port = &h->port,
				    .lab = true };
	uint8_t *ram = h->ram != NULL ? h->ram : calloc(1, HARNESS_RAM);

	memset(ram, 0, ram_used);
	memset(h, 0, offsetof(struct harness, disk));
	h->host = (struct machine_host){ .tsc = tsc,
					 .random = fill,
					 .enter = enter,
					 .sleep = sleep_until,
					 .kick = kick,
					 .service = service,
					 .console = console,
					 .lock_wait = no_lock,
					 .lock_wake = no_lock,
					 .cpuid = cpuid_host };
	h->backend.send = send;
	h->port = (struct vnet_port){ .send = send_frame, .ready = port_ready };
	h->room = h->frame_room = UINT32_MAX;
	h->tsc = 1000000;
	h->ram = c.ram = ram;
	h->state.xcr0_max = 7;
	for (unsigned i = 1; i < vcpus; i++) {
		state[i] = &h->others[i - 1];
		state[i]->xcr0_max = 7;
	}
	machine_init(&h->m, &c, &h->host, state);
}

void harness_start(struct harness *h, bool disk)
{
	memset(h->disk, 0, sizeof(h->disk));
	start(h, disk, 1, HARNESS_RAM);
}

void harness_start_smp(struct harness *h, unsigned vcpus)
{
	start(h, false, vcpus, HARNESS_RAM);
}

void harness_again(struct harness *h, bool disk, size_t ram_used)
{
	start(h, disk, 1, h->ram != NULL ? ram_used : 0);
}

void harness_stop(struct harness *h)
{
	free(h->ram);
	h->ram = NULL;
}

uint32_t port_in(struct harness *h, uint16_t port, unsigned size)
{
	return (uint32_t)bus_read(&h->m.ports, port, size);
}

void port_out(struct harness *h, uint16_t port, unsigned size, uint32_t value)
{
	bus_write(&h->m.ports, port, size, value);
}

uint32_t mem_in(struct harness *h, uint64_t gpa, unsigned size)
{
	return (uint32_t)bus_read(&h->m.memory, gpa, size);
}

void mem_out(struct harness *h, uint64_t gpa, unsigned size, uint32_t value)
{
	bus_write(&h->m.memory, gpa, size, value);
}

void check_that(const char *name, bool ok, const char *what)
{
	printf("%s %s: %s\n", ok ? "ok" : "not ok", name, what);
	failures += !ok;
}

int harness_result(void)
{
	return failures != 0;
}
