// SPDX-License-Identifier: Apache-2.0
/* The address of the test's own server: boot part "peer", "10.0.2.2 4711". */
#pragma once
#include <stdio.h>
#include "lib/component.h"
#include "services/uplink/uplink.h"

static inline struct tcp_addr peer_address(void)
{
	unsigned ip[4] = { 0 }, port = 0;

	sscanf((const char *)start_rom("peer")->va, "%u.%u.%u.%u %u", &ip[0], &ip[1], &ip[2],
	       &ip[3], &port);
	return (struct tcp_addr){ { (uint8_t)ip[0], (uint8_t)ip[1], (uint8_t)ip[2],
				    (uint8_t)ip[3] },
				  (uint16_t)port,
				  0 };
}

static inline void pause_ms(uint64_t ms)
{
	uint64_t end = now_ns() + ms * 1000000;

	while (now_ns() < end)
		component_wait(end);
}
