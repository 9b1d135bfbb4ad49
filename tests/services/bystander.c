// SPDX-License-Identifier: Apache-2.0
/* Works beside a hostile driver: keeps a page whose content nobody may change, and writes and reads the disk. Test component of laboratory images. */
#include <string.h>
#include "lib/blk.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "tests/services/peer.h"

enum { WORDS = BLK_SIZE / 8, BEAT_MS = 200 };

/* tests/system/test_hostile_dma.py knows what is in there. */
static uint64_t page[WORDS] __attribute__((aligned(BLK_SIZE)));

static uint64_t word(unsigned i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

static bool whole(void)
{
	for (unsigned i = 0; i < WORDS; i++)
		if (*(volatile uint64_t *)&page[i] != word(i))
			return false;
	return true;
}

static bool disk_works(uint64_t n)
{
	static struct {
		struct blk_span span;
		uint64_t data[WORDS];
	} out;
	static uint64_t in[WORDS];
	struct chan *c = chan_open("virtio_blk", "blk");
	size_t got;

	out.span = (struct blk_span){ 0, 1 };
	for (unsigned i = 0; i < WORDS; i++)
		out.data[i] = n + word(i);
	return chan_call(c, BLK_WRITE, n % 64, &out, sizeof(out), NULL, 0, &got) == CS_OK &&
	       chan_call(c, BLK_READ, n % 64, &out.span, sizeof(out.span), in, sizeof(in), &got) ==
		       CS_OK &&
	       !memcmp(in, out.data, sizeof(in));
}

int main(void)
{
	for (unsigned i = 0; i < WORDS; i++)
		page[i] = word(i);
	for (uint64_t n = 1;; n++) {
		bool memory = whole(), disk = disk_works(n);

		log_line("%s bystander: beat %lu, memory %s, disk %s",
			 memory && disk ? "ok" : "not ok", n, memory ? "whole" : "changed",
			 disk ? "works" : "fails");
		pause_ms(BEAT_MS);
	}
}
