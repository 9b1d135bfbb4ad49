// SPDX-License-Identifier: Apache-2.0
/*
 * virtio network card on a frame port (lib/frame.h): one receive and one transmit queue. Source: virtio 1.2, section 5.1.
 *
 * Address, MTU and link state are the port's. Nothing is lost between guest and port: a frame without room in the port waits in the
 * guest's ring, a frame without a buffer of the guest waits in the port. Frames are dropped while the link is down, while
 * no driver runs, and when they break the rules (length, offloads that were not offered).
 * State: address, MTU, link. Missing: checksum and segmentation offloads, mergeable buffers, control queue, more queues.
 */
#pragma once
#include "lib/frame.h"
#include "services/vmm/virtio.h"

enum vnet_queue { VNET_RX = 0, VNET_TX = 1 };

struct virtio_net;

/* The other end of the cable. */
struct vnet_port {
	/* Take one frame; false: no room now, vnet_resume() when there is. */
	bool (*send)(struct vnet_port *p, const void *frame, size_t n);
	/* The guest has buffers again: vnet_takes() may have become true. */
	void (*ready)(struct vnet_port *p, struct virtio_net *n);
};

/* Device configuration, section 5.1.4, up to the MTU. */
struct vnet_config {
	uint8_t mac[6];
	uint16_t status; /* bit 0: link is up */
	uint16_t max_queue_pairs;
	uint16_t mtu;
};
_Static_assert(sizeof(struct vnet_config) == 12, "virtio network configuration");

struct virtio_net {
	struct virtio v; /* first: ops get this */
	struct vnet_port *port;
	struct vnet_config config;
	uint8_t frame[FRAME_MAX]; /* on its way from the guest */
};

/* link: what the port said first; address and MTU stay as they are from then on. */
void virtio_net_init(struct virtio_net *n, const struct frame_link *link, struct vnet_port *port);
/* The link came or went. */
void vnet_link(struct virtio_net *n, bool up);
/* May vnet_receive() be called? If not, port->ready() tells. */
bool vnet_takes(struct virtio_net *n);
/* A frame from the port, 14..FRAME_MAX bytes. */
void vnet_receive(struct virtio_net *n, const void *frame, size_t len);
/* After a run of vnet_receive(): interrupt the guest. */
void vnet_received(struct virtio_net *n);
/* The port has room: send what waits. */
void vnet_resume(struct virtio_net *n);
void virtio_net_state(struct state *s, struct virtio_net *n);
