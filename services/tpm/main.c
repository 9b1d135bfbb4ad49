// SPDX-License-Identifier: Apache-2.0
/* TPM broker: one client at a time has the chip, each with its own list of commands; all run-time extensions go through here. */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include "drivers/tpm/tpm_drv.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "services/tpm/chip.h"
#include "services/tpm/command.h"
#include "services/tpm/journal.h"

#define LEASE_NS    (30ull * 1000000000) /* then a waiting client gets its turn */
#define WAITERS     START_MAX_CHAN
#define NO_KEPT_LOG 16384u

struct waiter {
	struct chan *chan;
	struct msg request;
};

static struct {
	struct chan *driver;
	struct chip chip;
	struct journal journal;
	struct chan *holder; /* of the lease */
	uint64_t until;      /* its end if others wait */
	struct waiter waiting[WAITERS];
	unsigned waiters;
	uint8_t buf[TPM_CMD_MAX];
} broker;

static int exchange(void *arg, const uint8_t *command, size_t n, uint8_t *response, size_t *size)
{
	(void)arg;
	return chan_call(broker.driver, TPMRAW_CMD, 0, command, n, response, TPM_CMD_MAX, size) ==
			       CS_OK
		       ? 0
		       : -1;
}

static void sha256(const void *a, size_t na, const void *b, size_t nb, uint8_t out[32])
{
	mbedtls_sha256_context ctx;

	mbedtls_sha256_init(&ctx);
	mbedtls_sha256_starts(&ctx, 0);
	mbedtls_sha256_update(&ctx, a, na);
	if (nb)
		mbedtls_sha256_update(&ctx, b, nb);
	mbedtls_sha256_finish(&ctx, out);
	mbedtls_sha256_free(&ctx);
}

static int read_pcr(void *arg, uint32_t pcr, uint8_t value[32])
{
	return chip_pcr(arg, pcr, value);
}

static int extend_pcr(void *arg, uint32_t pcr, const uint8_t digest[32])
{
	return chip_extend(arg, pcr, digest);
}

static void clean_chip(void)
{
	unsigned flushed;

	if (chip_flush_all(&broker.chip, &flushed) != 0)
		log_line("the TPM does not let go of its objects and sessions");
}

static void next_holder(void)
{
	struct waiter first;

	if (broker.holder || !broker.waiters)
		return;
	first = broker.waiting[0];
	broker.waiters--;
	memmove(broker.waiting, broker.waiting + 1, broker.waiters * sizeof(first));
	broker.holder = first.chan;
	broker.until = now_ns() + LEASE_NS;
	chan_answer(first.chan, &first.request, CS_OK, 0, NULL, 0);
}

static void end_lease(void)
{
	clean_chip();
	broker.holder = NULL;
	next_holder();
}

/* The client is gone or begins anew. */
static void forget(struct chan *c)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < broker.waiters; i++)
		if (broker.waiting[i].chan != c)
			broker.waiting[kept++] = broker.waiting[i];
	broker.waiters = kept;
	if (broker.holder == c)
		end_lease();
}

static void open_lease(struct chan *c, const struct msg *m)
{
	if (tpm_client_of(chan_peer(c)) == TPM_POLICY || broker.waiters == WAITERS) {
		chan_answer(c, m, CS_DENIED, 0, NULL, 0);
		return;
	}
	if (broker.holder == c)
		end_lease();
	broker.waiting[broker.waiters++] = (struct waiter){ c, *m };
	next_holder();
}

static void run_command(struct chan *c, const struct msg *m, size_t n)
{
	size_t size;

	if (broker.holder != c) {
		chan_answer(c, m, CS_STATE, 0, NULL, 0);
	} else if (!tpm_command_allowed(tpm_client_of(chan_peer(c)), broker.buf, n)) {
		log_line("refused a TPM command of %s", chan_peer(c));
		chan_answer(c, m, CS_DENIED, 0, NULL, 0);
	} else if (exchange(NULL, broker.buf, n, broker.chip.response, &size) != 0) {
		chan_answer(c, m, CS_IO, 0, NULL, 0);
	} else {
		chan_answer(c, m, CS_OK, 0, broker.chip.response, size);
	}
}

static enum chan_status extend(enum tpm_client client, const struct msg *m, size_t n,
			       uint64_t *number)
{
	if (!tpm_extend_allowed(client, m->arg))
		return CS_DENIED;
	switch (journal_extend(&broker.journal, client == TPM_POLICY ? 0 : 1, m->id,
			       (uint32_t)m->arg, broker.buf, n, number)) {
	case JOURNAL_OK:
		return CS_OK;
	case JOURNAL_CONTENT:
		return CS_BAD_REQUEST;
	case JOURNAL_FULL:
		return CS_NO_SPACE;
	case JOURNAL_LOST:
		return CS_CORRUPT;
	default:
		return CS_IO;
	}
}

static void read_log(struct chan *c, const struct msg *m, size_t n)
{
	const struct start_rom *boot = start_rom("eventlog");
	const uint8_t *log = broker.journal.log;
	size_t size = (size_t)broker.journal.head->size, left;
	struct tpm_log_request q;

	if (n != sizeof(q)) {
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
		return;
	}
	memcpy(&q, broker.buf, sizeof(q));
	if (q.log == TPM_LOG_BOOT) {
		log = boot ? (const uint8_t *)(uintptr_t)boot->va : NULL;
		size = boot ? (size_t)boot->size : 0;
	}
	if (q.log > TPM_LOG_RUNTIME || m->arg > size) {
		chan_answer(c, m, CS_BAD_REQUEST, size, NULL, 0);
		return;
	}
	left = size - (size_t)m->arg;
	left = left > q.max ? q.max : left;
	left = left > chan_max(c) ? chan_max(c) : left;
	chan_answer(c, m, CS_OK, size, log ? log + m->arg : NULL, left);
}

static void serve(struct chan *c, const struct msg *m, size_t n)
{
	enum chan_status s;
	uint64_t number = 0;

	switch (m->type) {
	case TPM_OPEN:
		open_lease(c, m);
		break;
	case TPM_CMD:
		run_command(c, m, n);
		break;
	case TPM_CLOSE:
		if (broker.holder == c)
			end_lease();
		chan_answer(c, m, CS_OK, 0, NULL, 0);
		break;
	case TPM_EXTEND:
		s = extend(tpm_client_of(chan_peer(c)), m, n, &number);
		chan_answer(c, m, s, number, NULL, 0);
		break;
	case TPM_LOG:
		read_log(c, m, n);
		break;
	default:
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	}
}

/* True: something was done. */
static bool look_at(struct chan *c)
{
	struct msg m;

	switch (chan_recv(c, &m, broker.buf, sizeof(broker.buf))) {
	case CHAN_OK:
		serve(c, &m, m.len - sizeof(m));
		return true;
	case CHAN_RESTARTED:
		forget(c);
		return true;
	case CHAN_BROKEN:
	case CHAN_CLOSED:
		forget(c);
		return false;
	default:
		return false;
	}
}

static bool look_at_all(void)
{
	bool busy = false;

	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (chan_is_server(c) && strcmp(chan_proto(c), "tpm") == 0)
			busy |= look_at(c);
	if (broker.holder && broker.waiters && now_ns() >= broker.until) {
		log_line("%s kept the TPM too long", chan_peer(broker.holder));
		end_lease();
	}
	return busy;
}

static void open_journal(void)
{
	const struct start_info *info = start_info();
	const struct journal_pcrs pcrs = { read_pcr, extend_pcr, sha256, &broker.chip };
	size_t size = info->kept_size ? (size_t)info->kept_size : NO_KEPT_LOG;
	void *memory = info->kept_size ? (void *)(uintptr_t)info->kept_va : calloc(1, size);
	enum journal_result r;

	if (!memory)
		die("no memory for the run-time log");
	r = journal_open(&broker.journal, memory, size, info->boot_id, &pcrs);
	if (r == JOURNAL_TPM)
		die("the TPM does not answer");
	if (r == JOURNAL_LOST)
		log_line(
			"the run-time log does not match its PCR any more: reboot to attest again");
}

int main(void)
{
	broker.driver = chan_open("tpm_drv", "tpmraw");
	if (!broker.driver)
		die("no channel to tpm_drv");
	broker.chip.exchange = exchange;
	clean_chip();
	open_journal();
	log_line("ready, %u run-time records", (unsigned)broker.journal.head->count);
	for (;;) {
		while (look_at_all())
			;
		component_wait(broker.holder && broker.waiters ? broker.until : 0);
	}
}
