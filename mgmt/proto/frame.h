// SPDX-License-Identifier: Apache-2.0
/*
 * Framing of the TMC: inside TLS, both directions are sequences of frames
 *
 *   offset 0  u32  length of the body in bytes, little-endian, at most FRAME_BODY_MAX
 *          4  u16  type (enum tmc_type), little-endian
 *          6  u8   version, 1
 *          7  u8   0
 *          8       body: one CBOR map
 *
 * The reader is fed whatever TLS delivers and hands out whole frames; a bad header breaks it for good.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TMC_FRAME_HEAD     8u
#define TMC_FRAME_VERSION  1u
#define TMC_FRAME_BODY_MAX (192u * 1024u)

struct tmc_frame {
	uint16_t type;
	const uint8_t *body; /* inside the reader's buffer, valid until the next call */
	size_t len;
};

enum tmc_frame_result { TMC_FRAME_OK, TMC_FRAME_MORE, TMC_FRAME_BAD };

struct tmc_reader {
	uint8_t *buf; /* TMC_FRAME_HEAD + TMC_FRAME_BODY_MAX bytes of the owner's */
	size_t have;
	size_t used; /* bytes of the frame handed out last */
	bool bad;
};

void tmc_frame_head(uint8_t head[TMC_FRAME_HEAD], uint16_t type, size_t len);
void tmc_reader_init(struct tmc_reader *r, uint8_t *buf);
/* Where the next bytes belong, and how many are wanted now (never more than the present frame needs, never 0 unless bad). */
uint8_t *tmc_reader_space(struct tmc_reader *r, size_t *wanted);
/* `n` bytes were put there. */
void tmc_reader_add(struct tmc_reader *r, size_t n);
enum tmc_frame_result tmc_reader_next(struct tmc_reader *r, struct tmc_frame *f);
