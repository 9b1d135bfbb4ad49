// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "mgmt/tom/tom.h"

enum { BUSY_MS = 10000 };

static const char tables[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA foreign_keys=ON;"
	"CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS release(name TEXT PRIMARY KEY, pcr4 BLOB NOT NULL, pcr11 BLOB "
	"NOT NULL,"
	" image BLOB NOT NULL, json TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS part(release TEXT NOT NULL REFERENCES release(name), at "
	"INTEGER NOT NULL,"
	" name TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(release, at));"
	"CREATE TABLE IF NOT EXISTS ek_ca(server TEXT NOT NULL, pem TEXT NOT NULL, UNIQUE(server, "
	"pem));"
	"CREATE TABLE IF NOT EXISTS server(name TEXT PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
	" release TEXT NOT NULL REFERENCES release(name), address TEXT NOT NULL, token BLOB NOT "
	"NULL,"
	" record BLOB NOT NULL, state TEXT NOT NULL DEFAULT 'new', ak BLOB, srk BLOB, ek_cert "
	"BLOB, pcr7 BLOB,"
	" disk_id BLOB, reset_count INTEGER NOT NULL DEFAULT 0, sequence INTEGER NOT NULL DEFAULT "
	"0,"
	" seen INTEGER NOT NULL DEFAULT 0, verdict TEXT NOT NULL DEFAULT 'never connected', status "
	"BLOB);"
	"CREATE TABLE IF NOT EXISTS evidence(id INTEGER PRIMARY KEY, server TEXT NOT NULL "
	"REFERENCES server(name),"
	" time INTEGER NOT NULL, good INTEGER NOT NULL, verdict TEXT NOT NULL, exporter BLOB NOT "
	"NULL,"
	" nonce BLOB NOT NULL, keys BLOB NOT NULL, body BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS tvd(name TEXT PRIMARY KEY, id BLOB NOT NULL UNIQUE, key BLOB "
	"NOT NULL);"
	"CREATE TABLE IF NOT EXISTS image(name TEXT PRIMARY KEY, kernel BLOB NOT NULL, kernel_size "
	"INTEGER NOT NULL,"
	" initrd BLOB NOT NULL, initrd_size INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS vm(name TEXT PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
	" server TEXT NOT NULL REFERENCES server(name), tvd TEXT NOT NULL REFERENCES tvd(name),"
	" image TEXT NOT NULL REFERENCES image(name), mem_mib INTEGER NOT NULL, cmdline TEXT NOT "
	"NULL,"
	" volume BLOB NOT NULL, blocks INTEGER NOT NULL, run INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS wrapped(server TEXT NOT NULL REFERENCES server(name),"
	" tvd TEXT NOT NULL REFERENCES tvd(name), key BLOB NOT NULL, PRIMARY KEY(server, tvd));"
	"CREATE TABLE IF NOT EXISTS config(server TEXT PRIMARY KEY REFERENCES server(name), epoch "
	"INTEGER NOT NULL,"
	" document BLOB NOT NULL, signature BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS decision(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, who "
	"TEXT NOT NULL,"
	" server TEXT NOT NULL, text TEXT NOT NULL, logged INTEGER NOT NULL DEFAULT 0);";

/* What the tables above, which are the first version's, have gained. A new database gets them the same way as an old one. */
static const struct {
	const char *table, *column, *type;
} later[] = {
	{ "server", "next_release", "TEXT NOT NULL DEFAULT ''" },
	{ "server", "iommu", "INTEGER NOT NULL DEFAULT -1" },
	{ "server", "allow_no_iommu", "INTEGER NOT NULL DEFAULT 0" },
	{ "vm", "vcpus", "INTEGER NOT NULL DEFAULT 1" },
};

static _Noreturn void broken(struct tom *t, const char *sql)
{
	exit(tom_fail(TOM_BROKEN, "database: %s (in: %.60s)", sqlite3_errmsg(t->db), sql));
}

static bool has_column(struct tom *t, const char *table, const char *column)
{
	sqlite3_stmt *q = tom_query(t, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", "ss",
				    table, column);
	bool found = false;

	while (tom_row(q))
		found = true;
	return found;
}

/* Two programs may open an old database at once: the second finds it done. */
static void add_columns(struct tom *t)
{
	char sql[120];

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (has_column(t, later[i].table, later[i].column))
			continue;
		tom_run(t, "BEGIN IMMEDIATE", "");
		snprintf(sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN %s %s", later[i].table,
			 later[i].column, later[i].type);
		if (!has_column(t, later[i].table, later[i].column))
			tom_run(t, sql, "");
		tom_run(t, "COMMIT", "");
	}
}

bool tom_db_open(struct tom *t)
{
	char path[512];

	tom_path(t, path, sizeof(path), "tom.db");
	if (sqlite3_open(path, &t->db) != SQLITE_OK) {
		tom_fail(TOM_BROKEN, "%s: %s; run `tom init` first, or set TOM_HOME", path,
			 sqlite3_errmsg(t->db));
		return false;
	}
	chmod(path, 0600);
	sqlite3_busy_timeout(t->db, BUSY_MS);
	if (sqlite3_exec(t->db, tables, NULL, NULL, NULL) != SQLITE_OK)
		broken(t, "tables");
	add_columns(t);
	return true;
}

static sqlite3_stmt *prepare(struct tom *t, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(t->db, sql, -1, &q, NULL) != SQLITE_OK)
		broken(t, sql);
	for (int i = 1; *types; types++, i++) {
		const void *p;

		if (*types == 's') {
			sqlite3_bind_text(q, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
		} else if (*types == 'i') {
			sqlite3_bind_int64(q, i, va_arg(args, int64_t));
		} else {
			p = va_arg(args, const void *);
			sqlite3_bind_blob(q, i, p, (int)va_arg(args, size_t), SQLITE_TRANSIENT);
		}
	}
	return q;
}

sqlite3_stmt *tom_query(struct tom *t, const char *sql, const char *types, ...)
{
	sqlite3_stmt *q;
	va_list args;

	va_start(args, types);
	q = prepare(t, sql, types, args);
	va_end(args);
	return q;
}

bool tom_row(sqlite3_stmt *q)
{
	int result = sqlite3_step(q);

	if (result == SQLITE_ROW)
		return true;
	if (result != SQLITE_DONE)
		exit(tom_fail(TOM_BROKEN, "database: %s", sqlite3_errmsg(sqlite3_db_handle(q))));
	sqlite3_finalize(q);
	return false;
}

int tom_run(struct tom *t, const char *sql, const char *types, ...)
{
	sqlite3_stmt *q;
	va_list args;
	int result;

	va_start(args, types);
	q = prepare(t, sql, types, args);
	va_end(args);
	result = sqlite3_step(q);
	sqlite3_finalize(q);
	if (result == SQLITE_CONSTRAINT)
		return -1;
	if (result != SQLITE_DONE)
		broken(t, sql);
	return sqlite3_changes(t->db);
}

void tom_column(sqlite3_stmt *q, int column, void *out, size_t n)
{
	const void *p = sqlite3_column_blob(q, column);

	if (p && (size_t)sqlite3_column_bytes(q, column) == n)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

const char *tom_text(sqlite3_stmt *q, int column)
{
	const unsigned char *s = sqlite3_column_text(q, column);

	return s ? (const char *)s : "";
}
