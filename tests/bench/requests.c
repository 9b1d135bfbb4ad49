// SPDX-License-Identifier: Apache-2.0
/*
 * First process of the guest that tests/bench/guest.py measures, the same in every machine: says by marks (insns.c) when Linux is up
 * and when each disk request begins and ends, then powers the machine off.
 *
 *   mark 0        its first instruction        mark 3, 4     before, after all frames to the network card
 *   mark 1, 2     before, after a 4 KiB read   mark 5        all done
 */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "tests/bench/mark.h"

enum {
	READS = 256,
	BLOCK = 4096,
	BLOCKS = 8192,
	STRIDE = 2731, /* coprime to BLOCKS: no block twice */
	FRAMES = 512,
	FRAME = 1500 + 14,
	WAIT_STEPS = 500,
	STEP_US = 20000,
};

static _Alignas(BLOCK) uint8_t block[BLOCK];

static void load_modules(void)
{
	FILE *list = fopen("/lib/modules.list", "r");
	char name[64], path[80];
	int fd;

	while (list && fscanf(list, "%63s", name) == 1) {
		snprintf(path, sizeof(path), "/lib/%s", name);
		fd = open(path, O_RDONLY);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
			printf("requests: %s was not loaded\n", path);
		close(fd);
	}
}

static int wait_for(const char *path)
{
	for (int i = 0; i < WAIT_STEPS && access(path, F_OK) != 0; i++)
		usleep(STEP_US);
	return access(path, F_OK) == 0;
}

static const char *measure_disk(void)
{
	int fd;

	if (!wait_for("/dev/vda"))
		return "no /dev/vda";
	fd = open("/dev/vda", O_RDONLY | O_DIRECT);
	if (fd < 0)
		return "/dev/vda does not open";
	for (int i = 0; i < READS; i++) {
		off_t at = (off_t)(i * STRIDE % BLOCKS) * BLOCK;
		ssize_t n;

		MARK(1);
		n = pread(fd, block, BLOCK, at);
		MARK(2);
		if (n != BLOCK)
			return "a read failed";
	}
	close(fd);
	return NULL;
}

static int network_card(void)
{
	struct ifreq r = { .ifr_name = "eth0" };
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int s = socket(AF_PACKET, SOCK_RAW, 0);

	if (s < 0 || ioctl(s, SIOCGIFINDEX, &r) != 0)
		return -1;
	to.sll_ifindex = r.ifr_ifindex;
	r.ifr_flags = IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &r) != 0 || bind(s, (const void *)&to, sizeof(to)) != 0)
		return -1;
	return s;
}

/* Frames to nobody (a locally administered address), until the card has taken the last. */
static const char *measure_network(void)
{
	static uint8_t frame[FRAME] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	int s = network_card(), waiting = 1;

	MARK(3);
	for (int i = 0; i < FRAMES; i++)
		if (send(s, frame, sizeof(frame), 0) != sizeof(frame))
			return "a frame was not sent";
	for (; ioctl(s, SIOCOUTQ, &waiting) == 0 && waiting; usleep(100))
		;
	MARK(4);
	close(s);
	return NULL;
}

static _Noreturn void end(const char *why)
{
	MARK(5);
	printf("requests: %s\n", why ? why : "done");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	exit(1);
}

int main(void)
{
	const char *why;

	MARK(0);
	mount("dev", "/dev", "devtmpfs", 0, "");
	mount("sys", "/sys", "sysfs", 0, "");
	load_modules();
	why = measure_disk();
	if (!why && access("/sys/class/net/eth0", F_OK) == 0)
		why = measure_network();
	end(why);
}
