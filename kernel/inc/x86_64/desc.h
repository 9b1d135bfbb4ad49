// SPDX-License-Identifier: Apache-2.0
/* Segments, task state, interrupt descriptors. Intel SDM volume 3, 3.4.5, 8.7, 6.14. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	SEG_KCODE = 0x08,
	SEG_KDATA = 0x10,
	SEG_SYSRET = 0x18, /* sysret: SS = this + 8, CS = this + 16 */
	SEG_UDATA = 0x23,
	SEG_UCODE = 0x2b,
	SEG_TSS = 0x30,
	GDT_ENTRIES = 8,
	IDT_ENTRIES = 256,
	IST_DF = 1,
	IST_NMI = 2,
	IST_MC = 3,
	IO_NONE = 0xffff, /* I/O map base that denies all ports */
};

struct __attribute__((packed)) tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_base;
};

_Static_assert(sizeof(struct tss) == 104, "TSS");
_Static_assert(offsetof(struct tss, ist) == 36, "TSS");

struct cpu;

void idt_init(void);
void desc_load(struct cpu *cpu); /* GDT, TSS, IDT, GS base, syscall registers of this CPU */
uint64_t idt_base(void);

/* An exit of VT-x leaves other limits in GDTR and TR: the first gets its own back, the second when somebody has I/O ports (desc_task). */
void desc_after_exit(struct cpu *cpu);
void desc_task(struct cpu *cpu);
