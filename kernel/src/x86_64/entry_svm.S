// SPDX-License-Identifier: Apache-2.0
/*
 * void svm_enter(uint64_t vmcb, uint64_t gpr[VCPU_GPRS], uint64_t host)
 *
 * One stay in a guest. vmcb, host: physical addresses; host is a VMCB that only keeps what VMSAVE
 * stores of the host (FS, GS, TR, LDTR, SYSCALL and SYSENTER MSRs). Called and returns with interrupts
 * off. Between CLGI and STGI nothing interrupts the host; interrupts that come while the guest runs
 * end its stay (IF is set for that) and are pending when this returns. rax and rsp of the guest are in
 * the VMCB. Offsets are those of gpr[] in abi/vcpu.h.
 */
	.section .text.svm_enter, "ax", @progbits
	.globl svm_enter
	.type svm_enter, @function
svm_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rsi
	push %rdx
	clgi
	sti
	mov %rdx, %rax
	vmsave %rax
	mov %rdi, %rax
	vmload %rax
	mov 8(%rsi), %rcx
	mov 16(%rsi), %rdx
	mov 24(%rsi), %rbx
	mov 40(%rsi), %rbp
	mov 56(%rsi), %rdi
	mov 64(%rsi), %r8
	mov 72(%rsi), %r9
	mov 80(%rsi), %r10
	mov 88(%rsi), %r11
	mov 96(%rsi), %r12
	mov 104(%rsi), %r13
	mov 112(%rsi), %r14
	mov 120(%rsi), %r15
	mov 48(%rsi), %rsi
	vmrun %rax
	vmsave %rax
	mov 8(%rsp), %rax
	mov %rcx, 8(%rax)
	mov %rdx, 16(%rax)
	mov %rbx, 24(%rax)
	mov %rbp, 40(%rax)
	mov %rsi, 48(%rax)
	mov %rdi, 56(%rax)
	mov %r8, 64(%rax)
	mov %r9, 72(%rax)
	mov %r10, 80(%rax)
	mov %r11, 88(%rax)
	mov %r12, 96(%rax)
	mov %r13, 104(%rax)
	mov %r14, 112(%rax)
	mov %r15, 120(%rax)
	pop %rax
	vmload %rax
	cli
	stgi
	pop %rsi
	/* what the guest left must not steer the host's speculation */
	xor %ecx, %ecx
	xor %edx, %edx
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
	.size svm_enter, . - svm_enter
	.section .note.GNU-stack, "", @progbits
