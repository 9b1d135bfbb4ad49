// SPDX-License-Identifier: Apache-2.0
#include "lib/tss/internal.h"

#include <string.h>

#define TCTI_MAGIC   0x52444254435449ull
#define TCTI_VERSION 1

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
	struct tss_tcti *tcti = (struct tss_tcti *)context;

	if (tcti->size)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	if (size < 10 || size > TSS_COMMAND_MAX)
		return TSS2_TCTI_RC_BAD_VALUE;
	if (tcti->transport.exchange(tcti->transport.arg, command, size, tcti->response,
				     sizeof(tcti->response), &tcti->size) != 0)
		return TSS2_TCTI_RC_IO_ERROR;
	return tcti->size >= 10 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_MALFORMED_RESPONSE;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
	struct tss_tcti *tcti = (struct tss_tcti *)context;

	(void)timeout;
	if (!tcti->size)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	if (!response) {
		*size = tcti->size;
		return TSS2_RC_SUCCESS;
	}
	if (*size < tcti->size)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	memcpy(response, tcti->response, tcti->size);
	*size = tcti->size;
	tcti->size = 0;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC no_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *n)
{
	(void)context;
	(void)handles;
	*n = 0;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
	(void)context;
	return locality == 0 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_NOT_SUPPORTED;
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *context)
{
	(void)context;
	return TSS2_TCTI_RC_NOT_SUPPORTED;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
	struct tss_tcti *tcti = (struct tss_tcti *)context;

	if (tcti->transport.end)
		tcti->transport.end(tcti->transport.arg);
}

void tss_tcti_init(struct tss_tcti *tcti, const struct tss_transport *transport)
{
	memset(tcti, 0, sizeof(*tcti));
	tcti->common.magic = TCTI_MAGIC;
	tcti->common.version = TCTI_VERSION;
	tcti->common.transmit = transmit;
	tcti->common.receive = receive;
	tcti->common.finalize = finalize;
	tcti->common.cancel = cancel;
	tcti->common.getPollHandles = no_handles;
	tcti->common.setLocality = set_locality;
	tcti->transport = *transport;
}
