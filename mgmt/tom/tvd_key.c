// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/tvd_key.h"

enum { NONCE = 12, KEY = 32 };

static void file_path(const struct tom *t, char path[512])
{
	tom_path(t, path, 512, "keys/tvd.key");
}

bool tvd_key_init(const struct tom *t)
{
	uint8_t key[KEY];
	char path[512];
	bool good;

	file_path(t, path);
	tom_random(key, sizeof(key));
	good = tom_write_file(path, key, sizeof(key));
	OPENSSL_cleanse(key, sizeof(key));
	return good;
}

static void load_file(const struct tom *t, uint8_t key[KEY])
{
	char path[512];
	uint8_t *data;
	size_t n = 0;

	file_path(t, path);
	data = tom_read_file(path, &n);
	if (!data || n != KEY)
		exit(tom_fail(TOM_BROKEN, "%s: no usable key; run `tom init` first", path));
	memcpy(key, data, KEY);
	OPENSSL_cleanse(data, n);
	free(data);
}

void tvd_key_new(const struct tom *t, const uint8_t id[16], uint8_t sealed[TVD_KEY_SEALED])
{
	uint8_t outer[KEY], key[KEY];

	load_file(t, outer);
	tom_random(key, sizeof(key));
	tom_random(sealed, NONCE);
	tom_seal(outer, sealed, id, 16, key, sizeof(key), sealed + NONCE);
	OPENSSL_cleanse(outer, sizeof(outer));
	OPENSSL_cleanse(key, sizeof(key));
}

bool tvd_key_load(struct tom *t, const uint8_t id[16], uint8_t key[KEY])
{
	sqlite3_stmt *q = tom_query(t, "SELECT key FROM tvd WHERE id = ?", "b", id, (size_t)16);
	uint8_t outer[KEY], sealed[TVD_KEY_SEALED];
	bool good = false;

	while (tom_row(q)) {
		tom_column(q, 0, sealed, sizeof(sealed));
		load_file(t, outer);
		good = tom_open(outer, sealed, id, 16, sealed + NONCE, sizeof(sealed) - NONCE, key);
		OPENSSL_cleanse(outer, sizeof(outer));
	}
	return good;
}
