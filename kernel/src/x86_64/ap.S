/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up of the other CPUs: copied to a page below 1 MiB, entered in real mode at its start, goes straight to long mode on the kernel's page
 * tables (which map that page at its own address meanwhile) and jumps to ap_entry. The words at the end are filled in by smp.c.
 */
	.section .rodata.ap, "a", @progbits
	.globl ap_code, ap_code_end, ap_gdtr_base, ap_far, ap_cr3, ap_cpu, ap_stack, ap_entry
	.code16
ap_code:
	cli
	mov %cs, %ax
	mov %ax, %ds
	lgdtl ap_gdtr - ap_code
	mov $0x20, %eax /* PAE */
	mov %eax, %cr4
	mov ap_cr3 - ap_code, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x900, %eax /* LME, NXE */
	wrmsr
	mov $0x80010031, %eax /* PG, WP, NE, ET, PE */
	mov %eax, %cr0
	ljmpl *(ap_far - ap_code)

	.code64
ap_long:
	mov ap_stack(%rip), %rsp
	mov ap_cpu(%rip), %rdi
	xor %ebp, %ebp
	mov ap_entry(%rip), %rax
	call *%rax
	ud2

	.balign 8
ap_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
ap_gdtr:
	.word 23
ap_gdtr_base:
	.long ap_gdt - ap_code
	.balign 8
ap_far:
	.long ap_long - ap_code
	.word 8
	.balign 8
ap_cr3:
	.quad 0
ap_cpu:
	.quad 0
ap_stack:
	.quad 0
ap_entry:
	.quad 0
ap_code_end:

	.section .note.GNU-stack, "", @progbits
