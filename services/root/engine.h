// SPDX-License-Identifier: Apache-2.0
/*
 * What root's logic needs from the platform: memory, domains, wake semaphores, devices. Two implementations:
 * services/root/kernel (Redoubt's kernel) and services/root/hosted (Linux processes, for tests of the services).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/start.h"
#include "services/root/manifest.h"

/* Where things lie in a component (hosted: wherever they happen to lie). */
#define LAYOUT_UTCB       0x100100000ull
#define LAYOUT_ARG        0x100200000ull
#define LAYOUT_KEPT       0x110000000ull
#define LAYOUT_HEAP       0x200000000ull
#define LAYOUT_DEV        0x400000000ull /* + device * LAYOUT_DEV_STRIDE + window * 16 MiB */
#define LAYOUT_DEV_STRIDE 0x20000000ull
#define LAYOUT_ROM        0x600000000ull /* + rom * 1 GiB */
#define LAYOUT_STACK_TOP \
	0x7ff000000000ull /* - thread * LAYOUT_STACK_STRIDE; nothing between them */
#define LAYOUT_STACK_STRIDE 0x10000000ull
#define LAYOUT_CHAN         0x10000000000ull /* + slot * 128 MiB */
#define LAYOUT_MEM          0x20000000000ull

/* Zeroed pages. */
struct area {
	uint64_t base;   /* physical, or offset in the hosted file */
	uint64_t size;   /* whole pages; 0: none */
	uint64_t window; /* bytes of it in root's own space */
	uint32_t sel;    /* root's memory object for exactly this range */
};

bool area_new(struct area *a, uint64_t size, uint64_t align);
/* Takes it out of every domain, then gives it back. Nothing happens to an empty area. */
void area_free(struct area *a);
/* The first `size` bytes in root's own space, until area_unwindow() or area_free(). NULL if root's account is empty. */
void *area_window(struct area *a, uint64_t size);
void area_unwindow(struct area *a);

enum give { GIVE_R = 1, GIVE_RW = 3 };

struct domain {
	bool used;
	uint32_t number;
	uint32_t cpu;
	uint32_t pd; /* selectors in root's table; hosted: process id in `pd` */
	uint32_t ec;
	uint32_t sc;
	uint32_t pt[START_MAX_CPU];
	uint64_t entry;
	char label[2 * START_NAME];
	char image[START_NAME];
	uint64_t info_at;
};

/* An empty domain named `label` with `frames` of kernel memory. `number` comes back in engine_death(). */
bool domain_new(struct domain *d, const struct manifest_component *c, uint32_t frames,
		const char *label, uint32_t number);
/* Ends it: its threads, everything charged to it. Its areas are the caller's to free. */
void domain_free(struct domain *d);
/* Maps the whole area at `va`; *at tells where it came to lie. */
bool domain_give(struct domain *d, const struct area *a, uint64_t va, enum give rights,
		 uint64_t *at);
/* Memory-object capability for the area at START_SEL_MEM. */
bool domain_give_mem(struct domain *d, const struct area *a);
/* Loads boot part `image`. *own gets memory for its writable segments. NULL or what is wrong. */
const char *domain_load(struct domain *d, const char *image, struct area *own);
/* Maps boot part (or "eventlog") read-only as rom `n`. False: no such part. */
bool domain_rom(struct domain *d, uint32_t n, const char *part, struct start_rom *rom);
/* Whether this machine has the device. */
bool engine_has(const struct manifest_device *m);
/* Grants one device; *dma is made for it. NULL or what is wrong; "absent" if this machine has none. */
const char *domain_device(struct domain *d, uint32_t n, const struct manifest_device *m,
			  struct start_dev *dev, struct area *dma);
/* The device does no DMA and raises no interrupt any more. False: nobody could see to that. */
bool domain_device_off(struct domain *d, const struct start_dev *dev);
/* Starts its thread. */
bool domain_run(struct domain *d, const struct manifest_component *c, const struct area *info);

/* A wake semaphore; it outlives restarts of its owner. */
struct wake {
	uint32_t sel;
};

bool wake_new(struct wake *w);
void wake_free(struct wake *w);
void wake_up(const struct wake *w);
/* The owner's own capability: START_SEL_WAKE of d. */
bool wake_own(const struct wake *w, struct domain *d);
/* Lets domain d (NULL: root itself) up w. Returns the selector there, 0: failed. */
uint32_t wake_give(const struct wake *w, struct domain *d, uint32_t slot);

struct death {
	uint32_t number; /* domain_new()'s */
	int32_t code;    /* what main() returned; -1: a fault */
	char text[160];  /* for the log */
};

/* The next component that ended, if any; `number`: only that one, 0: any. */
bool engine_death(struct death *d, uint32_t number);
uint64_t engine_boot_id(void);
uint64_t engine_tsc_khz(void);
uint32_t engine_cpus(void);
uint32_t engine_iommu(void); /* enum start_iommu */
uint64_t engine_free_memory(void);
/* Frames that root's kernel account can still pay with. */
uint64_t engine_free_frames(void);
/* 32 fresh random bytes for one instance. */
void engine_seed(uint8_t seed[32]);
/* Static start-up is over: root drops what it will not need again. */
void engine_settled(void);
/* What the platform has to do now and then. Returns when it wants to be called again at the latest, ns; 0: no matter. */
uint64_t engine_tick(void);

/* The logic: never returns. `own` is root's start info (with a wake semaphore the platform sleeps on). */
_Noreturn void root_run(struct start_info *own, const struct wake *own_wake, const void *manifest,
			uint64_t size);
