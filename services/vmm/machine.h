// SPDX-License-Identifier: Apache-2.0
/*
 * The virtual machine: its devices and how they are wired. Free of syscalls: what it needs from outside is struct machine_host.
 *
 * Ports: 20h A0h 4D0h PIC, 40h-43h 61h PIT, 64h reset pulse, 70h RTC, 80h, 3F8h UART, 600h PM, CF8h PCI, CF9h reset, C000h... virtio
 * notification, and in the laboratory F4h: the guest's exit status.
 * Memory: RAM (guest_mem.h), C0000000h... PCI BARs, E0000000h ECAM, FEC00000h IOAPIC, FEE00000h local APIC.
 * PCI: 0 host bridge, 1 entropy, 2 disk (if there is one), 3 network card (if there is a port for it), 4 console.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/vcpu.h"
#include "services/vmm/bus.h"
#include "services/vmm/cpuid.h"
#include "services/vmm/guest_mem.h"
#include "services/vmm/ioapic.h"
#include "services/vmm/lapic.h"
#include "services/vmm/mmio.h"
#include "services/vmm/msr.h"
#include "services/vmm/pci.h"
#include "services/vmm/pic.h"
#include "services/vmm/pit.h"
#include "services/vmm/pm.h"
#include "services/vmm/rtc.h"
#include "services/vmm/uart.h"
#include "services/vmm/virtio_blk.h"
#include "services/vmm/virtio_console.h"
#include "services/vmm/virtio_net.h"
#include "services/vmm/virtio_rng.h"

#define MACHINE_VCPUS      1u
#define MACHINE_STATE_MAX  16384u /* bytes of a saved machine without RAM and without vCPU states */
#define MACHINE_CONSOLE_MS 10u    /* the longest that a byte for the console waits for others */
#define MACHINE_EXIT_PORT  0xf4u

struct machine;

/* What the machine asks of its surroundings. */
struct machine_host {
	uint64_t (*tsc)(struct machine_host *h); /* the host's TSC */
	void (*random)(void *p, size_t n);
	/* Run the vCPU until it exits or the TSC reaches `deadline` (0: none); false: that failed. */
	bool (*enter)(struct machine_host *h, unsigned vcpu, uint64_t deadline);
	/* Nothing to run: sleep until woken or the TSC reaches `deadline` (0: none). */
	void (*sleep)(struct machine_host *h, uint64_t deadline);
	/* Something from outside may have come: console, disk. Called after each wake. */
	void (*service)(struct machine_host *h, struct machine *m);
	/* uart.tx or hvc.tx has bytes to take with machine_console_sent(), or what is typed has room again. */
	void (*console)(struct machine_host *h, struct machine *m);
	cpuid_source *cpuid;
};

enum machine_end {
	MACHINE_RUNS = 0,
	MACHINE_OFF,        /* S5 */
	MACHINE_HALTED,     /* hlt with interrupts off: nothing can wake it */
	MACHINE_RESET,      /* asked for */
	MACHINE_TRIPLE,     /* triple fault */
	MACHINE_LAB_EXIT,   /* wrote to MACHINE_EXIT_PORT */
	MACHINE_BAD_EXIT,   /* an exit the VMM cannot answer */
	MACHINE_BAD_ACCESS, /* an instruction on device memory that cannot be carried out */
	MACHINE_NO_ENTRY,   /* the kernel refused to run the vCPU */
};

struct machine_cpu {
	struct vcpu_state *s; /* shared with the kernel */
	struct lapic lapic;
	struct msrs msrs;
	struct cpuid cpuid;
	uint64_t planned; /* deadline of its APIC timer, as of the last look */
	uint64_t exits[VCPU_EXITS];
	bool halted;
};

struct machine {
	struct virtio_host msi; /* first: virtio devices find the machine by it */
	struct machine_host *host;
	struct guest_mem gm;
	uint64_t khz;        /* of the TSC */
	uint64_t tsc_base;   /* host TSC at tick 0 */
	uint64_t deadline;   /* tick of the next timer, as of the last look */
	bool timers_moved;   /* look again */
	uint64_t console_at; /* tick at which console output goes out at the latest */
	struct machine_cpu cpu[MACHINE_VCPUS];
	unsigned cpus;
	struct bus ports, memory;
	struct uart uart;
	struct pic pic;
	struct pit pit;
	struct rtc rtc;
	struct pm pm;
	struct ioapic ioapic;
	struct pci pci;
	struct pci_func bridge;
	struct virtio_rng rng;
	struct virtio_blk disk;
	struct virtio_net net;
	struct virtio_console hvc;
	struct vcon_owner hvc_owner;
	bool hvc_wrote; /* last, not the UART: it gets what is typed */
	bool has_disk, has_net, lab;
	enum machine_end end;
	uint32_t lab_value; /* what the guest wrote to MACHINE_EXIT_PORT */
};

struct machine_config {
	void *ram;
	uint64_t ram_size;
	uint64_t tsc_khz;
	uint64_t utc;                /* see vmm.h */
	const struct blk_info *disk; /* NULL: none */
	struct vblk_backend *backend;
	const struct frame_link *net; /* NULL: no card */
	struct vnet_port *port;
	bool lab;
};

/* state[i]: the state page of vCPU i. Devices as after power-on, vCPU states untouched but for offsets and exit_mtd. */
void machine_init(struct machine *m, const struct machine_config *c, struct machine_host *host,
		  struct vcpu_state *state[MACHINE_VCPUS]);
/* Run until the machine ends. */
enum machine_end machine_run(struct machine *m);
const char *machine_end_text(enum machine_end e);

uint64_t machine_now(const struct machine *m);
/* ISA interrupt line. */
void machine_irq(struct machine *m, unsigned irq, bool level);
/* machine_console.c */
void machine_console_init(struct machine *m);
bool machine_console_waits(const struct machine *m);
/* The UART, or else the virtio console, has new bytes in its tx. */
void machine_console_written(struct machine *m, bool hvc);
/* The first bytes of each tx have gone out. */
void machine_console_sent(struct machine *m, size_t uart, size_t hvc);
/* Bytes that machine_console_input() takes. */
size_t machine_console_room(const struct machine *m);
void machine_console_input(struct machine *m, const uint8_t *data, size_t n);
/* Look at a device's interrupt line again after it was touched. */
void machine_update_uart(struct machine *m);
/* What a local APIC asked for when one of its registers was written. */
void machine_settle_lapic(struct machine *m, struct machine_cpu *cpu);
/* Deliver what the IOAPIC has due. */
void machine_settle_ioapic(struct machine *m);
void machine_deliver(struct machine *m, const struct apic_msg *msg);
/* Interrupts by timers that are due; afterwards `deadline` is right. */
void machine_timers(struct machine *m);
/* Build the buses; again after a BAR moved. */
void machine_map(struct machine *m);
/* Everything but RAM and vCPU states. */
void machine_state(struct state *s, struct machine *m);
