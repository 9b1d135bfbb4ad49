// SPDX-License-Identifier: Apache-2.0
/* The runtime's platform on Redoubt's kernel, and what picolibc needs: heap, exit, stdout. */
#include "lib/runtime.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "abi/calls.h"
#include "lib/component.h"
#include "lib/log.h"

int main(void);
_Noreturn void runtime_main(void);

static uint64_t heap_used;

_Noreturn void runtime_main(void)
{
	runtime_begin((const struct start_info *)START_INFO_VA);
	exit(main());
}

void runtime_up(uint32_t sel)
{
	uint64_t count;
	enum status s = sys_ctrl_sm(sel, SM_UP, 0, &count);

	(void)s; /* the peer may be gone: root tells by the channel's epoch */
}

static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* TSC value at time `ns`, never 0. */
static uint64_t deadline_ticks(uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * start_info()->tsc_khz / 1000000u) + 1;
}

uint64_t now_ns(void)
{
	return (uint64_t)((unsigned __int128)ticks() * 1000000u / start_info()->tsc_khz);
}

void runtime_sleep(uint64_t deadline_ns)
{
	uint64_t count;
	enum status s = sys_ctrl_sm(START_SEL_WAKE, SM_DOWN_ZERO,
				    deadline_ns ? deadline_ticks(deadline_ns) : 0, &count);

	if (s != S_OK && s != S_TIMEOUT)
		runtime_exit(1);
}

/* Root learns the end of a component from its fault portal: #UD with the code in EBX and this mark in RAX. */
void runtime_exit(int code)
{
	__asm__ volatile("ud2" : : "a"(START_EXIT_MARK), "b"(code));
	__builtin_unreachable();
}

void runtime_print(const char *line, uint32_t len)
{
	(void)line; /* no log channel: nobody to tell */
	(void)len;
}

void _exit(int code)
{
	runtime_exit(code);
}

void *sbrk(ptrdiff_t grow)
{
	const struct start_info *info = start_info();
	uint64_t old = heap_used;

	if (grow < 0 ? (uint64_t)-grow > heap_used : (uint64_t)grow > info->heap_size - heap_used) {
		errno = ENOMEM;
		return (void *)-1;
	}
	heap_used += (uint64_t)grow;
	return (void *)(info->heap_va + old);
}

static char line[LOG_MAX];
static uint32_t line_len;

static int put_char(char c, FILE *f)
{
	(void)f;
	if (c != '\n' && line_len < sizeof(line))
		line[line_len++] = c;
	if (c == '\n' || line_len == sizeof(line)) {
		log_line("%.*s", (int)line_len, line);
		line_len = 0;
	}
	return (unsigned char)c;
}

static FILE out = FDEV_SETUP_STREAM(put_char, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdin = NULL;
FILE *const stdout = &out;
FILE *const stderr = &out;
