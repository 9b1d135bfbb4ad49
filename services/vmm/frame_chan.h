// SPDX-License-Identifier: Apache-2.0
/* The guest's network cable: a "frame" channel to who forwards frames (in the laboratory the card's driver). */
#pragma once
#include "lib/chan.h"
#include "services/vmm/virtio_net.h"

struct frame_chan {
	struct vnet_port port; /* first */
	struct chan *chan;
	uint8_t mac[6]; /* as the peer told first */
	bool gone;      /* the channel is closed or broken */
	uint8_t buf[FRAME_MAX];
};

/* Wait until the peer has told address and MTU; false: it does not, within FRAME_CHAN_WAIT_NS. */
bool frame_chan_open(struct frame_chan *f, struct chan *c, struct frame_link *link);
/* Take what came, send what waits. */
void frame_chan_service(struct frame_chan *f, struct virtio_net *n);

#define FRAME_CHAN_WAIT_NS UINT64_C(10000000000)
