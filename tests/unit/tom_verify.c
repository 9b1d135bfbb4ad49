// SPDX-License-Identifier: Apache-2.0
/* Appraisal of evidence made here in software: one good case, and each way in which it can be wrong. */
#include <stdio.h>
#include <string.h>
#include "boot/eventlog.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/tpm_make.h"
#include "mgmt/tom/verify.h"
#include "services/tpm/cel.h"

enum { ROOM = 4096 };

static int failed;

static struct bench {
	EVP_PKEY *ak;
	uint8_t boot[ROOM], run[ROOM], quote[256], sig[128];
	size_t boot_size, run_size, quote_size, sig_size;
	uint8_t pcr[VERIFY_PCRS][32];
	unsigned records;
	struct verify_expect want;
} b;

static void check(bool good, const char *what, const char *detail)
{
	printf("%s tom_verify: %s\n", good ? "ok" : "not ok", what);
	if (!good)
		printf("# verdict: %s\n", detail);
	failed |= !good;
}

static size_t le(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	return n;
}

static size_t be(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	return n;
}

static void extend(unsigned pcr, const uint8_t digest[32])
{
	tom_sha256_two(b.pcr[pcr], 32, digest, 32, b.pcr[pcr]);
}

static void boot_begin(void)
{
	static const uint8_t spec[] = "Spec ID Event03\0\0\0\0\0\0\2\0\2\1\0\0\0\x0b\0\x20\0";
	uint8_t *p = b.boot;

	memset(b.pcr, 0, sizeof(b.pcr));
	memset(p, 0, 32);
	le(p + 4, EV_NO_ACTION, 4);
	le(p + 28, sizeof(spec), 4);
	memcpy(p + 32, spec, sizeof(spec));
	b.boot_size = 32 + sizeof(spec);
	b.run_size = b.records = 0;
}

static void boot_event(unsigned pcr, uint32_t type, const char *content)
{
	uint8_t digest[32], *p = b.boot + b.boot_size;
	size_t n = strlen(content);

	tom_sha256(content, n, digest);
	p += le(p, pcr, 4);
	p += le(p, type, 4);
	p += le(p, 1, 4);
	p += le(p, TPM_ALG_SHA256, 2);
	memcpy(p, digest, 32);
	p += 32;
	p += le(p, n + 8, 4);
	p += le(p, REDOUBT_EVENT_TAG, 4);
	p += le(p, n, 4);
	memcpy(p, content, n);
	b.boot_size = (size_t)(p + n - b.boot);
	extend(pcr, digest);
}

static void run_event(unsigned pcr, const char *word)
{
	uint8_t digest[32];

	tom_sha256(word, strlen(word) + 1, digest);
	b.run_size += cel_write(b.run + b.run_size, b.records++, pcr, digest, (const uint8_t *)word,
				strlen(word) + 1);
	extend(pcr, digest);
}

/* TPMS_ATTEST of a quote, then TPMT_SIGNATURE. */
static void quote(void)
{
	uint8_t *p = b.quote, sig[64];

	p += be(p, 0xff544347, 4);
	p += be(p, 0x8018, 2);
	p += be(p, 0, 2);
	p += be(p, 32, 2);
	memcpy(p, b.want.binder, 32);
	p += 32;
	p += be(p, 1000, 8);
	p += be(p, 5, 4);
	p += be(p, 0, 4);
	p += be(p, 1, 1);
	p += be(p, 0x2019, 8);
	p += be(p, 1, 4);
	p += be(p, 0x0b, 2);
	p += be(p, 3, 1);
	p += be(p, 0xffff00, 3);
	p += be(p, 32, 2);
	tom_sha256(b.pcr, sizeof(b.pcr), p);
	b.quote_size = (size_t)(p + 32 - b.quote);
	tom_sign(b.ak, b.quote, b.quote_size, sig);
	p = b.sig + be(b.sig, 0x18, 2);
	p += be(p, 0x0b, 2);
	p += be(p, 32, 2);
	memcpy(p, sig, 32);
	p += 32;
	p += be(p, 32, 2);
	memcpy(p, sig + 32, 32);
	b.sig_size = (size_t)(p + 32 - b.sig);
}

static void expectations(void)
{
	static const char *const parts[] = { "kernel", "disk" };

	memset(&b.want, 0, sizeof(b.want));
	b.want.release = "r1";
	memset(b.want.binder, 7, 32);
	tom_key_point(b.ak, b.want.ak.point);
	tom_sha256("binding", 7, b.want.record);
	tom_sha256("cmdline", 7, b.want.cmdline);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(b.want.parts[i].name, sizeof(b.want.parts[i].name), "%s", parts[i]);
		tom_sha256(parts[i], strlen(parts[i]), b.want.parts[i].digest);
	}
	b.want.part_count = 2;
	b.want.know_pcr7 = true;
	b.want.reset_count = 5;
}

static void boot(bool secure_boot_measured)
{
	expectations();
	boot_begin();
	if (secure_boot_measured)
		boot_event(7, 1, "secure boot");
	boot_event(4, EV_EFI_BOOT_SERVICES_APPLICATION, "image");
	boot_event(11, EV_EVENT_TAG, "kernel");
	boot_event(11, EV_EVENT_TAG, "disk");
	boot_event(12, EV_EVENT_TAG, "binding");
	boot_event(12, EV_EVENT_TAG, "cmdline");
	memcpy(b.want.pcr4, b.pcr[4], 32);
	memcpy(b.want.pcr7, b.pcr[7], 32);
	run_event(11, "disk-open");
	run_event(10, "epoch");
	quote();
}

static void good_boot(void)
{
	boot(true);
}

static struct tmc_evidence evidence(void)
{
	return (struct tmc_evidence){ .quote = { b.quote, b.quote_size },
				      .signature = { b.sig, b.sig_size },
				      .boot_log = { b.boot, b.boot_size },
				      .run_log = { b.run, b.run_size } };
}

static void expect(const char *what, const char *text)
{
	struct tmc_evidence e = evidence();
	struct verdict v;

	verify_evidence(&b.want, &e, &v);
	check(text ? !v.good && strstr(v.text, text) : v.good, what, v.text);
}

static void test_quote(void)
{
	good_boot();
	expect("good evidence is good", NULL);
	b.want.binder[0] ^= 1;
	expect("a quote for another connection", "not made for this connection");
	good_boot();
	b.sig[20] ^= 1;
	expect("another signature", "not signed by the attestation key");
	good_boot();
	b.want.reset_count = 6;
	expect("a reset count that went back", "reset count went back");
	good_boot();
	b.quote[0] = 0;
	tom_sign(b.ak, b.quote, b.quote_size, b.sig + 6);
	expect("what no TPM made", "not made by a TPM");
	good_boot();
	memset(b.want.pcr7, 1, 32);
	expect("another PCR 7", "PCR 7");
	boot(false);
	expect("a PCR 7 that was never measured", "PCR 7: reads all-00");
}

static void test_logs(void)
{
	good_boot();
	b.want.parts[1].digest[0] ^= 1;
	expect("another component", "PCR 11, event 2: component \"disk\"");
	good_boot();
	b.want.part_count = 1;
	expect("one component more", "PCR 11, event 2: \"disk\"");
	good_boot();
	b.want.part_count = 3;
	snprintf(b.want.parts[2].name, sizeof(b.want.parts[2].name), "tmc");
	expect("one component less", "\"tmc\" is missing");
	good_boot();
	b.want.record[0] ^= 1;
	expect("another binding record", "PCR 12, event 1");
	good_boot();
	b.want.cmdline[0] ^= 1;
	expect("another command line", "PCR 12, event 2");
	good_boot();
	b.want.pcr4[0] ^= 1;
	expect("another boot image", "PCR 4");
	good_boot();
	b.boot_size -= 1;
	expect("a boot log cut short", "damaged or cut short");
	good_boot();
	b.run_size = 0;
	expect("a run-time log left out", "do not lead to the quoted PCRs");
	good_boot();
	b.run[b.run_size - 1] ^= 1;
	expect("a changed record", "run-time log");
	good_boot();
	run_event(11, "disk-open");
	quote();
	expect("the disk key taken twice", "PCR 11, run-time record 2");
	good_boot();
	run_event(4, "loader");
	quote();
	expect("a run-time event in a boot PCR", "PCR 4, run-time record 2");
}

static void test_make(void)
{
	static const uint8_t id[16] = "0123456789abcde";
	uint8_t block[WRAPPED_MAX], key[32] = { 1 }, point[65];
	struct wrapped_parts parts;
	size_t n;

	tom_key_point(b.ak, point);
	n = make_wrapped(point, point, id, key, block);
	check(wrapped_parse(block, n, id, &parts) == 0 && parts.public_size == TVD_KEY_PUBLIC &&
		      parts.seed_size == 68,
	      "a wrapped key has the documented form", "");
}

int main(void)
{
	b.ak = tom_key_new();
	test_quote();
	test_logs();
	test_make();
	EVP_PKEY_free(b.ak);
	return failed;
}
