// SPDX-License-Identifier: Apache-2.0
/* Start of a 64-bit guest: Multiboot header, long mode with the first 4 GiB one to one, traps (tests/vm/guest64.h). */
	.set CODE64, 0x08
	.set DATA, 0x10
	.set CODE32, 0x18

	.section .multiboot, "a"
	.align 4
header:	.long 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
	.long header, load_start, load_end, bss_end, start32

	.text
	.code32
	.globl start32
start32:
	mov $guest_stack_top, %esp
	mov %ebx, %ebp
	movl $guest_pdpt + 7, guest_pml4
	mov $guest_pdpt, %edi
	mov $guest_pd + 7, %eax
	mov $4, %ecx
1:	mov %eax, (%edi)
	add $4096, %eax
	add $8, %edi
	loop 1b
	mov $guest_pd, %edi
	mov $0x87, %eax
	mov $2048, %ecx
1:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 1b
	call enter_long
	ljmp $CODE64, $1f
	.code64
1:	call load_data
	mov %ebp, %edi
	call guest_start

	.code32
enter_long:
	mov $0x620, %eax
	mov %eax, %cr4
	mov $guest_pml4, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x100, %eax
	wrmsr
	mov $0x80010033, %eax
	mov %eax, %cr0
	lgdt guest_gdtr
	ret

	.code64
load_data:
	mov $DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	ret

	/* where a further vCPU starts: copied to a page below 1 MiB */
	.code16
	.globl guest_ap, guest_ap_end
guest_ap:
	lgdtl %cs:(1f - guest_ap)
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	ljmpl $CODE32, $ap32
1:	.word 79
	.long guest_gdt
guest_ap_end:
	.code32
ap32:	mov $DATA, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov $ap_stack_top, %esp
	call enter_long
	ljmp $CODE64, $1f
	.code64
1:	call load_data
	call guest_second_start
	cli
	hlt

	/* one stub of 16 bytes a vector: error code, number */
	.balign 16
	.globl guest_stubs
guest_stubs:
	.set n, 0
	.rept 256
	.balign 16
	.if !(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30)
	push $0
	.endif
	push $n
	jmp common
	.set n, n + 1
	.endr

common:	push %rdi
	push %rsi
	push %rbp
	push %rsp
	push %rbx
	push %rdx
	push %rcx
	push %rax
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	call guest_trap
	mov %rbp, %rsp
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rax
	pop %rcx
	pop %rdx
	pop %rbx
	add $8, %rsp
	pop %rbp
	pop %rsi
	pop %rdi
	add $16, %rsp
	iretq

	/* void guest_enter(const struct guest_run *): comes back by guest_leave() */
	.globl guest_enter
guest_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, saved_rsp
	pushq 128(%rdi)
	pushq 32(%rdi)
	pushq 136(%rdi)
	pushq 144(%rdi)
	pushq 152(%rdi)
	mov 0(%rdi), %rax
	mov 8(%rdi), %rcx
	mov 16(%rdi), %rdx
	mov 24(%rdi), %rbx
	mov 40(%rdi), %rbp
	mov 48(%rdi), %rsi
	mov 64(%rdi), %r8
	mov 72(%rdi), %r9
	mov 80(%rdi), %r10
	mov 88(%rdi), %r11
	mov 96(%rdi), %r12
	mov 104(%rdi), %r13
	mov 112(%rdi), %r14
	mov 120(%rdi), %r15
	mov 56(%rdi), %rdi
	iretq

	.globl guest_leave
guest_leave:
	mov $DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov saved_rsp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.bss
	.balign 4096
	.globl guest_pml4, guest_pd
guest_pml4: .skip 4096
guest_pdpt: .skip 4096
guest_pd: .skip 16384
	.skip 32768
guest_stack_top:
	.skip 8192
ap_stack_top:
saved_rsp: .skip 8
	.section .note.GNU-stack, "", @progbits
