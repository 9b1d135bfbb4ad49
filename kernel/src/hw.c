// SPDX-License-Identifier: Apache-2.0
/* The call ctrl_hw: console, reset, power. */
#include "abi/decode.h"
#include "kernel/inc/cap.h"
#include "kernel/inc/console.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/kmem.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

static enum status port_write(uint64_t port, uint64_t b)
{
	uint32_t value = (uint32_t)b;

	if (port > UINT16_MAX)
		return S_BAD_PARAM;
	switch (b >> 32) {
	case 1:
		outb((uint16_t)port, (uint8_t)value);
		return S_OK;
	case 2:
		outw((uint16_t)port, (uint16_t)value);
		return S_OK;
	case 4:
		outl((uint16_t)port, value);
		return S_OK;
	default:
		return S_BAD_PARAM;
	}
}

void call_ctrl_hw(struct ec *self)
{
	struct args_ctrl_hw a = decode_ctrl_hw(&self->regs);
	struct slot *slot;
	enum status s = cap_lookup(self->pd, a.hw, OBJ_HW, RIGHT_CTRL, &slot);

	if (s != S_OK)
		return ec_status(self, s);
	switch (a.op) {
	case HW_PUTC:
		kputc((char)a.a);
		break;
	case HW_CONSOLE:
		console_serial(a.a != 0);
		break;
	case HW_OUT:
		return ec_status(self, port_write(a.a, a.b));
	case HW_RESET:
		machine_reset();
	case HW_HALT:
		halt_all();
	case HW_TLB_STAT:
		ec_results(self, tlb_sent, pool_free_frames());
		break;
	default:
		return ec_status(self, S_BAD_PARAM);
	}
	ec_status(self, S_OK);
}
