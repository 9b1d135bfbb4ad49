// SPDX-License-Identifier: Apache-2.0
/* virtio network card between a small driver and a port of the test; then a driver and a port that break the rules. */
#include <string.h>
#include "tests/unit/vmm_driver.h"

#define OK(cond, what) check_that("vmm_net", cond, what)

enum { RX = 0, TX = 1, HEADER = 12, FRAME_AT = BUFFERS + 0x1000, LINK = 2 };

static uint8_t frame[FRAME_MAX + 1];

static void prepare(void)
{
	driver_start(NET, 1 << 3 | 1 << 5 | 1 << 16);
	for (unsigned i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7 + 1);
}

/* Header and frame of `len` bytes, split after `first` bytes. */
static void transmit(uint32_t len, uint32_t first)
{
	memset(h.ram + BUFFERS, 0, HEADER);
	memcpy(h.ram + BUFFERS + HEADER, frame, len);
	driver_descriptor(TX, 0, BUFFERS, first, 1, 1);
	driver_descriptor(TX, 1, BUFFERS + first, HEADER + len - first, 0, 0);
	driver_submit(TX, 0);
}

static void offer(uint32_t size)
{
	driver_descriptor(RX, 0, FRAME_AT, size, 2, 0);
	driver_submit(RX, 0);
}

static void receive(size_t len)
{
	vnet_receive(&h.m.net, frame, len);
	vnet_received(&h.m.net);
}

static void test_config(void)
{
	prepare();
	OK(mem_in(&h, bar + 0x14, 1) == 15, "the driver's features are taken");
	OK(mem_in(&h, bar + 0x2000, 4) == 0x56003452 && mem_in(&h, bar + 0x2004, 2) == 0x0712,
	   "the address is the port's");
	OK(mem_in(&h, bar + 0x2006, 2) == 1 && mem_in(&h, bar + 0x200a, 2) == 1500,
	   "so are link and MTU");
	vnet_link(&h.m.net, false);
	OK(mem_in(&h, bar + 0x2006, 2) == 0 && driver_interrupt(LINK) &&
		   mem_in(&h, bar + 0x15, 1) == 1,
	   "a link that goes is told, with a new generation");
	vnet_link(&h.m.net, false);
	OK(!driver_interrupt(LINK), "once");
}

static void test_transmit(void)
{
	prepare();
	transmit(1514, HEADER);
	OK(h.frames == 1 && h.frame_len == 1514 && memcmp(h.frame, frame, 1514) == 0,
	   "a frame goes out as it is");
	OK(ring(TX)->used_idx == 1 && ring(TX)->used[0].len == 0 && driver_interrupt(1),
	   "and its buffer comes back");
	transmit(60, 5);
	OK(h.frames == 2 && h.frame_len == 60 && memcmp(h.frame, frame, 60) == 0,
	   "however the header is split");
	h.frame_room = 0;
	transmit(100, HEADER);
	transmit(100, HEADER);
	OK(h.frames == 2 && ring(TX)->used_idx == 2, "without room it waits in the ring");
	h.frame_room = 1;
	vnet_resume(&h.m.net);
	OK(h.frames == 3 && h.frame_len == 100 && ring(TX)->used_idx == 3,
	   "and goes when there is");
	vnet_link(&h.m.net, false);
	OK(h.frames == 3 && ring(TX)->used_idx == 4, "without a link it is dropped");
}

static void test_bad_frames(void)
{
	prepare();
	transmit(13, HEADER);
	transmit(1515, HEADER);
	OK(h.frames == 0 && ring(TX)->used_idx == 2, "frames too short or too long are dropped");
	driver_descriptor(TX, 0, BUFFERS, 5, 0, 0);
	driver_submit(TX, 0);
	OK(h.frames == 0 && ring(TX)->used_idx == 3, "so is half a header");
	transmit(60, HEADER);
	h.frames = 0;
	h.ram[BUFFERS] = 1;
	driver_submit(TX, 0);
	h.ram[BUFFERS] = 0;
	h.ram[BUFFERS + 1] = 1;
	driver_submit(TX, 0);
	OK(h.frames == 0 && ring(TX)->used_idx == 6, "and what asks for offloads nobody offered");
	driver_descriptor(TX, 0, HARNESS_RAM - 8, 100, 0, 0);
	driver_submit(TX, 0);
	OK(h.m.net.v.queue[TX].broken && h.frames == 0,
	   "a buffer over the end of RAM stops the queue");
	offer(2000);
	receive(60);
	OK(ring(RX)->used_idx == 1, "but not the other queue");
}

static void test_receive(void)
{
	static const uint8_t header[HEADER] = { [10] = 1 };

	prepare();
	OK(!vnet_takes(&h.m.net), "without buffers the port has to wait");
	offer(HEADER + 1514);
	OK(h.ready == 1 && vnet_takes(&h.m.net), "and is told of the first");
	receive(1514);
	OK(ring(RX)->used_idx == 1 && ring(RX)->used[0].len == HEADER + 1514 &&
		   memcmp(h.ram + FRAME_AT, header, HEADER) == 0 &&
		   memcmp(h.ram + FRAME_AT + HEADER, frame, 1514) == 0 && driver_interrupt(0),
	   "a frame comes in whole, behind a header of zeros and one buffer");
	receive(60);
	OK(ring(RX)->used_idx == 1, "without a buffer it is dropped");
	offer(HEADER + 50);
	memset(h.ram + FRAME_AT, 0, 100);
	receive(60);
	OK(ring(RX)->used_idx == 2 && ring(RX)->used[1].len == 0 && h.ram[FRAME_AT + HEADER] == 0,
	   "a buffer that is too small comes back empty");
	offer(2000);
	receive(13);
	receive(FRAME_MAX + 1);
	OK(ring(RX)->used_idx == 2, "what is no frame does not come in");
	vnet_link(&h.m.net, false);
	receive(60);
	OK(ring(RX)->used_idx == 2 && vnet_takes(&h.m.net), "nor anything without a link");
	vnet_link(&h.m.net, true);
	mem_out(&h, bar + 0x14, 1, 0);
	receive(60);
	OK(ring(RX)->used_idx == 2 && vnet_takes(&h.m.net), "nor after the driver's reset");
}

static void test_save(void)
{
	static uint8_t saved[MACHINE_STATE_MAX], copy[HARNESS_RAM];
	struct state s;
	size_t n;

	prepare();
	offer(2000);
	vnet_link(&h.m.net, false);
	state_save(&s, saved, sizeof(saved));
	machine_state(&s, &h.m);
	n = s.at;
	memcpy(copy, h.ram, HARNESS_RAM);
	harness_start(&h, true);
	memcpy(h.ram, copy, HARNESS_RAM);
	state_load(&s, saved, n);
	machine_state(&s, &h.m);
	OK(!s.bad && mem_in(&h, bar + 0x2006, 2) == 0,
	   "the link's state survives save and restore");
	vnet_link(&h.m.net, true);
	receive(60);
	OK(ring(RX)->used_idx == 1 && ring(RX)->used[0].len == HEADER + 60,
	   "and the card works on");
}

int main(void)
{
	test_config();
	test_transmit();
	test_bad_frames();
	test_receive();
	test_save();
	harness_stop(&h);
	return harness_result();
}
