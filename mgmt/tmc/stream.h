// SPDX-License-Identifier: Apache-2.0
/* The byte stream of uplink (proto "tcp") below TLS. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stream_result { STREAM_NOTHING = 0, STREAM_GONE = -1 };

/* True when connected; else *busy says that there is no network yet. */
bool stream_open(const uint8_t ip[4], uint16_t port, bool *busy);
void stream_close(void);
/* Bytes written, or STREAM_GONE. */
int stream_send(const void *p, size_t n);
/* Bytes read, STREAM_NOTHING or STREAM_GONE. */
int stream_receive(void *p, size_t n);
