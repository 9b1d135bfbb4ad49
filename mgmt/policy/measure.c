// SPDX-License-Identifier: Apache-2.0
/* PCR 10: each committed epoch and each virtual machine before it starts. docs/tmc.md has the records. */
#include <string.h>
#include <mbedtls/sha256.h>
#include "mgmt/policy/steps.h"

#define WORD_EPOCH "epoch"
#define WORD_VM    "vm-start"

static bool send_event(struct engine *e, struct order *out, enum step step, size_t subject,
		       size_t n)
{
	memcpy(e->tpm_event, e->out, n);
	e->tpm_event_size = n;
	engine_order(e, &e->tpm_lane, out, step, subject, TPM_EXTEND, n);
	out->arg = TPM_PCR_RUNTIME;
	return true;
}

/* Exactly as before, id included: the broker knows whether it has done it. */
static bool send_again(struct engine *e, struct order *out)
{
	const struct lane again = e->tpm_again;

	memcpy(e->out, e->tpm_event, e->tpm_event_size);
	engine_order(e, &e->tpm_lane, out, again.step, 0, TPM_EXTEND, e->tpm_event_size);
	e->tpm_lane = again;
	out->id = again.id;
	out->arg = TPM_PCR_RUNTIME;
	return true;
}

/* epoch (8 bytes, little-endian), SHA-256 of the document */
static bool epoch_event(struct engine *e, struct order *out)
{
	struct span document = check_document(e->commit.bytes, e->commit.size);
	uint8_t *p = e->out;

	memcpy(p, WORD_EPOCH, sizeof(WORD_EPOCH));
	p += sizeof(WORD_EPOCH);
	for (unsigned i = 0; i < 8; i++)
		*p++ = (uint8_t)(e->state.epoch >> (8 * i));
	if (mbedtls_sha256(document.p, document.n, p, 0) != 0)
		return false;
	return send_event(e, out, STEP_MEASURE_EPOCH, 0, sizeof(WORD_EPOCH) + 8 + 32);
}

/* VM id, kernel digest, initramfs digest (zero: none), SHA-256 of the command line */
static bool vm_event(struct engine *e, size_t i, struct order *out)
{
	const struct state_vm *vm = &e->state.vms[i];
	uint8_t *p = e->out;

	memcpy(p, WORD_VM, sizeof(WORD_VM));
	p += sizeof(WORD_VM);
	memcpy(p, vm->id, 16);
	memcpy(p + 16, vm->kernel, 32);
	memcpy(p + 48, vm->initrd, 32);
	if (mbedtls_sha256((const uint8_t *)vm->cmdline, strlen(vm->cmdline), p + 80, 0) != 0)
		return false;
	return send_event(e, out, STEP_MEASURE_VM, i, sizeof(WORD_VM) + 112);
}

static bool vm_needs_it(const struct engine *e, size_t i)
{
	const struct vm_fact *f = &e->vms[i];

	return fact_vm_wanted(e, i) && e->listed && !(fact_vm_item(e, i) && fact_vm_same(e, i)) &&
	       fact_images_present(e, &e->state.vms[i]) &&
	       memcmp(f->measured, f->config, sizeof(f->config)) != 0;
}

bool measure_next(struct engine *e, struct order *out)
{
	if (e->tpm_lane.step != STEP_NONE || !e->state.epoch)
		return false;
	if (e->tpm_again.step != STEP_NONE)
		return send_again(e, out);
	if (!engine_due(e, e->tpm.retry_at))
		return false;
	if (!fact_epoch_measured(e))
		return epoch_event(e, out);
	for (size_t i = 0; i < e->state.vm_count; i++)
		if (vm_needs_it(e, i))
			return vm_event(e, i, out);
	return false;
}

void measure_answer(struct engine *e, const struct answer *a)
{
	char text[80];

	e->tpm_again.step = STEP_NONE;
	if (a->status != CS_OK) {
		attempt_failed(e, &e->tpm, "PCR 10 cannot be extended: %s",
			       answer_words(a, text, sizeof(text)));
		return;
	}
	attempt_done(&e->tpm);
	if (a->was.generation != e->generation)
		return;
	if (a->was.step == STEP_MEASURE_EPOCH)
		e->kept->epoch = e->state.epoch;
	else
		memcpy(e->vms[a->was.subject].measured, e->vms[a->was.subject].config, 32);
}
