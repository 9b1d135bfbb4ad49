// SPDX-License-Identifier: Apache-2.0
/*
 * One pass: compare what runs with what shall run, do the next steps, write down what was found. Every step may be
 * repeated; whatever is not done is tried in the next pass, which the main loop starts on events and every second.
 */
#include <stdio.h>
#include <string.h>
#include "lib/component.h"
#include "mgmt/policy/internal.h"
#include "services/vmm/vmm.h"

enum { MAX_FAILURES = 3, SHORT_HEX = 8 };

static void note(const char *kind, const char *name, const char *state, const char *text)
{
	struct tmc_status *s = &policy.status;
	struct tmc_status_item *item = &s->items[s->count];

	if (s->count == TMC_STATUS_ITEMS)
		return;
	s->count++;
	memset(item, 0, sizeof(*item));
	snprintf(item->kind, sizeof(item->kind), "%s", kind);
	snprintf(item->name, sizeof(item->name), "%s", name);
	snprintf(item->state, sizeof(item->state), "%s", state);
	snprintf(item->text, sizeof(item->text), "%s", text);
}

static const struct state_vm *wanted_vm(uint64_t number)
{
	for (size_t i = 0; i < policy.state.vm_count; i++) {
		const struct state_vm *vm = &policy.state.vms[i];

		if (state_number(vm->id) == number)
			return vm->run ? vm : NULL;
	}
	return NULL;
}

static bool wanted_tvd(uint64_t number)
{
	for (size_t i = 0; i < policy.state.tvd_count; i++)
		if (state_number(policy.state.tvds[i].id) == number)
			return true;
	return false;
}

/* What runs and shall not: VMs before vaults. */
static void stop_unwanted(void)
{
	for (size_t i = 0; i < policy.item_count; i++) {
		const struct ctl_item *item = &policy.items[i];

		if (strcmp(item->id.template, "vmm") == 0 && !wanted_vm(item->id.tag)) {
			log_line("VM %.31s stops", item->instance);
			control_stop("vmm", item->id.tag);
		}
	}
	for (size_t i = 0; i < policy.state.vm_count; i++) {
		if (!policy.state.vms[i].run && policy.vms[i].attached) {
			vault_detach(state_number(policy.state.vms[i].tvd), &policy.state.vms[i]);
			policy.vms[i].attached = false;
		}
	}
	for (size_t i = 0; i < policy.item_count; i++) {
		const struct ctl_item *item = &policy.items[i];

		if (strcmp(item->id.template, "vault") == 0 && !wanted_tvd(item->id.tag))
			control_stop("vault", item->id.tag);
	}
}

static bool reconcile_tvd(const struct state_tvd *t)
{
	static const char *const names[] = { "starting", "open", "refused" };
	uint64_t number = state_number(t->id);
	char text[120];
	enum vault_state state = VAULT_STARTING;

	if (control_find("vault", number) || vault_start(t))
		state = vault_state(number, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "the vault cannot be started");
	note("tvd", t->name, names[state], text);
	return state != VAULT_STARTING;
}

static bool reconcile_image(const struct state_image *m)
{
	static const char *const names[] = { "absent", "partial", "verifying", "present" };
	struct image_status s = { .progress = IMAGE_ABSENT };
	char name[2 * SHORT_HEX + 1], text[64] = "";

	for (unsigned i = 0; i < SHORT_HEX; i++)
		snprintf(name + 2 * i, 3, "%02x", m->digest[i]);
	if (!vault_image(m, &s) || s.progress > IMAGE_PRESENT)
		s.progress = IMAGE_ABSENT;
	else if (s.progress == IMAGE_PARTIAL)
		snprintf(text, sizeof(text), "%u of %u chunks", (unsigned)s.next,
			 (unsigned)s.count);
	note("image", name, names[s.progress], text);
	return s.progress == IMAGE_PRESENT;
}

static bool image_present(const struct state_vm *vm, const uint8_t digest[32])
{
	const struct state_image *m = state_find_image(&policy.state, vm->tvd, digest);
	struct image_status s;

	return m && vault_image(m, &s) && s.progress == IMAGE_PRESENT;
}

/* Everything before the start, in order; NULL when it may start. */
static const char *prepare_vm(const struct state_vm *vm, struct vm_track *track)
{
	if (!image_present(vm, vm->kernel))
		return "kernel image is not there yet";
	if (!digest_is_zero(vm->initrd) && !image_present(vm, vm->initrd))
		return "initramfs is not there yet";
	if (!track->attached && !vault_attach(vm))
		return "volume cannot be made";
	track->attached = true;
	if (!track->measured && !vm_measure(vm))
		return "PCR 10 cannot be extended";
	track->measured = true;
	return NULL;
}

static bool start_vm(const struct state_vm *vm, struct vm_track *track)
{
	const char *why = prepare_vm(vm, track);

	if (!why && !vm_start(vm))
		why = "root does not start it: memory?";
	if (!why)
		log_line("VM %s starts", vm->name);
	note("vm", vm->name, why ? "waiting" : "running", why ? why : "");
	return !why;
}

/* A vmm that ended: power-off stays off, a reset starts again, a failure is tried again a few times. */
static bool ended_vm(const struct state_vm *vm, struct vm_track *track, const struct ctl_item *item)
{
	bool failed = item->code != VMM_POWERED_OFF && item->code != VMM_RESET;

	if (item->code == VMM_POWERED_OFF) {
		note("vm", vm->name, "off", "the guest switched itself off");
		return true;
	}
	if (failed && ++track->failures > MAX_FAILURES) {
		track->failures = MAX_FAILURES;
		note("vm", vm->name, "failed",
		     "its machine ended with a fault; stop and start it again");
		return true;
	}
	log_line("VM %s ended (%d): starts again", vm->name, (int)item->code);
	control_stop("vmm", item->id.tag);
	return start_vm(vm, track);
}

static bool reconcile_vm(const struct state_vm *vm, struct vm_track *track)
{
	const struct ctl_item *item = control_find("vmm", state_number(vm->id));

	if (!vm->run) {
		track->failures = 0;
		note("vm", vm->name, "stopped", "");
		return true;
	}
	if (item && item->state == CTL_ENDED)
		return ended_vm(vm, track, item);
	if (!item)
		return start_vm(vm, track);
	if (!track->attached)
		track->attached = vault_attach(vm);
	note("vm", vm->name, item->state == CTL_RUNNING ? "running" : "restarting", "");
	return item->state == CTL_RUNNING && track->attached;
}

void reconcile(void)
{
	bool settled = true;

	memset(&policy.status, 0, sizeof(policy.status));
	policy.status.epoch = policy.state.epoch;
	control_list();
	stop_unwanted();
	for (size_t i = 0; i < policy.state.tvd_count; i++)
		settled &= reconcile_tvd(&policy.state.tvds[i]);
	for (size_t i = 0; i < policy.state.image_count; i++)
		settled &= reconcile_image(&policy.state.images[i]);
	for (size_t i = 0; i < policy.state.vm_count; i++)
		settled &= reconcile_vm(&policy.state.vms[i], &policy.vms[i]);
	policy.settled = settled;
}

void reconcile_forget(uint64_t tvd)
{
	for (size_t i = 0; i < policy.state.vm_count; i++)
		if (state_number(policy.state.vms[i].tvd) == tvd)
			policy.vms[i].attached = false;
	policy.settled = false;
}
