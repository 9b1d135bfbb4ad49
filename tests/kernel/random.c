// SPDX-License-Identifier: Apache-2.0
/*
 * Two domains, one on each CPU, call the kernel with nonsense for a while: likely selectors, sizes and addresses mixed with wild ones. Nothing
 * they do may stop the kernel, and in the end all their memory comes back.
 */
#include "tests/kernel/ktest.h"

enum {
	CALLS_PER_ROUND = 30000,
};

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Where a domain keeps what it makes, by type; ANY is any of these. */
enum kind {
	NONE,
	PD,
	EC,
	SC,
	PT,
	SM,
	MO,
	SPACE,
	DC,
	NEW_PD,
	NEW_EC,
	NEW_SC,
	NEW_PT,
	NEW_SM,
	NEW_MO,
	NEW_SPACE,
	ANY
};

static const struct {
	uint8_t first, count;
} places[] = {
	[PD] = { KT_SEL_PD, 1 }, [EC] = { 16, 4 },     [SC] = { 20, 4 },
	[PT] = { 24, 4 },        [SM] = { 28, 4 },     [MO] = { 4, 1 },
	[SPACE] = { 40, 2 },     [DC] = { 7, 1 },      [NEW_PD] = { 42, 2 },
	[NEW_EC] = { 16, 4 },    [NEW_SC] = { 20, 4 }, [NEW_PT] = { 24, 4 },
	[NEW_SM] = { 28, 4 },    [NEW_MO] = { 32, 8 }, [NEW_SPACE] = { 40, 2 },
	[ANY] = { 16, 28 },
};

/* The selectors among each call's arguments. */
static const uint8_t kinds[CALL_COUNT][3] = {
	[CALL_IPC_CALL] = { PT },
	[CALL_CREATE_PD] = { NEW_PD, PD },
	[CALL_CREATE_SPACE] = { NEW_SPACE, PD },
	[CALL_CREATE_EC] = { NEW_EC, PD },
	[CALL_CREATE_VCPU] = { ANY, PD, SPACE },
	[CALL_CREATE_SC] = { NEW_SC, PD, EC },
	[CALL_CREATE_PT] = { NEW_PT, PD, EC },
	[CALL_CREATE_SM] = { NEW_SM, PD },
	[CALL_DERIVE] = { NEW_MO, MO },
	[CALL_DELEGATE] = { ANY, PD, ANY },
	[CALL_MAP] = { MO, PD },
	[CALL_UNMAP] = { PD },
	[CALL_REVOKE] = { ANY },
	[CALL_CTRL_KMEM] = { PD, PD },
	[CALL_CTRL_EC] = { EC },
	[CALL_CTRL_SC] = { SC },
	[CALL_CTRL_SM] = { SM },
	[CALL_VCPU_RUN] = { ANY, SM },
	[CALL_ASSIGN] = { DC, NONE, SM },
};

static uint64_t value(uint64_t *seed)
{
	uint64_t r = next(seed);

	switch (r >> 61) {
	case 0:
		return next(seed);
	case 1:
		return KT_SHARED + PAGE_SIZE + (next(seed) & 0x1f000);
	case 2:
		return (uint64_t)PAGE_SIZE << (next(seed) % 8);
	case 3:
		return next(seed) & (uint64_t)RIGHT_ALL;
	case 4:
		return 0;
	default:
		return next(seed) % 8;
	}
}

static void arguments(uint64_t *seed, uint64_t number, uint64_t *args)
{
	for (unsigned i = 0; i < 6; i++)
		args[i] = value(seed);
	for (unsigned i = 0; i < 3 && number < CALL_COUNT; i++) {
		uint8_t kind = kinds[number][i];

		if (kind != NONE && next(seed) % 16)
			args[i] = places[kind].first + next(seed) % places[kind].count;
	}
	if (number == CALL_CREATE_EC)
		args[4] = args[5] = 0x1000;
}

/* Calls that would only end the babble: its own image, waits without end. */
static bool skip(uint64_t number, const uint64_t *a)
{
	if (number == CALL_UNMAP)
		return a[1] <= KT_SHARED;
	if (number == CALL_CTRL_SM)
		return a[1] != SM_UP;
	return number == CALL_IPC_CALL && a[0] == KT_SEL_PT;
}

static void babble(void)
{
	uint64_t seed = kt_shared()[8], args[6], results[2];

	for (uint64_t n = 0; n < CALLS_PER_ROUND; n++) {
		uint64_t number = next(&seed) % (CALL_COUNT + 2);

		arguments(&seed, number, args);
		if (skip(number, args))
			continue;
		if (kt_call(number, args, results) == S_OK)
			kt_shared()[9]++;
		kt_shared()[10] = n;
	}
	kt_shared()[11] = 1;
	kt_stop();
}

static void give(struct domain *d, sel_t mo)
{
	lab_must(sys_delegate(mo, d->pd, 4, RIGHT_ALL), "delegate memory");
	lab_must(sys_delegate(lab_root->mo_dev, d->pd, 5, RIGHT_R), "delegate device memory");
	lab_must(sys_delegate(lab_root->pio_all, d->pd, 6, 0), "delegate ports");
	lab_must(sys_delegate(lab_root->dc_all, d->pd, 7, RIGHT_ALL), "delegate functions");
}

static void round_of(uint64_t seed)
{
	struct domain d[2];
	sel_t mo = lab_memory(64 * PAGE_SIZE, PAGE_SIZE);
	uint64_t good = 0;

	for (uint32_t i = 0; i < 2; i++) {
		domain_make_below(&d[i], 400, KT_PRIO);
		give(&d[i], mo);
		d[i].shared[8] = seed * 2 + i + 1;
	}
	lab_must(sys_delegate(d[1].pd, d[0].pd, 8,
			      RIGHT_PAY | RIGHT_MAP | RIGHT_EC | RIGHT_DELEGATE),
		 "one knows the other");
	for (uint32_t i = 0; i < 2; i++)
		domain_run(&d[i], i % lab_root->cpu_count, KT_LOW, babble);
	for (unsigned n = 0; n < 400 && !(d[0].shared[11] && d[1].shared[11]); n++)
		sleep_ms(10);
	for (uint32_t i = 0; i < 2; i++)
		good += d[i].shared[9];
	lab_text("# calls made: ");
	for (uint32_t i = 0; i < 2; i++) {
		lab_number(d[i].shared[10]);
		lab_text(state_of(d[i].ec) == EC_STATE_FAULTED ? " (faulted) " : " ");
	}
	lab_text("of which worked: ");
	lab_number(good);
	lab_text("\n");
	for (uint32_t i = 0; i < 2; i++)
		domain_end(&d[i]);
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

void test_random_calls(void)
{
	uint64_t quota = root_quota();

	for (uint64_t seed = 1; seed <= 5; seed++)
		round_of(seed * 0x9e3779b97f4a7c15);
	lab_equal(root_quota(), quota,
		  "after many random calls the kernel runs and has all memory back");
}
