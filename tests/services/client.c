// SPDX-License-Identifier: Apache-2.0
/* A client of block device, TPM driver, TCP and root's ctl, hosted or on the server. Prints "ok"/"not ok" lines for the tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drivers/tpm/tpm_drv.h"
#include "lib/blk.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "services/root/root.h"
#include "services/uplink/uplink.h"
#include "tests/services/peer.h"

enum { MOST_MS = 20, REST_MS = 100 };

static void check(bool good, const char *what)
{
	log_line("%s client: %s", good ? "ok" : "not ok", what);
}

static void test_blk(void)
{
	struct chan *c = chan_open(NULL, "blk");
	static struct {
		struct blk_span span;
		uint8_t data[2 * BLK_SIZE];
	} out = { { 0, 2 }, "hello" };
	static uint8_t in[2 * BLK_SIZE];
	struct blk_info info = { 0 };
	size_t n;

	check(chan_call(c, BLK_INFO, 0, NULL, 0, &info, sizeof(info), &n) == CS_OK &&
		      info.blocks == 16384,
	      "block device");
	check(chan_call(c, BLK_WRITE, 7, &out, sizeof(out), NULL, 0, &n) == CS_OK, "write");
	check(chan_call(c, BLK_FLUSH, 0, &out.span, sizeof(out.span), NULL, 0, &n) == CS_OK,
	      "flush");
	check(chan_call(c, BLK_READ, 7, &out.span, sizeof(out.span), in, sizeof(in), &n) == CS_OK &&
		      n == sizeof(in) && !memcmp(in, out.data, n),
	      "read back");
	check(chan_call(c, BLK_READ, 16383, &out.span, sizeof(out.span), in, sizeof(in), &n) ==
		      CS_BAD_REQUEST,
	      "read behind the end is refused");
}

static void test_tpm(void)
{
	static const uint8_t get_random[12] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 16 };
	struct chan *c = chan_open("tpm_drv", "tpmraw");
	uint8_t in[TPMRAW_MAX];
	size_t n;

	check(chan_call(c, TPMRAW_CMD, 0, get_random, sizeof(get_random), in, sizeof(in), &n) ==
			      CS_OK &&
		      n == 28,
	      "TPM2_GetRandom");
	check(chan_call(c, TPMRAW_CMD, 0, get_random, 11, in, sizeof(in), &n) == CS_BAD_REQUEST,
	      "wrong size is refused");
}

static void test_tcp(void)
{
	struct chan *c = chan_open("uplink", "tcp");
	struct tcp_addr a = peer_address();
	enum chan_status s;
	char in[TCP_CHUNK] = "";
	size_t n, got = 0;
	struct msg m;

	while ((s = chan_call(c, TCP_CONNECT, 1, &a, sizeof(a), NULL, 0, &n)) == CS_BUSY)
		pause_ms(100);
	check(s == CS_OK, "connect");
	check(chan_call(c, TCP_SEND, 1, "ping\n", 5, NULL, 0, &n) == CS_OK, "send");
	while (got < 5) {
		enum chan_result r = chan_recv(c, &m, in + got, sizeof(in) - got);

		if (r == CHAN_OK && m.type == TCP_DATA)
			got += m.len - sizeof(m);
		else if (r == CHAN_EMPTY)
			component_wait(0);
	}
	check(!memcmp(in, "pong\n", 5), "receive");
	check(chan_call(c, TCP_CLOSE, 1, NULL, 0, NULL, 0, &n) == CS_OK, "close");
	a.port = 1;
	check(chan_call(c, TCP_CONNECT, 2, &a, sizeof(a), in, sizeof(in), &n) == CS_FAILED && n,
	      "refused connect says why");
}

static void test_ctl(void)
{
	struct chan *c = chan_open("root", "ctl");
	struct ctl_start s = { .version = CTL_VERSION, .id = { "sleeper", 5 }, .instance = "five" };
	struct ctl_item items[4];
	struct ctl_event e;
	size_t n;
	struct msg m;

	check(chan_call(c, CTL_START, 0, &s, sizeof(s), NULL, 0, &n) == CS_OK, "start an instance");
	check(chan_call(c, CTL_START, 0, &s, sizeof(s), NULL, 0, &n) == CS_EXISTS, "not twice");
	check(chan_call(c, CTL_LIST, 0, NULL, 0, items, sizeof(items), &n) == CS_OK &&
		      n == sizeof(items[0]) && items[0].state == CTL_RUNNING &&
		      items[0].id.tag == 5,
	      "it is listed");
	check(chan_open("sleeper", "test") && chan_tag(chan_open("sleeper", "test")) == 5,
	      "its channel has come");
	check(chan_recv(c, &m, &e, sizeof(e)) == CHAN_OK && m.type == CTL_EVENT &&
		      e.kind == CTL_STARTED,
	      "its start is told");
	check(chan_call(c, CTL_STOP, 0, &s.id, sizeof(s.id), NULL, 0, &n) == CS_OK, "stop it");
	check(chan_call(c, CTL_STOP, 0, &s.id, sizeof(s.id), NULL, 0, &n) == CS_NOT_FOUND,
	      "not twice");
	check(chan_recv(chan_open("sleeper", "test"), &m, NULL, 0) == CHAN_CLOSED &&
		      !chan_open("sleeper", "test"),
	      "its channel is closed");
	s.id = (struct ctl_id){ "uart", 5 };
	check(chan_call(c, CTL_START, 0, &s, sizeof(s), NULL, 0, &n) == CS_DENIED,
	      "a static component is no template");
}

static enum chan_status ask(struct chan *c, uint16_t type, const void *in, size_t size)
{
	enum chan_status s = chan_call(c, type, 0, in, size, NULL, 0, &(size_t){ 0 });
	struct ctl_event e;
	struct msg m;

	while (chan_recv(c, &m, &e, sizeof(e)) == CHAN_OK)
		;
	return s;
}

/* A real vmm comes and goes: from not yet begun to its guest at work. `rest_ms`: for all that is freed late. */
static void cycle_vmm(const char *label, unsigned times, unsigned rest_ms)
{
	struct ctl_start s = { .version = CTL_VERSION, .id = { "vmm", 9 } };
	struct chan *c = chan_open("root", "ctl");
	unsigned good = 0;

	snprintf(s.instance, sizeof(s.instance), "%s", label);
	for (unsigned i = 0; i < times; i++) {
		bool started = ask(c, CTL_START, &s, sizeof(s)) == CS_OK;

		pause_ms(i % MOST_MS);
		good += ask(c, CTL_STOP, &s.id, sizeof(s.id)) == CS_OK && started;
		pause_ms(rest_ms);
	}
	log_line("%s client: %u of %u vmms of \"%s\" started and stopped",
		 good == times ? "ok" : "not ok", good, times, label);
}

/* tests/system/test_components.py compares what root has free in the first and in the last. */
static void test_vmm(void)
{
	cycle_vmm("before", 10, REST_MS);
	cycle_vmm("busy", 200, 0);
	cycle_vmm("after", 10, REST_MS);
}

int main(void)
{
	test_blk();
	test_tpm();
	test_tcp();
	if (!start_info()->restart)
		test_ctl();
	if (start_rom("guest.kernel"))
		test_vmm();
	log_line("client done, %u restarts", start_info()->restart);
	for (;;)
		component_wait(0);
}
