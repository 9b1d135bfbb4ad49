/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways into the kernel and out of it. A thread's registers are saved in its struct ec, which starts with struct regs (kernel/inc/regs.h):
 * by stores for a call; for exceptions and interrupts the TSS points to the end of that structure, so the CPU pushes its frame right there.
 * Offsets in struct cpu (by GS): 0 self, 8 ec, 16 stack_top, 24 user_rsp.
 */
#include "kernel/inc/x86_64/layout.h"

	.set CPU_EC, 8
	.set CPU_STACK, 16
	.set CPU_USER_RSP, 24
	.set R_RAX, 112
	.set R_RIP, 136
	.set R_FLAGS, 152
	.set R_RSP, 160
	.set EC_SYSRET, 176

	.macro pop_regs
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r9
	pop %r8
	pop %r10
	pop %rdx
	pop %rsi
	pop %rdi
	pop %r11
	pop %rcx
	pop %rax
	.endm

	.macro push_regs
	push %rax
	push %rcx
	push %r11
	push %rdi
	push %rsi
	push %rdx
	push %r10
	push %r8
	push %r9
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.section .text.entry, "ax", @progbits

	/* From the loader: rdi = boot info, physical; interrupts off. */
	.globl _start
_start:
	lea boot_stack_top(%rip), %rsp
	xor %ebp, %ebp
	cld
	call kernel_main
	ud2

	.globl syscall_start
syscall_start:
	swapgs
	mov %rsp, %gs:CPU_USER_RSP
	mov %gs:CPU_EC, %rsp
	mov %rcx, R_RIP(%rsp)
	mov %r11, R_FLAGS(%rsp)
	mov %gs:CPU_USER_RSP, %rcx
	mov %rcx, R_RSP(%rsp)
	movb $1, EC_SYSRET(%rsp)
	mov %rsp, %rcx
	lea R_RAX + 8(%rsp), %rsp
	push %rax
	sub $16, %rsp
	push %rdi
	push %rsi
	push %rdx
	push %r10
	push %r8
	push %r9
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %gs:CPU_STACK, %rsp
	mov %rcx, %rdi
	call syscall_entry

	.globl run_thread
run_thread:
	mov %gs:CPU_EC, %rsp
	cmpb $0, EC_SYSRET(%rsp)
	je 1f
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r9
	pop %r8
	pop %r10
	pop %rdx
	pop %rsi
	pop %rdi
	add $16, %rsp
	pop %rax
	mov R_RIP - R_RAX - 8(%rsp), %rcx
	mov R_FLAGS - R_RAX - 8(%rsp), %r11
	mov R_RSP - R_RAX - 8(%rsp), %rsp
	swapgs
	sysretq
1:	pop_regs
	add $16, %rsp
	swapgs
	iretq

	/* Vectors without an error code push 0. Each entry is 16 bytes. */
	.balign 16
	.globl trap_table
trap_table:
	.set vector, 0
	.rept 256
	.balign 16
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	nop
	nop
	.else
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

trap_common:
	testb $3, 24(%rsp)
	jz 1f
	swapgs
	push_regs
	mov %rsp, %rdi
	movb $0, EC_SYSRET(%rdi)
	mov %gs:CPU_STACK, %rsp
	pushq $2 /* AC and DF off: the thread's AC would switch SMAP off */
	popfq
	call trap_user
	jmp run_thread
1:	push_regs
	mov %rsp, %rdi
	cld
	call trap_kernel
	pop_regs
	add $16, %rsp
	iretq

	/* Double fault, NMI, machine check: own stacks, from anywhere. They do not come back. */
	.macro fatal name, number, error
	.globl \name
\name:
	.if \error
	.else
	pushq $0
	.endif
	pushq $\number
	push_regs
	mov $0xc0000101, %ecx
	rdmsr
	test %edx, %edx
	js 1f
	swapgs
1:	mov %rsp, %rdi
	cld
	call kernel_exception
	ud2
	.endm

	fatal trap_nmi, 2, 0
	fatal trap_double_fault, 8, 1
	fatal trap_machine_check, 18, 0

	.section .bss
	.balign 16
boot_stack:
	.skip 16384
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
