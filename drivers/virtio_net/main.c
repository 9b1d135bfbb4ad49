// SPDX-License-Identifier: Apache-2.0
/* virtio_net: one virtio network card (virtio 1.2, 5.1) as proto "frame". One client; a full ring drops, as a wire does. */
#include <string.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/frame.h"
#include "lib/virtio_drv.h"

#define F_MAC    (1ull << 5)
#define F_STATUS (1ull << 16)
#define BUFFERS  128u
#define STRIDE   2048u
#define HEADER   12u /* struct virtio_net_hdr, all zero: no offloads */

enum { RX = 0, TX = 1, CONFIG_STATUS = 6, LINK_UP = 1 };

static struct virtio device;
static struct virtq rx, tx;
static uint8_t *rx_buf[VIRTQ_MAX], *tx_buf[VIRTQ_MAX]; /* by head */
static uint8_t *rx_pool, *tx_free[BUFFERS];
static unsigned tx_free_count;
static bool has_status, told_up;
static struct chan *client;

static void refill(uint8_t *buf)
{
	struct virtq_buf b = { buf, STRIDE, true };
	int head = virtq_put(&rx, &b, 1);

	if (head >= 0)
		rx_buf[head] = buf;
}

static bool link_up(void)
{
	return !has_status || *(volatile uint16_t *)(device.config + CONFIG_STATUS) & LINK_UP;
}

static void tell_link(void)
{
	struct frame_link l = { .up = link_up(), .mtu = 1500 };
	struct msg m = { .type = FRAME_LINK };

	for (unsigned i = 0; i < sizeof(l.mac); i++)
		l.mac[i] = device.config[i];
	while (chan_send(client, &m, &l, sizeof(l)) == CHAN_RESTARTED)
		;
	told_up = l.up;
}

static void receive(void)
{
	uint32_t written;
	bool any = false;
	int head;

	while ((head = virtq_take(&rx, &written)) >= 0) {
		uint8_t *buf = rx_buf[head];
		struct msg m = { .type = FRAME };

		if (client && written > HEADER + 14 && written <= HEADER + FRAME_MAX &&
		    chan_send(client, &m, buf + HEADER, written - HEADER) == CHAN_RESTARTED)
			tell_link();
		refill(buf);
		any = true;
	}
	if (any)
		virtq_kick(&rx);
}

static void reap(void)
{
	uint32_t written;
	int head;

	while ((head = virtq_take(&tx, &written)) >= 0)
		tx_free[tx_free_count++] = tx_buf[head];
}

/* One frame from the client to the wire; false: none there, or no buffer. */
static bool transmit(void)
{
	struct virtq_buf b = { NULL, 0, false };
	enum chan_result r;
	struct msg m;
	int head;

	if (!tx_free_count)
		return false;
	b.p = tx_free[tx_free_count - 1];
	r = chan_recv(client, &m, (uint8_t *)b.p + HEADER, FRAME_MAX);
	if (r == CHAN_RESTARTED)
		tell_link();
	if (r != CHAN_OK)
		return r == CHAN_RESTARTED;
	if (m.type != FRAME || m.len - sizeof(m) < 14)
		return true;
	memset(b.p, 0, HEADER);
	b.len = (uint32_t)(HEADER + m.len - sizeof(m));
	head = virtq_put(&tx, &b, 1);
	if (head < 0)
		return false;
	tx_buf[head] = b.p;
	tx_free_count--;
	virtq_kick(&tx);
	return true;
}

static const char *begin(const struct start_dev *dev)
{
	uint64_t features = F_MAC | F_STATUS;
	const char *wrong = dev ? virtio_begin(&device, dev, &features) : "not granted";

	if (!wrong && !(features & F_MAC))
		wrong = "it has no address";
	if (!wrong)
		wrong = virtq_begin(&rx, &device, RX, BUFFERS);
	if (!wrong)
		wrong = virtq_begin(&tx, &device, TX, BUFFERS);
	if (wrong)
		return wrong;
	has_status = features & F_STATUS;
	rx_pool = virtio_dma(&device, 2 * BUFFERS * STRIDE, STRIDE);
	if (!rx_pool)
		return "too little DMA memory";
	virtio_ready(&device);
	for (unsigned i = 0; i < BUFFERS; i++) {
		refill(rx_pool + i * STRIDE);
		tx_free[tx_free_count++] = rx_pool + (BUFFERS + i) * STRIDE;
	}
	virtq_kick(&rx);
	return NULL;
}

static struct chan *find_client(void)
{
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (chan_is_server(c))
			return c;
	return NULL;
}

int main(void)
{
	const char *wrong;

	if (!start_dev("virtio_net0")) {
		log_line("this machine has no network card");
		for (;;)
			component_wait(0);
	}
	wrong = begin(start_dev("virtio_net0"));
	if (wrong)
		die("network card: %s", wrong);
	for (;;) {
		reap();
		receive();
		if (!client && (client = find_client()) != NULL)
			tell_link();
		if (client && link_up() != told_up)
			tell_link();
		while (client && transmit())
			;
		component_wait(0);
	}
}
