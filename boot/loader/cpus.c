// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/cpus.h"
#include "boot/loader/firmware.h"
#include "boot/loader/io.h"
#include "boot/loader/print.h"

#define MP_SERVICES_GUID                                               \
	{                                                              \
		0x3fdda605, 0xa76e, 0x4f46,                            \
		{                                                      \
			0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08 \
		}                                                      \
	}

enum { MP_CPU_BOOT = 1, MP_CPU_ENABLED = 2, MP_CPU_HEALTHY = 4 };

struct mp_cpu {
	UINT64 apic_id;
	UINT32 status;
	UINT32 package, core, thread;
	UINT32 extended[6];
};

struct mp_services {
	EFI_STATUS(EFIAPI *count)(struct mp_services *mp, UINTN *all, UINTN *enabled);
	EFI_STATUS(EFIAPI *info)(struct mp_services *mp, UINTN number, struct mp_cpu *cpu);
};

static uint32_t own_apic_id(void)
{
	return cpuid(0).eax >= 0xb && cpuid(0xb).ebx ? cpuid(0xb).edx : cpuid(1).ebx >> 24;
}

static int other_usable(const struct mp_cpu *cpu)
{
	uint32_t usable = MP_CPU_ENABLED | MP_CPU_HEALTHY;

	return !(cpu->status & MP_CPU_BOOT) && (cpu->status & usable) == usable;
}

void cpus_list(struct bootinfo *info)
{
	EFI_GUID guid = MP_SERVICES_GUID;
	struct mp_services *mp;
	struct mp_cpu cpu;
	UINTN all = 0, enabled;

	info->apic_id[0] = own_apic_id();
	info->cpu_count = 1;
	if (EFI_ERROR(BOOT->LocateProtocol(&guid, NULL, (void **)&mp)) ||
	    EFI_ERROR(mp->count(mp, &all, &enabled))) {
		say("redoubt: no MP services in this firmware: one CPU is used\n");
		return;
	}
	for (UINTN i = 0; i < all; i++) {
		if (EFI_ERROR(mp->info(mp, i, &cpu)) || !other_usable(&cpu))
			continue;
		if (info->cpu_count == BOOTINFO_MAX_CPU) {
			say("redoubt: %u CPUs, the first %u are used\n", (uint64_t)all,
			    (uint64_t)BOOTINFO_MAX_CPU);
			return;
		}
		info->apic_id[info->cpu_count++] = (uint32_t)cpu.apic_id;
	}
}
