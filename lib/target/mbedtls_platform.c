/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform functions deps/mbedtls_config.h asks for, in a component. There is no wall clock:
 * time counts from boot, so validity dates of certificates mean nothing here; peers are pinned.
 */
#include <time.h>

#include <mbedtls/entropy.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>

#include "lib/component.h"

/* mbedTLS declares it in a private header only. */
int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen);

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen)
{
	(void)data;
	random_bytes(output, len);
	*olen = len;
	return 0;
}

mbedtls_ms_time_t mbedtls_ms_time(void)
{
	return (mbedtls_ms_time_t)(now_ns() / 1000000);
}

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *t, struct tm *out)
{
	return gmtime_r(t, out);
}

time_t redoubt_time(time_t *t)
{
	time_t now = (time_t)(now_ns() / 1000000000);

	if (t)
		*t = now;
	return now;
}
