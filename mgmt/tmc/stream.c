// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "lib/component.h"
#include "mgmt/tmc/stream.h"
#include "mgmt/tmc/tmc.h"
#include "services/uplink/uplink.h"

static struct {
	uint64_t number;
	bool open;
	uint8_t data[TCP_CHUNK];
	size_t have, used;
} stream;

bool stream_open(const uint8_t ip[4], uint16_t port, bool *busy)
{
	struct tcp_addr a = { .port = port };
	char text[128] = "";
	enum chan_status s;
	size_t n = 0;

	stream.number++;
	stream.have = stream.used = 0;
	memcpy(a.ip, ip, sizeof(a.ip));
	s = chan_call(tmc.tcp, TCP_CONNECT, stream.number, &a, sizeof(a), text, sizeof(text) - 1,
		      &n);
	*busy = s == CS_BUSY;
	stream.open = s == CS_OK;
	if (!stream.open && !*busy)
		log_line("TOM at %u.%u.%u.%u:%u: %s", ip[0], ip[1], ip[2], ip[3], port,
			 n ? text : "no connection");
	return stream.open;
}

void stream_close(void)
{
	if (stream.open)
		chan_call(tmc.tcp, TCP_CLOSE, stream.number, NULL, 0, NULL, 0, NULL);
	stream.open = false;
}

int stream_send(const void *p, size_t n)
{
	n = n < TCP_CHUNK ? n : TCP_CHUNK;
	if (!stream.open ||
	    chan_call(tmc.tcp, TCP_SEND, stream.number, p, n, NULL, 0, NULL) != CS_OK) {
		stream.open = false;
		return STREAM_GONE;
	}
	return (int)n;
}

/* One message of uplink into the buffer; false: none there. */
static bool take_message(void)
{
	enum chan_result r;
	struct msg m;

	r = chan_recv(tmc.tcp, &m, stream.data, sizeof(stream.data));
	if (r == CHAN_EMPTY)
		return false;
	if (r != CHAN_OK) {
		stream.open = false; /* uplink began anew: the stream is gone */
		return true;
	}
	if (m.arg != stream.number)
		return true; /* of an older stream */
	if (m.type == TCP_DATA) {
		stream.have = m.len - sizeof(m);
		stream.used = 0;
	} else if (m.type == TCP_CLOSED) {
		stream.open = false;
	}
	return true;
}

int stream_receive(void *p, size_t n)
{
	while (stream.used == stream.have) {
		stream.used = stream.have = 0;
		if (!stream.open)
			return STREAM_GONE;
		if (!take_message())
			return STREAM_NOTHING;
	}
	n = n < stream.have - stream.used ? n : stream.have - stream.used;
	memcpy(p, stream.data + stream.used, n);
	stream.used += n;
	return (int)n;
}
