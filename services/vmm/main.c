// SPDX-License-Identifier: Apache-2.0
/* The vmm component: one virtual machine on the kernel's vCPU. */
#include <stdlib.h>
#include <string.h>
#include "abi/calls.h"
#include "lib/component.h"
#include "services/vmm/acpi.h"
#include "services/vmm/args.h"
#include "services/vmm/console_chan.h"
#include "services/vmm/disk_chan.h"
#include "services/vmm/frame_chan.h"
#include "services/vmm/images.h"
#include "services/vmm/machine.h"
#include "services/vmm/save.h"
#include "services/vmm/threads.h"

#define LAST_LINE_NS UINT64_C(300000000)
#define STATE_VA     UINT64_C(0x600000000000) /* far from everything root maps */

static struct machine machine;
static struct disk_chan disk;
static struct frame_chan net;
static struct chan *console;
static struct vmm_args args;
static bool have_args;
static struct vmm_lab lab = { .vcpus = 1 };
static struct machine_config config;
static struct vcpu_state *state[MACHINE_VCPUS];

/* --- what the machine asks of its surroundings --- */

static uint64_t host_tsc(struct machine_host *h)
{
	(void)h;
	return __builtin_ia32_rdtsc();
}

static void host_cpuid(uint32_t leaf, uint32_t sub, struct cpuid_regs *r)
{
	__asm__ volatile("cpuid"
			 : "=a"(r->eax), "=b"(r->ebx), "=c"(r->ecx), "=d"(r->edx)
			 : "a"(leaf), "c"(sub));
}

static bool host_enter(struct machine_host *h, unsigned vcpu, uint64_t deadline)
{
	uint64_t reason;

	(void)h;
	return sys_vcpu_run(SEL_VCPU + vcpu, thread_wake(vcpu), deadline, &reason) == S_OK;
}

/* The channels wake it too: they are armed whenever the lock is free. */
static void host_sleep(struct machine_host *h, unsigned vcpu, uint64_t deadline)
{
	uint64_t count;
	enum status s = sys_ctrl_sm(thread_wake(vcpu), SM_DOWN_ZERO, deadline, &count);

	(void)h;
	(void)s; /* time-out */
}

static void up(uint32_t sel)
{
	uint64_t count;

	if (sys_ctrl_sm(sel, SM_UP, 0, &count) != S_OK)
		__builtin_trap();
}

static void host_kick(struct machine_host *h, unsigned vcpu)
{
	(void)h;
	up(thread_wake(vcpu));
}

static void host_lock_wait(struct machine_host *h)
{
	uint64_t count;

	(void)h;
	if (sys_ctrl_sm(SEL_LOCK, SM_DOWN, 0, &count) != S_OK)
		__builtin_trap();
}

static void host_lock_wake(struct machine_host *h)
{
	(void)h;
	up(SEL_LOCK);
}

static void host_console(struct machine_host *h, struct machine *m)
{
	(void)h;
	if (console == NULL) {
		machine_console_sent(m, m->uart.tx_len, m->hvc.tx_len);
		return;
	}
	console_send(console, m);
	if (console_receive(console, m))
		pm_button(&m->pm);
	machine_update_uart(m);
	machine_irq(m, PM_SCI, pm_irq(&m->pm));
}

/* Take all wakes first: what comes while the channels are looked at wakes again. */
static void take_wakes(unsigned vcpu)
{
	uint64_t count;
	enum status s = sys_ctrl_sm(thread_wake(vcpu), SM_DOWN_ZERO, 1, &count);

	(void)s; /* time-out: there was none */
}

static void host_service(struct machine_host *h, struct machine *m, unsigned vcpu)
{
	take_wakes(vcpu);
	if (vcpu != 0)
		return;
	do {
		if (m->has_disk)
			disk_chan_service(&disk, &m->disk);
		if (m->has_net)
			frame_chan_service(&net, &m->net);
		host_console(h, m);
	} while (!chan_arm());
}

static struct machine_host host = {
	.tsc = host_tsc,
	.random = random_bytes,
	.enter = host_enter,
	.sleep = host_sleep,
	.kick = host_kick,
	.service = host_service,
	.console = host_console,
	.lock_wait = host_lock_wait,
	.lock_wake = host_lock_wake,
	.cpuid = host_cpuid,
};

/* --- set-up --- */

static void say_end(enum vmm_end end, const char *why)
{
	log_line("ended: %d %s", end, why);
}

static _Noreturn void fail(const char *what)
{
	say_end(VMM_FAILED, what);
	exit(VMM_FAILED);
}

static void read_args(void)
{
	const struct start_info *info = start_info();
	const struct start_rom *rom = images_part(".lab");
	const char *why;

	if (info->lab && rom != NULL && rom->size >= sizeof(lab))
		lab = *(const struct vmm_lab *)rom->va;
	if (info->arg_size == 0)
		return;
	if (!args_read((const void *)info->arg_va, info->arg_size, &args, &why)) {
		log_line("bad argument: %s", why);
		fail("its arguments are not valid");
	}
	have_args = true;
}

static uint64_t memory_size(void)
{
	const struct start_info *info = start_info();
	uint64_t want = have_args          ? (uint64_t)args.mem_mib << 20
			: lab.mem_mib != 0 ? (uint64_t)lab.mem_mib << 20
					   : info->mem_size;

	if (info->mem_sel == 0 || want > info->mem_size || want < (uint64_t)ARGS_MIN_MIB << 20)
		fail("root gave it less memory than the VM is to have");
	return want;
}

static bool map_piece(uint64_t gpa, uint64_t offset, uint64_t size)
{
	return size == 0 || sys_map(start_info()->mem_sel, SEL_SPACE, gpa, offset, size,
				    RIGHT_R | RIGHT_W | RIGHT_X) == S_OK;
}

static void make_vcpus(const struct guest_mem *gm)
{
	if (sys_create_space(SEL_SPACE, START_SEL_PD, SPACE_GUEST) != S_OK)
		fail("no guest space");
	if (!map_piece(0, 0, gm->low) || !map_piece(GM_HOLE_END, gm->low, gm->high))
		fail("its memory cannot be mapped");
	for (unsigned i = 0; i < config.vcpus; i++) {
		state[i] = (struct vcpu_state *)(STATE_VA + i * sizeof(struct vcpu_state));
		if (sys_create_vcpu(SEL_VCPU + i, START_SEL_PD, SEL_SPACE, (uint64_t)state[i]) !=
		    S_OK)
			fail("no vCPU");
	}
}

/* The channel of a protocol that has one server for a vmm, whoever that is; NULL: not granted. */
static struct chan *channel(const char *proto)
{
	struct chan *c = NULL;

	while ((c = chan_next(c)) != NULL)
		if (!chan_is_server(c) && strcmp(chan_proto(c), proto) == 0)
			break;
	return c;
}

/* In a laboratory image the disk may be a driver's whole device. */
static const struct blk_info *find_disk(struct chan *vault, struct blk_info *info)
{
	static const uint8_t none[sizeof(args.volume)];
	struct chan *blk = vault;

	if (have_args && memcmp(args.volume, none, sizeof(none)) == 0)
		return NULL;
	if (blk == NULL && start_info()->lab)
		blk = chan_open(NULL, "blk");
	if (blk == NULL)
		return NULL;
	if (!disk_chan_open(&disk, blk, vault != NULL ? VMM_VOLUME_DISK : 0, info))
		fail("the vault does not give its disk");
	return info;
}

static const struct frame_link *find_net(struct frame_link *link)
{
	struct chan *c = channel("frame");

	if (c == NULL)
		return NULL;
	if (!frame_chan_open(&net, c, link))
		fail("the network does not tell the card's address");
	return link;
}

static void load_images(struct chan *blk, struct vcpu_state *s)
{
	struct boot_image img;
	enum boot_error e;
	bool found = blk != NULL && have_args ? images_from_vault(blk, &args, &machine.gm, &img)
					      : images_from_roms(&img);

	if (!found)
		fail("no image");
	if (!acpi_build(&machine.gm, machine.cpus))
		fail("no memory for ACPI tables");
	e = boot_load(&machine.gm, &img, s);
	if (e != BOOT_OK)
		fail(boot_error_text(e));
	log_line("VM %llu: %llu MiB, kernel %llu KiB, initramfs %llu KiB%s%s",
		 (unsigned long long)start_info()->tag,
		 (unsigned long long)((machine.gm.low + machine.gm.high) >> 20),
		 (unsigned long long)(img.kernel_size >> 10),
		 (unsigned long long)(img.initrd_size >> 10), machine.has_disk ? ", disk" : "",
		 machine.has_net ? ", network" : "");
}

/* --- the end --- */

static void explain(const struct machine *m)
{
	const struct vcpu_state *s = m->cpu[m->culprit].s;

	log_line("vCPU %u: exit %u at rip %#llx, raw %#llx %#llx %#llx, qualification %#llx %#llx",
		 m->culprit, s->exit, (unsigned long long)s->rip, (unsigned long long)s->raw[0],
		 (unsigned long long)s->raw[1], (unsigned long long)s->raw[2],
		 (unsigned long long)s->qual[0], (unsigned long long)s->qual[1]);
}

/* In a laboratory image that asks for it. */
static struct exit_stats *wanted_stats(void)
{
	return start_rom("guest.stats") != NULL ? calloc(VCPU_EXITS, sizeof(struct exit_stats))
						: NULL;
}

static void tell_stats(struct exit_stats *stats)
{
	for (unsigned i = 0; stats != NULL && i < VCPU_EXITS; i++)
		if (stats[i].count != 0)
			log_line("exits: reason %u count %llu least %u median %u sum %llu", i,
				 (unsigned long long)stats[i].count, stats[i].least,
				 exit_stats_median(&stats[i]), (unsigned long long)stats[i].sum);
}

/* The guest's status leaves by the machine's own exit port, where the lab manifest grants it: the machine is gone then, so
 * `uart` gets time for the line. */
static void lab_exit(uint32_t value)
{
	log_line("vmrun: exit %u", value);
	component_wait(now_ns() + LAST_LINE_NS);
	if (start_dev("exit") != NULL)
		__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"((uint16_t)MACHINE_EXIT_PORT));
}

static enum vmm_end result(enum machine_end end)
{
	switch (end) {
	case MACHINE_OFF:
	case MACHINE_HALTED:
	case MACHINE_LAB_EXIT:
		return VMM_POWERED_OFF;
	case MACHINE_RESET:
	case MACHINE_TRIPLE:
		return VMM_RESET;
	default:
		return VMM_FAILED;
	}
}

static void live(unsigned vcpu)
{
	machine_run(&machine, vcpu);
}

/* --- laboratory: the machine is destroyed and comes back --- */

static void plan_renewal(void)
{
	if (lab.renew_ms != 0)
		machine.pause_at = machine_now(&machine) + machine.khz * lab.renew_ms;
}

/* What is under way to the disk comes back to this machine, not to the next. */
static void drain(void)
{
	for (;;) {
		host_service(&host, &machine, 0);
		if (!machine.has_disk || !vblk_busy(&machine.disk))
			return;
		component_wait(0);
	}
}

/* Size of the image after what the laboratory wants to be refused was done to it. */
static size_t spoilt(uint8_t *image, size_t n)
{
	if (lab.spoil > 0 && (size_t)lab.spoil < n)
		image[lab.spoil] ^= 0x10;
	return lab.spoil < 0 ? n - (size_t)(-(int64_t)lab.spoil) % n : n;
}

static _Noreturn void refuse(const struct state *s)
{
	if (s->tag == 0)
		log_line("the saved image is damaged: its checksum is wrong");
	else
		log_line(
			"the saved image is not of this machine: section \"%.4s\", before byte %zu",
			(const char *)&s->tag, s->at);
	fail("the machine cannot be restored");
}

/* Nothing of the old machine is left to the new one but the image. */
static void renew(void)
{
	static unsigned times;
	uint8_t *image = (uint8_t *)config.ram + config.ram_size;
	size_t room = start_info()->mem_size - config.ram_size, n;
	struct guest_mem gm = machine.gm;
	struct state s;

	drain();
	n = save_write(&machine, image, room);
	if (n == 0)
		fail("the machine cannot be saved");
	memset(config.ram, 0xa5, config.ram_size);
	if (sys_revoke(SEL_SPACE, REVOKE_OBJECT) != S_OK)
		fail("its space does not go");
	make_vcpus(&gm);
	machine_init(&machine, &config, &host, state);
	if (!save_read(&machine, image, spoilt(image, n), &s))
		refuse(&s);
	memset(image, 0x5a, n);
	log_line("renewed %u: %zu bytes", ++times, n);
}

static enum machine_end live_on(void)
{
	enum machine_end end;

	for (;;) {
		plan_renewal();
		/* from here on the channels wake a guest that never sleeps, too */
		host_service(&host, &machine, 0);
		threads_run();
		end = machine_run(&machine, 0);
		threads_join();
		if (end != MACHINE_PAUSED)
			return end;
		renew();
	}
}

static void set_up(void)
{
	const struct start_info *info = start_info();
	struct chan *blk = chan_open("vault", "blk");
	static struct blk_info disk_info;
	static struct frame_link link;
	struct guest_mem gm;
	const char *wrong;

	read_args();
	config = (struct machine_config){ .tsc_khz = info->tsc_khz,
					  .lab = info->lab != 0,
					  .ram = (void *)info->mem_va,
					  .ram_size = memory_size(),
					  .utc = args.utc,
					  .vcpus = have_args ? args.vcpus : lab.vcpus };
	gm_init(&gm, config.ram, config.ram_size);
	wrong = threads_make(config.vcpus, live);
	if (wrong != NULL)
		fail(wrong);
	make_vcpus(&gm);
	console = channel("console");
	config.disk = find_disk(blk, &disk_info);
	config.backend = &disk.backend;
	config.net = find_net(&link);
	config.port = &net.port;
	config.stats = wanted_stats();
	machine_init(&machine, &config, &host, state);
	load_images(blk, state[0]);
}

int main(void)
{
	enum machine_end end;

	set_up();
	end = live_on();
	tell_stats(machine.stats);
	if (end == MACHINE_LAB_EXIT)
		lab_exit(machine.lab_value);
	if (result(end) == VMM_FAILED)
		explain(&machine);
	say_end(result(end), machine_end_text(end));
	return (int)result(end);
}
