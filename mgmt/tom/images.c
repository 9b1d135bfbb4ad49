// SPDX-License-Identifier: Apache-2.0
/*
 * Images on their way to a vault: ask where it stands, then send sealed chunks in order, a few ahead of their answers.
 * Whatever goes wrong, what is under way is waited for and the vault is asked again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>
#include "lib/chan.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/sealed.h"
#include "mgmt/tom/tvd_key.h"

enum {
	WINDOW = 3,      /* chunks ahead of their answers: what the vault's ring holds */
	RETRY_MS = 1000, /* the vault is not there yet, or refused a chunk */
	VERIFY_MS = 250, /* it reads the image back */
	LOST_MS = 6000,  /* an answer that takes longer was lost with a vault that began anew */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const struct state_image *pump_image(const struct session *s)
{
	return s->desired && s->pump.image < s->desired->image_count
		       ? &s->desired->images[s->pump.image]
		       : NULL;
}

/* Answers to what was sent before are nobody's from here on. */
static void forget_flying(struct session *s)
{
	s->pump.generation++;
	s->pump.flying = 0;
	s->pump.asked = false;
}

static void pump_next(struct session *s)
{
	free(s->pump.data);
	s->pump.data = NULL;
	s->pump.image++;
	s->pump.chunk = 0;
	s->pump.retry_ms = 0;
	forget_flying(s);
}

void pump_reset(struct session *s)
{
	free(s->pump.data);
	s->pump = (struct pump){ .generation = s->pump.generation };
	forget_flying(s);
}

static bool load(struct session *s, const struct state_image *image)
{
	char path[512], hex[65];

	if (s->pump.data)
		return true;
	tom_hex(image->digest, 32, hex);
	tom_path(s->t, path, sizeof(path), "images/%s", hex);
	s->pump.data = tom_read_file(path, &s->pump.size);
	if (s->pump.data && s->pump.size == image->size)
		return true;
	session_log(s, "image %.16s: %s is missing or of another size", hex, path);
	return false;
}

static bool ask(struct session *s, const struct state_image *image)
{
	struct image_name name = { .size = image->size };

	memcpy(name.digest, image->digest, sizeof(name.digest));
	forget_flying(s);
	s->pump.asked = true;
	s->pump.retry_ms = now_ms() + LOST_MS;
	return sealed_send(s, image->tvd, IMAGE_STATE, SEALED_IMAGE + s->pump.generation, 0, &name,
			   sizeof(name));
}

static bool send_chunk(struct session *s, const struct state_image *image, const uint8_t key[32],
		       uint32_t index)
{
	static uint8_t out[sizeof(struct image_name) + IMAGE_CHUNK_SIZE + SEAL_TAG];
	struct image_name name = { .size = image->size };
	uint8_t nonce[SEAL_NONCE], aad[IMAGE_AAD];
	uint32_t n = image_chunk_bytes(image->size, index);

	memcpy(name.digest, image->digest, sizeof(name.digest));
	memcpy(out, &name, sizeof(name));
	image_chunk_seal(image->digest, image->size, index, nonce, aad);
	tom_seal(key, nonce, aad, sizeof(aad), s->pump.data + (size_t)index * IMAGE_CHUNK_SIZE, n,
		 out + sizeof(name));
	return sealed_send(s, image->tvd, IMAGE_CHUNK, SEALED_IMAGE + s->pump.generation, index,
			   out, sizeof(name) + n + SEAL_TAG);
}

/* Sends chunks until the window is full. */
static bool fill(struct session *s, const struct state_image *image)
{
	uint8_t key[32], chunk_key[32], info[KEYS_INFO];
	bool good = true;

	if (!load(s, image) || !tvd_key_load(s->t, image->tvd, key)) {
		pump_next(s);
		return true;
	}
	tom_hkdf(key, sizeof(key), image->tvd, 16, info, keys_info_image(image->digest, info),
		 chunk_key, sizeof(chunk_key));
	while (good && s->pump.flying < WINDOW && s->pump.chunk < image_chunk_count(image->size)) {
		good = send_chunk(s, image, chunk_key, s->pump.chunk++);
		s->pump.flying++;
	}
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(chunk_key, sizeof(chunk_key));
	s->pump.retry_ms = now_ms() + LOST_MS;
	return good;
}

bool sealed_tick(struct session *s)
{
	const struct state_image *image = pump_image(s);

	if (!s->started || !image || s->pump.retry_ms > now_ms())
		return true;
	return ask(s, image);
}

int sealed_timeout(const struct session *s)
{
	int64_t left = s->pump.retry_ms - now_ms();

	if (!s->started || !pump_image(s))
		return -1;
	return left > 0 ? (int)left : 0;
}

void pump_hurry(struct session *s)
{
	if (!s->pump.asked && !s->pump.flying)
		s->pump.retry_ms = 0;
}

void pump_progress(const struct session *s, char *text, size_t cap)
{
	const struct state_image *image = pump_image(s);
	uint64_t done = (uint64_t)s->pump.chunk * IMAGE_CHUNK_SIZE;

	if (!image) {
		snprintf(text, cap, "-");
		return;
	}
	if (done > image->size)
		done = image->size;
	snprintf(text, cap, "image %zu of %zu: %u %%, %.1f of %.1f MiB", s->pump.image + 1,
		 s->desired->image_count, (unsigned)(100 * done / image->size),
		 (double)done / 1048576, (double)image->size / 1048576);
}

/* Where the vault stands now. */
static bool proceed(struct session *s, const struct state_image *image,
		    const struct image_status *status)
{
	switch (status->progress) {
	case IMAGE_PRESENT:
		pump_next(s);
		return true;
	case IMAGE_PARTIAL:
		if (s->pump.asked)
			s->pump.chunk = status->next;
		s->pump.asked = false;
		return fill(s, image);
	default:
		forget_flying(s);
		s->pump.retry_ms =
			now_ms() + (status->progress == IMAGE_VERIFYING ? VERIFY_MS : RETRY_MS);
		return true;
	}
}

bool image_answer(struct session *s, const struct tmc_sealed *m)
{
	const struct state_image *image = pump_image(s);
	struct image_status status;

	if (!image || m->id != SEALED_IMAGE + s->pump.generation)
		return true; /* given up long ago */
	s->pump.flying -= s->pump.flying > 0;
	if (m->status != CS_OK || m->payload.n != sizeof(status)) {
		forget_flying(s);
		s->pump.retry_ms = now_ms() + RETRY_MS;
		return true;
	}
	memcpy(&status, m->payload.p, sizeof(status));
	return proceed(s, image, &status);
}
