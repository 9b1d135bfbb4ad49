// SPDX-License-Identifier: Apache-2.0
/* Code of guests: position-independent, 64-bit, entered at its first byte (tests/vm/lab.h). */
	.section .rodata.guests, "a", @progbits

	.macro guest name
	.globl guest_\name
guest_\name:
	.endm
	.macro end name
	.globl guest_\name\()_end
guest_\name\()_end:
	.endm

guest cpuid
	mov $0x40000000, %eax
	mov $7, %ecx
	mov $0x1122334455667788, %r15
	cpuid
	vmmcall
	hlt
	vmmcall
end cpuid

guest io
	mov $0x3f8, %edx
	mov $0x5a, %eax
	out %al, %dx
	mov $0xcf8, %edx
	in %dx, %eax
	vmmcall
	cld
	mov $0x30000, %esi
	mov $4, %ecx
	mov $0x1f0, %edx
	rep outsw
	vmmcall
end io

guest mmio
	mov $0x30000000, %edi
	mov (%rdi), %eax
	mov %eax, 4(%rdi)
	jmp *%rdi
end mmio

guest msr
	mov $0xc0000082, %ecx
	mov $0x1234, %eax
	mov $0xffff8000, %edx
	wrmsr
	xor %eax, %eax
	xor %edx, %edx
	rdmsr
	mov %rax, %r8
	mov %rdx, %r9
	mov $0xc0000080, %ecx
	rdmsr
	mov $0x277, %ecx
	wrmsr
	mov $0x10, %ecx
	rdmsr
	mov $0xc0010117, %ecx
	wrmsr
	mov $0x1b, %ecx
	rdmsr
	vmmcall
end msr

guest spin
1:	incq 0x30000
	jmp 1b
end spin

	/* two of these, rdi and rsi the other way round, take turns rcx times */
guest turns
1:	incq (%rdi)
	mov (%rdi), %rax
2:	cmp %rax, (%rsi)
	jae 3f
	pause
	jmp 2b
3:	dec %rcx
	jnz 1b
	vmmcall
end turns

guest window
	cli
	vmmcall
	nop
	sti
	nop
	nop
	vmmcall
1:	jmp 1b
end window

	/* handler of every gate in these: rbx counts, then back to the VMM */
	.globl guest_inject_handler
guest inject
	sti
	nop
1:	jmp 1b
guest_inject_handler:
	inc %rbx
	vmmcall
	iretq
end inject

	/* a handler that stays until r8 is over: an emulator has time to come back to what it left undone */
	.globl guest_slow_handler
guest slow
	sti
	nop
1:	jmp 1b
guest_slow_handler:
	inc %rbx
2:	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	cmp %r8, %rax
	jb 2b
	vmmcall
	iretq
end slow

	.globl guest_error_handler
guest error
	ud2
guest_error_handler:
	pop %rbx
	vmmcall
end error

guest fpu
	movq %rax, %xmm0
	movq %rax, %xmm15
1:	vmmcall
	movq %xmm0, %rbx
	movq %xmm15, %rcx
	jmp 1b
end fpu

guest avx
	mov $0x40620, %eax
	mov %rax, %cr4
	xor %ecx, %ecx
	xor %edx, %edx
	mov $7, %eax
	xsetbv
	movq %r8, %xmm1
	vinsertf128 $1, %xmm1, %ymm1, %ymm2
	vmmcall
	vextractf128 $1, %ymm2, %xmm3
	movq %xmm3, %r9
	xgetbv
	vmmcall
end avx

guest dr
	mov %rax, %dr0
	mov %rbx, %dr3
1:	vmmcall
	mov %dr0, %rcx
	mov %dr3, %rdx
	jmp 1b
end dr

guest tsc
	rdtsc
	vmmcall
end tsc

	/* each instruction is 3 bytes long; the #UD handler skips it and counts in rbx */
	.globl guest_undefined_handler
guest undefined
	xor %ebx, %ebx
	mov $0x30000, %eax
	mov $0, %ecx
	vmrun %rax
	vmload %rax
	vmsave %rax
	stgi
	clgi
	skinit
	invlpga
	vmmcall
	rdtscp
	monitor
	mwait
	vmmcall
guest_undefined_handler:
	inc %rbx
	addq $3, (%rsp)
	iretq
end undefined

guest triple
	sub $16, %rsp
	movq $0, (%rsp)
	movq $0, 8(%rsp)
	lidt (%rsp)
	ud2
end triple

	/* the handler itself faults for ever: #DB from a trap that is set again on each entry */
	.globl guest_stuck_handler
guest stuck
	pushf
	orq $0x100, (%rsp)
	popf
1:	jmp 1b
guest_stuck_handler:
	orq $0x100, 16(%rsp)
	iretq
end stuck

	/* set every bit of CR4 and CR0 one after the other; #GP skips the 3 bytes */
	.globl guest_control_handler
guest control
	mov $1, %r8
1:	mov $0x620, %eax
	or %r8, %rax
	mov %rax, %cr4
	mov $0x620, %eax
	mov %rax, %cr4
	shl $1, %r8
	jnz 1b
	mov $0xc0000081, %ecx
2:	mov $-1, %eax
	mov $-1, %edx
	wrmsr
	inc %ecx
	cmp $0xc0000085, %ecx
	jne 2b
	vmmcall
guest_control_handler:
	add $8, %rsp
	mov (%rsp), %rax
	cmpw $0x300f, (%rax)
	je 3f
	addq $3, (%rsp)
	iretq
3:	addq $2, (%rsp)
	iretq
end control

	/* write and read one byte of each page up to rsi, sum in rax */
guest touch
	xor %eax, %eax
	mov $0x40000, %edi
1:	addb $1, (%rdi)
	movzbl (%rdi), %ecx
	add %rcx, %rax
	add $0x1000, %rdi
	cmp %rsi, %rdi
	jb 1b
	vmmcall
end touch

	/* what is at rsi */
guest peek
1:	mov (%rsi), %rax
	vmmcall
	jmp 1b
end peek

	/* counts in rbx; what it has put into LSTAR goes along */
guest hop
	mov $0xc0000082, %ecx
	mov $0x5678, %eax
	mov $0xffff8000, %edx
	wrmsr
1:	inc %rbx
	rdmsr
	vmmcall
	jmp 1b
end hop

	/* interrupts itself; the handler finds the way back on its stack */
	.globl guest_soft_handler
guest soft
	int $0x31
	vmmcall
guest_soft_handler:
	mov (%rsp), %rbx
	vmmcall
end soft

	/* one step at a time: the handler of #DB tells DR6 */
	.globl guest_step_handler
guest step
	pushf
	orq $0x100, (%rsp)
	popf
	nop
1:	jmp 1b
guest_step_handler:
	mov %dr6, %rax
	mov (%rsp), %rbx
	vmmcall
end step

	/* what its own memory says */
guest tell
1:	mov 0x30000, %rax
	vmmcall
	jmp 1b
end tell

	/* 2048 times: TSC ticks around an operation, 32 bits each, to 0x100000; rdi counts pages for touch */
	.macro bench name, count, op:vararg
guest bench_\name
	mov $0x100000, %r13d
	mov $\count, %r14d
	mov $0x30000000, %esi
	mov $0x40000, %edi
	mov $0xc0000080, %ecx
	mov $0x3f9, %edx
	mov %edx, %r12d
1:	mov %r12d, %edx
	rdtsc
	mov %eax, %r8d
	mov %r12d, %edx
	\op
	rdtsc
	sub %r8d, %eax
	mov %eax, (%r13)
	add $4, %r13
	add $0x1000, %edi
	dec %r14d
	jnz 1b
	hlt
end bench_\name
	.endm

	bench cpuid, 2048, cpuid
	bench vmmcall, 2048, vmmcall
	bench rdmsr, 2048, rdmsr
	bench in, 2048, in %dx, %al
	bench out, 2048, out %al, %dx
	bench mmio_read, 2048, mov (%rsi), %ebx
	bench mmio_write, 2048, mov %ebx, (%rsi)
	bench touch, 192, movb $1, (%rdi)
	bench lazy, 192, movb $1, 0x2ffc0000(%rdi)

	.section .note.GNU-stack, "", @progbits
