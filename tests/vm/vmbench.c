// SPDX-License-Identifier: Apache-2.0
/* What an exit costs with the smallest possible VMM: instructions under icount, median of all samples. */
#include "tests/vm/vmtest.h"

GUEST(bench_cpuid)
GUEST(bench_vmmcall)
GUEST(bench_rdmsr)
GUEST(bench_in)
GUEST(bench_out)
GUEST(bench_mmio_read)
GUEST(bench_mmio_write)
GUEST(bench_touch)

enum {
	SAMPLES_AT = 0x100000,
	MMIO_INSN = 2, /* length of both moves */
};

struct bench {
	const char *name;
	const uint8_t *code, *code_end;
	uint32_t samples;
	uint32_t peer; /* KVM with a minimal VMM on the same emulator */
};

#define BENCH(guest, samples, peer)                                                           \
	{                                                                                     \
		"bare_" #guest, guest_bench_##guest, guest_bench_##guest##_end, samples, peer \
	}

const char *lab_name = "vmbench";

/* Answers every exit by going on behind the instruction. */
static void drive(const struct lab_vcpu *v)
{
	uint64_t exit;

	while ((exit = lab_run(v, 0, 0)) != VM_EXIT_HLT) {
		if (exit > VM_EXIT_LAST) {
			lab_check(false, "the guest runs to its end");
			return;
		}
		vcpu_skip(v->s, exit == VM_EXIT_MEMORY ? MMIO_INSN : v->s->insn_len);
	}
}

static uint32_t median(uint32_t *sample, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		uint32_t x = sample[i], k = i;

		for (; k && sample[k - 1] > x; k--)
			sample[k] = sample[k - 1];
		sample[k] = x;
	}
	return sample[count / 2];
}

static void text_field(const char *name, const char *value)
{
	lab_text("\"");
	lab_text(name);
	lab_text("\": \"");
	lab_text(value);
	lab_text("\", ");
}

static void number_field(const char *name, uint64_t value)
{
	lab_text("\"");
	lab_text(name);
	lab_text("\": ");
	lab_number(value);
	lab_text(", ");
}

static void report(const struct bench *b, uint32_t value)
{
	lab_text("{");
	text_field("name", b->name);
	number_field("value", value);
	text_field("unit", "instructions");
	lab_text("\"peer\": ");
	lab_number(b->peer);
	lab_text("}\n");
}

static void measure(const struct bench *b)
{
	struct lab_vcpu v;
	struct lab_vm vm;

	lab_vm_make(&vm, b->code, b->code_end);
	lab_vcpu_make(&v, &vm, 0);
	drive(&v);
	report(b, median((uint32_t *)(void *)(vm.mem + SAMPLES_AT), b->samples));
}

int lab_main(void)
{
	static const struct bench benches[] = {
		BENCH(cpuid, 2048, 2920),      BENCH(vmmcall, 2048, 3154),
		BENCH(rdmsr, 2048, 2978),      BENCH(in, 2048, 3244),
		BENCH(out, 2048, 3214),        BENCH(mmio_read, 2048, 5659),
		BENCH(mmio_write, 2048, 5196), BENCH(touch, 192, 9843),
	};

	for (unsigned i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		measure(&benches[i]);
	return lab_failed();
}
