// SPDX-License-Identifier: Apache-2.0
/*
 * The network at the other end of uplink's wire: builds and reads frames (Ethernet II, RFC 826 ARP, RFC 791 IPv4, RFC 2131
 * DHCP, RFC 9293 TCP). It does what the test says, not what a good peer would.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };
enum dhcp_type { DHCP_DISCOVER = 1, DHCP_OFFER = 2, DHCP_REQUEST = 3, DHCP_ACK = 5, DHCP_NAK = 6 };

#define PEER_IP    0x0a000001u /* 10.0.0.1: router, DHCP server, TCP server */
#define PEER_GIVEN 0x0a000002u /* what DHCP gives */
#define PEER_PORT  4433u

/* A TCP segment that uplink has sent. */
struct segment {
	uint16_t from, to;
	uint32_t seq, ack;
	uint8_t flags;
	uint32_t window; /* bytes, scale applied once it is known */
	size_t len;
	uint8_t data[1500];
};

struct peer {
	struct segment last;
	unsigned segments, syns, resets; /* seen so far */
	uint8_t scale;                   /* of uplink's last SYN */
	uint8_t dhcp;                    /* type of the last DHCP message, 0: none */
	uint32_t xid;
	unsigned others; /* frames that are neither ARP, DHCP nor TCP */
	uint32_t taken;  /* end of the payload seen without a gap */
	bool no_arp;     /* does not answer ARP */
};

/* Reads all frames that uplink has sent; answers ARP requests. */
void peer_look(struct peer *p);
/* Puts n bytes (< 1500) behind an Ethernet header of that type. */
void peer_ether(uint16_t type, const uint8_t *data, size_t n);
/* An IPv4 packet from PEER_IP to `to`; `fragment`: the flags and offset field. */
void peer_ip(uint32_t to, uint8_t protocol, uint16_t fragment, const uint8_t *data, size_t n);
/* DHCP's answer with these options (after the cookie) to transaction `xid`. */
void peer_dhcp(uint32_t xid, const uint8_t *options, size_t n);
/* The whole dance for an address. */
void peer_lease(struct peer *p);
/* A segment from PEER_PORT to `port`; its options are padded by the caller to 4. */
void peer_tcp(uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack, const uint8_t *options,
	      size_t options_len, const void *data, size_t n);
