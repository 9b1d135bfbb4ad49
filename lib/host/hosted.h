// SPDX-License-Identifier: Apache-2.0
/*
 * Hosted components: the same main() as on the server, as a Linux process. All processes of one hosted system map one file at
 * HOSTED_BASE; it holds the wake semaphores, every start info, every channel. Made and filled by services/root/hosted.
 *
 * The environment of each process: REDOUBT_HOSTED=<file>:<offset of its start info>:<number of its semaphore>
 */
#pragma once
#include <stdint.h>

#define HOSTED_BASE     0x200000000000ull
#define HOSTED_SIZE     0x40000000ull /* 1 GiB, sparse */
#define HOSTED_ENV      "REDOUBT_HOSTED"
#define HOSTED_WAKES    1024u
#define HOSTED_SEL_WAKE 0x1000u /* selector of semaphore i: HOSTED_SEL_WAKE + i */

struct hosted_mem {
	struct {
		_Atomic uint32_t count; /* futex */
		uint32_t pad[15];
	} wake[HOSTED_WAKES];
};
