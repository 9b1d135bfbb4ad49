// SPDX-License-Identifier: Apache-2.0
/* Policy's engine on a simulated server: what it refuses, deaths at every step, random orders of events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mgmt/policy/steps.h"
#include "services/vmm/vmm.h"
#include "tests/unit/policy_world.h"

enum { RANDOM_RUNS = 300, RANDOM_STEPS = 600 };

static struct world w;
static struct state state;
static char text[POLICY_TEXT];
static int failed;

static void check(const char *what, bool good, const char *why)
{
	printf("%s policy_engine: %s%s%s\n", good ? "ok" : "not ok", what, good ? "" : ": ",
	       good ? "" : why);
	failed |= !good;
}

static void must_say(const char *what, enum chan_status got, enum chan_status want,
		     const char *words)
{
	check(what, got == want && strstr(text, words), text);
}

/* A state with one TVD, two VMs, all running. */
static void simple(uint64_t epoch)
{
	do
		world_state(&w, epoch, &state);
	while (state.tvd_count != 1 || state.vm_count != 2);
	state.vms[0].run = state.vms[1].run = 1;
}

static void begin(uint32_t seed)
{
	world_init(&w, seed);
	for (unsigned i = 0; i < 10; i++)
		world_step(&w);
}

static enum chan_status submit_bytes(const uint8_t *p, size_t n)
{
	struct verdict v = { .status = CS_BUSY };
	struct order o;

	text[0] = 0;
	if (!engine_submit(&w.engine, w.now, p, n, 1))
		return CS_BUSY;
	if (engine_next(&w.engine, w.now, &o))
		engine_unsent(&w.engine, &o);
	if (!engine_verdict(&w.engine, &v))
		return CS_BUSY;
	memcpy(text, v.text, sizeof(text));
	return v.status;
}

/* Each VM's line says that it waits, and for what. */
static bool wait_for_iommu(void)
{
	struct tmc_status status;
	unsigned told = 0;

	engine_status(&w.engine, &status);
	for (size_t i = 0; i < status.count; i++)
		told += !strcmp(status.items[i].kind, "vm") &&
			!strcmp(status.items[i].state, "waiting") &&
			strstr(status.items[i].text, "no IOMMU");
	return told == state.vm_count;
}

/* A machine without an IOMMU: VMs wait, and say why, unless the signed state allows them. */
static void unconfined(void)
{
	world_init(&w, 3);
	w.unconfined = true;
	w.engine.confined = false;
	simple(5);
	world_submit(&w, &state, text);
	world_settle(&w);
	check("without an IOMMU no VM starts, and it is said why",
	      wait_for_iommu() && !world_wrong(&w), world_wrong(&w));
	state.epoch = 6;
	state.allow_no_iommu = 1;
	world_submit(&w, &state, text);
	world_settle(&w);
	check("a signed state that allows it starts them",
	      !world_wrong(&w) && fact_item(&w.engine, "vmm", state_number(state.vms[0].id)),
	      world_wrong(&w));
	state.epoch = 7;
	state.allow_no_iommu = 0;
	world_submit(&w, &state, text);
	world_settle(&w);
	check("the next one that does not stops them, and it is said why",
	      wait_for_iommu() && !world_wrong(&w), world_wrong(&w));
	state.epoch = 8;
	state.allow_no_iommu = 1;
	world_submit(&w, &state, text);
	world_settle(&w);
	check("and they come back when they may", !world_wrong(&w), world_wrong(&w));
}

static void refusals(void)
{
	static uint8_t bytes[SIGNED_STATE_MAX + 1];
	size_t n;

	world_init(&w, 1);
	simple(5);
	w.disk_open_at = 60000000000;
	check("before the disk is open it waits", world_submit(&w, &state, text) == CS_BUSY, text);
	while (w.now < 15000000000)
		world_step(&w);
	memcpy(text, w.last.text, sizeof(text));
	must_say("but not for ever", w.last.status, CS_STATE, "the disk is not open");
	begin(1);
	n = world_sign(&w, &state, bytes);
	bytes[n / 2] ^= 1;
	must_say("a changed byte", submit_bytes(bytes, n), CS_DENIED, "not signed");
	must_say("half a state", submit_bytes(bytes, n / 2), CS_BAD_REQUEST, "desired state");
	must_say("too large", submit_bytes(bytes, sizeof(bytes)), CS_BAD_REQUEST, "larger");
	state.server_id[3] ^= 1;
	must_say("another server's", world_submit(&w, &state, text), CS_DENIED, "another server");
	state.server_id[3] ^= 1;
	state.vms[1].kernel[0] ^= 0x80;
	must_say("a rule broken", world_submit(&w, &state, text), CS_BAD_REQUEST, "kernel");
	state.vms[1].kernel[0] ^= 0x80;
	check("a good one is not refused", world_submit(&w, &state, text) == CS_BUSY, text);
	world_settle(&w);
	check("and is reached", w.acknowledged == 5 && !world_wrong(&w), world_wrong(&w));
	must_say("the same again", world_submit(&w, &state, text), CS_OK, "already");
	state.vms[0].mem_mib++;
	must_say("the same epoch, other content", world_submit(&w, &state, text), CS_DENIED,
		 "epoch 5 is committed");
	state.epoch = 4;
	must_say("an older epoch", world_submit(&w, &state, text), CS_DENIED, "epoch 4 is refused");
}

static const struct tmc_status_item *item(const char *kind, const char *name)
{
	static struct tmc_status s;

	engine_status(&w.engine, &s);
	for (size_t i = 0; i < s.count; i++)
		if (strcmp(s.items[i].kind, kind) == 0 && strcmp(s.items[i].name, name) == 0)
			return &s.items[i];
	return NULL;
}

static bool vm_is(unsigned i, const char *word)
{
	const struct tmc_status_item *m = item("vm", state.vms[i].name);

	return m && strcmp(m->state, word) == 0;
}

static void reach(void)
{
	world_submit(&w, &state, text);
	world_settle(&w);
}

static void end_both(int32_t code)
{
	while (world_end_vm(&w, code))
		;
	world_settle(&w);
}

static void ends_of_vms(void)
{
	begin(2);
	simple(1);
	reach();
	check("VMs run", vm_is(0, "running") && vm_is(1, "running"), "status");
	end_both(VMM_POWERED_OFF);
	check("a VM that switched itself off is off", vm_is(0, "off") && vm_is(1, "off"), "status");
	world_kill(&w, KILL_POLICY);
	world_settle(&w);
	check("and stays so when policy dies", vm_is(0, "off") && vm_is(1, "off"), "status");
	state.epoch = 2;
	reach();
	check("the next epoch starts it", vm_is(0, "running") && vm_is(1, "running"), "status");
	state.epoch = 3;
	reach();
	end_both(VMM_POWERED_OFF);
	check("off in a later epoch than it started in is off", vm_is(0, "off") && vm_is(1, "off"),
	      "status");
	state.epoch = 4;
	reach();
	end_both(VMM_RESET);
	check("a reset starts it again", vm_is(0, "running") && vm_is(1, "running"), "status");
	end_both(-1);
	check("so does a fault", vm_is(0, "running") && vm_is(1, "running"), "status");
	end_both(VMM_POWERED_OFF);
	world_kill(&w, CUT_POWER);
	world_settle(&w);
	check("a reboot starts all", vm_is(0, "running") && vm_is(1, "running"), "status");
	state.epoch = 5;
	state.vms[0].run = 0;
	reach();
	check("one is stopped, one runs", vm_is(0, "stopped") && vm_is(1, "running"), "status");
}

/* Stopped and started again at once: it is a new start, whenever its guest obeys the power button. */
static void stop_and_start(void)
{
	const char *why = NULL;

	for (unsigned seed = 20; seed < 60 && !why; seed++) {
		begin(seed);
		simple(1);
		reach();
		state.epoch = 2;
		state.vms[0].run = 0;
		world_submit(&w, &state, text);
		while (!w.engine.vms[0].pressed)
			world_step(&w);
		for (unsigned i = 0; i < seed / 8; i++)
			world_step(&w);
		if (seed % 4 == 0)
			world_kill(&w, KILL_POLICY);
		state.epoch = 3;
		state.vms[0].run = 1;
		while (world_submit(&w, &state, text) == CS_BUSY && w.engine.state.epoch < 3)
			world_step(&w);
		world_settle(&w);
		why = world_wrong(&w);
		if (!why && !(vm_is(0, "running") && vm_is(1, "running")))
			why = "not both run";
	}
	check("a VM stopped and started at once runs", !why, why);
}

/* The guest is gone before root has told that it runs. */
static void off_at_once(void)
{
	begin(5);
	simple(1);
	world_submit(&w, &state, text);
	while (!world_end_vm(&w, VMM_POWERED_OFF))
		world_step(&w);
	world_settle(&w);
	check("a guest that switches itself off at once is off",
	      vm_is(0, "off") + vm_is(1, "off") == 1, "status");
}

static void waiting(void)
{
	begin(3);
	simple(1);
	w.upload = false;
	reach();
	check("without images VMs wait", vm_is(0, "waiting"), "status");
	check("and it is said for what",
	      strstr(item("vm", state.vms[0].name)->text, "kernel image is not there yet"),
	      item("vm", state.vms[0].name)->text);
	w.upload = true;
	world_settle(&w);
	check("they start when the images have come", vm_is(0, "running"), "status");
	state.epoch = 2;
	state.vms[0].blocks = state.vms[1].blocks = 777;
	reach();
	check("a volume of another size is not touched",
	      strstr(item("vm", state.vms[0].name)->text, "another size") ||
		      strstr(item("vm", state.vms[1].name)->text, "another size"),
	      "status");
}

static void records(void)
{
	size_t before;

	begin(4);
	simple(1);
	reach();
	before = w.record_count;
	check("PCR 10: the epoch and each VM once", before == 3, "records");
	end_both(VMM_RESET);
	check("a restart measures nothing again", w.record_count == before, "records");
	world_kill(&w, KILL_POLICY);
	end_both(VMM_RESET);
	check("nor does a new policy", w.record_count == before, "records");
	for (unsigned i = 0; i < 20; i++) {
		world_kill(&w, KILL_TPM);
		world_step(&w);
	}
	state.epoch = 2;
	reach();
	check("nor does another epoch, but itself", w.record_count == before + 1, "records");
}

/* One death after each number of steps, for each victim. */
static void death_at_every_step(void)
{
	unsigned points = 0;
	const char *why = NULL;

	for (unsigned victim = 0; victim < VICTIMS && !why; victim++) {
		for (unsigned at = 0; at < 120 && !why; at++, points++) {
			begin(at + 7);
			simple(1);
			world_submit(&w, &state, text);
			for (unsigned i = 0; i < at; i++)
				world_step(&w);
			world_kill(&w, (enum victim)victim);
			world_settle(&w);
			why = world_wrong(&w);
			if (!why && victim == KILL_TPM && w.record_count != 3)
				why = "a record is missing or twice in PCR 10";
			if (why)
				snprintf(text, sizeof(text), "victim %u at step %u: %s", victim, at,
					 why);
		}
	}
	check("a death at every step, of each component", !why && points == 120 * VICTIMS, text);
}

static void random_event(void)
{
	uint32_t r = world_random(&w, 100);

	if (r < 2)
		world_kill(&w, CUT_POWER);
	else if (r < 10)
		world_kill(&w, (enum victim)world_random(&w, CUT_POWER));
	else if (r < 13) {
		world_state(&w, w.engine.state.epoch + world_random(&w, 3), &state);
		world_submit(&w, &state, text);
	} else
		world_step(&w);
}

static void random_orders(void)
{
	const char *why = NULL;

	for (unsigned seed = 1; seed <= RANDOM_RUNS && !why; seed++) {
		world_init(&w, seed);
		w.errors_per_1000 = seed % 3 ? 0 : 50;
		for (unsigned i = 0; i < RANDOM_STEPS && !w.broken; i++)
			random_event();
		world_settle(&w);
		why = world_wrong(&w);
		if (why)
			snprintf(text, sizeof(text), "seed %u, step %u: %s", seed, w.steps, why);
	}
	check("random events, deaths, errors: the state is reached, nothing is lost", !why, text);
}

int main(void)
{
	refusals();
	unconfined();
	ends_of_vms();
	stop_and_start();
	off_at_once();
	waiting();
	records();
	death_at_every_step();
	random_orders();
	return failed;
}
