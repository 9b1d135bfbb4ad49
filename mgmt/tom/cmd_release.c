// SPDX-License-Identifier: Apache-2.0
/* tom release: reference values (boot/release.py writes them) that servers are measured against. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mgmt/tom/commands.h"
#include "mgmt/tom/verify.h"

enum { FORMAT = 1, AUTO_NAME = 12 };

/* One value out of the JSON text, by SQLite's own JSON reader; "" if it is not there. */
static void json_get(struct tom *t, const char *json, const char *path, char *out, size_t cap)
{
	sqlite3_stmt *q =
		tom_query(t, "SELECT CASE WHEN json_valid(?1) THEN json_extract(?1, ?2) END", "ss",
			  json, path);

	out[0] = 0;
	while (tom_row(q))
		snprintf(out, cap, "%s", tom_text(q, 0));
}

static bool json_digest(struct tom *t, const char *json, const char *path, uint8_t digest[32])
{
	char hex[80];

	json_get(t, json, path, hex, sizeof(hex));
	return tom_unhex(hex, digest, 32);
}

static bool add_parts(struct tom *t, const char *name, const char *json)
{
	sqlite3_stmt *q = tom_query(t,
				    "SELECT key, json_extract(value, '$.name'), "
				    "json_extract(value, '$.sha256') FROM json_each(?, '$.parts')",
				    "s", json);
	unsigned count = 0;
	bool good = true;
	uint8_t digest[32];

	while (tom_row(q)) {
		good = good && tom_unhex(tom_text(q, 2), digest, 32) && *tom_text(q, 1);
		if (good)
			tom_run(t, "INSERT INTO part VALUES(?, ?, ?, ?)", "sisb", name,
				(int64_t)sqlite3_column_int64(q, 0), tom_text(q, 1), digest,
				(size_t)32);
		count++;
	}
	return good && count && count <= VERIFY_PARTS;
}

static int add(struct tom *t, const char *file, const char *json, const char *name)
{
	uint8_t pcr4[32], pcr11[32], image[32];
	char format[8];

	json_get(t, json, "$.format", format, sizeof(format));
	if (atoi(format) != FORMAT)
		return tom_fail(TOM_USAGE, "%s: not a reference manifest of format %d", file,
				FORMAT);
	if (!json_digest(t, json, "$.pcr.4", pcr4) || !json_digest(t, json, "$.pcr.11", pcr11) ||
	    !json_digest(t, json, "$.image.sha256", image))
		return tom_fail(TOM_USAGE,
				"%s: pcr.4, pcr.11 or image.sha256 is not a SHA-256 value", file);
	tom_run(t, "BEGIN IMMEDIATE", "");
	if (tom_run(t, "INSERT INTO release VALUES(?, ?, ?, ?, ?)", "sbbbs", name, pcr4, (size_t)32,
		    pcr11, (size_t)32, image, (size_t)32, json) < 0 ||
	    !add_parts(t, name, json)) {
		tom_run(t, "ROLLBACK", "");
		return tom_fail(TOM_USAGE,
				"%s: release \"%s\" is there already, or its parts are malformed",
				file, name);
	}
	tom_run(t, "COMMIT", "");
	if (!t->json)
		printf("release %s approved\n", name);
	return TOM_OK;
}

int cmd_release_add(struct tom *t, struct args *a)
{
	const char *file = arg_word(a), *given = arg_option(a, "--name");
	char name[32];
	size_t n;
	char *json;
	int result;

	if (!file || !arg_end(a))
		return file ? TOM_USAGE : tom_fail(TOM_USAGE, "usage: tom %s", a->usage);
	json = (char *)tom_read_file(file, &n);
	if (!json)
		return tom_fail(TOM_BROKEN, "%s: cannot be read", file);
	json_get(t, json, "$.image.sha256", name, AUTO_NAME + 1);
	if (given)
		snprintf(name, sizeof(name), "%s", given);
	result = arg_name(a, name) ? add(t, file, json, name) : TOM_USAGE;
	free(json);
	return result;
}

int cmd_release_list(struct tom *t, struct args *a)
{
	sqlite3_stmt *q;
	char hex[65];

	if (!arg_end(a))
		return TOM_USAGE;
	q = tom_query(t,
		      "SELECT name, image, (SELECT count(*) FROM part WHERE release = name) FROM "
		      "release ORDER BY name",
		      "");
	if (t->json)
		json_open('[');
	while (tom_row(q)) {
		tom_hex(sqlite3_column_blob(q, 1), 32, hex);
		if (t->json) {
			json_open('{');
			json_field("name", tom_text(q, 0));
			json_field("image", hex);
			json_key("parts");
			json_number(sqlite3_column_int64(q, 2));
			json_close('}');
		} else {
			printf("%-20s %s %s parts\n", tom_text(q, 0), hex, tom_text(q, 2));
		}
	}
	if (t->json) {
		json_close(']');
		json_end();
	}
	return TOM_OK;
}
