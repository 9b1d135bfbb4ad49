/* SPDX-License-Identifier: Apache-2.0 */
	.globl _start
	.section .text._start, "ax"
_start:
	lea stack_top(%rip), %rsp
	call probe_main

	.bss
	.balign 16
	.skip 8192
stack_top:
	.section .note.GNU-stack, "", @progbits
