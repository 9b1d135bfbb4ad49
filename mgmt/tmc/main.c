// SPDX-License-Identifier: Apache-2.0
/*
 * tmc: dials the TOM of the binding record, proves the server, relays. It decides nothing, holds no tenant's key, and takes
 * orders from that TOM alone.
 */
#include <string.h>
#include "lib/component.h"
#include "lib/tss/tss.h"
#include "mgmt/tmc/tmc.h"
#include "services/disk/disk.h"

#define SECOND_NS   1000000000ull
#define SESSION_NS  (3600 * SECOND_NS) /* then attest again */
#define RETRY_MAX_S 30u

struct tmc tmc;

static void sleep_until(uint64_t until)
{
	while (now_ns() < until)
		component_wait(until);
}

static _Noreturn void stay_idle(void)
{
	for (;;)
		component_wait(0);
}

/* The disk service needs a moment to read its header and to unseal. */
static void await_disk(void)
{
	struct disk_status s = { .state = DISK_STARTING };
	size_t n;

	while (chan_call(tmc.disk, DISK_STATUS, 0, NULL, 0, &s, sizeof(s), &n) != CS_OK ||
	       n != sizeof(s) || s.state == DISK_STARTING)
		sleep_until(now_ns() + SECOND_NS / 5);
}

static uint32_t read_bound(uint8_t bound[32])
{
	struct tss *t = tss_open_chan(tmc.tpm);
	uint32_t rc = t ? tss_srk(t, 1) : (uint32_t)TSS_TRANSPORT;

	if (!rc)
		rc = tss_bound(t, bound);
	tss_close(t);
	return rc;
}

/* What the TPM says, whatever it says; a broker or chip that does not answer says nothing and is asked again. */
static uint32_t ask_bound(uint8_t bound[32])
{
	char text[TSS_TEXT];
	uint32_t rc = read_bound(bound);

	while (rc && rc != TSS_ABSENT && rc != TSS_OTHER && rc != TSS_TEMPLATE) {
		log_line("the TOM's identity in the TPM (NV index 0x01800100) cannot be read: %s; "
			 "trying again",
			 tss_text(rc, text));
		sleep_until(now_ns() + SECOND_NS);
		rc = read_bound(bound);
	}
	return rc;
}

/* The TPM remembers the TOM of the first binding; a record that names another one changes nothing. */
static bool same_tom(void)
{
	char text[TSS_TEXT];
	uint8_t bound[32];
	uint32_t rc = ask_bound(bound);

	if (rc == TSS_ABSENT)
		return true;
	if (rc)
		log_line("refused: the TOM's identity in the TPM (NV index 0x01800100): %s",
			 tss_text(rc, text));
	else if (memcmp(bound, tmc.tom_hash, sizeof(bound)) != 0)
		log_line("refused: this server is bound to another TOM than its binding record "
			 "(PCR 12) names; "
			 "the TPM holds the first one's identity (NV index 0x01800100)");
	return !rc && memcmp(bound, tmc.tom_hash, sizeof(bound)) == 0;
}

/* One connection from dial to end; whether it got as far as being attested. */
static bool connection(void)
{
	bool attested = link_open() && attest();

	if (attested) {
		log_line("attested: the TOM accepts this server");
		orders_serve(now_ns() + SESSION_NS);
	}
	link_close();
	return attested;
}

static void open_channels(void)
{
	tmc.tcp = chan_open("uplink", "tcp");
	tmc.tpm = chan_open("tpm", "tpm");
	tmc.disk = chan_open("disk", "store");
	tmc.policy = chan_open("policy", "conf");
	if (!tmc.tcp || !tmc.tpm || !tmc.disk || !tmc.policy)
		die("the manifest grants too little: tcp, tpm, store, conf");
}

int main(void)
{
	unsigned delay = 1;
	const char *why;

	open_channels();
	tmc.boot_id = start_info()->boot_id;
	tmc.binding = binding_of_boot(&why);
	if (!tmc.binding) {
		log_line("not bound: %s", why);
		stay_idle();
	}
	link_identity();
	await_disk();
	if (!same_tom())
		stay_idle();
	for (;;) {
		delay = connection() ? 1 : delay < RETRY_MAX_S ? 2 * delay : RETRY_MAX_S;
		sleep_until(now_ns() + delay * SECOND_NS);
	}
}
