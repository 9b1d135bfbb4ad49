// SPDX-License-Identifier: Apache-2.0
/* The framebuffer the firmware set up (UEFI 12.9, graphics output protocol). */
#pragma once
#include "boot/bootinfo.h"

/* Fills *fb; base stays 0 when there is no linear 32-bit framebuffer. */
void display_find(struct boot_fb *fb);
