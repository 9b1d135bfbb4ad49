// SPDX-License-Identifier: Apache-2.0
/* virtio entropy device: every buffer is filled with random bytes, at most RNG_MOST a request. Source: virtio 1.2, section 5.4. */
#pragma once
#include "services/vmm/virtio.h"

#define RNG_MOST 256u

struct virtio_rng {
	struct virtio v; /* first: ops get this */
	void (*fill)(void *p, size_t n);
};

void virtio_rng_init(struct virtio_rng *r, void (*fill)(void *p, size_t n));
