// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <openssl/pem.h>
#include "mgmt/tom/tom.h"

int tom_fail(enum tom_exit code, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("tom: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return (int)code;
}

void tom_hex(const void *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", ((const uint8_t *)p)[i]);
	out[2 * n] = 0;
}

static int nibble(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool tom_unhex(const char *hex, void *out, size_t n)
{
	if (strlen(hex) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		((uint8_t *)out)[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void tom_path(const struct tom *t, char *out, size_t cap, const char *fmt, ...)
{
	int n = snprintf(out, cap, "%s/", t->home);
	va_list args;

	va_start(args, fmt);
	vsnprintf(out + n, cap - (size_t)n, fmt, args);
	va_end(args);
}

uint8_t *tom_read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long size;

	if (!f)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
		data = malloc((size_t)size + 1);
		if (data && fread(data, 1, (size_t)size, f) == (size_t)size) {
			data[size] = 0;
			*n = (size_t)size;
		} else {
			free(data);
			data = NULL;
		}
	}
	fclose(f);
	return data;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return fsync(fd) == 0;
}

bool tom_write_file(const char *path, const void *p, size_t n)
{
	char temp[512];
	bool good;
	int fd;

	snprintf(temp, sizeof(temp), "%s.new", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return false;
	good = write_all(fd, p, n);
	close(fd);
	if (good && rename(temp, path) == 0)
		return true;
	unlink(temp);
	return false;
}

bool tom_make_dirs(const struct tom *t)
{
	static const char *const dirs[] = { "", "keys", "servers", "images", "run" };
	char path[512];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		tom_path(t, path, sizeof(path), "%s", dirs[i]);
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return false;
	}
	return true;
}

EVP_PKEY *tom_load_key(const struct tom *t, const char *name)
{
	char path[512];
	EVP_PKEY *key = NULL;
	FILE *f;

	tom_path(t, path, sizeof(path), "keys/%s.key", name);
	f = fopen(path, "r");
	if (f) {
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	if (!key)
		exit(tom_fail(TOM_BROKEN, "%s: no usable key; run `tom init` first", path));
	return key;
}

bool tom_save_key(const struct tom *t, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char path[512], *pem;
	bool good = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
	long n = good ? BIO_get_mem_data(bio, &pem) : 0;

	tom_path(t, path, sizeof(path), "keys/%s.key", name);
	good = good && tom_write_file(path, pem, (size_t)n);
	BIO_free(bio);
	return good;
}
