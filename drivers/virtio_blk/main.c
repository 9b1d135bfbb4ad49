// SPDX-License-Identifier: Apache-2.0
/*
 * virtio_blk: one virtio block device (virtio 1.2, 5.2) as proto "blk". Requests go straight between ring and DMA memory;
 * up to SLOTS are under way. Data passes as it is: what lies above encrypts.
 */
#include <string.h>
#include "lib/blk.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/virtio_drv.h"

#define SLOTS      32u
#define F_FLUSH    (1ull << 9)
#define SECTORS    (BLK_SIZE / 512u)
#define DATA_BYTES (BLK_MAX_COUNT * BLK_SIZE)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, STATUS_OK = 0, STATUS_UNSUPPORTED = 2 };

struct head { /* struct virtio_blk_req, 5.2.6 */
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
	uint8_t status;
	uint8_t pad[15];
};

static struct slot {
	struct chan *client; /* NULL: free */
	bool orphan;         /* its client has been restarted: no answer */
	struct msg q;
	uint32_t bytes; /* to answer */
	struct head *head;
	uint8_t *payload; /* struct blk_span, then page-aligned data */
	uint8_t *data;
} slots[SLOTS];

static int slot_of[VIRTQ_MAX]; /* by head of the chain */
static struct virtio device;
static struct virtq queue;
static uint64_t blocks;
static bool can_flush, kick;

static struct slot *free_slot(void)
{
	for (struct slot *s = slots; s < slots + SLOTS; s++)
		if (!s->client)
			return s;
	return NULL;
}

static bool has_orphans(const struct chan *c)
{
	for (const struct slot *s = slots; s < slots + SLOTS; s++)
		if (s->client == c && s->orphan)
			return true;
	return false;
}

static void orphan_all(const struct chan *c)
{
	for (struct slot *s = slots; s < slots + SLOTS; s++)
		if (s->client == c)
			s->orphan = true;
}

/* False: no descriptors free (cannot happen with 3 per slot). */
static bool submit(struct slot *s, uint32_t type, uint64_t block, uint32_t bytes)
{
	struct virtq_buf b[3] = { { s->head, 16, false },
				  { s->data, bytes, type == T_IN },
				  { &s->head->status, 1, true } };
	int head;

	*s->head = (struct head){ .type = type, .sector = block * SECTORS, .status = 0xff };
	if (!bytes)
		b[1] = b[2];
	head = virtq_put(&queue, b, bytes ? 3 : 2);
	if (head < 0)
		return false;
	slot_of[head] = (int)(s - slots);
	kick = true;
	return true;
}

/* Starts or answers the request in slot s. */
static void request(struct chan *c, struct slot *s, size_t n)
{
	const struct msg *q = &s->q;
	struct blk_span span = { 0 };
	bool fits;

	if (n >= sizeof(span))
		memcpy(&span, s->payload, sizeof(span));
	fits = n >= sizeof(span) && !span.volume && span.count && span.count <= BLK_MAX_COUNT &&
	       q->arg < blocks && span.count <= blocks - q->arg;
	s->client = c;
	s->orphan = false;
	s->bytes = 0;
	if (q->type == BLK_READ && fits && n == sizeof(span)) {
		s->bytes = span.count * BLK_SIZE;
		if (submit(s, T_IN, q->arg, s->bytes))
			return;
	} else if (q->type == BLK_WRITE && fits && n == sizeof(span) + span.count * BLK_SIZE) {
		if (submit(s, T_OUT, q->arg, span.count * BLK_SIZE))
			return;
	} else if (q->type == BLK_FLUSH && can_flush) {
		if (submit(s, T_FLUSH, 0, 0))
			return;
	}
	s->client = NULL;
	if (q->type == BLK_INFO) {
		struct blk_info info = { .blocks = blocks, .max_count = BLK_MAX_COUNT };

		chan_answer(c, q, CS_OK, 0, &info, sizeof(info));
		return;
	}
	chan_answer(c, q,
		    q->type == BLK_FLUSH || (q->type == BLK_DISCARD && fits) ? CS_OK
									     : CS_BAD_REQUEST,
		    0, NULL, 0);
}

static void complete(void)
{
	uint32_t written;
	int head;

	while ((head = virtq_take(&queue, &written)) >= 0) {
		struct slot *s = &slots[slot_of[head]];
		bool good = s->head->status == STATUS_OK;

		if (!s->orphan)
			chan_answer(s->client, &s->q, good ? CS_OK : CS_IO, 0, s->data,
				    good ? s->bytes : 0);
		s->client = NULL;
	}
}

static void serve(struct chan *c)
{
	struct slot *s;

	while (!has_orphans(c) && (s = free_slot()) != NULL) {
		enum chan_result r =
			chan_recv(c, &s->q, s->payload, sizeof(struct blk_span) + DATA_BYTES);

		if (r == CHAN_RESTARTED || r == CHAN_CLOSED)
			orphan_all(c);
		if (r == CHAN_OK)
			request(c, s, s->q.len - sizeof(s->q));
		else if (r != CHAN_RESTARTED)
			return;
	}
}

static const char *begin(const struct start_dev *dev)
{
	uint64_t features = F_FLUSH;
	const char *wrong = dev ? virtio_begin(&device, dev, &features) : "not granted";
	struct head *heads;

	if (!wrong)
		wrong = virtq_begin(&queue, &device, 0, 128);
	if (wrong)
		return wrong;
	can_flush = features & F_FLUSH;
	heads = virtio_dma(&device, SLOTS * sizeof(*heads), 64);
	for (unsigned i = 0; i < SLOTS; i++) {
		uint8_t *page = virtio_dma(&device, BLK_SIZE + DATA_BYTES, BLK_SIZE);

		if (!heads || !page)
			return "too little DMA memory";
		slots[i].head = &heads[i];
		slots[i].data = page + BLK_SIZE;
		slots[i].payload = slots[i].data - sizeof(struct blk_span);
	}
	blocks = *(volatile uint64_t *)device.config / SECTORS;
	virtio_ready(&device);
	return NULL;
}

int main(void)
{
	const char *wrong = begin(start_dev("virtio_blk0"));

	if (wrong)
		die("block device: %s", wrong);
	log_line("%llu MiB%s", (unsigned long long)blocks / (1048576 / BLK_SIZE),
		 can_flush ? "" : ", no write cache");
	for (;;) {
		complete();
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
			if (chan_is_server(c))
				serve(c);
		if (kick)
			virtq_kick(&queue);
		kick = false;
		component_wait(0);
	}
}
