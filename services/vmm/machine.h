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
#include "services/vmm/exit_stats.h"
#include "services/vmm/guest_mem.h"
#include "services/vmm/ioapic.h"
#include "services/vmm/lapic.h"
#include "services/vmm/lock.h"
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

#define MACHINE_VCPUS      8u
#define MACHINE_STATE_MAX  32768u /* bytes of a saved machine without RAM and without vCPU states */
#define MACHINE_CONSOLE_MS 10u    /* the longest that a byte for the console waits for others */
#define MACHINE_EXIT_PORT  0xf4u

struct machine;

/* What the machine asks of its surroundings. */
struct machine_host {
	uint64_t (*tsc)(struct machine_host *h); /* the host's TSC */
	void (*random)(void *p, size_t n);
	/* Without the lock: run the vCPU until it exits, is kicked, or the TSC reaches `deadline` (0: none); false: that failed. */
	bool (*enter)(struct machine_host *h, unsigned vcpu, uint64_t deadline);
	/* Without the lock: sleep until kicked or the TSC reaches `deadline` (0: none). */
	void (*sleep)(struct machine_host *h, unsigned vcpu, uint64_t deadline);
	/* End the vCPU's enter() or sleep(), or else its next one at once. */
	void (*kick)(struct machine_host *h, unsigned vcpu);
	/* After a kick: forget it. For vCPU 0 something from outside may have come too: console, disk. */
	void (*service)(struct machine_host *h, struct machine *m, unsigned vcpu);
	/* uart.tx or hvc.tx has bytes to take with machine_console_sent(), or what is typed has room again. */
	void (*console)(struct machine_host *h, struct machine *m);
	/* The lock is taken: sleep until somebody calls lock_wake() after this, or earlier. */
	void (*lock_wait)(struct machine_host *h);
	void (*lock_wake)(struct machine_host *h);
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
	MACHINE_PAUSED,     /* no end: machine_pause() was called */
};

enum cpu_activity {
	CPU_RUNS = 0,
	CPU_HALTED,  /* until an interrupt */
	CPU_STOPPED, /* halted with interrupts off: until an NMI or INIT */
	CPU_WAITS,   /* for a start-up message */
	CPU_ACTIVITIES,
};

struct machine_cpu {
	struct vcpu_state *s; /* shared with the kernel */
	struct lapic lapic;
	struct msrs msrs;
	struct cpuid cpuid;
	uint64_t planned; /* deadline of its APIC timer, as of the last look */
	uint64_t
		deadline; /* tick of its next timer, as of the last look; for vCPU 0 also the board's */
	bool timers_moved;  /* look again */
	uint8_t activity;   /* enum cpu_activity */
	bool init;          /* an INIT message came */
	bool startup;       /* after it a start-up message */
	uint8_t start_page; /* of that */
	bool away;          /* its thread has let go of the lock: in the guest or asleep */
	bool kicked;        /* and was told to come back */
	uint64_t exit_at; /* host TSC when its last exit came, if exits are measured; 0: answered */
};

struct machine {
	struct virtio_host msi; /* first: virtio devices find the machine by it */
	struct machine_host *host;
	struct lock lock; /* over all but what is set once; held by every thread that is not away */
	struct guest_mem gm;
	uint64_t khz;        /* of the TSC */
	uint64_t tsc_base;   /* host TSC at tick 0 */
	uint64_t pause_at;   /* tick at which it pauses by itself; TICKS_NEVER: not */
	uint64_t console_at; /* tick at which console output goes out at the latest */
	struct machine_cpu cpu[MACHINE_VCPUS];
	unsigned cpus;
	struct machine_cpu *current; /* whose thread has the lock */
	unsigned arbiter;            /* vCPU that took the last lowest-priority interrupt */
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
	unsigned culprit;   /* vCPU that ended it */
	struct exit_stats
		*stats; /* VCPU_EXITS of them, by enum vm_exit; NULL: exits are not measured */
};

struct machine_config {
	void *ram;
	uint64_t ram_size;
	uint64_t tsc_khz;
	uint32_t vcpus;              /* 1..MACHINE_VCPUS */
	uint64_t utc;                /* see vmm.h */
	const struct blk_info *disk; /* NULL: none */
	struct vblk_backend *backend;
	const struct frame_link *net; /* NULL: no card */
	struct vnet_port *port;
	struct exit_stats *stats; /* see struct machine */
	bool lab;
};

/* state[i]: the state page of vCPU i. Devices as after power-on; vCPU 0 has yet to be given its registers, the others wait to be started. */
void machine_init(struct machine *m, const struct machine_config *c, struct machine_host *host,
		  struct vcpu_state *state[MACHINE_VCPUS]);
/* The life of one vCPU, on its own thread, until the machine ends or pauses. */
enum machine_end machine_run(struct machine *m, unsigned vcpu);
/* The first end counts, and who had the lock then. With the lock. */
void machine_ends(struct machine *m, enum machine_end end);
/* Every machine_run() returns, with the vCPU at an exit's end. With the lock. */
void machine_pause(struct machine *m);
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
/* Groups of the vCPU that its last exit did not bring, into its page. false: the kernel refused, and the machine has ended. */
bool machine_fetch(struct machine *m, struct machine_cpu *cpu, uint32_t groups);
/* With the lock: whatever the vCPU's thread does, it looks at the machine again soon. */
void machine_kick(struct machine *m, struct machine_cpu *cpu);
/* A timer of the board was set. */
void machine_board_moved(struct machine *m);
/* Interrupts by the vCPU's timers that are due, for vCPU 0 also the board's; afterwards its `deadline` is right. */
void machine_timers(struct machine *m, struct machine_cpu *cpu);

/* ipi.c: a message to all APICs it is for. */
void machine_deliver(struct machine *m, const struct apic_msg *msg);
/* What the vCPU wrote to its interrupt command register. */
void machine_send_ipi(struct machine *m, struct machine_cpu *from);
/* Act on INIT and start-up messages that came. */
void machine_take_init(struct machine *m, struct machine_cpu *cpu);
/* Build the buses; again after a BAR moved. */
void machine_map(struct machine *m);
/* Everything but RAM and vCPU states. */
void machine_state(struct state *s, struct machine *m);
