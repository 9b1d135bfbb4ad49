// SPDX-License-Identifier: Apache-2.0
/*
 * uplink, whole, with lwIP, against a hostile network and hostile clients: the input is a list of what they do. Whatever it is,
 * uplink keeps its protocol (tests/uplink/world.c looks), never takes a connection from outside, and gets an address and
 * opens a stream afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/uplink/peer.h"
#include "tests/uplink/world.h"

static struct peer net;
static const struct tcp_addr server = { { 10, 0, 0, 1 }, PEER_PORT, 0 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "not ok uplink: %s\n", what);
	abort();
}

struct input {
	const uint8_t *p;
	size_t n;
};

static uint8_t byte(struct input *in)
{
	in->n -= in->n ? 1 : 0;
	return in->n ? *in->p++ : 0;
}

static const uint8_t *bytes(struct input *in, size_t want, size_t *n)
{
	const uint8_t *p = in->p;

	*n = want < in->n ? want : in->n;
	in->p += *n;
	in->n -= *n;
	return p;
}

/* A small step around zero, or a far one. */
static uint32_t about(uint8_t b)
{
	return b < 0xf0 ? (uint32_t)(int8_t)(b - 0x78) * (b & 1 ? 1 : 1000) : (uint32_t)b << 24;
}

/* A segment near the window of the stream that sent last. */
static void tcp(struct input *in, uint32_t *seq)
{
	uint8_t flags = byte(in), options_len = byte(in) & 0x2c;
	uint32_t at = *seq + about(byte(in)),
		 ack = net.last.seq + (uint32_t)net.last.len + about(byte(in));
	size_t n, k, len = byte(in) * 5u;
	const uint8_t *options = bytes(in, options_len, &k), *data = bytes(in, len, &n);

	k &= ~3ul;
	peer_tcp(net.last.from, flags & 0x3f, at, ack, options, k, data, n);
	*seq = at + (uint32_t)n + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

/* The peer's own next step: it accepts, or acknowledges. */
static void good_peer(uint32_t *seq)
{
	uint8_t flags = TCP_ACK;

	if (net.last.flags & TCP_SYN)
		flags = TCP_SYN | TCP_ACK;
	else
		*seq = net.last.ack;
	peer_tcp(net.last.from, flags, *seq, net.taken, NULL, 0, NULL, 0);
	*seq += flags & TCP_SYN ? 1 : 0;
}

static void ask(struct input *in)
{
	static uint8_t zero[TCP_CHUNK];
	unsigned client = byte(in) % WORLD_CLIENTS, type = byte(in) % 8;
	uint64_t stream = byte(in) % 4;
	size_t n = byte(in) * 17u;

	n = n < sizeof(zero) ? n : sizeof(zero);
	if (type == TCP_CONNECT && n)
		world_ask(client, TCP_CONNECT, stream, &server, sizeof(server));
	else
		world_ask(client, (uint16_t)type, stream, zero, n);
}

static void change_client(struct input *in)
{
	static const enum chan_result states[] = { CHAN_RESTARTED, CHAN_BROKEN, CHAN_CLOSED,
						   CHAN_OK };
	unsigned b = byte(in);

	world_client(b % WORLD_CLIENTS, states[b / WORLD_CLIENTS % 4]);
}

static void change_link(uint8_t b)
{
	if (b & 2)
		world_wire_restarted();
	world_link(b & 1);
}

static void act(struct input *in, uint32_t *seq)
{
	uint8_t what = byte(in), b;
	const uint8_t *p;
	size_t n;

	switch (what % 12) {
	case 0:
		p = bytes(in, byte(in) * 6u, &n);
		world_frame(p, n);
		break;
	case 1:
	case 2:
	case 3:
		tcp(in, seq);
		break;
	case 4:
		good_peer(seq);
		break;
	case 5:
		b = byte(in);
		p = bytes(in, byte(in) * 2u, &n);
		peer_dhcp(b & 1 ? net.xid : b, p, n);
		break;
	case 6:
		b = byte(in);
		p = bytes(in, byte(in) * 5u, &n);
		peer_ip(b & 1 ? 0xffffffff : PEER_GIVEN, b >> 1, b & 0x80 ? 0x2000 : 0, p, n);
		break;
	case 7:
		ask(in);
		break;
	case 8:
		world_run(byte(in) * 100u);
		break;
	case 9:
		change_client(in);
		break;
	case 10:
		b = byte(in);
		world_room(b % WORLD_CLIENTS, b / WORLD_CLIENTS);
		break;
	default:
		b = byte(in);
		world_short_of_memory(b % 4 == 0);
		net.no_arp = b & 0x80;
		if (b & 0x40)
			change_link(b >> 4);
		peer_lease(&net);
	}
}

static void look_at_clients(void)
{
	static uint8_t payload[TCP_CHUNK];
	struct msg m;

	for (unsigned c = 0; c < WORLD_CLIENTS; c++)
		while (world_told(c, &m, payload))
			must(m.type & CHAN_ANSWER || m.type == TCP_DATA || m.type == TCP_CLOSED,
			     "a message of the protocol");
}

static void step(unsigned ms)
{
	world_run(ms);
	peer_look(&net);
	must((net.last.flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK),
	     "no connection is taken from outside");
	look_at_clients();
}

/* All streams are gone, the link is down. */
static void clean_up(void)
{
	world_short_of_memory(false);
	net.no_arp = false;
	for (unsigned c = 0; c < WORLD_CLIENTS; c++) {
		world_client(c, CHAN_CLOSED);
		step(1);
		world_client(c, CHAN_OK);
	}
	world_wire_restarted();
	world_link(false);
	step(60000);
}

static void begin_again(void)
{
	struct tcp_status status;
	struct msg m;
	uint8_t payload[TCP_CHUNK];

	world_link(true);
	step(20);
	peer_lease(&net);
	world_ask(0, TCP_STATUS, 0, NULL, 0);
	world_run(1);
	must(world_told(0, &m, payload) && m.status == CS_OK, "the status is told");
	memcpy(&status, payload, sizeof(status));
	must(status.up, "there is an address");
	net.syns = 0;
	world_ask(0, TCP_CONNECT, 0, &server, sizeof(server));
	step(1);
	if (!net.syns)
		step(5000); /* the end of an older stream took its place behind ARP's question */
	must(net.syns, "a stream begins");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static bool begun;
	uint32_t seq = 1;

	if (!begun)
		world_begin();
	begun = true;
	begin_again();
	good_peer(&seq);
	step(1);
	for (unsigned i = 0; in.n > 1 && i < 200; i++) {
		act(&in, &seq);
		step(1);
	}
	clean_up();
	return 0;
}
