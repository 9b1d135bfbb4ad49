// SPDX-License-Identifier: Apache-2.0
#include "tests/uplink/peer.h"
#include <string.h>
#include "tests/uplink/world.h"

enum { ETHER = 14, ETHER_ARP = 0x806, ETHER_IP = 0x800, IP_HEADER = 20, IP_TCP = 6, IP_UDP = 17 };
enum { DHCP_FIXED = 240, TCP_HEADER = 20 };

static const uint8_t own_mac[6] = { 2, 0, 0, 0, 0, 1 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* RFC 1071, on top of `sum`. */
static uint16_t checksum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t pseudo_sum(uint32_t from, uint32_t to, uint8_t protocol, size_t n)
{
	return (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + protocol + (uint32_t)n;
}

void peer_ether(uint16_t type, const uint8_t *data, size_t n)
{
	uint8_t frame[1514] = { 0x52, 0x54, 0, 1, 2, 3 };

	memcpy(frame + 6, own_mac, 6);
	put16(frame + 12, type);
	memcpy(frame + ETHER, data, n);
	world_frame(frame, ETHER + n);
}

void peer_ip(uint32_t to, uint8_t protocol, uint16_t fragment, const uint8_t *data, size_t n)
{
	uint8_t packet[1500] = { 0x45 };

	put16(packet + 2, (uint32_t)(IP_HEADER + n));
	put16(packet + 6, fragment);
	packet[8] = 64;
	packet[9] = protocol;
	put32(packet + 12, PEER_IP);
	put32(packet + 16, to);
	put16(packet + 10, checksum(0, packet, IP_HEADER));
	if (n)
		memcpy(packet + IP_HEADER, data, n);
	peer_ether(ETHER_IP, packet, IP_HEADER + n);
}

void peer_dhcp(uint32_t xid, const uint8_t *options, size_t n)
{
	uint8_t d[8 + DHCP_FIXED + 1000] = { 0, 67, 0, 68 }, *body = d + 8;

	put16(d + 4, (uint32_t)(8 + DHCP_FIXED + n));
	body[0] = 2;
	body[1] = 1;
	body[2] = 6;
	put32(body + 4, xid);
	put32(body + 16, PEER_GIVEN);
	put32(body + 20, PEER_IP);
	memcpy(body + 28, (const uint8_t[]){ 0x52, 0x54, 0, 1, 2, 3 }, 6);
	put32(body + 236, 0x63825363);
	memcpy(body + DHCP_FIXED, options, n);
	peer_ip(0xffffffff, IP_UDP, 0, d, 8 + DHCP_FIXED + n);
}

void peer_lease(struct peer *p)
{
	uint8_t options[] = { 53, 1, DHCP_OFFER, 54,  4,   10,  0, 0, 1, 51, 4, 0, 0, 14,
			      16, 1, 4,          255, 255, 255, 0, 3, 4, 10, 0, 0, 1, 255 };

	peer_dhcp(p->xid, options, sizeof(options));
	world_run(10);
	peer_look(p);
	options[2] = DHCP_ACK;
	peer_dhcp(p->xid, options, sizeof(options));
	world_run(10);
	peer_look(p);
}

void peer_tcp(uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack, const uint8_t *options,
	      size_t options_len, const void *data, size_t n)
{
	uint8_t s[1480] = { 0 };
	size_t len = TCP_HEADER + options_len + n;

	put16(s, PEER_PORT);
	put16(s + 2, port);
	put32(s + 4, seq);
	put32(s + 8, ack);
	s[12] = (uint8_t)((TCP_HEADER + options_len) / 4 << 4);
	s[13] = flags;
	put16(s + 14, 0xffff);
	if (options_len)
		memcpy(s + TCP_HEADER, options, options_len);
	if (n)
		memcpy(s + TCP_HEADER + options_len, data, n);
	put16(s + 16, checksum(pseudo_sum(PEER_IP, PEER_GIVEN, IP_TCP, len), s, len));
	peer_ip(PEER_GIVEN, IP_TCP, 0, s, len);
}

static void look_at_arp(const struct peer *p, const uint8_t *q)
{
	uint8_t a[28];

	if (p->no_arp || get16(q + 6) != 1 || get32(q + 24) != PEER_IP)
		return;
	memcpy(a, q, 6);
	put16(a + 6, 2);
	memcpy(a + 8, own_mac, 6);
	put32(a + 14, PEER_IP);
	memcpy(a + 18, q + 8, 10);
	peer_ether(ETHER_ARP, a, sizeof(a));
}

/* The window-scale option of a SYN (RFC 7323), 0 if there is none. */
static uint8_t find_scale(const uint8_t *options, size_t n)
{
	for (size_t i = 0; i + 2 < n && options[i] != 0;) {
		if (options[i] == 3)
			return options[i + 2];
		i += options[i] == 1 || options[i + 1] == 0 ? 1 : options[i + 1];
	}
	return 0;
}

static void look_at_tcp(struct peer *p, const uint8_t *q, size_t n)
{
	struct segment *s = &p->last;
	size_t header = (size_t)(q[12] >> 4) * 4;

	s->from = get16(q);
	s->to = get16(q + 2);
	s->seq = get32(q + 4);
	s->ack = get32(q + 8);
	s->flags = q[13];
	s->len = n - header;
	memcpy(s->data, q + header, s->len);
	p->segments++;
	p->resets += s->flags & TCP_RST ? 1 : 0;
	if (s->flags & TCP_SYN) {
		p->syns++;
		p->scale = find_scale(q + TCP_HEADER, header - TCP_HEADER);
		p->taken = s->seq + 1;
		s->window = get16(q + 14);
		return;
	}
	s->window = (uint32_t)get16(q + 14) << p->scale;
	if (s->seq == p->taken)
		p->taken += (uint32_t)s->len;
}

static void look_at_ip(struct peer *p, const uint8_t *q)
{
	size_t n = get16(q + 2);
	const uint8_t *dhcp = q + IP_HEADER + 8;

	if (q[9] == IP_TCP && n >= IP_HEADER + TCP_HEADER) {
		look_at_tcp(p, q + IP_HEADER, n - IP_HEADER);
	} else if (q[9] == IP_UDP && get16(q + IP_HEADER + 2) == 67) {
		p->xid = get32(dhcp + 4);
		p->dhcp = dhcp[DHCP_FIXED + 2];
	} else {
		p->others++;
	}
}

void peer_look(struct peer *p)
{
	uint8_t frame[1514];
	bool answered = false;
	size_t n;

	while ((n = world_sent(frame)) != 0) {
		uint16_t type = get16(frame + 12);

		if (type == ETHER_ARP) {
			look_at_arp(p, frame + ETHER);
			answered = true;
		} else if (type == ETHER_IP) {
			look_at_ip(p, frame + ETHER);
		} else {
			p->others++;
		}
	}
	if (!answered)
		return;
	world_run(1);
	peer_look(p);
}
