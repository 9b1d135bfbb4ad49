// SPDX-License-Identifier: Apache-2.0
/* A machine of services/vmm without a kernel: RAM, a clock the test sets, a disk in memory, the end of a network cable, exits the test scripts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/machine.h"

#define HARNESS_RAM  (4u << 20)
#define HARNESS_DISK 64u /* blocks */
#define HARNESS_KHZ  1000000u

struct harness {
	struct machine_host host; /* first */
	struct vblk_backend backend;
	struct vnet_port port;
	struct machine m;
	struct vcpu_state state;                     /* of vCPU 0 */
	struct vcpu_state others[MACHINE_VCPUS - 1]; /* of the rest */
	unsigned entered;                            /* the vCPU that `guest` stands for */
	uint32_t kicked;                             /* vCPUs that were kicked */
	uint64_t tsc;
	uint8_t *ram;
	struct vblk_piece sent[VBLK_SLOTS]; /* pieces not answered yet */
	unsigned sent_count;
	unsigned room;               /* how many more pieces the backend takes */
	unsigned frames, frame_room; /* frames the guest sent; how many more the port takes */
	uint8_t frame[FRAME_MAX];    /* the last of them */
	size_t frame_len;
	unsigned ready; /* how often the card said that it takes frames again */
	char out[4096]; /* what the guest wrote to the serial port */
	size_t out_len;
	char hvc[4096]; /* and to the virtio console */
	size_t hvc_len;
	bool console_stuck; /* nothing goes out */
	unsigned consoles;  /* how often the machine asked for console work */
	/* Called instead of running the guest; NULL: the machine ends with MACHINE_NO_ENTRY. */
	bool (*guest)(struct harness *h, uint64_t deadline);
	unsigned sleeps;
	uint8_t disk[HARNESS_DISK * BLK_SIZE];
};

/* Power on; h must be zero the first time. */
void harness_start(struct harness *h, bool disk);
/* As harness_start(), without a disk and with so many vCPUs. */
void harness_start_smp(struct harness *h, unsigned vcpus);
/* As harness_start(), but clears only the first bytes of RAM and leaves the disk: quick, for fuzzing. */
void harness_again(struct harness *h, bool disk, size_t ram_used);
void harness_stop(struct harness *h);
/* Answer the oldest piece from h->disk. */
void harness_answer(struct harness *h);

uint32_t port_in(struct harness *h, uint16_t port, unsigned size);
void port_out(struct harness *h, uint16_t port, unsigned size, uint32_t value);
uint32_t mem_in(struct harness *h, uint64_t gpa, unsigned size);
void mem_out(struct harness *h, uint64_t gpa, unsigned size, uint32_t value);

/* Counts and prints "ok NAME: what" or "not ok NAME: what"; harness_result() is main()'s result. */
void check_that(const char *name, bool ok, const char *what);
int harness_result(void);
