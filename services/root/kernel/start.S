/* SPDX-License-Identifier: Apache-2.0 */
/* First instruction of root: rdi = struct root_info, rsp = top of its stack (abi/root_info.h). */
	.section .text._start, "ax"
	.globl _start
_start:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	root_main
	ud2
	.section .note.GNU-stack, "", @progbits
