// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/frame_chan.h"
#include <string.h>
#include "lib/component.h"

static bool send(struct vnet_port *p, const void *frame, size_t n)
{
	struct frame_chan *f = (struct frame_chan *)p;
	struct msg m = { .type = FRAME };

	/* after a restart and on a channel that is gone the frame is lost, as on a wire */
	return chan_send(f->chan, &m, frame, n) != CHAN_FULL;
}

static void ready(struct vnet_port *p, struct virtio_net *n)
{
	frame_chan_service((struct frame_chan *)p, n);
}

static bool is_link(const struct msg *m)
{
	return m->type == FRAME_LINK && m->len - sizeof(*m) == sizeof(struct frame_link);
}

bool frame_chan_open(struct frame_chan *f, struct chan *c, struct frame_link *link)
{
	uint64_t end = now_ns() + FRAME_CHAN_WAIT_NS;
	enum chan_result r;
	struct msg m;

	f->port = (struct vnet_port){ .send = send, .ready = ready };
	f->chan = c;
	do {
		r = chan_recv(c, &m, f->buf, sizeof(f->buf));
		if (r == CHAN_OK && is_link(&m)) {
			memcpy(link, f->buf, sizeof(*link));
			memcpy(f->mac, link->mac, sizeof(f->mac));
			return true;
		}
		if (r == CHAN_EMPTY)
			component_wait(end);
	} while ((r == CHAN_OK || r == CHAN_EMPTY || r == CHAN_RESTARTED) && now_ns() < end);
	return false;
}

/* An address cannot change under a running guest: a peer that tells another one is not listened to. */
static void take_link(struct frame_chan *f, struct virtio_net *n)
{
	struct frame_link link;
	bool same;

	memcpy(&link, f->buf, sizeof(link));
	same = memcmp(link.mac, f->mac, sizeof(f->mac)) == 0;
	if (!same)
		log_line("the network has given the card another address: its link stays down "
			 "until the VM starts again");
	vnet_link(n, same && link.up);
}

static void take(struct frame_chan *f, struct virtio_net *n, const struct msg *m)
{
	if (m->type == FRAME)
		vnet_receive(n, f->buf, m->len - sizeof(*m));
	else if (is_link(m))
		take_link(f, n);
}

void frame_chan_service(struct frame_chan *f, struct virtio_net *n)
{
	enum chan_result r = CHAN_OK;
	struct msg m;

	while ((r == CHAN_OK || r == CHAN_RESTARTED) && vnet_takes(n)) {
		r = chan_recv(f->chan, &m, f->buf, sizeof(f->buf));
		if (r == CHAN_OK)
			take(f, n, &m);
		else if (r != CHAN_EMPTY)
			vnet_link(n, false); /* until the peer tells */
	}
	if ((r == CHAN_BROKEN || r == CHAN_CLOSED) && !f->gone) {
		f->gone = true;
		log_line("the network is gone: the card's link is down");
	}
	vnet_received(n);
	vnet_resume(n);
}
