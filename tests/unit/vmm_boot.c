// SPDX-License-Identifier: Apache-2.0
/* Boot protocols, ACPI tables and arguments of services/vmm. */
#include <string.h>
#include "services/vmm/acpi.h"
#include "services/vmm/args.h"
#include "services/vmm/boot.h"
#include "services/vmm/elf.h"
#include "services/vmm/pvclock.h"
#include "tests/unit/vmm_harness.h"

#define OK(cond, what) check_that("vmm_boot", cond, what)

static struct harness h;
static uint8_t image[65536], initrd[5000];

static void put16(size_t at, uint16_t v)
{
	memcpy(image + at, &v, sizeof(v));
}

static void put32(size_t at, uint32_t v)
{
	memcpy(image + at, &v, sizeof(v));
}

static void put64(size_t at, uint64_t v)
{
	memcpy(image + at, &v, sizeof(v));
}

static enum boot_error load(size_t size, const char *cmdline)
{
	struct boot_image img = { .kernel = image,
				  .kernel_size = size,
				  .initrd = initrd,
				  .initrd_size = sizeof(initrd),
				  .cmdline = cmdline };

	return boot_load(&h.m.gm, &img, &h.state);
}

static void make_linux(void)
{
	memset(image, 0, sizeof(image));
	image[0x1f1] = 1;
	put16(0x1fe, 0xaa55);
	image[0x201] = 0x66;
	memcpy(image + 0x202, "HdrS", 4);
	put16(0x206, 0x20f);
	image[0x234] = 1;
	put16(0x236, 1);
	put32(0x238, 255);
	put64(0x258, 0x200000);
	put32(0x260, 0x8000);
	memset(image + 1024, 0x90, 4096);
}

static void test_linux(void)
{
	const uint8_t *zp;
	uint32_t at;

	make_linux();
	OK(load(1024 + 4096, "console=ttyS0") == BOOT_OK, "a bzImage loads");
	OK(h.state.rip == 0x200200 && h.state.gpr[VCPU_RSI] == BOOT_PARAMS &&
		   (h.state.efer & 0x500) == 0x500,
	   "entered in 64-bit mode at its place");
	OK(h.ram[0x200000] == 0x90 && h.ram[0x200fff] == 0x90 && h.ram[0x201000] == 0,
	   "the protected-mode part only");
	zp = h.ram + BOOT_PARAMS;
	memcpy(&at, zp + 0x218, 4);
	OK(at % 4096 == 0 && memcmp(h.ram + at, initrd, sizeof(initrd)) == 0,
	   "the initramfs lies where the parameters say");
	OK(zp[0x1e8] == 5 && strcmp((char *)h.ram + BOOT_CMDLINE_AT, "console=ttyS0") == 0,
	   "memory map and command line are there");
	put64(0x258, 0x10000000);
	OK(load(1024 + 4096, "") == BOOT_OK && h.state.rip == 0x100200,
	   "a kernel that wants to be beyond RAM is moved");
	image[0x234] = 0;
	OK(load(1024 + 4096, "") == BOOT_NO_MEMORY, "or refused if it cannot be moved");
	put64(0x258, 0x200000);
	put32(0x260, 0x7fffffff);
	OK(load(1024 + 4096, "") == BOOT_NO_MEMORY, "too large for the VM");
	make_linux();
	put32(0x238, 4);
	OK(load(1024 + 4096, "too long") == BOOT_CMDLINE, "a command line it does not take");
	make_linux();
	put16(0x236, 0);
	OK(load(1024 + 4096, "") == BOOT_OLD, "without 64-bit entry");
	make_linux();
	image[0x1f1] = 255;
	OK(load(1024 + 4096, "") == BOOT_DAMAGED, "a setup part longer than the file");
}

static void make_elf(void)
{
	memset(image, 0, sizeof(image));
	memcpy(image, "\177ELF\2\1\1", 7);
	put16(16, 2);
	put16(18, 62);
	put64(24, UINT64_C(0xffffffff81000040));
	put64(32, 64);
	put16(54, 56);
	put16(56, 2);
	put32(64, 1); /* PT_LOAD */
	put64(64 + 8, 4096);
	put64(64 + 16, UINT64_C(0xffffffff81000000));
	put64(64 + 24, 0x200000);
	put64(64 + 32, 256);
	put64(64 + 40, 8192);
	put32(120, 4); /* PT_NOTE */
	put64(120 + 8, 2048);
	put64(120 + 32, 20);
	put32(2048, 4);
	put32(2052, 4);
	put32(2056, 18);
	memcpy(image + 2060, "Xen", 4);
	put32(2064, 0x200040);
	memset(image + 4096, 0x90, 256);
}

static void test_pvh(void)
{
	const uint32_t *start;

	make_elf();
	memset(h.ram + 0x200000, 0xff, 8192);
	OK(load(8192, "x") == BOOT_OK, "an ELF with a PVH note loads");
	OK(h.state.rip == 0x200040 && h.state.gpr[VCPU_RBX] == BOOT_LISTS && h.state.efer == 0 &&
		   !(h.state.cr0 >> 31),
	   "entered in 32-bit mode without paging");
	OK(h.ram[0x2000ff] == 0x90 && h.ram[0x200100] == 0 && h.ram[0x201fff] == 0,
	   "its bss is cleared");
	start = (const uint32_t *)(const void *)(h.ram + BOOT_LISTS);
	OK(start[0] == 0x336ec578 && start[3] == 1, "start information with one module");
	put64(64 + 24, 0x1000);
	OK(load(8192, "x") == BOOT_NO_MEMORY, "a segment over our tables is refused");
	put64(64 + 24, UINT64_MAX - 100);
	OK(load(8192, "x") == BOOT_NO_MEMORY, "a segment around the end of the address space");
	make_elf();
	put64(64 + 32, 100000);
	OK(load(8192, "x") == BOOT_DAMAGED, "a segment longer than the file");
	make_elf();
	put64(32, UINT64_MAX - 3);
	OK(load(8192, "x") == BOOT_DAMAGED, "program headers outside of the file");
	make_elf();
	put32(2048, UINT32_MAX);
	OK(load(8192, "x") == BOOT_UNKNOWN, "a note with an absurd name size");
}

static void test_multiboot(void)
{
	const uint32_t *info;

	memset(image, 0, sizeof(image));
	put32(4, 0x1badb002);
	put32(8, 1 << 16);
	put32(12, 0u - 0x1badb002u - (1 << 16));
	put32(16, 0x100004);
	put32(20, 0x100000);
	put32(24, 0x100100);
	put32(28, 0x100200);
	put32(32, 0x100030);
	memset(image + 0x30, 0x90, 0xd0);
	memset(h.ram + 0x100000, 0xff, 0x200);
	OK(load(4096, "mb") == BOOT_OK, "a Multiboot file with addresses loads");
	OK(h.state.rip == 0x100030 && h.state.gpr[VCPU_RAX] == 0x2badb002, "and is entered");
	OK(h.ram[0x100031] == 0x90 && h.ram[0x1001ff] == 0, "its bss is cleared");
	info = (const uint32_t *)(const void *)(h.ram + BOOT_LISTS);
	OK((info[0] & 0x4d) == 0x4d && info[5] == 1, "memory, command line, map and a module");
	put32(20, 0x100008);
	OK(load(4096, "mb") == BOOT_DAMAGED, "a load address behind its header");
	put32(20, 0x100000);
	put32(24, 0x90000000);
	OK(load(4096, "mb") == BOOT_DAMAGED, "more than the file has");
	put32(24, 0x100100);
	put32(28, 0xf0000000);
	OK(load(4096, "mb") == BOOT_NO_MEMORY, "a bss over the end of RAM");
	put32(12, 0);
	OK(load(4096, "mb") == BOOT_UNKNOWN, "a wrong checksum is no header");
	OK(load(0, "") == BOOT_UNKNOWN && load(3, "") == BOOT_UNKNOWN, "nothing is no kernel");
}

static bool sums_to_zero(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n-- != 0)
		sum = (uint8_t)(sum + *p++);
	return sum == 0;
}

static const uint8_t *table(uint64_t gpa, const char *signature)
{
	const uint8_t *p = h.ram + gpa;
	uint32_t n;

	memcpy(&n, p + 4, 4);
	return memcmp(p, signature, 4) == 0 && n < 4096 && sums_to_zero(p, n) ? p : NULL;
}

static void test_acpi(void)
{
	uint64_t xsdt, fadt, madt, mcfg, ecam;
	uint32_t dsdt;
	const uint8_t *p;

	OK(acpi_build(&h.m.gm, 1), "tables are written");
	p = h.ram + ACPI_BASE;
	OK(memcmp(p, "RSD PTR ", 8) == 0 && sums_to_zero(p, 20) && sums_to_zero(p, 36), "RSDP");
	memcpy(&xsdt, p + 24, 8);
	p = table(xsdt, "XSDT");
	OK(p != NULL, "XSDT");
	memcpy(&fadt, p + 36, 8);
	memcpy(&madt, p + 44, 8);
	memcpy(&mcfg, p + 52, 8);
	OK(table(madt, "APIC") != NULL, "MADT");
	p = table(mcfg, "MCFG");
	OK(p != NULL, "MCFG");
	memcpy(&ecam, p + 44, 8);
	OK(ecam == PCI_ECAM && p[54] == 0 && p[55] == 0, "with the place of bus 0");
	p = table(fadt, "FACP");
	OK(p != NULL, "FADT");
	memcpy(&dsdt, p + 40, 4);
	p = table(dsdt, "DSDT");
	OK(p != NULL && memmem(p, 600, "_S5_", 4) != NULL && memmem(p, 600, "PCI0", 4) != NULL,
	   "DSDT with S5 and the host bridge");
}

static void test_args(void)
{
	struct vmm_args a = { .magic = VMM_ARGS_MAGIC,
			      .version = VMM_ARGS_VERSION,
			      .size = sizeof(a),
			      .mem_mib = 64,
			      .vcpus = 1,
			      .kernel_size = 1 };
	struct vmm_args out;
	const char *why;

	OK(args_read(&a, sizeof(a), &out, &why), "right arguments are taken");
	OK(!args_read(&a, sizeof(a) - 1, &out, &why), "short ones are not");
	a.cmdline_len = 3;
	OK(!args_read(&a, sizeof(a), &out, &why), "nor a command line of another length");
	memset(a.cmdline, 'a', sizeof(a.cmdline));
	a.cmdline_len = VMM_CMDLINE_MAX - 1;
	OK(!args_read(&a, sizeof(a), &out, &why), "nor one without end");
	a.cmdline_len = UINT32_MAX;
	OK(!args_read(&a, sizeof(a), &out, &why), "nor an absurd length");
	a = (struct vmm_args){ .magic = VMM_ARGS_MAGIC, .version = 2, .size = sizeof(a) };
	OK(!args_read(&a, sizeof(a), &out, &why) && strcmp(why, "version") == 0,
	   "nor a later version");
}

static void test_clock(void)
{
	static const uint64_t khz[] = { 1000, 800000, 1000000, 2597006, 3999999, 5000000 };
	bool good = true;

	for (unsigned i = 0; i < sizeof(khz) / sizeof(khz[0]); i++) {
		struct pvclock_time t = pvclock_make(khz[i], 0);
		uint64_t ticks = khz[i] * 1000;
		uint64_t scaled = t.shift < 0 ? ticks >> -t.shift : ticks << t.shift;
		uint64_t ns = (uint64_t)((unsigned __int128)scaled * t.mul >> 32);

		good = good && ns > 999999000 && ns < 1000001000;
	}
	OK(good, "the clock page turns a second of ticks into a second");
	OK(!pvclock_write(&h.m.gm, MSR_PV_SYSTEM_TIME, HARNESS_RAM - 15, 1000000, 0, 0),
	   "a clock page over the end of RAM is refused");
}

static void test_guest_mem(void)
{
	struct guest_mem gm;
	uint8_t *ram = (uint8_t *)0x1000000;

	gm_init(&gm, ram, GM_HOLE + 0x1000);
	OK(gm_ptr(&gm, GM_HOLE - 1, 1) == ram + GM_HOLE - 1 && gm_ptr(&gm, GM_HOLE, 1) == NULL,
	   "the low piece ends at the hole");
	OK(gm_ptr(&gm, GM_HOLE_END, 0x1000) == ram + GM_HOLE &&
		   gm_ptr(&gm, GM_HOLE_END, 0x1001) == NULL,
	   "the high piece follows in the block");
	OK(gm_ptr(&gm, GM_HOLE - 1, 2) == NULL && gm_ptr(&gm, 0, UINT64_MAX) == NULL &&
		   gm_ptr(&gm, UINT64_MAX, 2) == NULL &&
		   gm_ptr(&gm, GM_HOLE_END + 0xfff, UINT64_MAX) == NULL,
	   "nothing overflows");
}

int main(void)
{
	harness_start(&h, false);
	memset(initrd, 0x33, sizeof(initrd));
	test_linux();
	test_pvh();
	test_multiboot();
	test_acpi();
	test_args();
	test_clock();
	test_guest_mem();
	harness_stop(&h);
	return harness_result();
}
