// SPDX-License-Identifier: Apache-2.0
/*
 * A whole paused machine as bytes, and back: RAM, devices, vCPUs. docs/formats.md has the layout; the sections are those of state.h.
 * A checksum at its end shows damage; it is no protection against somebody who writes images.
 * Where it is restored the guest's TSC goes on from its saved value: only the clocks of the world around it have moved.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "services/vmm/machine.h"
#include "services/vmm/state.h"

enum { SAVE_SUM = 16 }; /* bytes of the checksum */

/* Bytes that an image of this machine needs at most. */
size_t save_bound(const struct machine *m);
/* All vCPUs have left machine_run(). Bytes used; 0: they do not fit, or the kernel does not give a vCPU's state. */
size_t save_write(struct machine *m, void *image, size_t size);
/*
 * Into a machine after machine_init() with the same devices, memory size and TSC rate. false: it is not an image for this machine, which
 * must not run then; s->tag and s->at say in which section and before which byte, tag 0: the checksum is wrong and nothing was read.
 */
bool save_read(struct machine *m, const void *image, size_t size, struct state *s);
/* Put the right checksum at the end of an image of n bytes, at least SAVE_SUM. */
void save_seal(uint8_t *image, size_t n);
