// SPDX-License-Identifier: Apache-2.0
/*
 * Hosted stand-in for `virtio_net`: the Linux tap device "rdt0", which exists already.
 *
 * The file HOSTED_DIR/wire, read at start, says how bad the wire is: frames lost, doubled and late by one (each of 1000,
 * both directions), then 0 if the link is down. Without it the wire is good.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/frame.h"
#include "lib/host/hosted.h"
#include "lib/runtime.h"

struct late {
	size_t n;
	uint8_t frame[FRAME_MAX];
};

static int tap;
static struct chan *client;
static unsigned lose, twice, late, up = 1;
static struct late out, in;
static sem_t again;
static atomic_bool readable;

static bool chance(unsigned of_1000)
{
	return (unsigned)(rand() % 1000) < of_1000;
}

static void to_client(const uint8_t *frame, size_t n)
{
	struct msg m = { .type = FRAME };

	chan_send(client, &m, frame, n);
}

static void to_tap(const uint8_t *frame, size_t n)
{
	if (write(tap, frame, n) < 0 && errno != EIO && errno != EINVAL)
		die("rdt0: %m");
}

static void pass(void (*send)(const uint8_t *, size_t), struct late *held, const uint8_t *frame,
		 size_t n)
{
	if (!up || chance(lose))
		return;
	if (!held->n && chance(late)) {
		memcpy(held->frame, frame, n);
		held->n = n;
		return;
	}
	send(frame, n);
	if (chance(twice))
		send(frame, n);
	if (held->n)
		send(held->frame, held->n);
	held->n = 0;
}

static void from_tap(void)
{
	uint8_t frame[FRAME_MAX];
	ssize_t n;

	while ((n = read(tap, frame, sizeof(frame))) > 0)
		if (client && n >= 14)
			pass(to_client, &in, frame, (size_t)n);
	if (atomic_exchange(&readable, false))
		sem_post(&again);
}

static void tell_link(void)
{
	struct frame_link l = { { 0x52, 0x54, 0, 0x77, 0, 1 }, (uint8_t)up, 0, 1500 };
	struct msg m = { .type = FRAME_LINK };

	while (chan_send(client, &m, &l, sizeof(l)) == CHAN_RESTARTED)
		;
}

static void from_client(void)
{
	uint8_t frame[FRAME_MAX];
	enum chan_result r = CHAN_OK;
	struct msg m;

	while (r == CHAN_OK || r == CHAN_RESTARTED) {
		r = chan_recv(client, &m, frame, sizeof(frame));
		if (r == CHAN_RESTARTED)
			tell_link();
		if (r == CHAN_OK && m.type == FRAME)
			pass(to_tap, &out, frame, m.len - sizeof(m));
	}
}

static void *watch(void *own_wake)
{
	struct pollfd p = { .fd = tap, .events = POLLIN };

	for (;;) {
		poll(&p, 1, -1);
		atomic_store(&readable, true);
		runtime_up(*(uint32_t *)own_wake);
		sem_wait(&again);
	}
	return NULL;
}

static void begin(void)
{
	struct ifreq r = { .ifr_name = "rdt0", .ifr_flags = IFF_TAP | IFF_NO_PI };
	static uint32_t own_wake;
	char path[4096];
	pthread_t t;
	FILE *f;

	tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap < 0 || ioctl(tap, TUNSETIFF, &r))
		die("rdt0: %m");
	snprintf(path, sizeof(path), "%s/wire", getenv("HOSTED_DIR"));
	f = fopen(path, "re");
	if (f && fscanf(f, "%u %u %u %u", &lose, &twice, &late, &up) != 4)
		die("wire: four numbers expected");
	if (f)
		fclose(f);
	own_wake = HOSTED_SEL_WAKE + (uint32_t)atoi(strrchr(getenv(HOSTED_ENV), ':') + 1);
	sem_init(&again, 0, 0);
	pthread_create(&t, NULL, watch, &own_wake);
}

int main(void)
{
	begin();
	for (;;) {
		if (!client && (client = chan_open("uplink", "frame")) != NULL)
			tell_link();
		from_tap();
		if (client)
			from_client();
		component_wait(0);
	}
}
