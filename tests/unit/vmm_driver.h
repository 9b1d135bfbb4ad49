// SPDX-License-Identifier: Apache-2.0
/* The smallest driver of a virtio device in the machine of vmm_harness.h, for tests that speak ring. One device at a time. */
#pragma once
#include "tests/unit/vmm_harness.h"

enum { RNG = 1, DISK = 2, NET = 3, HVC = 4 }; /* device numbers */
enum { QUEUE = 0x10000, QUEUE_STEP = 0x1000, BUFFERS = 0x20000, SIZE = 8, VECTOR = 0x61 };

struct ring {
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} desc[SIZE];
	uint16_t avail_flags, avail_idx, avail[SIZE], used_event;
	uint16_t pad;
	uint16_t used_flags, used_idx;
	struct {
		uint32_t id, len;
	} used[SIZE];
	uint16_t avail_event;
};

extern struct harness h;
extern uint32_t bar, io; /* of the device */

/* Queue q's ring, at QUEUE + q * QUEUE_STEP. */
struct ring *ring(unsigned q);
uint32_t driver_config(unsigned device, unsigned at);
void driver_features(uint32_t low);
/* Power on; the device gets its features, MSI-X (vector 1 + q of queue q, 0 for changes), its queues, and DRIVER_OK. */
void driver_start(unsigned device, uint32_t features);
void driver_descriptor(unsigned q, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
		       uint16_t next);
/* Make it available and ring. */
void driver_submit(unsigned q, uint16_t head);
/* Did vector VECTOR + n come (n: 0 for queue 0, 1 for queue 1, 2 for changes)? Ends the interrupt. */
bool driver_interrupt(unsigned n);
bool driver_interrupted(void);
