// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "boot/eventlog.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/tom.h"
#include "mgmt/tom/verify.h"
#include "services/tpm/cel.h"

enum { PCR_LOADER = 4, PCR_SECURE_BOOT = 7, SHORT_HEX = 16 };

static bool refuse(struct verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct verdict *v, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, args);
	va_end(args);
	return false;
}

static const char *short_hex(const uint8_t digest[32], char out[SHORT_HEX + 1])
{
	tom_hex(digest, SHORT_HEX / 2, out);
	return out;
}

static void extend(uint8_t pcr[32], const uint8_t digest[32])
{
	tom_sha256_two(pcr, 32, digest, 32, pcr);
}

/* ---- the quote itself ---- */

static bool check_quote(const struct verify_expect *want, const struct tmc_evidence *got,
			struct tpm_quote *quote, struct verdict *v)
{
	const char *why = tpm_read_quote(got->quote.p, got->quote.n, quote);
	uint8_t sig[SIG_LEN];
	EVP_PKEY *ak;
	bool good;

	if (why)
		return refuse(v, "quote: %s", why);
	why = tpm_read_signature(got->signature.p, got->signature.n, sig);
	if (why)
		return refuse(v, "quote's signature: %s", why);
	ak = tom_key_from_point(want->ak.point);
	good = ak && tom_verify(ak, got->quote.p, got->quote.n, sig);
	EVP_PKEY_free(ak);
	if (!good)
		return refuse(v,
			      "quote: not signed by the attestation key enrolled for this server");
	if (memcmp(quote->extra, want->binder, 32) != 0)
		return refuse(v, "quote: not made for this connection (replayed or relayed): "
				 "extraData differs");
	if (quote->pcr_mask != TPM_QUOTED_PCRS)
		return refuse(v, "quote: PCR selection is %06x, asked for %06x", quote->pcr_mask,
			      TPM_QUOTED_PCRS);
	v->reset_count = quote->reset_count;
	if (quote->reset_count < want->reset_count)
		return refuse(v,
			      "quote: TPM reset count went back from %llu to %u: another TPM or a "
			      "cleared one",
			      (unsigned long long)want->reset_count, quote->reset_count);
	return true;
}

/* ---- boot log ---- */

struct boot {
	const struct verify_expect *want;
	struct verdict *v;
	unsigned parts;    /* events of PCR 11 so far */
	unsigned config;   /* events of PCR 12 so far */
	uint8_t image[32]; /* last boot application in PCR 4 */
};

static void event_name(const struct event *e, char *out, size_t cap)
{
	uint32_t n = 0;
	const char *name = eventlog_part_name(e, &n);
	size_t len = name && n < cap ? n : 0;

	for (size_t i = 0; i < len; i++)
		out[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	out[len] = 0;
}

/* PCR 11: exactly the parts of the release, in order. */
static bool boot_part(struct boot *b, const struct event *e)
{
	char label[40], got[SHORT_HEX + 1], good[SHORT_HEX + 1];
	unsigned at = b->parts++;

	event_name(e, label, sizeof(label));
	if (at >= b->want->part_count)
		return refuse(b->v, "PCR 11, event %u: \"%s\" (digest %s..) is not in release %s",
			      at + 1, label, short_hex(e->sha256, got), b->want->release);
	if (memcmp(e->sha256, b->want->parts[at].digest, 32) == 0)
		return true;
	return refuse(b->v,
		      "PCR 11, event %u: component \"%s\" has digest %s.., release %s has %s..",
		      at + 1, b->want->parts[at].name, short_hex(e->sha256, got), b->want->release,
		      short_hex(b->want->parts[at].digest, good));
}

/* PCR 12: the binding record, then the command line. */
static bool boot_config(struct boot *b, const struct event *e)
{
	char got[SHORT_HEX + 1];

	switch (b->config++) {
	case 0:
		if (memcmp(e->sha256, b->want->record, 32) == 0)
			return true;
		return refuse(b->v,
			      "PCR 12, event 1: \"binding\" is not the record made for this server "
			      "(digest %s..)",
			      short_hex(e->sha256, got));
	case 1:
		if (memcmp(e->sha256, b->want->cmdline, 32) == 0)
			return true;
		return refuse(b->v,
			      "PCR 12, event 2: \"cmdline\" is not the expected command line "
			      "(digest %s..)",
			      short_hex(e->sha256, got));
	default:
		return refuse(b->v, "PCR 12, event %u: nothing more may be measured there",
			      b->config);
	}
}

/* TCG PFP: the last byte of a StartupLocality event is what PCR 0 starts with. */
static void startup_locality(struct verdict *v, const struct event *e)
{
	static const char signature[16] = "StartupLocality";

	if (e->pcr == 0 && e->size == 17 && memcmp(e->data, signature, sizeof(signature)) == 0)
		v->pcr[0][31] = e->data[16];
}

static bool boot_event(struct boot *b, const struct event *e)
{
	b->v->boot_events++;
	if (e->type == EV_NO_ACTION) {
		startup_locality(b->v, e);
		return true;
	}
	if (e->pcr >= VERIFY_PCRS)
		return true; /* not quoted */
	if (!e->sha256)
		return refuse(b->v, "boot log, event %u (PCR %u): no SHA-256 digest",
			      b->v->boot_events, e->pcr);
	extend(b->v->pcr[e->pcr], e->sha256);
	if (e->pcr == PCR_LOADER && e->type == EV_EFI_BOOT_SERVICES_APPLICATION)
		memcpy(b->image, e->sha256, 32);
	if (e->pcr == PCR_PARTS)
		return boot_part(b, e);
	return e->pcr == PCR_CONFIG ? boot_config(b, e) : true;
}

static bool check_pcr4(const struct boot *b)
{
	char got[SHORT_HEX + 1];

	if (memcmp(b->v->pcr[PCR_LOADER], b->want->pcr4, 32) == 0)
		return true;
	return refuse(b->v,
		      "PCR 4: the boot image started is not that of release %s (last image has "
		      "digest %s..)",
		      b->want->release, short_hex(b->image, got));
}

static bool replay_boot(const struct verify_expect *want, const struct tmc_evidence *got,
			struct verdict *v)
{
	struct boot b = { .want = want, .v = v };
	struct eventlog log;
	struct event e;
	int more;

	if (eventlog_open(&log, got->boot_log.p, got->boot_log.n) != 0)
		return refuse(v, "boot log: not a crypto-agile TCG event log");
	while ((more = eventlog_next(&log, &e)) > 0)
		if (!boot_event(&b, &e))
			return false;
	if (more < 0)
		return refuse(v, "boot log: event %u is damaged or cut short", v->boot_events + 1);
	if (b.parts != want->part_count)
		return refuse(
			v, "PCR 11: %u parts were measured, release %s has %zu; \"%s\" is missing",
			b.parts, want->release, want->part_count, want->parts[b.parts].name);
	if (b.config != 2)
		return refuse(v, "PCR 12: %u events, expected \"binding\" and \"cmdline\"",
			      b.config);
	memcpy(v->loaded_pcr11, v->pcr[PCR_PARTS], 32);
	return check_pcr4(&b);
}

/* ---- run-time log ---- */

static bool run_record(const struct cel_record *r, struct verdict *v)
{
	unsigned at = v->run_records++;
	uint8_t digest[32];

	tom_sha256(r->content, r->content_size, digest);
	if (memcmp(digest, r->digest, 32) != 0 || r->number != at)
		return refuse(v,
			      "run-time log, record %u (PCR %u, \"%s\"): number or digest is not "
			      "that of its content",
			      at, r->pcr, r->word);
	if (r->pcr == TPM_PCR_PARTS) {
		if (v->disk_open || strcmp(r->word, TPM_WORD_DISK_OPEN) != 0 || r->data_size)
			return refuse(v, "PCR 11, run-time record %u: \"%s\" may not be there", at,
				      r->word);
		v->disk_open = true;
	} else if (r->pcr != TPM_PCR_RUNTIME && r->pcr != TPM_PCR_IDENTITY) {
		return refuse(v, "PCR %u, run-time record %u: \"%s\" may not be there", r->pcr, at,
			      r->word);
	}
	extend(v->pcr[r->pcr], r->digest);
	return true;
}

static bool replay_run(const struct tmc_evidence *got, struct verdict *v)
{
	struct cel_record r;
	size_t at = 0;
	int more;

	while ((more = cel_next(got->run_log.p, got->run_log.n, &at, &r)) > 0)
		if (!run_record(&r, v))
			return false;
	if (more < 0)
		return refuse(v, "run-time log: record %u is malformed", v->run_records);
	return true;
}

/* ---- together ---- */

static bool check_digest(const struct tpm_quote *quote, struct verdict *v)
{
	uint8_t digest[32];

	tom_sha256(v->pcr, sizeof(v->pcr), digest);
	if (memcmp(digest, quote->pcr_digest, 32) == 0)
		return true;
	return refuse(v,
		      "logs do not lead to the quoted PCRs 0-15: %u boot events and %u run-time "
		      "records were sent; "
		      "something was changed, left out or measured besides",
		      v->boot_events, v->run_records);
}

/* Never measured, or capped by software: nothing may be sealed to such a value. */
static bool check_measured(struct verdict *v)
{
	static const unsigned sealed_to[] = { PCR_LOADER, PCR_SECURE_BOOT, PCR_PARTS, PCR_CONFIG };
	static const uint8_t zeros[32];
	uint8_t ones[32];

	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < sizeof(sealed_to) / sizeof(sealed_to[0]); i++) {
		const uint8_t *pcr = v->pcr[sealed_to[i]];

		if (memcmp(pcr, zeros, 32) == 0 || memcmp(pcr, ones, 32) == 0)
			return refuse(
				v, "PCR %u: reads all-%02X: this firmware measures nothing there",
				sealed_to[i], pcr[0]);
	}
	return true;
}

static bool check_pcr7(const struct verify_expect *want, struct verdict *v)
{
	char got[SHORT_HEX + 1], good[SHORT_HEX + 1];

	if (!want->know_pcr7 || memcmp(v->pcr[PCR_SECURE_BOOT], want->pcr7, 32) == 0)
		return true;
	return refuse(v, "PCR 7: Secure Boot settings changed since binding (now %s.., then %s..)",
		      short_hex(v->pcr[PCR_SECURE_BOOT], got), short_hex(want->pcr7, good));
}

bool verify_logs(const struct verify_expect *want, const struct tmc_evidence *got,
		 struct verdict *v)
{
	return replay_boot(want, got, v) && replay_run(got, v);
}

void verify_evidence(const struct verify_expect *want, const struct tmc_evidence *got,
		     struct verdict *v)
{
	struct tpm_quote quote;

	memset(v, 0, sizeof(*v));
	v->good = check_quote(want, got, &quote, v) && verify_logs(want, got, v) &&
		  check_digest(&quote, v) && check_measured(v) && check_pcr7(want, v);
}
