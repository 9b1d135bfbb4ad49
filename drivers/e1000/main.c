// SPDX-License-Identifier: Apache-2.0
/*
 * e1000: one Intel 82540EM as proto "frame". One client; a full ring drops, as a wire does. Polled: the card has no message
 * interrupts. It looks after 100 us while there is traffic, after up to 2 ms when there is none.
 */
#include "drivers/e1000/nic.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/frame.h"

enum { BUSY_NS = 100000, IDLE_NS = 2000000, HEADER = 14 };

_Static_assert(FRAME_MAX <= NIC_BUFFER, "a frame fits a buffer");

static struct nic nic;
static struct chan *client;
static bool told_up;

static void tell_link(void)
{
	struct frame_link l = { .up = nic_link(&nic), .mtu = 1500 };
	struct msg m = { .type = FRAME_LINK };

	for (unsigned i = 0; i < sizeof(l.mac); i++)
		l.mac[i] = nic.mac[i];
	while (chan_send(client, &m, &l, sizeof(l)) == CHAN_RESTARTED)
		;
	told_up = l.up;
}

static bool receive(void)
{
	const uint8_t *frame;
	uint32_t length;
	bool any = false;

	while ((length = nic_take(&nic, &frame)) != 0) {
		struct msg m = { .type = FRAME };

		if (client && length >= HEADER && length <= FRAME_MAX &&
		    chan_send(client, &m, frame, length) == CHAN_RESTARTED)
			tell_link();
		nic_give_back(&nic);
		any = true;
	}
	return any;
}

/* One frame from the client to the wire; false: none there, or no room. */
static bool transmit(void)
{
	uint8_t *frame = nic_room(&nic);
	enum chan_result r;
	struct msg m;

	if (!frame)
		return false;
	r = chan_recv(client, &m, frame, FRAME_MAX);
	if (r == CHAN_RESTARTED)
		tell_link();
	if (r != CHAN_OK)
		return r == CHAN_RESTARTED;
	if (m.type == FRAME && m.len - sizeof(m) >= HEADER)
		nic_send(&nic, (uint32_t)(m.len - sizeof(m)));
	return true;
}

static struct chan *find_client(void)
{
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (chan_is_server(c))
			return c;
	return NULL;
}

/* Whether anything moved. */
static bool step(void)
{
	bool any = receive();

	if (!client && (client = find_client()) != NULL)
		tell_link();
	if (client && nic_link(&nic) != told_up)
		tell_link();
	while (client && transmit())
		any = true;
	return any;
}

int main(void)
{
	const struct start_dev *dev = start_dev("e1000");
	const char *wrong = dev ? nic_begin(&nic, dev) : "not granted";
	uint64_t sleep = BUSY_NS;

	if (wrong)
		die("network card: %s", wrong);
	log_line("%02x:%02x:%02x:%02x:%02x:%02x, polled", nic.mac[0], nic.mac[1], nic.mac[2],
		 nic.mac[3], nic.mac[4], nic.mac[5]);
	for (;;) {
		sleep = step() ? BUSY_NS : 2 * sleep < IDLE_NS ? 2 * sleep : IDLE_NS;
		component_wait(now_ns() + sleep);
	}
}
