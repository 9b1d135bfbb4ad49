// SPDX-License-Identifier: Apache-2.0
/*
 * virtio console, one port (hvc0 of Linux): a receive and a transmit queue of bytes. Source: virtio 1.2, section 5.3.
 *
 * State: bytes on their way in both directions, and how much of a request that did not fit has been taken.
 * Missing: more ports with their control queues, the window's size, emergency write.
 */
#pragma once
#include "services/vmm/virtio.h"

#define VCON_RX 1024u
#define VCON_TX 2048u

enum vcon_queue { VCON_RX_QUEUE = 0, VCON_TX_QUEUE = 1 };

struct virtio_console;

struct vcon_owner {
	/* tx[] has bytes to take with vcon_sent(). */
	void (*written)(struct vcon_owner *o, struct virtio_console *c);
	/* The guest took all input: vcon_room() is not 0 any more. */
	void (*ready)(struct vcon_owner *o, struct virtio_console *c);
};

struct virtio_console {
	struct virtio v; /* first: ops get this */
	struct vcon_owner *owner;
	uint32_t taken; /* bytes of the next transmit request that are in tx[] or out already */
	uint16_t tx_len, rx_len;
	uint8_t tx[VCON_TX]; /* what the guest wrote, oldest first */
	uint8_t rx[VCON_RX]; /* what waits for a buffer of the guest */
};

void virtio_console_init(struct virtio_console *c, struct vcon_owner *owner);
/* Bytes that vcon_input() takes. */
size_t vcon_room(const struct virtio_console *c);
void vcon_input(struct virtio_console *c, const uint8_t *data, size_t n);
/* The first n bytes of tx[] have gone out. */
void vcon_sent(struct virtio_console *c, size_t n);
void virtio_console_state(struct state *s, struct virtio_console *c);
