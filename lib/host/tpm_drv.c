// SPDX-License-Identifier: Apache-2.0
/* Hosted stand-in for `tpm_drv`: raw TPM commands to the stream socket HOSTED_DIR/tpm.sock (tests/system/hosted.py serves it). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "drivers/tpm/tpm_drv.h"
#include "lib/chan.h"
#include "lib/component.h"

#define TPM_HEADER 10u

static uint8_t buf[TPMRAW_MAX];

static uint32_t size_field(void)
{
	return (uint32_t)buf[2] << 24 | (uint32_t)buf[3] << 16 | (uint32_t)buf[4] << 8 | buf[5];
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/tpm.sock", getenv("HOSTED_DIR"));
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)))
		die("%s: %m", a.sun_path);
	return s;
}

static int read_all(int s, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = read(s, p, n);

		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static void serve(struct chan *c, const struct msg *m, size_t n, int s)
{
	uint32_t size = 0;
	enum chan_status st = CS_OK;

	if (m->type != TPMRAW_CMD || n < TPM_HEADER || size_field() != n)
		st = CS_BAD_REQUEST;
	else if (write(s, buf, n) != (ssize_t)n || read_all(s, buf, TPM_HEADER))
		st = CS_IO;
	if (st == CS_OK) {
		size = size_field();
		if (size < TPM_HEADER || size > sizeof(buf) ||
		    read_all(s, buf + TPM_HEADER, size - TPM_HEADER))
			st = CS_IO;
	}
	chan_answer(c, m, st, 0, buf, st == CS_OK ? size : 0);
}

int main(void)
{
	int s = dial();
	struct msg m;

	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
			enum chan_result r = CHAN_OK;

			while (chan_is_server(c) && (r == CHAN_OK || r == CHAN_RESTARTED)) {
				r = chan_recv(c, &m, buf, sizeof(buf));
				if (r == CHAN_OK)
					serve(c, &m, m.len - sizeof(m), s);
			}
		}
		component_wait(0);
	}
}
