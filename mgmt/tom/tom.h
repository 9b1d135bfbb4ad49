// SPDX-License-Identifier: Apache-2.0
/*
 * The TrustedObjects Manager as one Linux program: what its files share. State is one SQLite database and five key files
 * below TOM_HOME (default ~/.redoubt), all readable by the owner alone.
 *
 * Every command ends with one of enum tom_exit; on anything but TOM_OK it has printed one line on stderr that says what,
 * where and what to do.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>
#include <openssl/evp.h>

enum tom_exit {
	TOM_OK = 0,
	TOM_REFUSED = 1, /* a check failed: evidence, binding, a state the server refuses */
	TOM_USAGE = 2,   /* the command line is wrong, or names something unknown */
	TOM_BROKEN = 3,  /* files, database, network */
};

struct tom {
	char home[400];
	sqlite3 *db;
	bool json;
};

/* ---- messages ---- */
int tom_fail(enum tom_exit code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tom_hex(const void *p, size_t n, char *out); /* 2n characters and a zero */
bool tom_unhex(const char *hex, void *out, size_t n);

/* ---- files below TOM_HOME (home.c) ---- */
void tom_path(const struct tom *t, char *out, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Whole file, malloc'ed, NULL if it cannot be read; *n bytes. */
uint8_t *tom_read_file(const char *path, size_t *n);
/* Written beside and renamed; mode 0600. */
bool tom_write_file(const char *path, const void *p, size_t n);
bool tom_make_dirs(const struct tom *t);
/* Private key NAME.key; ends the program if it is not there. The caller frees it. */
EVP_PKEY *tom_load_key(const struct tom *t, const char *name);
bool tom_save_key(const struct tom *t, const char *name, EVP_PKEY *key);

/* ---- database (db.c) ---- */
/* Opens, creating tables as needed. False with a message if it cannot. */
bool tom_db_open(struct tom *t);
/*
 * Prepares and binds. `types` has one letter per parameter: s text (const char *), i int64_t, b blob (const void *,
 * size_t). Ends the program on a database error: the database is ours alone.
 */
sqlite3_stmt *tom_query(struct tom *t, const char *sql, const char *types, ...);
bool tom_row(sqlite3_stmt *q); /* next row; at the end finalizes the statement and returns false */
/* Runs a statement without rows; returns the number of rows changed, or -1 if a UNIQUE constraint refused it. */
int tom_run(struct tom *t, const char *sql, const char *types, ...);
/* Copies a blob column of exactly n bytes; zeros if it has another size. */
void tom_column(sqlite3_stmt *q, int column, void *out, size_t n);
const char *tom_text(sqlite3_stmt *q, int column); /* never NULL */

/* ---- JSON on stdout (json.c): objects and arrays with commas in the right places ---- */
void json_open(char bracket);
void json_key(const char *key);
void json_string(const char *s);
void json_number(int64_t n);
void json_bool(bool b);
void json_close(char bracket);
void json_field(const char *key, const char *s); /* key and string */
void json_end(void);                             /* newline */
