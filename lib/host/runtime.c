// SPDX-License-Identifier: Apache-2.0
/* The runtime's platform on Linux: wake semaphores are futexes in the shared file. */
#include "lib/runtime.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "lib/component.h"
#include "lib/host/hosted.h"

static struct hosted_mem *mem;
static uint32_t own_wake;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "hosted: %s: %m\n", what);
	exit(2);
}

static void __attribute__((constructor)) begin(void)
{
	const char *env = getenv(HOSTED_ENV);
	char path[PATH_MAX];
	unsigned long offset;
	int fd;

	if (!env || sscanf(env, "%4095[^:]:%lu:%u", path, &offset, &own_wake) != 3)
		fail("no or malformed " HOSTED_ENV
		     " (start this program through build/host/hosted)");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	mem = mmap((void *)HOSTED_BASE, HOSTED_SIZE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	if (mem == MAP_FAILED)
		fail("mmap");
	close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
	runtime_begin((const struct start_info *)((uintptr_t)mem + offset));
}

void runtime_up(uint32_t sel)
{
	_Atomic uint32_t *count = &mem->wake[(sel - HOSTED_SEL_WAKE) % HOSTED_WAKES].count;

	atomic_fetch_add(count, 1);
	syscall(SYS_futex, count, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void runtime_sleep(uint64_t deadline_ns)
{
	_Atomic uint32_t *count = &mem->wake[own_wake].count;
	struct timespec until = { .tv_sec = (time_t)(deadline_ns / 1000000000),
				  .tv_nsec = (long)(deadline_ns % 1000000000) };

	while (!atomic_exchange(count, 0)) {
		if (!syscall(SYS_futex, count, FUTEX_WAIT_BITSET, 0, deadline_ns ? &until : NULL,
			     NULL, FUTEX_BITSET_MATCH_ANY))
			continue;
		if (errno == ETIMEDOUT)
			return;
	}
}

void runtime_exit(int code)
{
	exit(code);
}

void runtime_print(const char *line, uint32_t len)
{
	fprintf(stderr, "%s: %.*s\n", start_info()->name, (int)len, line);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
