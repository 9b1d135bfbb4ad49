// SPDX-License-Identifier: Apache-2.0
/* First byte: which reader. TPM structures, or both logs (split at the second and third byte's number). */
#include "mgmt/tom/tpm_types.h"
#include "mgmt/tom/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void structures(const uint8_t *p, size_t n)
{
	struct tpm_ecc_key ecc;
	struct tpm_rsa_key rsa;
	struct tpm_quote quote;
	uint8_t sig[64];

	tpm_read_ecc(p, n, &ecc);
	tpm_read_rsa(p, n, &rsa);
	tpm_read_quote(p, n, &quote);
	tpm_read_signature(p, n, sig);
}

static void logs(const uint8_t *p, size_t n)
{
	static struct verify_expect want = { .release = "r", .part_count = 1 };
	struct verdict v = { .good = false };
	size_t split = n < 2 ? 0 : (size_t)(p[0] | p[1] << 8) % (n - 1);
	struct tmc_evidence e = { .boot_log = { p + 2, split }, .run_log = { p + 2 + split, 0 } };

	if (n < 2 || split > n - 2)
		return;
	e.run_log.n = n - 2 - split;
	verify_logs(&want, &e, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] & 1)
		structures(data + 1, size - 1);
	else if (size)
		logs(data + 1, size - 1);
	return 0;
}
