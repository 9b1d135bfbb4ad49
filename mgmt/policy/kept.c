// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <string.h>
#include "mgmt/policy/kept.h"

struct kept_vm *kept_find(struct kept *k, uint64_t vm)
{
	for (size_t i = 0; i < STATE_VMS; i++)
		if (k->vms[i].vm == vm)
			return &k->vms[i];
	return NULL;
}

static bool has_vm(const struct state *s, uint64_t vm)
{
	for (size_t i = 0; i < s->vm_count; i++)
		if (state_number(s->vms[i].id) == vm)
			return true;
	return false;
}

static struct kept_vm *make_room(struct kept *k, const struct state *state)
{
	for (size_t i = 0; i < STATE_VMS; i++)
		if (!k->vms[i].vm || !has_vm(state, k->vms[i].vm))
			return &k->vms[i];
	return NULL; /* not reached: as many entries as VMs */
}

void kept_set(struct kept *k, const struct state *state, uint64_t vm, const uint8_t config[32])
{
	struct kept_vm *v = kept_find(k, vm);

	if (!v)
		v = make_room(k, state);
	if (!v)
		return;
	v->vm = 0;
	atomic_signal_fence(memory_order_seq_cst);
	v->epoch = state->epoch;
	memcpy(v->config, config, sizeof(v->config));
	atomic_signal_fence(memory_order_seq_cst);
	v->vm = vm;
}

void kept_spoil(struct kept *k, uint64_t vm)
{
	struct kept_vm *v = kept_find(k, vm);

	if (v)
		memset(v->config, 0, sizeof(v->config));
}
