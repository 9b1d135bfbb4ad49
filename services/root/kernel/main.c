// SPDX-License-Identifier: Apache-2.0
/* Root on Redoubt's kernel: the first user program. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/component.h"
#include "lib/runtime.h"
#include "services/root/kernel/kernel.h"

_Noreturn void root_main(const struct root_info *info);

const struct root_info *root;
struct wake root_wake;
static struct start_info own;
static _Alignas(16) uint8_t heap[1 << 20];
static size_t heap_used;
static uint64_t boot_id;

void runtime_up(uint32_t sel)
{
	wake_up(&(struct wake){ sel });
}

uint64_t now_ns(void)
{
	return (uint64_t)((unsigned __int128)__builtin_ia32_rdtsc() * 1000000u / root->tsc_khz);
}

void runtime_sleep(uint64_t deadline_ns)
{
	uint64_t count,
		until = (uint64_t)((unsigned __int128)deadline_ns * root->tsc_khz / 1000000u);
	enum status s =
		sys_ctrl_sm(root_wake.sel, SM_DOWN_ZERO, deadline_ns ? until + 1 : 0, &count);

	if (s != S_OK && s != S_TIMEOUT)
		runtime_exit(1);
}

static void put_char(char c)
{
	uint64_t v0, v1;
	enum status s = sys_ctrl_hw(root->hw, HW_PUTC, (uint8_t)c, 0, &v0, &v1);

	(void)s; /* a debug console that is not there is none */
}

/* Until `uart` runs: the kernel's debug console. */
void runtime_print(const char *line, uint32_t len)
{
	for (const char *p = "root: "; *p; p++)
		put_char(*p);
	for (uint32_t i = 0; i < len; i++)
		put_char(line[i]);
	put_char('\r');
	put_char('\n');
}

/* Without root nothing is left that could mend anything. */
void runtime_exit(int code)
{
	uint64_t v0, v1;
	enum status s;

	(void)code;
	runtime_print("root has ended: the machine stops", 33);
	s = sys_ctrl_hw(root->hw, HW_HALT, 0, 0, &v0, &v1);
	(void)s;
	__builtin_trap();
}

void _exit(int code)
{
	runtime_exit(code);
}

void *sbrk(ptrdiff_t grow)
{
	uint8_t *old = heap + heap_used;

	if (grow < 0 ? (size_t)-grow > heap_used : (size_t)grow > sizeof(heap) - heap_used) {
		errno = ENOMEM;
		return (void *)-1;
	}
	heap_used += (size_t)grow;
	return old;
}

FILE *const stdin = NULL;
FILE *const stdout = NULL;
FILE *const stderr = NULL;

uint64_t engine_boot_id(void)
{
	return boot_id;
}

uint64_t engine_tsc_khz(void)
{
	return root->tsc_khz;
}

uint32_t engine_cpus(void)
{
	return root->cpu_count;
}

uint32_t engine_iommu(void)
{
	return (root->flags & ROOT_IOMMU_VTD     ? START_IOMMU_VTD
		: root->flags & ROOT_IOMMU_AMDVI ? START_IOMMU_AMDVI
						 : START_IOMMU_NONE) |
	       (root->flags & ROOT_IOMMU_REMAPS ? START_IOMMU_REMAPS : 0);
}

void engine_seed(uint8_t seed[32])
{
	random_bytes(seed, 32);
}

/* From now on COM1 is uart's. */
void engine_settled(void)
{
	uint64_t v0, v1;

	if (sys_ctrl_hw(root->hw, HW_CONSOLE, 0, 0, &v0, &v1) != S_OK)
		log_line("the kernel keeps its console");
	klog_begin();
}

_Noreturn void root_main(const struct root_info *info)
{
	const struct root_part *m;

	root = info;
	runtime_begin(&own);
	memcpy(own.name, "root", 5);
	for (unsigned i = 0; i < ROOT_SEED; i++)
		own.seed[i % sizeof(own.seed)] ^= info->seed[i];
	random_bytes(&boot_id, sizeof(boot_id));
	if (info->magic != ROOT_INFO_MAGIC || info->version != ROOT_INFO_VERSION)
		die("the kernel speaks another version");
	memory_begin();
	if (!wake_new(&root_wake))
		die("no kernel memory for a semaphore");
	if (!engine_iommu())
		log_line(
			"no IOMMU: who takes over a driver reaches all memory by its device's DMA");
	faults_begin();
	m = part_find("manifest");
	if (!m)
		die("no manifest");
	root_run(&own, &root_wake, (const void *)(ROOT_WINDOW + m->base), m->size);
}
