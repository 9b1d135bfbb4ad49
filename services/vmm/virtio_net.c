// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/virtio_net.h"
#include <string.h>

enum { LINK_UP = 1, FRAME_MIN = 14, MTU_MOST = FRAME_MAX - FRAME_MIN };

#define F_MTU    (UINT64_C(1) << 3)
#define F_MAC    (UINT64_C(1) << 5)
#define F_STATUS (UINT64_C(1) << 16)

/* Before every frame, section 5.1.6. */
struct header {
	uint8_t flags, gso_type;
	uint16_t header_len, gso_size, csum_start, csum_offset;
	uint16_t buffers;
};
_Static_assert(sizeof(struct header) == 12, "virtio network header");

static bool link_is_up(const struct virtio_net *n)
{
	return n->config.status & LINK_UP;
}

/* Bytes of the frame in n->frame; 0: there is none that could go out. */
static size_t fetch(struct virtio_net *n, const struct virtq_chain *c)
{
	struct header h;
	uint32_t len;

	if (!virtq_copy_out(c, 0, &h, sizeof(h)) || h.flags != 0 || h.gso_type != 0)
		return 0;
	len = c->out_len - (uint32_t)sizeof(h);
	if (len < FRAME_MIN || len > FRAME_MAX)
		return 0;
	return virtq_copy_out(c, sizeof(h), n->frame, len) ? len : 0;
}

static void transmit(struct virtio_net *n)
{
	struct virtq *q = &n->v.queue[VNET_TX];
	struct virtq_chain c;

	while (virtq_pop(q, n->v.gm, &c)) {
		size_t len = link_is_up(n) ? fetch(n, &c) : 0;

		if (len != 0 && !n->port->send(n->port, n->frame, len)) {
			virtq_unpop(q);
			break;
		}
		virtq_push(q, n->v.gm, c.head, 0);
	}
	virtio_interrupt(&n->v, VNET_TX);
}

static void notify(struct virtio *v, unsigned q)
{
	struct virtio_net *n = (struct virtio_net *)v;

	if (q == VNET_TX)
		transmit(n);
	else
		n->port->ready(n->port, n);
}

static void nothing(struct virtio *v)
{
	(void)v;
}

bool vnet_takes(struct virtio_net *n)
{
	return !virtio_live(&n->v) || !link_is_up(n) ||
	       virtq_waiting(&n->v.queue[VNET_RX], n->v.gm);
}

void vnet_receive(struct virtio_net *n, const void *frame, size_t len)
{
	struct virtq *q = &n->v.queue[VNET_RX];
	const struct header h = { .buffers = 1 };
	struct virtq_chain c;
	uint32_t written = 0;

	if (!virtio_live(&n->v) || !link_is_up(n) || len < FRAME_MIN || len > FRAME_MAX ||
	    !virtq_pop(q, n->v.gm, &c))
		return;
	if (c.in_len >= sizeof(h) + len && virtq_copy_in(&c, 0, &h, sizeof(h)) &&
	    virtq_copy_in(&c, sizeof(h), frame, (uint32_t)len))
		written = (uint32_t)(sizeof(h) + len);
	virtq_push(q, n->v.gm, c.head, written);
}

void vnet_received(struct virtio_net *n)
{
	if (virtio_live(&n->v))
		virtio_interrupt(&n->v, VNET_RX);
}

void vnet_resume(struct virtio_net *n)
{
	if (virtio_live(&n->v))
		transmit(n);
}

void vnet_link(struct virtio_net *n, bool up)
{
	if (up == link_is_up(n))
		return;
	n->config.status = up ? LINK_UP : 0;
	virtio_config_changed(&n->v);
	vnet_resume(n);
}

void virtio_net_init(struct virtio_net *n, const struct frame_link *link, struct vnet_port *port)
{
	static const struct virtio_ops ops = { .notify = notify, .reset = nothing };

	memset(n, 0, sizeof(*n));
	virtio_init(&n->v, VIRTIO_NET, 0x020000, 2, F_MAC | F_STATUS | F_MTU, &ops);
	n->port = port;
	n->config = (struct vnet_config){ .status = link->up ? LINK_UP : 0,
					  .max_queue_pairs = 1,
					  .mtu = link->mtu < MTU_MOST ? (uint16_t)link->mtu
								      : (uint16_t)MTU_MOST };
	memcpy(n->config.mac, link->mac, sizeof(n->config.mac));
	n->v.config = &n->config;
	n->v.config_size = sizeof(n->config);
}

void virtio_net_state(struct state *s, struct virtio_net *n)
{
	virtio_state(s, &n->v);
	state_bytes(s, n->config.mac, sizeof(n->config.mac));
	state_u16(s, &n->config.mtu);
	state_u16(s, &n->config.status);
	state_check(s, n->config.status <= LINK_UP && n->config.mtu <= MTU_MOST);
}
