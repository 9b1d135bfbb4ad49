// SPDX-License-Identifier: Apache-2.0
/*
 * Works on while its servers die: writes random blocks, flushes, and reads all back; asks the TPM; sends over TCP, connecting anew when a
 * stream is lost. Every answer must be as if nothing had died.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drivers/tpm/tpm_drv.h"
#include "lib/blk.h"
#include "lib/chan.h"
#include "tests/services/peer.h"

enum { BLOCKS = 256, ROUNDS = 800, LINES = 40 };

static struct {
	struct blk_span span;
	uint64_t data[BLK_SIZE / 8];
} block;
static uint64_t wanted[BLOCKS]; /* what was acknowledged last */
static unsigned bad;

static void write_one(struct chan *c, uint64_t n, uint64_t value)
{
	size_t got;

	block.span = (struct blk_span){ 0, 1 };
	for (unsigned i = 0; i < BLK_SIZE / 8; i++)
		block.data[i] = value * (i + 1);
	bad += chan_call(c, BLK_WRITE, n, &block, sizeof(block), NULL, 0, &got) != CS_OK;
	wanted[n] = value;
}

static void read_one(struct chan *c, uint64_t n)
{
	struct blk_span span = { 0, 1 };
	size_t got;

	bad += chan_call(c, BLK_READ, n, &span, sizeof(span), block.data, BLK_SIZE, &got) !=
		       CS_OK ||
	       got != BLK_SIZE;
	for (unsigned i = 0; i < BLK_SIZE / 8 && wanted[n]; i++)
		bad += block.data[i] != wanted[n] * (i + 1);
}

static void grind_disk(void)
{
	struct chan *c = chan_open(NULL, "blk");
	struct blk_span none = { 0, 0 };
	uint32_t r;
	size_t got;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		random_bytes(&r, sizeof(r));
		if (r % 8 == 0)
			bad += chan_call(c, BLK_FLUSH, 0, &none, sizeof(none), NULL, 0, &got) !=
			       CS_OK;
		else if (r % 8 < 3)
			read_one(c, r / 8 % BLOCKS);
		else
			write_one(c, r / 8 % BLOCKS, round);
	}
	for (uint64_t n = 0; n < BLOCKS; n++)
		read_one(c, n);
	log_line("%s grinder: disk, %u wrong answers", bad ? "not ok" : "ok", bad);
}

static void grind_tpm(void)
{
	static const uint8_t get_random[12] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 16 };
	struct chan *c = chan_open("tpm_drv", "tpmraw");
	uint8_t in[TPMRAW_MAX];
	unsigned wrong = 0;
	size_t n;

	for (unsigned round = 0; round < ROUNDS; round++)
		wrong += chan_call(c, TPMRAW_CMD, 0, get_random, sizeof(get_random), in, sizeof(in),
				   &n) != CS_OK ||
			 n != 28;
	log_line("%s grinder: TPM, %u wrong answers", wrong ? "not ok" : "ok", wrong);
}

/* One line there and back over stream `number`; false: the stream is lost. */
static bool ping(struct chan *c, uint64_t number)
{
	uint64_t end = now_ns() + 5000000000ull;
	char in[TCP_CHUNK];
	size_t n, got = 0;
	struct msg m;

	if (chan_call(c, TCP_SEND, number, "ping\n", 5, NULL, 0, &n) != CS_OK)
		return false;
	while (got < 5 && now_ns() < end) {
		enum chan_result r = chan_recv(c, &m, in, sizeof(in));

		if (r == CHAN_EMPTY)
			component_wait(end);
		else if (r != CHAN_OK || (m.type == TCP_CLOSED && m.arg == number))
			return false;
		else if (m.type == TCP_DATA && m.arg == number)
			got += m.len - sizeof(m);
	}
	return got == 5;
}

static void grind_tcp(void)
{
	struct chan *c = chan_open("uplink", "tcp");
	struct tcp_addr a = peer_address();
	unsigned lines = 0, streams = 0;
	size_t n;

	while (lines < LINES) {
		if (chan_call(c, TCP_CONNECT, ++streams, &a, sizeof(a), NULL, 0, &n) != CS_OK) {
			pause_ms(50);
			continue;
		}
		while (lines < LINES && ping(c, streams))
			lines++;
	}
	log_line("ok grinder: %u lines over %u attempts to connect", lines, streams);
}

int main(void)
{
	log_line("grinder begins");
	grind_disk();
	grind_tpm();
	grind_tcp();
	log_line("grinder done");
	for (;;)
		component_wait(0);
}
