// SPDX-License-Identifier: Apache-2.0
/* The broker's parts: allow-list, run-time log, and a journal that is interrupted at every step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include "services/tpm/cel.h"
#include "services/tpm/chip.h"
#include "services/tpm/command.h"
#include "services/tpm/journal.h"

static int failed;

static void check(const char *what, int good)
{
	printf("%s tpm_broker: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
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

/* ---- allow-list ---- */

static size_t unhex(const char *text, uint8_t *out)
{
	size_t n = 0;

	for (; *text; text++)
		if (*text != ' ') {
			sscanf(text++, "%2hhx", &out[n]);
			n++;
		}
	return n;
}

static int allowed(enum tpm_client client, const char *hex)
{
	uint8_t *exact, buf[256];
	size_t n = unhex(hex, buf);
	int result;

	exact = malloc(n ? n : 1);
	memcpy(exact, buf, n);
	result = tpm_command_allowed(client, exact, n);
	free(exact);
	return result;
}

#define UNSEAL     "8002 0000001b 0000015e 80000000 00000009 40000009 0000 00 0000"
#define PCR_EXTEND "8002 0000000e 00000182 0000000b"
#define PCR_READ   "8001 0000000a 0000017e"
#define CLEAR      "8002 0000000e 00000126 4000000c"
#define NV_READ    "8002 00000012 0000014e 01800100 01800100"
#define NV_OTHER   "8002 00000012 0000014e 01800101 01800101"
#define NV_SPLIT   "8002 00000012 0000014e 01800100 01800101"
#define QUOTE      "8002 0000000e 00000158 81000002"
#define EVICT_AK   "8002 00000023 00000120 40000001 80000000 00000009 40000009 0000 00 0000 81000002"
#define EVICT_NEW  "8002 00000023 00000120 40000001 80000000 00000009 40000009 0000 00 0000 81000003"
#define EVICT_OLD  "8002 00000023 00000120 40000001 81000001 00000009 40000009 0000 00 0000 81000001"
#define DEFINE     "8002 00000023 0000012a 40000001 00000009 40000009 0000 00 0000 0000 000e 01800100"
#define DEFINE_TO \
	"8002 00000023 0000012a 40000001 00000009 40000009 0000 00 0000 0000 000e 01800102"

static void allow_list(void)
{
	check("disk and vault unseal", allowed(TPM_DISK, UNSEAL) && allowed(TPM_VAULT, UNSEAL));
	check("tmc does not unseal", !allowed(TPM_TMC, UNSEAL));
	check("nobody extends a PCR by a raw command",
	      !allowed(TPM_DISK, PCR_EXTEND) && !allowed(TPM_TMC, PCR_EXTEND));
	check("everybody reads PCRs", allowed(TPM_DISK, PCR_READ) && allowed(TPM_VAULT, PCR_READ));
	check("but not one without a name", !allowed(TPM_NOBODY, PCR_READ));
	check("policy sends no raw command", !allowed(TPM_POLICY, PCR_READ));
	check("nobody clears the TPM", !allowed(TPM_TMC, CLEAR) && !allowed(TPM_DISK, CLEAR));
	check("tmc reads the binding index",
	      allowed(TPM_TMC, NV_READ) && !allowed(TPM_DISK, NV_READ));
	check("and no other", !allowed(TPM_TMC, NV_OTHER) && !allowed(TPM_TMC, NV_SPLIT));
	check("only tmc quotes", allowed(TPM_TMC, QUOTE) && !allowed(TPM_VAULT, QUOTE));
	check("a fresh key is made persistent at a handle of the product",
	      allowed(TPM_TMC, EVICT_AK));
	check("and at no other", !allowed(TPM_TMC, EVICT_NEW));
	check("no persistent key is removed", !allowed(TPM_TMC, EVICT_OLD));
	check("tmc defines the binding index",
	      allowed(TPM_TMC, DEFINE) && !allowed(TPM_VAULT, DEFINE));
	check("and no other", !allowed(TPM_TMC, DEFINE_TO));
	check("a size that lies is refused", !allowed(TPM_DISK, "8001 0000000b 0000017e"));
	check("a cut handle is refused", !allowed(TPM_TMC, "8002 0000000c 00000158 8100"));
	check("PCR 10 is policy's",
	      tpm_extend_allowed(TPM_POLICY, 10) && !tpm_extend_allowed(TPM_DISK, 10));
	check("PCR 11 and 15 are disk's",
	      tpm_extend_allowed(TPM_DISK, 11) && tpm_extend_allowed(TPM_DISK, 15) &&
		      !tpm_extend_allowed(TPM_POLICY, 11) && !tpm_extend_allowed(TPM_TMC, 15));
}

/* ---- journal ---- */

enum fault { NONE, BEFORE, AFTER };

static struct {
	uint8_t pcr[24][32];
	enum fault fault;
} fake;

static int fake_read(void *arg, uint32_t pcr, uint8_t value[32])
{
	(void)arg;
	memcpy(value, fake.pcr[pcr], 32);
	return 0;
}

static int fake_extend(void *arg, uint32_t pcr, const uint8_t digest[32])
{
	(void)arg;
	if (fake.fault == BEFORE)
		return -1;
	sha256(fake.pcr[pcr], 32, digest, 32, fake.pcr[pcr]);
	return fake.fault == AFTER ? -1 : 0;
}

static const struct journal_pcrs pcrs = { fake_read, fake_extend, sha256, NULL };
static _Alignas(8) uint8_t memory[65536];

/* The log replays to the PCRs. */
static int replays(const struct journal *j)
{
	uint8_t pcr[24][32] = { 0 }, digest[32];
	struct cel_record r;
	uint64_t number = 0;
	size_t at = 0;
	int more;

	while ((more = cel_next(j->log, j->head->size, &at, &r)) == 1) {
		sha256(r.content, r.content_size, NULL, 0, digest);
		if (r.number != number++ || memcmp(digest, r.digest, 32) != 0)
			return 0;
		sha256(pcr[r.pcr], 32, digest, 32, pcr[r.pcr]);
	}
	return more == 0 && number == j->head->count && memcmp(pcr, fake.pcr, sizeof(pcr)) == 0;
}

static void fresh(struct journal *j)
{
	memset(memory, 0, sizeof(memory));
	memset(&fake, 0, sizeof(fake));
	(void)journal_open(j, memory, sizeof(memory), 1, &pcrs);
}

static enum journal_result event(struct journal *j, uint64_t id, const char *word)
{
	uint64_t number;

	return journal_extend(j, 0, id, 10, (const uint8_t *)word, strlen(word) + 1, &number);
}

static void interrupted(enum fault fault, const char *what)
{
	struct journal j;
	uint64_t count;

	fresh(&j);
	(void)event(&j, 1, "first");
	fake.fault = fault;
	check("an extension that fails is told", event(&j, 2, "second") == JOURNAL_TPM);
	fake.fault = NONE;
	check(what,
	      journal_open(&j, memory, sizeof(memory), 1, &pcrs) == JOURNAL_OK && replays(&j));
	check("the client sends it again, once it counts",
	      event(&j, 2, "second") == JOURNAL_OK && j.head->count == 2 && replays(&j));
	count = j.head->count;
	check("a later one like it is a new one",
	      event(&j, 2, "second") == JOURNAL_OK && j.head->count == count + 1 && replays(&j));
}

static void journal(void)
{
	struct journal j;
	unsigned n = 0;

	interrupted(BEFORE, "died before the PCR was extended: log and PCR agree");
	interrupted(AFTER, "died after the PCR was extended: log and PCR agree");
	fresh(&j);
	check("a word with a space is refused", event(&j, 1, "not a word") == JOURNAL_CONTENT);
	while (event(&j, n, "vm-image") == JOURNAL_OK)
		n++;
	check("a full log takes no more",
	      event(&j, 1, "vm-image") == JOURNAL_FULL && n > 500 && replays(&j));
	check("another boot begins anew",
	      journal_open(&j, memory, sizeof(memory), 2, &pcrs) == JOURNAL_OK &&
		      j.head->count == 0);
	fresh(&j);
	fake.fault = BEFORE;
	(void)event(&j, 1, "one");
	fake.fault = NONE;
	fake.pcr[10][0] = 0x77;
	check("a PCR someone else extended is told", event(&j, 2, "two") == JOURNAL_LOST);
}

/* ---- own commands ---- */

static struct {
	uint8_t command[128];
	size_t n;
	const char *answer;
	unsigned busy; /* so often the answer is TPM_RC_RETRY */
} wire;

static int wire_exchange(void *arg, const uint8_t *command, size_t n, uint8_t *response,
			 size_t *size)
{
	(void)arg;
	memcpy(wire.command, command, n);
	wire.n = n;
	*size = unhex(wire.busy ? "8001 0000000a 00000922" : wire.answer, response);
	wire.busy -= wire.busy > 0;
	return 0;
}

static void own_commands(void)
{
	struct chip c = { .exchange = wire_exchange };
	uint8_t digest[32] = { 0xaa }, expected[128];
	unsigned flushed = 0;
	size_t n;

	wire.answer = "8002 00000013 00000000 00000000 0000 01 0000";
	n = unhex("8002 00000041 00000182 0000000b 00000009 40000009 0000 00 0000 00000001 000b",
		  expected);
	check("PCR_Extend as in Part 3", chip_extend(&c, 11, digest) == 0 && wire.n == 65 &&
						 memcmp(wire.command, expected, n) == 0 &&
						 wire.command[n] == 0xaa);
	wire.busy = 7;
	check("a chip that wants the command again gets it",
	      chip_extend(&c, 11, digest) == 0 && !wire.busy);
	wire.answer = "8001 0000000a 00000101";
	check("an error of the TPM is told", chip_extend(&c, 11, digest) != 0);
	wire.answer = "8001 00000017 00000000 00 00000001 00000041 80000000";
	check("a lying handle count is refused", chip_flush_all(&c, &flushed) != 0);
	wire.answer = "8001 00000013 00000000 00 00000001 00000000";
	check("nothing to flush", chip_flush_all(&c, &flushed) == 0 && flushed == 0);
}

int main(void)
{
	allow_list();
	journal();
	own_commands();
	return failed;
}
