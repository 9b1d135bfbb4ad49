// SPDX-License-Identifier: Apache-2.0
/*
 * lib/tss from the command line, for tests against swtpm: tsscheck SOCKET COMMAND [HEX...]
 * Arguments and results are hexadecimal; results are printed as "name hex" lines. Status: 0; 1 with the error's text; 2 usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/tss/tss.h"

struct args {
	unsigned n;
	struct {
		uint8_t *data;
		size_t size;
	} at[16];
};

static int read_whole(int fd, uint8_t *data, size_t n)
{
	while (n) {
		ssize_t got = read(fd, data, n);

		if (got <= 0)
			return -1;
		data += got;
		n -= (size_t)got;
	}
	return 0;
}

static int exchange(void *arg, const uint8_t *command, size_t n, uint8_t *response, size_t cap,
		    size_t *size)
{
	int fd = *(int *)arg;

	if (write(fd, command, n) != (ssize_t)n || read_whole(fd, response, 10) != 0)
		return -1;
	*size = (size_t)response[2] << 24 | (size_t)response[3] << 16 | (size_t)response[4] << 8 |
		response[5];
	if (*size < 10 || *size > cap)
		return -1;
	return read_whole(fd, response + 10, *size - 10);
}

static void show(const char *name, const uint8_t *data, size_t n)
{
	printf("%s ", name);
	for (size_t i = 0; i < n; i++)
		printf("%02x", data[i]);
	putchar('\n');
}

static void unhex(struct args *args, const char *text)
{
	size_t n = strlen(text) / 2;
	uint8_t *data = calloc(1, n + 1);

	for (size_t i = 0; data && i < n; i++)
		sscanf(text + 2 * i, "%2hhx", &data[i]);
	args->at[args->n].data = data;
	args->at[args->n++].size = n;
}

static struct tss_policy policy_of(const struct args *a)
{
	struct tss_policy p = { .kind = (enum approval_kind)a->at[0].data[0] };

	memcpy(p.policy_key, a->at[1].data, sizeof(p.policy_key));
	memcpy(p.id, a->at[2].data, sizeof(p.id));
	return p;
}

static uint32_t cmd_srk(struct tss *t, struct args *a)
{
	uint8_t area[TSS_PUBLIC_MAX], name[TSS_NAME];
	size_t n;
	uint32_t rc = tss_srk(t, a->n && a->at[0].data[0]);

	if (!rc)
		rc = tss_srk_public(t, area, &n, name);
	if (!rc) {
		show("public", area, n);
		show("name", name, sizeof(name));
	}
	return rc;
}

static uint32_t cmd_ak(struct tss *t, struct args *a)
{
	uint8_t area[TSS_PUBLIC_MAX], name[TSS_NAME];
	size_t n;
	uint32_t rc = tss_ak(t, area, &n, name);

	(void)a;
	if (!rc) {
		show("public", area, n);
		show("name", name, sizeof(name));
	}
	return rc;
}

static uint32_t cmd_ek(struct tss *t, struct args *a)
{
	uint8_t area[TSS_PUBLIC_MAX], cert[4096];
	size_t n;
	uint32_t rc = tss_ek_public(t, area, &n);

	(void)a;
	if (!rc)
		show("public", area, n);
	if (!rc)
		rc = tss_ek_certificate(t, cert, sizeof(cert), &n);
	if (!rc)
		show("certificate", cert, n);
	return rc;
}

static uint32_t cmd_activate(struct tss *t, struct args *a)
{
	uint8_t out[64];
	size_t n;
	uint32_t rc = tss_activate(t, a->at[0].data, a->at[0].size, a->at[1].data, a->at[1].size,
				   out, &n);

	if (!rc)
		show("secret", out, n);
	return rc;
}

static uint32_t cmd_quote(struct tss *t, struct args *a)
{
	struct tss_quote q;
	uint32_t rc = tss_srk(t, 0);

	if (!rc)
		rc = tss_quote(t, a->at[0].data, a->at[0].size, 0xffff, &q);
	if (!rc) {
		show("attest", q.attest, q.attest_size);
		show("signature", q.signature, q.signature_size);
	}
	return rc;
}

static uint32_t cmd_bind(struct tss *t, struct args *a)
{
	return tss_bind(t, a->at[0].data);
}

static uint32_t cmd_bound(struct tss *t, struct args *a)
{
	uint8_t hash[32];
	uint32_t rc = tss_bound(t, hash);

	(void)a;
	if (!rc)
		show("hash", hash, sizeof(hash));
	return rc;
}

/* kind, policy key, id, secret */
static uint32_t cmd_seal(struct tss *t, struct args *a)
{
	struct tss_policy p = policy_of(a);
	struct tss_blob blob;
	uint32_t rc = tss_seal(t, &p, a->at[3].data, &blob);

	if (!rc) {
		show("public", blob.public_area, blob.public_size);
		show("private", blob.private_area, blob.private_size);
	}
	return rc;
}

static uint32_t choose(struct tss *t, const struct args *a, unsigned at, struct approval *out)
{
	struct approval list[APPROVAL_MAX];
	unsigned n = (unsigned)(a->at[at].size / sizeof(list[0]));
	unsigned which;
	uint8_t pcr[APPROVAL_PCRS][32];
	char text[512];
	uint32_t rc;

	memcpy(list, a->at[at].data, n * sizeof(list[0]));
	rc = tss_approval_find(t, list, n, &which);
	if (!rc) {
		*out = list[which];
		return 0;
	}
	if (!tss_pcrs(t, APPROVAL_PCR_MASK, pcr)) {
		tss_approval_explain(pcr, list, n, text, sizeof(text));
		printf("explain %s\n", text);
	}
	return rc;
}

/* kind, policy key, id, approvals, public, private */
static uint32_t cmd_unseal(struct tss *t, struct args *a)
{
	struct tss_policy p = policy_of(a);
	struct tss_blob blob = { 0 };
	struct approval approval;
	uint8_t secret[32];
	uint32_t rc = choose(t, a, 3, &approval);

	blob.public_size = (uint16_t)a->at[4].size;
	blob.private_size = (uint16_t)a->at[5].size;
	memcpy(blob.public_area, a->at[4].data, a->at[4].size);
	memcpy(blob.private_area, a->at[5].data, a->at[5].size);
	if (!rc)
		rc = tss_unseal(t, &p, &approval, &blob, secret);
	if (!rc)
		show("secret", secret, sizeof(secret));
	return rc;
}

/* kind, policy key, id, approvals, wrapped key */
static uint32_t cmd_unwrap(struct tss *t, struct args *a)
{
	struct tss_policy p = policy_of(a);
	struct wrapped_parts parts;
	struct approval approval;
	uint8_t secret[32];
	uint32_t rc = choose(t, a, 3, &approval);

	if (!rc && wrapped_parse(a->at[4].data, a->at[4].size, p.id, &parts) != 0)
		rc = TSS_FORMAT;
	if (!rc)
		rc = tss_unwrap(t, &p, &approval, &parts, secret);
	if (!rc)
		show("secret", secret, sizeof(secret));
	return rc;
}

static const struct {
	const char *name;
	unsigned args;
	uint32_t (*run)(struct tss *t, struct args *a);
} commands[] = {
	{ "srk", 0, cmd_srk },           { "ak", 0, cmd_ak },       { "ek", 0, cmd_ek },
	{ "activate", 2, cmd_activate }, { "quote", 1, cmd_quote }, { "bind", 1, cmd_bind },
	{ "bound", 0, cmd_bound },       { "seal", 4, cmd_seal },   { "unseal", 6, cmd_unseal },
	{ "unwrap", 5, cmd_unwrap },
};

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

static int run(const char *path, unsigned command, struct args *a)
{
	int fd = connect_to(path);
	const struct tss_transport transport = { .exchange = exchange, .arg = &fd };
	struct tss *t = fd < 0 ? NULL : tss_open(&transport);
	char text[TSS_TEXT];
	uint32_t rc;

	if (!t) {
		fprintf(stderr, "tsscheck: no TPM at %s\n", path);
		return 1;
	}
	rc = commands[command].run(t, a);
	tss_close(t);
	close(fd);
	if (rc)
		printf("error %s\n", tss_text(rc, text));
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct args a = { 0 };

	for (int i = 3; i < argc && a.n < 16; i++)
		unhex(&a, argv[i]);
	for (unsigned i = 0; argc > 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[2], commands[i].name) == 0 && a.n >= commands[i].args)
			return run(argv[1], i, &a);
	fprintf(stderr, "usage: tsscheck SOCKET COMMAND [HEX...]\n");
	return 2;
}
