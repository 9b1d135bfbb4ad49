// SPDX-License-Identifier: Apache-2.0
/* tpm_drv: carries whole TPM commands to the chip and back. It knows no command; who may send what is the broker's matter. */
#include "drivers/tpm/chip.h"
#include "drivers/tpm/tpm_drv.h"
#include "lib/chan.h"
#include "lib/component.h"

static uint8_t buf[TPMRAW_MAX];

static void serve(struct chan *c, const struct msg *m, const struct chip *chip,
		  chip_exchange *exchange)
{
	size_t n = m->len - sizeof(*m), answer = 0;
	const char *wrong;

	if (m->type != TPMRAW_CMD || n < CHIP_HEADER || chip_size_field(buf) != n) {
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
		return;
	}
	wrong = exchange(chip, buf, n, sizeof(buf), &answer);
	if (wrong)
		log_line("TPM: %s", wrong);
	chan_answer(c, m, wrong ? CS_IO : CS_OK, 0, buf, wrong ? 0 : answer);
}

int main(void)
{
	const struct start_dev *dev = start_dev("tpm");
	chip_exchange *exchange;
	const char *name;
	struct chip chip;
	struct msg m;

	if (!dev)
		die("no way to a TPM granted");
	exchange = chip_detect(dev, &chip, &name);
	if (!exchange)
		die("no TPM 2.0 answers");
	log_line("%s interface", name);
	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
			enum chan_result r = CHAN_OK;

			while (chan_is_server(c) && (r == CHAN_OK || r == CHAN_RESTARTED)) {
				r = chan_recv(c, &m, buf, sizeof(buf));
				if (r == CHAN_OK)
					serve(c, &m, &chip, exchange);
			}
		}
		component_wait(0);
	}
}
