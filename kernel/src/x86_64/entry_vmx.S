// SPDX-License-Identifier: Apache-2.0
/*
 * bool vmx_enter(uint64_t gpr[VCPU_GPRS], bool launched, uint64_t *host_rsp)
 *
 * One stay in the guest of the current VMCS; true: the instruction failed and the guest has not run. Called and returns with
 * interrupts off: those that come while the guest runs end its stay and are pending when this returns. rsp of the guest is in the VMCS.
 * *host_rsp: what the VMCS has as the host's rsp; written when this CPU's stack is another one. Offsets are those of gpr[] in abi/vcpu.h.
 */
	.set VMCS_HOST_RSP, 0x6c14

	.section .text.vmx_enter, "ax", @progbits
	.globl vmx_enter
	.type vmx_enter, @function
vmx_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	cmp %rsp, (%rdx)
	je 1f
	mov $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax
	jbe 4f
	mov %rsp, (%rdx)
1:	cmpb $0, vmx_clear_buffers(%rip)
	je 2f
	verw kernel_data_segment(%rip)
2:	test %sil, %sil
	mov (%rdi), %rax
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
	jne 3f
	vmlaunch
	jmp 4f
3:	vmresume
4:	mov $1, %eax
	jmp 5f

	.globl vmx_exit_point
vmx_exit_point:
	push %rdi
	mov 8(%rsp), %rdi
	mov %rax, (%rdi)
	mov %rcx, 8(%rdi)
	mov %rdx, 16(%rdi)
	mov %rbx, 24(%rdi)
	mov %rbp, 40(%rdi)
	mov %rsi, 48(%rdi)
	pop 56(%rdi)
	mov %r8, 64(%rdi)
	mov %r9, 72(%rdi)
	mov %r10, 80(%rdi)
	mov %r11, 88(%rdi)
	mov %r12, 96(%rdi)
	mov %r13, 104(%rdi)
	mov %r14, 112(%rdi)
	mov %r15, 120(%rdi)
	xor %eax, %eax
5:	pop %rdi
	/* what the guest left must not steer the host's speculation */
	xor %ecx, %ecx
	xor %edx, %edx
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.size vmx_enter, . - vmx_enter

	.section .rodata
kernel_data_segment:
	.short 0x10
	.section .note.GNU-stack, "", @progbits
