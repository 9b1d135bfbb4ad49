// SPDX-License-Identifier: Apache-2.0
/* What the kernel says when it has to stop. */
#include "kernel/inc/console.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/syscall.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/symtab.h"

enum {
	DUMP_STACK_WORDS = 64,
};

extern char text_start[], text_end[];

static const char *const vectors[32] = {
	"divide error",
	"debug",
	"NMI",
	"breakpoint",
	"overflow",
	"bound",
	"invalid opcode",
	"no FPU",
	"double fault",
	NULL,
	"invalid TSS",
	"no segment",
	"stack fault",
	"general protection",
	"page fault",
	NULL,
	"FPU error",
	"alignment check",
	"machine check",
	"SIMD error",
	NULL,
	"control protection",
};

const char *symbol_name(uint64_t ip, uint64_t *offset)
{
	uint32_t at = (uint32_t)(ip - (uint64_t)text_start), i = 0;

	if (ip < (uint64_t)text_start || ip >= (uint64_t)text_end || !symtab_count)
		return NULL;
	while (i + 1 < symtab_count && symtab_offset[i + 1] <= at)
		i++;
	*offset = at - symtab_offset[i];
	return symtab_names + symtab_name[i];
}

static void print_address(uint64_t ip)
{
	uint64_t offset;
	const char *name = symbol_name(ip, &offset);

	if (name)
		kprintf("  %016lx %s+%lx\n", ip, name, offset);
}

static const char *stack_of_guard(uint64_t offset)
{
	if (offset < STACK_LOW)
		return "main";
	if (offset >= STACK_HIGH && offset < DF_LOW)
		return "double fault";
	if (offset >= DF_HIGH && offset < NMI_LOW)
		return "NMI";
	return offset >= NMI_HIGH && offset < MC_LOW ? "machine check" : NULL;
}

static void explain(uint64_t cr2)
{
	const char *stack;

	if (cr2 < PERCPU_VA || cr2 >= PERCPU_VA + (uint64_t)CPU_MAX * PERCPU_SIZE)
		return;
	stack = stack_of_guard((cr2 - PERCPU_VA) % PERCPU_SIZE);
	if (stack)
		kprintf("the %s stack of CPU %lu ran over: its guard page was hit at %lx\n", stack,
			(cr2 - PERCPU_VA) / PERCPU_SIZE, cr2);
}

/* Return addresses are found by what they look like: the kernel has no frame pointers. */
static void walk_stack(uint64_t sp)
{
	uint64_t area = PERCPU_VA + (uint64_t)cpu_self()->id * PERCPU_SIZE, end = area + STACK_HIGH;

	if (sp < area + STACK_LOW)
		sp = area + STACK_LOW;
	for (unsigned int i = 0; i < DUMP_STACK_WORDS && sp + 8 <= end; i++, sp += 8)
		print_address(*(uint64_t *)sp);
}

void kernel_exception(const struct regs *r)
{
	struct cpu *cpu = cpu_self();
	uint64_t cr2 = read_cr2();
	const char *name = r->vector < 32 ? vectors[r->vector] : NULL;

	console_serial(true);
	kprintf("\nkernel: vector %lu (%s) error %lx on CPU %u\n", r->vector, name ? name : "?",
		r->error, cpu->id);
	explain(cr2);
	kprintf("rip %lx rsp %lx rflags %lx cr2 %lx cr3 %lx\n", r->rip, r->rsp, r->rflags, cr2,
		read_cr3());
	kprintf("rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx\n", r->rax, r->rbx, r->rcx,
		r->rdx, r->rsi, r->rdi, r->rbp);
	kprintf("r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx\n", r->r8, r->r9,
		r->r10, r->r11, r->r12, r->r13, r->r14, r->r15);
	if (cpu->ec)
		kprintf("thread %s/%s\n", cpu->ec->pd->name, cpu->ec->name);
	print_address(r->rip);
	walk_stack(r->rsp);
	panic("exception in the kernel");
}
