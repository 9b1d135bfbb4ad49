// SPDX-License-Identifier: Apache-2.0
/* tom tvd, tom image: what tenants bring. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mgmt/proto/keys.h"
#include "mgmt/tom/commands.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/tvd_key.h"

int cmd_tvd_create(struct tom *t, struct args *a)
{
	const char *name = arg_word(a);
	uint8_t id[16], sealed[TVD_KEY_SEALED];

	if (!arg_name(a, name))
		return TOM_USAGE;
	tom_random(id, sizeof(id));
	id[0] |= 1; /* its number is never 0 */
	tvd_key_new(t, id, sealed);
	if (tom_run(t, "INSERT INTO tvd VALUES(?, ?, ?)", "sbb", name, id, sizeof(id), sealed,
		    sizeof(sealed)) < 0)
		return tom_fail(TOM_USAGE, "domain %s is there already", name);
	if (!t->json)
		printf("domain %s made; its key leaves this TOM only wrapped for attested "
		       "servers\n",
		       name);
	return TOM_OK;
}

static int list(struct tom *t, const char *sql, const char *const *names, int columns)
{
	sqlite3_stmt *q = tom_query(t, sql, "");

	if (t->json)
		json_open('[');
	while (tom_row(q)) {
		if (t->json)
			json_open('{');
		for (int i = 0; i < columns; i++) {
			if (t->json)
				json_field(names[i], tom_text(q, i));
			else
				printf("%s%-20s", i ? " " : "", tom_text(q, i));
		}
		if (t->json)
			json_close('}');
		else
			putchar('\n');
	}
	if (t->json) {
		json_close(']');
		json_end();
	}
	return TOM_OK;
}

int cmd_tvd_list(struct tom *t, struct args *a)
{
	static const char *const names[] = { "name", "id" };

	if (!arg_end(a))
		return TOM_USAGE;
	return list(t, "SELECT name, lower(hex(id)) FROM tvd ORDER BY name", names, 2);
}

/* Keeps a copy under its digest; sets *size and the digest. */
static int keep_file(struct tom *t, const char *file, uint8_t digest[32], int64_t *size)
{
	char hex[65], path[512];
	size_t n = 0;
	uint8_t *data = tom_read_file(file, &n);
	bool good = data && n && n <= IMAGE_SIZE_MAX;

	if (good) {
		tom_sha256(data, n, digest);
		*size = (int64_t)n;
		tom_hex(digest, 32, hex);
		tom_path(t, path, sizeof(path), "images/%s", hex);
		good = tom_write_file(path, data, n);
	}
	free(data);
	return good ? TOM_OK
		    : tom_fail(TOM_BROKEN, "%s: cannot be read or kept below %s/images", file,
			       t->home);
}

int cmd_image_add(struct tom *t, struct args *a)
{
	const char *name = arg_word(a), *kernel = arg_word(a), *initrd = arg_word(a);
	uint8_t kernel_digest[32], initrd_digest[32];
	int64_t kernel_size, initrd_size;

	if (!kernel || !initrd)
		return tom_fail(TOM_USAGE, "usage: tom %s", a->usage);
	if (!arg_name(a, name))
		return TOM_USAGE;
	if (keep_file(t, kernel, kernel_digest, &kernel_size) != TOM_OK ||
	    keep_file(t, initrd, initrd_digest, &initrd_size) != TOM_OK)
		return TOM_BROKEN;
	if (tom_run(t, "INSERT INTO image VALUES(?, ?, ?, ?, ?)", "sbibi", name, kernel_digest,
		    (size_t)32, kernel_size, initrd_digest, (size_t)32, initrd_size) < 0)
		return tom_fail(TOM_USAGE, "image %s is there already", name);
	if (!t->json)
		printf("image %s: kernel %lld bytes, initramfs %lld bytes\n", name,
		       (long long)kernel_size, (long long)initrd_size);
	return TOM_OK;
}

int cmd_image_list(struct tom *t, struct args *a)
{
	static const char *const names[] = { "name", "kernel", "initrd" };

	if (!arg_end(a))
		return TOM_USAGE;
	return list(t,
		    "SELECT name, lower(hex(kernel)), lower(hex(initrd)) FROM image ORDER BY name",
		    names, 3);
}
