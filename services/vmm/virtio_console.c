// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/virtio_console.h"
#include <string.h>

/* Move what the guest wrote to tx[] while there is room; a request that does not fit stays in the ring. */
static void transmit(struct virtio_console *c)
{
	struct virtq *q = &c->v.queue[VCON_TX_QUEUE];
	struct virtq_chain chain;

	while (c->tx_len < VCON_TX && virtq_pop(q, c->v.gm, &chain)) {
		uint32_t at = c->taken < chain.out_len ? c->taken : chain.out_len;
		uint32_t left = chain.out_len - at, room = VCON_TX - (uint32_t)c->tx_len;
		uint32_t n = left < room ? left : room;

		virtq_copy_out(&chain, at, c->tx + c->tx_len, n);
		c->tx_len = (uint16_t)(c->tx_len + n);
		c->taken = n < left ? at + n : 0;
		if (n < left) {
			virtq_unpop(q);
			break;
		}
		virtq_push(q, c->v.gm, chain.head, 0);
	}
	virtio_interrupt(&c->v, VCON_TX_QUEUE);
}

static void take_rx(struct virtio_console *c, uint32_t n)
{
	memmove(c->rx, c->rx + n, c->rx_len - n);
	c->rx_len = (uint16_t)(c->rx_len - n);
}

static void receive(struct virtio_console *c)
{
	struct virtq *q = &c->v.queue[VCON_RX_QUEUE];
	struct virtq_chain chain;

	while (c->rx_len != 0 && virtq_pop(q, c->v.gm, &chain)) {
		uint32_t n = chain.in_len < c->rx_len ? chain.in_len : c->rx_len;

		virtq_copy_in(&chain, 0, c->rx, n);
		take_rx(c, n);
		virtq_push(q, c->v.gm, chain.head, n);
	}
	virtio_interrupt(&c->v, VCON_RX_QUEUE);
}

static void notify(struct virtio *v, unsigned q)
{
	struct virtio_console *c = (struct virtio_console *)v;
	bool waited = c->rx_len != 0;

	if (q == VCON_TX_QUEUE) {
		transmit(c);
		if (c->tx_len != 0)
			c->owner->written(c->owner, c);
		return;
	}
	receive(c);
	if (waited && c->rx_len == 0)
		c->owner->ready(c->owner, c);
}

static void forget(struct virtio *v)
{
	struct virtio_console *c = (struct virtio_console *)v;

	c->taken = 0;
	c->rx_len = 0;
}

size_t vcon_room(const struct virtio_console *c)
{
	return VCON_RX - c->rx_len;
}

void vcon_input(struct virtio_console *c, const uint8_t *data, size_t n)
{
	if (!virtio_live(&c->v))
		return;
	if (n > vcon_room(c))
		n = vcon_room(c);
	memcpy(c->rx + c->rx_len, data, n);
	c->rx_len = (uint16_t)(c->rx_len + n);
	receive(c);
}

void vcon_sent(struct virtio_console *c, size_t n)
{
	if (n > c->tx_len)
		n = c->tx_len;
	memmove(c->tx, c->tx + n, c->tx_len - n);
	c->tx_len = (uint16_t)(c->tx_len - n);
	if (virtio_live(&c->v))
		transmit(c);
}

void virtio_console_init(struct virtio_console *c, struct vcon_owner *owner)
{
	static const struct virtio_ops ops = { .notify = notify, .reset = forget };

	memset(c, 0, sizeof(*c));
	virtio_init(&c->v, VIRTIO_CONSOLE, 0x078000, 2, 0, &ops);
	c->owner = owner;
}

void virtio_console_state(struct state *s, struct virtio_console *c)
{
	virtio_state(s, &c->v);
	state_u32(s, &c->taken);
	state_u16(s, &c->tx_len);
	state_u16(s, &c->rx_len);
	state_check(s, c->tx_len <= VCON_TX && c->rx_len <= VCON_RX);
	state_bytes(s, c->tx, c->tx_len);
	state_bytes(s, c->rx, c->rx_len);
}
