// SPDX-License-Identifier: Apache-2.0
/*
 * Outgoing TCP streams (proto "tcp"): tmc and others -> uplink. One stream at a time per channel; there is no way to
 * listen. Uplink is not trusted: whatever passes here is a TLS record or worse.
 *
 *   request      arg      payload           answer
 *   TCP_STATUS   0        -                 struct tcp_status
 *   TCP_CONNECT  stream   struct tcp_addr   CS_OK: established. CS_FAILED: could not, text in the payload.
 *                                           CS_BUSY: no address yet (no link, no DHCP lease): try again later
 *   TCP_SEND     stream   1..TCP_CHUNK bytes  CS_OK: all are in the send queue (in order). CS_STATE: the stream is closed.
 *                                             Several may wait, as many as the ring holds
 *   TCP_CLOSE    stream   -                 CS_OK, also when it is closed already; what was sent still goes out
 *   uplink -> client, no answer:
 *   TCP_DATA     stream   bytes received    in order; uplink's window follows the room in the ring
 *   TCP_CLOSED   stream   text: why         the peer closed or the stream broke; no TCP_DATA after it
 *
 * `stream` is a number the client makes up for each TCP_CONNECT (rising from 1): messages of an older stream are dropped
 * by both sides. A new TCP_CONNECT aborts the older stream; requests that waited for it are answered CS_STATE. If uplink is restarted the stream is gone: the client sees
 * CHAN_RESTARTED and connects anew.
 */
#pragma once
#include <stdint.h>

#define TCP_CHUNK 4096u

enum tcp_type {
	TCP_STATUS = 1,
	TCP_CONNECT = 2,
	TCP_SEND = 3,
	TCP_CLOSE = 4,
	TCP_DATA = 5,
	TCP_CLOSED = 6
};

struct tcp_addr {
	uint8_t ip[4]; /* IPv4, network order */
	uint16_t port; /* host order */
	uint16_t pad;
};

struct tcp_status {
	uint8_t up;    /* link and address are there */
	uint8_t ip[4]; /* own address */
	uint8_t mac[6];
	uint8_t pad[5];
};

_Static_assert(sizeof(struct tcp_addr) == 8, "tcp_addr");
_Static_assert(sizeof(struct tcp_status) == 16, "tcp_status");
