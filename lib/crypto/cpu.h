/* SPDX-License-Identifier: Apache-2.0 */
/* Which instructions the bulk crypto may use: CPUID, masked by what XCR0 enables. */
#ifndef LIB_CRYPTO_CPU_H
#define LIB_CRYPTO_CPU_H

#include <stdbool.h>

struct crypto_cpu {
	bool usable; /* AES-NI, PCLMULQDQ, SSSE3: without them nothing in lib/crypto works */
	bool avx;    /* AVX and MOVBE: one-pass GCM */
};

/* Detects once; cheap afterwards. The result never changes. */
const struct crypto_cpu *crypto_cpu(void);

#endif
