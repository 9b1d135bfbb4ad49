// SPDX-License-Identifier: Apache-2.0
/*
 * System manifest: what runs, with which memory and devices, and who may talk to whom. It is the security
 * policy of the server: a boot part ("manifest"), measured as PCR 11's second event. tools/manifest.py makes
 * it from a TOML file (services/root/system.manifest.toml); this reader checks every field before root acts.
 *
 * Little-endian, fixed width, no gaps:
 *   struct manifest_header, then the arrays of components, devices, channels and roms.
 * Component 0 is root itself (only its name and channels count).
 *
 * Channels that differ in their server alone and follow each other with `otherwise` set are alternatives: the first whose
 * server finds all its devices in this machine is made, and if there is none, the first.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "lib/start.h"

#define MANIFEST_MAGIC          0x534546494e414d52ull /* "RMANIFES" */
#define MANIFEST_VERSION        2u
#define MANIFEST_MAX_COMPONENTS 32u
#define MANIFEST_MAX_DEVICES    64u
#define MANIFEST_MAX_CHANNELS   256u
#define MANIFEST_MAX_ROMS       64u
#define MANIFEST_NONE           0xffffffffu

enum manifest_flag { MANIFEST_LAB = 1u << 0 };

struct manifest_header {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of the whole block, bytes */
	uint32_t flags;
	uint32_t components;
	uint32_t devices;
	uint32_t channels;
	uint32_t roms;
	uint32_t pad;
};

enum manifest_component_flag {
	MC_TEMPLATE = 1u << 0, /* started on request of the ctl client, any number of times */
	MC_RESTART = 1u << 1,  /* start again when it ends or dies */
	MC_ALL = (1u << 2) - 1,
};

struct manifest_component {
	char name[START_NAME];
	char image[START_NAME]; /* boot part */
	uint32_t flags;
	uint32_t parent; /* templates: component whose instance it hangs on, or MANIFEST_NONE */
	uint32_t prio;   /* 1..250 */
	uint32_t cpu;    /* taken modulo the number of CPUs; MANIFEST_NONE: instances go round */
	uint32_t frames; /* kernel memory, 4 KiB frames */
	uint32_t stack_kib;
	uint32_t heap_kib;
	uint32_t mem_kib;     /* start_info()->mem; 0: none */
	uint32_t mem_max_mib; /* templates: the most a CTL_START may ask for instead of mem_kib */
	uint32_t
		kept_kib; /* start_rom-like area "kept", read-write, survives restarts in one boot; 0: none */
	uint32_t threads; /* 1..START_MAX_THREADS; above 1: on any CPU */
	uint32_t pad;
};

enum manifest_device_kind {
	MD_PCI = 1,   /* the index-th function that matches; registers, message interrupts */
	MD_MMIO = 2,  /* fixed physical window */
	MD_PORTS = 3, /* I/O ports */
};

struct manifest_device {
	char name[START_NAME];
	uint32_t component;
	uint32_t kind;       /* enum manifest_device_kind */
	uint32_t vendor;     /* PCI, or MANIFEST_NONE: any */
	uint32_t device;     /* PCI, or MANIFEST_NONE: any */
	uint32_t class_code; /* PCI class << 8 | subclass, or MANIFEST_NONE: any */
	uint32_t index;      /* PCI: which of several */
	uint64_t base;       /* MMIO: physical; PORTS: first port */
	uint64_t size;       /* MMIO: bytes; PORTS: count */
	uint32_t dma_kib;    /* memory for its DMA */
	uint32_t optional;   /* 1: start the component also without it */
};

struct manifest_channel {
	uint32_t client;
	uint32_t server;
	char proto[16];
	uint32_t kib; /* both rings and the header page */
	uint32_t
		otherwise; /* 1: only if no channel before it in the same row of alternatives is made */
};

struct manifest_rom {
	uint32_t component;
	uint32_t optional;     /* 1: start also without it */
	char part[START_NAME]; /* boot part, or "eventlog": the firmware's event log */
};

_Static_assert(sizeof(struct manifest_header) == 40, "manifest_header");
_Static_assert(sizeof(struct manifest_component) == 112, "manifest_component");
_Static_assert(sizeof(struct manifest_device) == 80, "manifest_device");
_Static_assert(sizeof(struct manifest_channel) == 32, "manifest_channel");
_Static_assert(sizeof(struct manifest_rom) == 40, "manifest_rom");

struct manifest { /* pointers into the block */
	const struct manifest_header *header;
	const struct manifest_component *component;
	const struct manifest_device *device;
	const struct manifest_channel *channel;
	const struct manifest_rom *rom;
};

/* NULL, and *m filled, if the block of `size` bytes at `data` (8-byte aligned) is whole and sensible; else what is wrong. */
const char *manifest_read(struct manifest *m, const void *data, size_t size);
