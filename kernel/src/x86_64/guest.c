// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/x86_64/guest.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/msr.h"

const uint32_t guest_msrs[GUEST_MSRS] = {
	MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_STAR,    MSR_LSTAR,
	MSR_CSTAR,       MSR_SFMASK,       MSR_FS_BASE,      MSR_GS_BASE, MSR_KERNEL_GS_BASE,
};

uint8_t guest_ports[GUEST_PORT_BYTES] __attribute__((aligned(FRAME_SIZE)));

void guest_ports_init(void)
{
	for (unsigned int i = 0; i < GUEST_PORT_BYTES; i++)
		guest_ports[i] = 0xff;
}

void guest_fpu_enter(struct cpu *cpu, struct vcpu *v)
{
	fpu_flush(cpu);
	fpu_load_guest((char *)v->fpu + VCPU_FPU_OFFSET, v->xcr0);
}

/* QEMU has no intercept of XSETBV, so the guest may have changed its XCR0. */
void guest_fpu_leave(struct cpu *cpu, struct vcpu *v)
{
	uint64_t xcr0 = fpu_mask ? fpu_xcr0() : 0;

	fpu_save_guest((char *)v->fpu + VCPU_FPU_OFFSET, xcr0);
	if (xcr0 != v->xcr0 && vcpu_xcr0_valid(xcr0 & fpu_mask, fpu_mask))
		v->xcr0 = xcr0 & fpu_mask;
	fpu_switch(cpu, cpu->ec);
}

void guest_dr_load(struct vcpu *v)
{
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	v->dr_live = true;
}

void guest_dr_save(struct vcpu *v)
{
	v->dr[0] = read_dr0();
	v->dr[1] = read_dr1();
	v->dr[2] = read_dr2();
	v->dr[3] = read_dr3();
	v->dr_live = false;
}
