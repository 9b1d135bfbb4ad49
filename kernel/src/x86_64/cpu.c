// SPDX-License-Identifier: Apache-2.0
/* Each CPU's own memory and control registers; what the processor offers and what is on. */
#include "kernel/inc/cpu.h"
#include "kernel/inc/console.h"
#include "kernel/inc/kmem.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/start.h"

/* Write-back, write-combining, uncached-, uncached; write-back, write-through, uncached-, uncached. SDM volume 3, 12.12. */
#define PAT_VALUE 0x0007040600070106ull

enum {
	CPU_FRAMES = (sizeof(struct cpu) + FRAME_SIZE - 1) / FRAME_SIZE,
	SPEC_CTRL_IBRS = 1 << 0,
};

struct cpu *cpus[CPU_MAX];
uint32_t cpu_count;

static void map_frames(uint64_t from, uint64_t to)
{
	for (uint64_t va = from; va < to; va += FRAME_SIZE) {
		void *frame = frame_alloc(NULL);

		if (!frame)
			panic("kernel pool too small for %u CPUs", cpu_count);
		kmap(va, ptr_pa(frame), FRAME_SIZE, true, false, false);
	}
}

/* Only at boot: frames follow one another. */
struct cpu *cpu_create(uint32_t id, uint32_t apic_id)
{
	uint64_t area = PERCPU_VA + (uint64_t)id * PERCPU_SIZE;
	struct cpu *cpu = frame_alloc(NULL);

	for (unsigned int i = 1; i < CPU_FRAMES; i++)
		frame_alloc(NULL);
	map_frames(area + STACK_LOW, area + STACK_HIGH);
	map_frames(area + DF_LOW, area + DF_HIGH);
	map_frames(area + NMI_LOW, area + NMI_HIGH);
	map_frames(area + MC_LOW, area + MC_HIGH);
	map_frames(area + TSS_PAGE, area + TSS_PAGE + FRAME_SIZE);
	cpu->self = cpu;
	cpu->id = id;
	cpu->apic_id = apic_id;
	cpu->stack_top = area + STACK_HIGH;
	cpu->tss = (struct tss *)(area + TSS_PAGE);
	sched_init(cpu);
	return cpu;
}

enum feature_use {
	USE_CR4, /* on: its bit in CR4 */
	USE_YES, /* on: used elsewhere */
	USE_NO,  /* told only */
};

struct feature {
	const char *name;
	uint32_t leaf;
	char reg; /* of CPUID */
	uint8_t bit;
	uint8_t use; /* enum feature_use */
	uint32_t cr4;
};

static const struct feature features[] = {
	{ "SMEP", 7, 'b', 7, USE_CR4, CR4_SMEP },
	{ "SMAP", 7, 'b', 20, USE_CR4, CR4_SMAP },
	{ "UMIP", 7, 'c', 2, USE_CR4, CR4_UMIP },
	{ "XSAVE", 1, 'c', 26, USE_CR4, CR4_OSXSAVE },
	{ "NX", 0x80000001, 'd', 20, USE_YES, 0 },
	{ "x2APIC", 1, 'c', 21, USE_YES, 0 },
	{ "TSC-deadline", 1, 'c', 24, USE_YES, 0 },
	{ "automatic IBRS", 0x80000021, 'a', 8, USE_YES, 0 },
	{ "IBRS", 7, 'd', 26, USE_NO, 0 },
	{ "STIBP", 7, 'd', 27, USE_NO, 0 },
	{ "SSBD", 7, 'd', 31, USE_NO, 0 },
	{ "MD-CLEAR", 7, 'd', 10, USE_NO, 0 },
	{ "IBRS (AMD)", 0x80000008, 'b', 14, USE_NO, 0 },
	{ "CET-SS", 7, 'c', 7, USE_NO, 0 },
	{ "CET-IBT", 7, 'd', 20, USE_NO, 0 },
};

enum {
	FEATURES = sizeof(features) / sizeof(features[0]),
};

static bool has(const struct feature *f)
{
	struct cpuid c = cpuid(f->leaf, 0);
	uint32_t v = f->reg == 'a' ? c.a : f->reg == 'b' ? c.b : f->reg == 'c' ? c.c : c.d;

	return f->leaf <= cpuid(f->leaf & 0x80000000, 0).a && (v >> f->bit & 1);
}

/* Processors that offer it need one write for good; for older ones the line says what they are open to. */
static const char *speculation(void)
{
	uint64_t cap;

	if (cpuid(0x80000000, 0).a >= 0x80000021 && (cpuid(0x80000021, 0).a & 1u << 8))
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
	if (!(cpuid(7, 0).d & 1u << 29))
		return "no architectural capabilities";
	cap = rdmsr(MSR_ARCH_CAPABILITIES);
	if (cap & ARCH_CAP_IBRS_ALL)
		wrmsr(MSR_SPEC_CTRL, SPEC_CTRL_IBRS);
	return cap & ARCH_CAP_RDCL_NO ? "not affected by Meltdown"
				      : "kernel pages unprotected against Meltdown";
}

static void print_features(const char *title, bool present, bool used)
{
	kprintf("%s", title);
	for (unsigned int i = 0; i < FEATURES; i++)
		if (has(&features[i]) == present &&
		    (!present || (features[i].use != USE_NO) == used))
			kprintf(" %s", features[i].name);
}

void cpu_features(bool print)
{
	const char *spec = speculation();

	if (!print)
		return;
	print_features("cpu: on:", true, true);
	print_features("; offered, not used:", true, false);
	print_features("; missing:", false, false);
	kprintf("; speculation: %s\n", spec);
}

static void control_registers(void)
{
	uint64_t cr4 = read_cr4() & ~(uint64_t)(CR4_TSD | CR4_PCE | CR4_FSGSBASE);

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
	write_cr0((read_cr0() & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP | CR0_AM);
	cr4 |= CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	for (unsigned int i = 0; i < FEATURES; i++)
		if (features[i].use == USE_CR4 && has(&features[i]))
			cr4 |= features[i].cr4;
	write_cr4(cr4);
	wrmsr(MSR_PAT, PAT_VALUE);
}

void cpu_start(struct cpu *cpu)
{
	if (cpuid(0x80000001, 0).d & 1u << 26)
		cpu_leaf_level = 2;
	control_registers();
	desc_load(cpu);
	fpu_init();
	lapic_init();
	cpu_features(false);
}
