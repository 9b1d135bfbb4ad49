// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an instruction on device memory, in every mode: decoded as the reference disassembler does, and carried out. */
#include <stdlib.h>
#include <string.h>
#include "services/vmm/insn.h"
#include "services/vmm/mmu.h"
#include "tests/unit/insn_reference.h"
#include "tests/unit/vmm_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct harness h;

static void emulate(const uint8_t *data, size_t size, unsigned mode)
{
	struct mmio_space space = { .gm = &h.m.gm, .bus = &h.m.memory, .ports = &h.m.ports };
	static struct vcpu_state s;

	memset(&s, 0, sizeof(s));
	s.cr0 = mode != 0;
	s.efer = mode == 2 ? 0x500 : 0;
	s.seg[VCPU_CS].attr = (uint16_t)(mode == 2 ? VCPU_ATTR_L : mode == 1 ? VCPU_ATTR_DB : 0);
	for (unsigned i = 0; i < VCPU_SEGS; i++)
		s.seg[i].limit = size % 7 ? UINT32_MAX : (uint32_t)size * 0x1000;
	s.seg[VCPU_ES].attr = s.seg[VCPU_DS].attr = (uint16_t)(VCPU_ATTR_P | (size % 16));
	s.rip = 0x1000;
	for (unsigned i = 0; i < VCPU_GPRS; i++)
		s.gpr[i] = 0xfee00000u + size * i;
	s.gpr[VCPU_RCX] = size;
	if (size > 64) {
		s.cr0 |= 0x80000000; /* through tables that are the input */
		s.cr3 = 0x1000;
	}
	gm_write(&h.m.gm, 0x1000, data, size < 4096 ? size : 4096);
	(void)mmio_emulate(&s, &space, 0xfee00000, size & 1);
	if (s.rip - 0x1000 > INSN_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t accepted = 0;
	struct insn i;

	if (h.ram == NULL)
		harness_start(&h, false);
	for (unsigned bits = 16; bits <= 64; bits *= 2)
		if (insn_differs(data, size, bits, &accepted) != NULL)
			abort();
	for (unsigned bits = 16; bits <= 64; bits *= 2)
		if (insn_decode(data, size, bits, &i) == 0 &&
		    (i.len == 0 || i.len > size || i.len > INSN_MAX || i.size > 8 || i.reg >= 16))
			abort();
	for (unsigned mode = 0; mode < 3; mode++)
		emulate(data, size, mode);
	return 0;
}
