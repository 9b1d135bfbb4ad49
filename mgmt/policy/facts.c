// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "mgmt/policy/steps.h"
#include "services/vmm/vmm.h"

const struct ctl_item *fact_item(const struct engine *e, const char *template_name, uint64_t tag)
{
	for (size_t i = 0; i < e->item_count; i++) {
		const struct ctl_item *item = &e->items[i];

		if (item->id.tag == tag && strncmp(item->id.template, template_name, CTL_NAME) == 0)
			return item;
	}
	return NULL;
}

const struct ctl_item *fact_vm_item(const struct engine *e, size_t vm)
{
	return fact_item(e, "vmm", state_number(e->state.vms[vm].id));
}

static bool iommu_or_allowed(const struct engine *e)
{
	return e->confined || e->state.allow_no_iommu;
}

bool fact_vm_wanted(const struct engine *e, size_t vm)
{
	return e->state.vms[vm].run && iommu_or_allowed(e);
}

bool fact_vm_same(const struct engine *e, size_t vm)
{
	const struct kept_vm *k = kept_find(e->kept, state_number(e->state.vms[vm].id));

	return k && memcmp(k->config, e->vms[vm].config, sizeof(k->config)) == 0;
}

bool fact_vm_off(const struct engine *e, size_t vm)
{
	const struct ctl_item *item = fact_vm_item(e, vm);
	const struct kept_vm *k = kept_find(e->kept, state_number(e->state.vms[vm].id));

	return item && item->state == CTL_ENDED && item->code == VMM_POWERED_OFF && k &&
	       k->epoch == e->state.epoch;
}

size_t fact_tvd(const struct engine *e, uint64_t number)
{
	size_t i = 0;

	while (i < e->state.tvd_count && state_number(e->state.tvds[i].id) != number)
		i++;
	return i;
}

size_t fact_vm(const struct engine *e, uint64_t number)
{
	size_t i = 0;

	while (i < e->state.vm_count && state_number(e->state.vms[i].id) != number)
		i++;
	return i;
}

size_t fact_image(const struct engine *e, const struct state_vm *vm, const uint8_t digest[32])
{
	const struct state_image *m = state_find_image(&e->state, vm->tvd, digest);

	return m ? (size_t)(m - e->state.images) : e->state.image_count;
}

static bool present(const struct engine *e, const struct state_vm *vm, const uint8_t digest[32])
{
	size_t i = fact_image(e, vm, digest);

	return i < e->state.image_count && e->images[i].status.progress == IMAGE_PRESENT;
}

bool fact_images_present(const struct engine *e, const struct state_vm *vm)
{
	return present(e, vm, vm->kernel) &&
	       (digest_is_zero(vm->initrd) || present(e, vm, vm->initrd));
}

bool fact_vault_open(const struct engine *e, size_t tvd)
{
	const struct ctl_item *item = fact_item(e, "vault", state_number(e->state.tvds[tvd].id));

	return e->tvds[tvd].serial && e->tvds[tvd].state == VAULT_OPEN && item &&
	       item->state == CTL_RUNNING;
}

static const char *vault_waits(const struct engine *e, const struct state_vm *vm, char *text,
			       size_t cap)
{
	size_t i = fact_tvd(e, state_number(vm->tvd));
	const struct tvd_fact *f = &e->tvds[i];

	if (fact_vault_open(e, i))
		return NULL;
	snprintf(text, cap, "domain %s is not open%s%.60s", e->state.tvds[i].name,
		 f->text[0] ? ": " : "", f->text);
	return text;
}

static const char *image_waits(const struct engine *e, const struct state_vm *vm, const char *what,
			       const uint8_t digest[32], char *text, size_t cap)
{
	const struct image_status *s;

	if (digest_is_zero(digest) || present(e, vm, digest))
		return NULL;
	s = &e->images[fact_image(e, vm, digest)].status;
	if (s->progress == IMAGE_VERIFYING)
		snprintf(text, cap, "%s is being verified", what);
	else
		snprintf(text, cap, "%s is not there yet: %u of %u chunks", what, (unsigned)s->next,
			 (unsigned)s->count);
	return text;
}

static const char *setup_waits(const struct engine *e, size_t vm)
{
	const struct vm_fact *f = &e->vms[vm];

	if (f->setup.why[0])
		return f->setup.why;
	if (e->state.vms[vm].blocks && !f->ensured)
		return "its volume is being made";
	return f->attached ? NULL : "its vault is being told";
}

bool fact_epoch_measured(const struct engine *e)
{
	return e->state.epoch && e->kept->epoch == e->state.epoch;
}

static const char *measure_waits(const struct engine *e, size_t vm)
{
	const struct vm_fact *f = &e->vms[vm];

	if (fact_epoch_measured(e) && memcmp(f->measured, f->config, sizeof(f->config)) == 0)
		return NULL;
	return e->tpm.why[0] ? e->tpm.why : "PCR 10 is being extended";
}

const char *fact_vm_waits(const struct engine *e, size_t vm, char *text, size_t cap)
{
	const struct state_vm *v = &e->state.vms[vm];
	const char *why;

	if (!iommu_or_allowed(e))
		return "this server has no IOMMU, and its configuration does not allow VMs without "
		       "one";
	why = vault_waits(e, v, text, cap);
	if (!why)
		why = image_waits(e, v, "kernel image", v->kernel, text, cap);
	if (!why)
		why = image_waits(e, v, "initramfs", v->initrd, text, cap);
	if (!why)
		why = setup_waits(e, vm);
	return why ? why : measure_waits(e, vm);
}
