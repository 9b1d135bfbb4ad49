// SPDX-License-Identifier: Apache-2.0
/* The broker's channel as transport. */
#include "lib/tss/internal.h"

#include "lib/chan.h"
#include "services/tpm/tpm.h"

static int exchange(void *arg, const uint8_t *command, size_t n, uint8_t *response, size_t cap,
		    size_t *size)
{
	return chan_call(arg, TPM_CMD, 0, command, n, response, cap, size) == CS_OK ? 0 : -1;
}

static void end(void *arg)
{
	chan_call(arg, TPM_CLOSE, 0, NULL, 0, NULL, 0, NULL);
}

struct tss *tss_open_chan(struct chan *broker)
{
	const struct tss_transport transport = { .exchange = exchange, .end = end, .arg = broker };

	if (chan_call(broker, TPM_OPEN, 0, NULL, 0, NULL, 0, NULL) != CS_OK)
		return NULL;
	return tss_open(&transport);
}
