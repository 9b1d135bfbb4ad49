// SPDX-License-Identifier: Apache-2.0
/* A client of uplink on the server: moves much data both ways, tells how long it took, then waits for the peer's end. */
#include <string.h>
#include "lib/component.h"
#include "services/uplink/uplink.h"
#include "tests/services/peer.h"
#include "tests/uplink/bulk.h"

#define MEGABYTES 10u

static void check(bool good, const char *what)
{
	log_line("%s mover: %s", good ? "ok" : "not ok", what);
}

int main(void)
{
	struct chan *c = chan_open("uplink", "tcp");
	struct tcp_addr a = peer_address();
	static uint8_t data[TCP_CHUNK];
	enum chan_status s;
	uint64_t start;
	struct msg m;

	while ((s = chan_call(c, TCP_CONNECT, 1, &a, sizeof(a), data, sizeof(data), NULL)) ==
	       CS_BUSY)
		pause_ms(10);
	check(s == CS_OK, "a stream is opened");
	start = now_ns();
	check(!strcmp(bulk(c, 1, MEGABYTES << 20, MEGABYTES << 20), "good"),
	      "10 MiB both ways at once arrive");
	log_line("%u MiB in %u ms", 2 * MEGABYTES, (unsigned)((now_ns() - start) / 1000000));
	check(bulk_next(c, 1, &m, data, 20000000000u) == CHAN_OK && m.type == TCP_CLOSED,
	      "the peer's end is told");
	log_line("mover done");
	for (;;)
		component_wait(0);
}
