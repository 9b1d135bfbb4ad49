// SPDX-License-Identifier: Apache-2.0
/* Hosted stand-in for drivers whose device no hosted component asks for anything: takes and drops all messages. */
#include "lib/chan.h"
#include "lib/component.h"

int main(void)
{
	static uint8_t buf[1 << 16];
	struct msg m;

	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
			enum chan_result r = CHAN_OK;

			while (r == CHAN_OK || r == CHAN_RESTARTED)
				r = chan_recv(c, &m, buf, sizeof(buf));
		}
		component_wait(0);
	}
}
