/* SPDX-License-Identifier: Apache-2.0 */
/* First instruction of a component. The kernel gives a stack; the start info lies at START_INFO_VA. */
	.section .text._start, "ax"
	.globl _start
_start:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	runtime_main
	ud2
	.section .note.GNU-stack, "", @progbits
