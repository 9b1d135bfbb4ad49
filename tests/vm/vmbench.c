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
GUEST(bench_lazy)

enum {
	SAMPLES_AT = 0x100000,
	MMIO_INSN = 2,       /* length of both moves */
	LAZY_FROM = 0x40000, /* where the pages at LAB_HOLE are taken from */
};

struct bench {
	const char *name;
	const uint8_t *code, *code_end;
	uint32_t samples;
	uint32_t peer; /* KVM with a minimal VMM on the same emulator */
	void (*on_memory)(const struct lab_vm *vm, struct vcpu_state *s);
};

#define BENCH_AS(name, guest, samples, peer, on_memory)                                        \
	{                                                                                      \
		name, guest_bench_##guest, guest_bench_##guest##_end, samples, peer, on_memory \
	}
#define BENCH(guest, samples, peer) BENCH_AS("bare_" #guest, guest, samples, peer, skip_move)

const char *lab_name = "vmbench";

static void skip_move(const struct lab_vm *vm, struct vcpu_state *s)
{
	(void)vm;
	vcpu_skip(s, MMIO_INSN);
}

/* Memory that is given when it is first touched: one zeroed page; the instruction runs again. */
static void give_page(const struct lab_vm *vm, struct vcpu_state *s)
{
	uint64_t gpa = s->qual[0] & ~(uint64_t)(PAGE_SIZE - 1);
	uint64_t from = gpa - LAB_HOLE + LAZY_FROM, words = PAGE_SIZE / 8;
	uint8_t *page = vm->mem + from;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0) : "memory");
	lab_must(sys_map(vm->mo, vm->space, gpa, from, PAGE_SIZE, RIGHT_RW | RIGHT_X),
		 "give a page");
}

/* Answers every exit but those of memory by going on behind the instruction. */
static void drive(const struct bench *b, const struct lab_vm *vm, const struct lab_vcpu *v)
{
	uint64_t exit;

	while ((exit = lab_run(v, 0, 0)) != VM_EXIT_HLT) {
		if (exit > VM_EXIT_LAST) {
			lab_check(false, "the guest runs to its end");
			return;
		}
		if (exit == VM_EXIT_MEMORY)
			b->on_memory(vm, v->s);
		else
			vcpu_skip(v->s, v->s->insn_len);
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
	drive(b, &vm, &v);
	report(b, median((uint32_t *)(void *)(vm.mem + SAMPLES_AT), b->samples));
}

int lab_main(void)
{
	static const struct bench benches[] = {
		BENCH(cpuid, 2048, 2920),
		BENCH(vmmcall, 2048, 3154),
		BENCH(rdmsr, 2048, 2978),
		BENCH(in, 2048, 3244),
		BENCH(out, 2048, 3214),
		BENCH(mmio_read, 2048, 5659),
		BENCH(mmio_write, 2048, 5196),
		BENCH(touch, 192, 9843),
		BENCH_AS("fault_first_touch", lazy, 192, 9843, give_page),
	};

	for (unsigned i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		measure(&benches[i]);
	return lab_failed();
}
