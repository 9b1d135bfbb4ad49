/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP's compiler and platform port: picolibc types, our randomness, no console output. */
#ifndef DEPS_LWIP_ARCH_CC_H
#define DEPS_LWIP_ARCH_CC_H

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

/* Without it lwip/arch.h declares its own ssize_t beside picolibc's. */
#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

void random_bytes(void *p, size_t n);

static inline uint32_t lwip_random(void)
{
	uint32_t r;

	random_bytes(&r, sizeof(r));
	return r;
}

#define LWIP_RAND()             lwip_random()
#define LWIP_PLATFORM_DIAG(x)   ((void)0)
#define LWIP_PLATFORM_ASSERT(x) abort()

#endif
