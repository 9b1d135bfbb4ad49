/* SPDX-License-Identifier: Apache-2.0 */
/* The platform functions deps/mbedtls_config.h asks for, on Linux: part of host/libmbedtls.a. */
#define _GNU_SOURCE
#include <sys/random.h>
#include <time.h>

#include <mbedtls/entropy.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen)
{
	ssize_t n = getrandom(output, len, 0);

	(void)data;
	if (n < 0)
		return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
	*olen = (size_t)n;
	return 0;
}

mbedtls_ms_time_t mbedtls_ms_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mbedtls_ms_time_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *t, struct tm *out)
{
	return gmtime_r(t, out);
}

time_t redoubt_time(time_t *t)
{
	return time(t);
}
