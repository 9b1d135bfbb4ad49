// SPDX-License-Identifier: Apache-2.0
/*
 * ata: the first drive of the second IDE channel as proto "blk". The first channel, where machines with IDE boot from, is
 * not granted to it: the boot medium is out of its reach. Data passes as it is: what lies above encrypts.
 */
#include <string.h>
#include "drivers/ata/ata.h"
#include "lib/blk.h"
#include "lib/chan.h"
#include "lib/component.h"

#define SECTORS    (BLK_SIZE / ATA_SECTOR)
#define DATA_BYTES (BLK_MAX_COUNT * BLK_SIZE)

_Static_assert(BLK_MAX_COUNT *SECTORS <= ATA_MAX_SECTORS, "a request is one command");

static struct ata drive;
static uint64_t blocks;
static uint8_t buf[sizeof(struct blk_span) + DATA_BYTES] __attribute__((aligned(8)));

static const char *carry_out(const struct msg *m, uint32_t count)
{
	uint64_t lba = m->arg * SECTORS;

	switch (m->type) {
	case BLK_READ:
		return ata_read(&drive, lba, count * SECTORS, buf);
	case BLK_WRITE:
		return ata_write(&drive, lba, count * SECTORS, buf + sizeof(struct blk_span));
	default:
		return ata_flush(&drive);
	}
}

/* After an error the drive is set up afresh; a request is the same twice as once. */
static const char *with_one_retry(const struct msg *m, uint32_t count)
{
	const char *wrong = carry_out(m, count);

	if (!wrong)
		return NULL;
	log_line("%s: trying again", wrong);
	wrong = ata_begin(&drive);
	if (!wrong && drive.sectors / SECTORS != blocks)
		die("another drive is there now");
	return wrong ? wrong : carry_out(m, count);
}

static void transfer(struct chan *c, const struct msg *m, uint32_t count)
{
	const char *wrong = with_one_retry(m, count);

	if (wrong)
		log_line("request %u at block %llu fails: %s", m->type, (unsigned long long)m->arg,
			 wrong);
	chan_answer(c, m, wrong ? CS_IO : CS_OK, 0, buf,
		    !wrong && m->type == BLK_READ ? count * BLK_SIZE : 0);
}

static void request(struct chan *c, const struct msg *m, size_t n)
{
	struct blk_info info = { .blocks = blocks, .max_count = BLK_MAX_COUNT };
	struct blk_span span = { 0 };
	bool fits;

	if (n >= sizeof(span))
		memcpy(&span, buf, sizeof(span));
	fits = n >= sizeof(span) && !span.volume && span.count && span.count <= BLK_MAX_COUNT &&
	       m->arg < blocks && span.count <= blocks - m->arg;
	if (m->type == BLK_INFO)
		chan_answer(c, m, CS_OK, 0, &info, sizeof(info));
	else if (m->type == BLK_DISCARD && fits)
		chan_answer(c, m, CS_OK, 0, NULL, 0);
	else if (m->type == BLK_FLUSH || (m->type == BLK_READ && fits && n == sizeof(span)) ||
		 (m->type == BLK_WRITE && fits && n == sizeof(span) + span.count * BLK_SIZE))
		transfer(c, m, span.count);
	else
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
}

static void serve(struct chan *c)
{
	enum chan_result r = CHAN_OK;
	struct msg m;

	while (r == CHAN_OK || r == CHAN_RESTARTED) {
		r = chan_recv(c, &m, buf, sizeof(buf));
		if (r == CHAN_OK)
			request(c, &m, m.len - sizeof(m));
	}
}

static void begin(void)
{
	const struct start_dev *command = start_dev("command"), *control = start_dev("control");
	const char *wrong;

	if (!command || command->port_count < 8 || !control)
		die("no ports");
	drive = (struct ata){ .command = command->port_base, .control = control->port_base };
	wrong = ata_begin(&drive);
	if (wrong)
		die("first drive of the second channel: %s", wrong);
	blocks = drive.sectors / SECTORS;
	log_line("%llu MiB, %s-bit addresses", (unsigned long long)blocks / (1048576 / BLK_SIZE),
		 drive.wide ? "48" : "28");
}

int main(void)
{
	begin();
	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
			if (chan_is_server(c))
				serve(c);
		component_wait(0);
	}
}
