// SPDX-License-Identifier: Apache-2.0
/* uplink, whole, with lwIP, against a network and clients that the test plays. */
#include <stdio.h>
#include <string.h>
#include "tests/uplink/peer.h"
#include "tests/uplink/world.h"

static struct peer net;
static uint32_t their_seq; /* the network's next byte */
static unsigned failures;
static uint8_t payload[TCP_CHUNK];
static const struct tcp_addr server = { { 10, 0, 0, 1 }, PEER_PORT, 0 };
static const uint8_t syn_options[] = { 2, 4, 5, 180, 1, 3, 3, 0 }; /* MSS 1460, scale 0 */

static void check(bool good, const char *what)
{
	printf("%s uplink: %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

static void step(unsigned ms)
{
	world_run(ms);
	peer_look(&net);
}

/* The next message to `client` is an answer with this status to request `id`. */
static bool answered(unsigned client, uint64_t id, enum chan_status s)
{
	struct msg m;

	return world_told(client, &m, payload) && m.type & CHAN_ANSWER && m.id == id &&
	       m.status == s;
}

/* The next message to `client` has this type, stream and text. */
static bool told(unsigned client, uint16_t type, uint64_t stream, const char *text)
{
	struct msg m;

	return world_told(client, &m, payload) && m.type == type && m.arg == stream &&
	       m.len - sizeof(m) == strlen(text) && !memcmp(payload, text, strlen(text));
}

static bool silent(unsigned client)
{
	struct msg m;

	return !world_told(client, &m, payload);
}

/* A segment of the peer within the open stream; what uplink has sent is acknowledged. */
static void segment(uint8_t flags, const void *data, size_t n)
{
	peer_tcp(net.last.from, flags, their_seq, net.taken, NULL, 0, data, n);
	their_seq += (uint32_t)n + (flags & TCP_FIN ? 1 : 0);
}

/* A new stream on a client's channel, up to the peer's SYN|ACK. */
static bool open_stream(unsigned client, uint64_t stream)
{
	uint64_t id = world_ask(client, TCP_CONNECT, stream, &server, sizeof(server));

	step(1);
	their_seq = 1000 * (uint32_t)stream;
	peer_tcp(net.last.from, TCP_SYN | TCP_ACK, their_seq++, net.taken, syn_options,
		 sizeof(syn_options), NULL, 0);
	step(1);
	return answered(client, id, CS_OK);
}

static void test_address(void)
{
	struct tcp_status s;
	uint64_t id;

	step(100);
	check(net.dhcp == 0 && !net.others, "nothing is sent before the link is up");
	world_link(true);
	step(100);
	check(net.dhcp == DHCP_DISCOVER, "then an address is asked for");
	id = world_ask(0, TCP_CONNECT, 1, &server, sizeof(server));
	step(1);
	check(answered(0, id, CS_BUSY), "no stream without an address");
	peer_dhcp(net.xid + 1, (const uint8_t[]){ 53, 1, DHCP_OFFER, 54, 4, 10, 0, 0, 1, 255 }, 10);
	step(100);
	check(net.dhcp == DHCP_DISCOVER, "an offer to somebody else is not taken");
	peer_dhcp(net.xid, (const uint8_t[]){ 53, 1, DHCP_OFFER, 54, 200, 10 }, 6);
	step(100);
	check(net.dhcp == DHCP_DISCOVER, "nor one that is cut off");
	peer_lease(&net);
	id = world_ask(0, TCP_STATUS, 0, NULL, 0);
	step(1);
	check(answered(0, id, CS_OK), "status is answered");
	memcpy(&s, payload, sizeof(s));
	check(s.up == 1 && !memcmp(s.ip, (uint8_t[]){ 10, 0, 0, 2 }, 4) &&
		      !memcmp(s.mac, (uint8_t[]){ 0x52, 0x54, 0, 1, 2, 3 }, 6),
	      "with the address");
}

static void test_connect(void)
{
	uint64_t id = world_ask(0, TCP_CONNECT, 2, &server, sizeof(server)), id2;
	unsigned syns;

	step(1);
	check(net.syns == 1 && silent(0), "a stream begins with a SYN");
	step(5000);
	check(net.syns >= 2, "which is sent again");
	step(6000);
	check(answered(0, id, CS_FAILED), "and given up after 10 s");
	id = world_ask(0, TCP_CONNECT, 3, &server, sizeof(server));
	step(1);
	peer_tcp(net.last.from, TCP_RST | TCP_ACK, 0, net.taken, NULL, 0, NULL, 0);
	step(1);
	check(answered(0, id, CS_FAILED) && !memcmp(payload, "connection refused", 18),
	      "a refusal is told");
	id = world_ask(0, TCP_CONNECT, 4, &server, sizeof(server));
	step(1);
	syns = net.syns;
	peer_tcp(net.last.from, TCP_SYN | TCP_ACK, 7, net.taken + 5, syn_options,
		 sizeof(syn_options), NULL, 0);
	step(1);
	check(silent(0), "an answer to a SYN never sent opens nothing");
	id2 = world_ask(0, TCP_CONNECT, 5, &server, sizeof(server));
	step(1);
	check(answered(0, id, CS_STATE) && net.syns > syns,
	      "a new stream ends the older one's wait");
	id = world_ask(0, TCP_CLOSE, 5, NULL, 0);
	step(1);
	check(answered(0, id2, CS_STATE) && answered(0, id, CS_OK), "and so does a close");
	id = world_ask(0, TCP_CONNECT, 6, &server, 7);
	id2 = world_ask(0, 99, 6, NULL, 0);
	step(1);
	check(answered(0, id, CS_BAD_REQUEST) && answered(0, id2, CS_BAD_REQUEST),
	      "nonsense is refused");
}

static void test_data(void)
{
	uint64_t id;

	check(open_stream(0, 7), "a stream is open");
	id = world_ask(0, TCP_SEND, 7, "hello", 5);
	step(1);
	check(answered(0, id, CS_OK) && net.last.len == 5 && !memcmp(net.last.data, "hello", 5),
	      "it sends");
	segment(TCP_ACK | TCP_PSH, "world", 5);
	step(300);
	check(told(0, TCP_DATA, 7, "world") && net.last.ack == their_seq,
	      "it receives, and says so");
	their_seq += 5;
	segment(TCP_ACK, "later", 5);
	their_seq -= 10;
	segment(TCP_ACK, "first", 5);
	their_seq += 5;
	step(1);
	check(told(0, TCP_DATA, 7, "firstlater"), "segments are put in order");
	id = world_ask(0, TCP_SEND, 6, "old", 3);
	step(1);
	check(answered(0, id, CS_STATE), "nothing goes out for another stream");
	peer_tcp(net.last.from, TCP_RST, their_seq + 100000000, 0, NULL, 0, NULL, 0);
	step(1);
	check(silent(0), "a reset from outside of the window is none");
	segment(TCP_ACK | TCP_FIN, "bye", 3);
	step(1);
	check(told(0, TCP_DATA, 7, "bye") && told(0, TCP_CLOSED, 7, "closed by the peer"),
	      "the end comes after the bytes");
	id = world_ask(0, TCP_SEND, 7, "x", 1);
	step(1);
	check(answered(0, id, CS_STATE) && silent(0), "and is the end");
}

/* Fills the client's ring, then the window. */
static uint32_t fill(unsigned client)
{
	static uint8_t block[1460];
	uint32_t sent = 0;

	world_room(client, 0);
	while (net.last.window >= sizeof(block) && sent < 1 << 20) {
		segment(TCP_ACK, block, sizeof(block));
		sent += sizeof(block);
		step(1);
	}
	return sent;
}

static void test_window(void)
{
	uint32_t sent, got = 0;
	struct msg m;

	check(open_stream(0, 8), "a stream is open");
	segment(TCP_ACK, "x", 1);
	step(300);
	sent = fill(0) + 1;
	check(sent > 200000 && sent < 270000, "a client that takes nothing closes the window");
	world_room(0, 400);
	step(1);
	while (world_told(0, &m, payload))
		got += m.type == TCP_DATA ? (uint32_t)(m.len - sizeof(m)) : 0;
	check(got == sent, "every byte was kept");
	step(300);
	check(net.last.window > 200000, "and the window opens again");
	fill(0);
	segment(TCP_ACK | TCP_FIN, NULL, 0);
	world_ask(0, TCP_CLOSE, 8, NULL, 0);
	step(300);
	world_room(0, 400);
	step(300);
	check(answered(0, 0, CS_OK) || silent(0), "a full stream can be closed");
}

/* A peer that takes nothing. */
static void test_stuck(void)
{
	static uint8_t block[TCP_CHUNK];
	uint64_t first = 0, last = 0;
	unsigned answers = 0, i;

	while (world_told(0, &(struct msg){ 0 }, payload))
		;
	check(open_stream(0, 9), "a stream is open");
	for (i = 0; i < 30; i++) {
		last = world_ask(0, TCP_SEND, 9, block, sizeof(block));
		first = first ? first : last;
	}
	step(1);
	while (answered(0, first + answers, CS_OK))
		answers++;
	check(answers >= 10 && answers < 20, "sends wait when the queue is full");
	world_client(0, CHAN_RESTARTED);
	i = net.resets;
	step(1);
	check(net.resets == i + 1 && silent(0),
	      "a restart of the client is seen even so, and nothing is answered");
	check(open_stream(0, 1), "its next stream opens");
	step(29000);
	check(silent(0), "an idle stream lives");
	i = net.segments;
	step(32000);
	check(net.segments >= i + 2, "and is probed");
	step(10000);
	check(told(0, TCP_CLOSED, 1, "connection lost"),
	      "a peer that is gone is noticed within 75 s");
}

static void test_outside(void)
{
	const uint8_t ping[8] = { 8, 0, 0xf7, 0xff }, udp[12] = { 0, 9, 0, 80, 0, 12 };
	unsigned segments = net.segments, resets = net.resets;

	net.others = 0;
	for (uint16_t port = 1; port < 200; port++) {
		peer_tcp(port, TCP_SYN, 5, 0, syn_options, sizeof(syn_options), NULL, 0);
		step(1);
	}
	check(net.segments - segments == 199 && net.resets - resets == 199,
	      "whoever knocks is refused");
	peer_ip(PEER_GIVEN, 1, 0, ping, sizeof(ping));
	peer_ip(PEER_GIVEN, 17, 0, udp, sizeof(udp));
	peer_ip(PEER_GIVEN, 17, 0x2000, udp, sizeof(udp));
	peer_ip(PEER_GIVEN, 89, 0, udp, sizeof(udp));
	peer_ether(0x86dd, (const uint8_t[40]){ 0x60, 0, 0, 0, 0, 0, 58 }, 40);
	peer_ether(0x88cc, udp, sizeof(udp));
	step(1000);
	check(!net.others, "echo, UDP, fragments, other protocols, IPv6: no answer");
}

static void test_two_clients(void)
{
	uint16_t port;

	check(open_stream(0, 20), "one client's stream");
	port = net.last.from;
	check(open_stream(1, 21) && net.last.from != port, "and another's");
	segment(TCP_ACK, "for one", 7);
	step(1);
	check(told(1, TCP_DATA, 21, "for one") && silent(0), "bytes come to the one they are for");
	world_client(1, CHAN_CLOSED);
	step(1);
	check(net.last.flags & TCP_RST && net.last.from != port,
	      "a client that is gone takes its stream along");
	world_client(1, CHAN_OK);
	check(open_stream(1, 1), "its successor begins anew");
	world_client(1, CHAN_BROKEN);
	step(1);
	check(net.last.flags & TCP_RST, "a broken channel ends its stream");
	world_client(1, CHAN_RESTARTED);
	step(1);
}

static void test_memory(void)
{
	uint64_t id;
	struct msg m;

	check(open_stream(0, 30), "a stream is open");
	world_short_of_memory(true);
	id = world_ask(0, TCP_SEND, 30, "waits", 5);
	segment(TCP_ACK, "comes", 5);
	step(2000);
	check(told(0, TCP_DATA, 30, "comes") && silent(0),
	      "without memory sends wait, bytes still come");
	world_ask(1, TCP_CONNECT, 1, &server, sizeof(server));
	step(1);
	check(world_told(1, &m, payload) && m.status == CS_FAILED, "and no stream opens");
	world_short_of_memory(false);
	step(1000);
	check(answered(0, id, CS_OK) && net.last.ack == their_seq, "with memory all goes on");
}

static void test_link(void)
{
	uint64_t id;

	world_link(false);
	step(10);
	id = world_ask(0, TCP_CONNECT, 31, &server, sizeof(server));
	step(10);
	check(answered(0, id, CS_BUSY), "no stream without a link");
	net.dhcp = 0;
	world_wire_restarted();
	world_link(true);
	step(10);
	check(net.dhcp == DHCP_DISCOVER || net.dhcp == DHCP_REQUEST,
	      "a driver that comes again: the address is asked for again");
	peer_lease(&net);
	check(open_stream(0, 32), "and streams open");
}

int main(void)
{
	world_begin();
	test_address();
	test_connect();
	test_data();
	test_window();
	test_stuck();
	test_outside();
	test_two_clients();
	test_memory();
	test_link();
	return failures != 0;
}
