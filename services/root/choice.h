// SPDX-License-Identifier: Apache-2.0
/* Which of a row of alternative channels is made (manifest.h): hardware decides, once, and root says so. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whether channel `n` of the manifest is made in this machine. `pci` must run, and stand before the servers. */
bool choice_takes(uint32_t n);
/* Whether component `kind` is only ever an alternative to one that was taken: it is not started. */
bool choice_passes_over(uint32_t kind);
