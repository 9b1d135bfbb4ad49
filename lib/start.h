// SPDX-License-Identifier: Apache-2.0
/*
 * Start info: everything a component is given, written by root, mapped read-only into the component at
 * START_INFO_VA before its first instruction (whose RDI holds that address too).
 *
 * A component holds nothing that is not in here. Channels may be added while it runs (a new VM's vmm at its
 * TVD's vault): root fills the next `chan` entry, then increments `chan_count` with release order, then ups
 * the component's wake semaphore. An entry whose `state` is START_CHAN_CLOSED is gone for good; once the
 * component's runtime has acknowledged that (struct chan_mem), its slot may be filled again under a new `serial`.
 */
#pragma once
#include <stdint.h>

#define START_INFO_VA     0x100000000ull        /* 4 GiB */
#define START_INFO_SIZE   0x8000ull             /* 8 pages */
#define START_MAGIC       0x5452415453424452ull /* "RDBSTART" */
#define START_MAX_CHAN    128u
#define START_MAX_DEV     8u
#define START_MAX_ROM     16u
#define START_NAME        32u
#define START_MAX_THREADS 8u
#define START_MAX_CPU     64u

/* RAX of the ud2 by which a component ends itself; EBX is what main() returned. */
#define START_EXIT_MARK 0x5449584554424452ull /* "RDBTEXIT" */

/* Well-known capability selectors of every component. */
enum start_sel {
	START_SEL_PD = 1, /* own PD, rights: pay, map (no delegate) */
	START_SEL_WAKE =
		2, /* the one semaphore the component sleeps on: every peer and interrupt ups it */
	START_SEL_MEM = 4, /* start_info.mem as a memory object, if there is one */
	START_SEL_DEV = 8, /* + number of the device: device contexts */
	START_SEL_FREE =
		64, /* selectors from here to START_SEL_FAULT are the component's own to fill */
	/* + CPU: portals for exceptions of threads there, if it may have several threads. A thread without one stops unseen. */
	START_SEL_FAULT = 960,
	START_SEL_CHAN = 1024, /* + number of the channel: wake semaphores of the peers */
};

enum start_chan_state { START_CHAN_EMPTY = 0, START_CHAN_OPEN = 1, START_CHAN_CLOSED = 2 };

struct start_chan {
	char peer
		[START_NAME]; /* component at the other end: "disk", "vault", "vmm", ... (template name) */
	char instance
		[START_NAME]; /* its instance label ("tvd-a", "vm-web"), empty for a static component */
	char proto
		[16]; /* "blk", "frame", "tpm", "store", "log", "ctl", ...: which protocol header */
	uint64_t va;  /* shared memory: struct chan_mem of lib/chan.h */
	uint64_t size;      /* bytes, both directions together */
	uint32_t peer_wake; /* selector of the peer's wake semaphore (right: up only) */
	uint32_t side;      /* 0: client (calls), 1: server (is called); picks the ring direction */
	_Atomic uint32_t state; /* enum start_chan_state */
	uint32_t serial;        /* rises with each use of this slot */
	uint64_t
		tag; /* 64-bit badge root vouches for: TVD number or VM number of the peer; 0: static */
	_Atomic uint32_t epoch; /* from 1; root raises it when one of the two sides is restarted */
	uint32_t pad;
};

struct start_dev {
	char name[START_NAME]; /* "virtio_blk0", "com1", "tpm_crb" */
	uint64_t mmio_va[6];   /* BARs or register windows mapped read-write, uncached; 0: none */
	uint64_t mmio_size[6];
	uint64_t dma_va; /* memory for the device's DMA, contiguous, zeroed; 0: none */
	uint64_t
		dma_addr; /* its address on the device's side: the IOMMU's, or physical without one */
	uint64_t dma_size;
	uint32_t dc;        /* device-context selector for assign(); 0: none */
	uint32_t irqs;      /* message interrupts the function offers (MSI-X vectors) */
	uint16_t port_base; /* I/O ports [port_base, port_base+port_count) are granted */
	uint16_t port_count;
	uint32_t pci; /* bus<<16 | device<<3 | function, with bit 31 set if PCI */
	uint16_t vendor;
	uint16_t device;
	uint8_t cap
		[64]; /* driver-specific: for virtio the positions of its five PCI capabilities (struct virtio_pci_caps) */
};

struct start_rom { /* a measured boot part or other read-only memory */
	char name[START_NAME];
	uint64_t va;
	uint64_t size;
	uint8_t digest[32]; /* SHA-256 as measured; zero if not a boot part */
};

enum start_iommu {
	START_IOMMU_NONE = 0, /* nothing: DMA addresses are physical ones */
	START_IOMMU_VTD = 1,
	START_IOMMU_AMDVI = 2,
	START_IOMMU_KIND = 0xff,
	START_IOMMU_REMAPS = 1 << 8, /* or'ed to it: a device raises only its own interrupts */
};

struct start_info {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t size;
	char name[START_NAME];     /* template name: "vault" */
	char instance[START_NAME]; /* label, empty for a static component */
	uint64_t tag;              /* TVD or VM number; 0: static */
	uint32_t restart; /* how often root has restarted this component, 0 at first start */
	uint32_t cpu;
	uint64_t tsc_khz;
	uint64_t boot_id; /* random, the same for every component of this boot */
	uint64_t heap_va; /* zeroed read-write memory for malloc */
	uint64_t heap_size;
	uint64_t mem_va; /* large extra memory (guest memory of a vmm, caches); 0: none */
	uint64_t mem_size;
	uint32_t mem_sel; /* its mo selector (for mapping into a guest space); 0: none */
	uint32_t lab;     /* 1 in a lab manifest only (vmrun's exit device, bench images) */
	uint8_t seed[32]; /* random, this instance's alone: seeds its generator */
	uint64_t
		kept_va; /* read-write memory that survives restarts of this component in one boot, */
	uint64_t kept_size; /* zero at first; 0: none */
	uint64_t arg_va;    /* argument bytes for this instance (protocol-specific) */
	uint64_t arg_size;
	uint32_t dev_count;
	uint32_t rom_count;
	_Atomic uint32_t chan_count;
	uint32_t cpu_count; /* of the machine */
	uint32_t prio;      /* highest of its threads */
	uint32_t threads;   /* how many it may have; stacks are there for that many */
	uint32_t iommu;     /* enum start_iommu: what keeps devices in their drivers' memory */
	uint32_t pad;
	uint64_t stack_top[START_MAX_THREADS];
	struct start_dev dev[START_MAX_DEV];
	struct start_rom rom[START_MAX_ROM];
	struct start_chan chan[START_MAX_CHAN];
};

_Static_assert(sizeof(struct start_info) <= START_INFO_SIZE, "start info fits its pages");
