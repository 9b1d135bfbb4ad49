// SPDX-License-Identifier: Apache-2.0
#include "services/tpm/journal.h"

#include <stdatomic.h>
#include <string.h>

#include "services/tpm/cel.h"

#define JOURNAL_MAGIC   0x4c4e524a54424452ull /* "RDBTJRNL" */
#define JOURNAL_VERSION 1u

/* The compiler keeps the order of stores around it: a crash stops this program, not the memory. */
static void settle_stores(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static void begin(struct journal_head *h, uint64_t boot_id)
{
	memset(h, 0, sizeof(*h));
	h->version = JOURNAL_VERSION;
	h->boot_id = boot_id;
	settle_stores();
	h->magic = JOURNAL_MAGIC;
}

static bool is_intact(const struct journal *j, uint64_t boot_id)
{
	const struct journal_head *h = j->head;

	return h->magic == JOURNAL_MAGIC && h->version == JOURNAL_VERSION &&
	       h->boot_id == boot_id && h->size <= j->capacity &&
	       h->pending <= j->capacity - h->size && h->pending_client < JOURNAL_CLIENTS;
}

/* The record behind the end becomes part of the log. */
static void commit(struct journal_head *h)
{
	struct journal_last *last = &h->last[h->pending_client];

	last->valid = 0;
	settle_stores();
	last->id = h->pending_id;
	last->number = h->count;
	memcpy(last->digest, h->pending_digest, sizeof(last->digest));
	h->count++;
	h->size += h->pending;
	settle_stores();
	h->pending = 0;
	last->valid = 1;
}

static enum journal_result settle(struct journal *j)
{
	struct journal_head *h = j->head;
	uint8_t now[32], after[32];

	if (h->lost)
		return JOURNAL_LOST;
	if (!h->pending)
		return JOURNAL_OK;
	if (j->pcrs.read(j->pcrs.arg, h->pending_pcr, now) != 0)
		return JOURNAL_TPM;
	j->pcrs.sha256(h->before, 32, h->pending_digest, 32, after);
	if (memcmp(now, after, 32) == 0)
		commit(h);
	else if (memcmp(now, h->before, 32) == 0)
		h->pending = 0;
	else
		h->lost = 1;
	return h->lost ? JOURNAL_LOST : JOURNAL_OK;
}

enum journal_result journal_open(struct journal *j, void *memory, size_t size, uint64_t boot_id,
				 const struct journal_pcrs *pcrs)
{
	enum journal_result r;

	*j = (struct journal){ .head = memory,
			       .log = (uint8_t *)memory + sizeof(struct journal_head),
			       .capacity = size - sizeof(struct journal_head),
			       .pcrs = *pcrs };
	if (!is_intact(j, boot_id)) {
		bool lost = j->head->magic != 0 && j->head->boot_id == boot_id;

		begin(j->head, boot_id);
		j->head->lost = lost;
	}
	r = settle(j);
	for (unsigned i = 0; i < JOURNAL_CLIENTS; i++)
		j->again[i] = j->head->last[i].valid;
	return r;
}

static bool is_repeated(struct journal *j, unsigned client, uint64_t id, const uint8_t digest[32])
{
	const struct journal_last *last = &j->head->last[client];
	bool again = j->again[client];

	j->again[client] = false;
	return again && last->valid && last->id == id && memcmp(last->digest, digest, 32) == 0;
}

enum journal_result journal_extend(struct journal *j, unsigned client, uint64_t id, uint32_t pcr,
				   const uint8_t *content, size_t n, uint64_t *number)
{
	struct journal_head *h = j->head;
	enum journal_result r = settle(j);
	uint8_t digest[32];

	if (r != JOURNAL_OK)
		return r;
	if (cel_content_check(content, n) != 0)
		return JOURNAL_CONTENT;
	j->pcrs.sha256(content, n, NULL, 0, digest);
	if (is_repeated(j, client, id, digest)) {
		*number = h->last[client].number;
		return JOURNAL_OK;
	}
	if (CEL_OVERHEAD + n > j->capacity - h->size)
		return JOURNAL_FULL;
	if (j->pcrs.read(j->pcrs.arg, pcr, h->before) != 0)
		return JOURNAL_TPM;
	*number = h->count;
	memcpy(h->pending_digest, digest, sizeof(digest));
	h->pending_pcr = pcr;
	h->pending_client = client;
	h->pending_id = id;
	settle_stores();
	h->pending = (uint32_t)cel_write(j->log + h->size, h->count, pcr, digest, content, n);
	settle_stores();
	if (j->pcrs.extend(j->pcrs.arg, pcr, digest) != 0)
		return JOURNAL_TPM;
	settle_stores();
	commit(h);
	return JOURNAL_OK;
}
