/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Intel SDM vol. 2 CPUID, vol. 1 13.3 (XCR0). */
#include "lib/crypto/cpu.h"

#include <cpuid.h>
#include <stdint.h>

#include "lib/crypto/perlasm.h"

#define BIT(n) (UINT32_C(1) << (n))

enum {
	XCR0_SSE_AVX = 0x6,
};

/* Leaf 1 EDX: two reserved bits have a meaning of their own for the assembly. */
#define EDX_OWN_RC4   BIT(20)
#define EDX_OWN_INTEL BIT(30)
/* Leaf 1 ECX. */
#define ECX_PCLMUL  BIT(1)
#define ECX_SSSE3   BIT(9)
#define ECX_OWN_XOP BIT(11)
#define ECX_FMA     BIT(12)
#define ECX_MOVBE   BIT(22)
#define ECX_AES     BIT(25)
#define ECX_OSXSAVE BIT(27)
#define ECX_AVX     BIT(28)
/* Leaf 7 EBX. */
#define EBX7_AVX2   BIT(5)
#define EBX7_AVX512 (BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31))

uint32_t OPENSSL_ia32cap_P[10];

static bool avx_state_enabled(uint32_t leaf1_ecx)
{
	uint32_t eax, edx;

	if (!(leaf1_ecx & ECX_OSXSAVE))
		return false;
	__asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	return (eax & XCR0_SSE_AVX) == XCR0_SSE_AVX;
}

static bool is_intel(void)
{
	unsigned eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_INTEL_ebx && ecx == signature_INTEL_ecx;
}

static void fill_capabilities(void)
{
	unsigned eax, ebx7 = 0, ecx7 = 0, edx7 = 0, ebx, ecx = 0, edx = 0;

	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	__get_cpuid_count(7, 0, &eax, &ebx7, &ecx7, &edx7);
	edx &= ~(EDX_OWN_RC4 | EDX_OWN_INTEL);
	if (is_intel())
		edx |= EDX_OWN_INTEL;
	ecx &= ~ECX_OWN_XOP;
	ebx7 &= ~EBX7_AVX512;
	if (!avx_state_enabled(ecx)) {
		ecx &= ~(ECX_AVX | ECX_FMA);
		ebx7 &= ~EBX7_AVX2;
	}
	OPENSSL_ia32cap_P[0] = edx;
	OPENSSL_ia32cap_P[1] = ecx;
	OPENSSL_ia32cap_P[2] = ebx7;
	OPENSSL_ia32cap_P[3] = ecx7;
	OPENSSL_ia32cap_P[4] = edx7;
}

const struct crypto_cpu *crypto_cpu(void)
{
	static const uint32_t needed = ECX_AES | ECX_PCLMUL | ECX_SSSE3;
	static struct crypto_cpu cpu;
	static bool detected;

	if (detected)
		return &cpu;
	fill_capabilities();
	cpu.usable = (OPENSSL_ia32cap_P[1] & needed) == needed;
	cpu.avx = (OPENSSL_ia32cap_P[1] & (ECX_AVX | ECX_MOVBE)) == (ECX_AVX | ECX_MOVBE);
	detected = true;
	return &cpu;
}
