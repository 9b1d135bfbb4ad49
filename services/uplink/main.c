// SPDX-License-Identifier: Apache-2.0
/*
 * uplink: the server's way out. lwIP (DHCP, TCP client) over the frame channel of the network driver; offers "tcp". Nothing
 * listens. Frames come from outside: whatever they do to this component reaches ciphertext only.
 */
#include <string.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/frame.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/timeouts.h"
#include "services/uplink/stream.h"

#define FRAMES_PER_TURN 64u

uint32_t sys_now(void);

static struct netif card;
static struct chan *wire;
static uint32_t told_address;

uint32_t sys_now(void)
{
	return (uint32_t)(now_ns() / 1000000);
}

static err_t put_frame(struct netif *n, struct pbuf *p)
{
	struct msg m = { .type = FRAME };

	(void)n;
	if (p->len != p->tot_len)
		return ERR_BUF; /* LWIP_NETIF_TX_SINGLE_PBUF rules it out */
	return chan_send(wire, &m, p->payload, p->len) == CHAN_OK ? ERR_OK : ERR_MEM;
}

static err_t begin_card(struct netif *n)
{
	n->name[0] = 'u';
	n->name[1] = 'p';
	n->mtu = 1500;
	n->hwaddr_len = 6;
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
	n->output = etharp_output;
	n->linkoutput = put_frame;
	return ERR_OK;
}

static void on_link(const struct frame_link *l)
{
	memcpy(card.hwaddr, l->mac, sizeof(l->mac));
	if (l->mtu >= 576 && l->mtu <= 1500)
		card.mtu = (uint16_t)l->mtu;
	if (!l->up) {
		log_line("link is down");
		netif_set_link_down(&card);
		return;
	}
	netif_set_link_up(&card);
	netif_set_up(&card);
	dhcp_start(&card);
}

static void on_frame(const uint8_t *data, size_t n)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (uint16_t)n, PBUF_POOL);

	if (!p)
		return;
	pbuf_take(p, data, (uint16_t)n);
	if (card.input(p, &card) != ERR_OK)
		pbuf_free(p);
}

/* True if there may be more. */
static bool take_frames(void)
{
	static uint8_t buf[FRAME_MAX];
	struct frame_link l;
	struct msg m;

	for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
		enum chan_result r = chan_recv(wire, &m, buf, sizeof(buf));

		if (r == CHAN_RESTARTED)
			continue; /* the driver will tell the link anew */
		if (r != CHAN_OK)
			return false;
		if (m.type == FRAME_LINK && m.len - sizeof(m) == sizeof(l)) {
			memcpy(&l, buf, sizeof(l));
			on_link(&l);
		} else if (m.type == FRAME && m.len - sizeof(m) >= 14) {
			on_frame(buf, m.len - sizeof(m));
		}
	}
	return true;
}

static uint32_t address(void)
{
	uint32_t a = netif_is_link_up(&card) ? ip4_addr_get_u32(netif_ip4_addr(&card)) : 0;

	if (a != told_address && a)
		log_line("address %s", ip4addr_ntoa(netif_ip4_addr(&card)));
	told_address = a;
	return a;
}

static void wait(void)
{
	uint32_t ms = sys_timeouts_sleeptime();

	component_wait(now_ns() + (ms > 1000 ? 1000u : ms) * 1000000ull + 1);
}

int main(void)
{
	wire = chan_open(NULL, "frame");
	if (!wire)
		die("no frame channel");
	lwip_init();
	netif_add_noaddr(&card, NULL, begin_card, netif_input);
	netif_set_default(&card);
	for (;;) {
		bool more = take_frames();
		uint32_t own = address();

		sys_check_timeouts();
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
			if (chan_is_server(c))
				stream_serve(c, netif_is_link_up(&card), card.hwaddr, own);
		if (!more)
			wait();
	}
}
