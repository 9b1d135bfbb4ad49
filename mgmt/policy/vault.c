// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "mgmt/policy/internal.h"

struct chan *vault_of(uint64_t tvd)
{
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (strcmp(chan_proto(c), "vault") == 0 && chan_tag(c) == tvd)
			return c;
	return NULL;
}

bool vault_start(const struct state_tvd *t)
{
	static uint8_t args[CTL_MAX_ARG];
	struct vault_args head = { .version = VAULT_ARGS_VERSION };
	struct ctl_start start = { .version = CTL_VERSION, .id = { "vault", state_number(t->id) } };
	size_t n = sizeof(head) + t->approvals.n + t->key.n;

	if (n > sizeof(args))
		return false;
	head.approvals = (uint32_t)(t->approvals.n / sizeof(struct approval));
	memcpy(head.tvd_id, t->id, sizeof(head.tvd_id));
	memcpy(head.policy_key, policy.binding->policy_key + 1, sizeof(head.policy_key));
	memcpy(args, &head, sizeof(head));
	memcpy(args + sizeof(head), t->approvals.p, t->approvals.n);
	memcpy(args + sizeof(head) + t->approvals.n, t->key.p, t->key.n);
	start.arg_len = (uint32_t)n;
	snprintf(start.instance, sizeof(start.instance), "%s", t->name);
	return control_start(&start, args, n);
}

enum vault_state vault_state(uint64_t tvd, char *text, size_t cap)
{
	struct chan *c = vault_of(tvd);
	struct vault_status s;
	size_t n;

	text[0] = 0;
	if (!c || chan_call(c, VAULT_STATUS, 0, NULL, 0, &s, sizeof(s), &n) != CS_OK ||
	    n != sizeof(s))
		return VAULT_STARTING;
	snprintf(text, cap, "%.*s", (int)sizeof(s.text) - 1, s.text);
	return s.state <= VAULT_REFUSED ? (enum vault_state)s.state : VAULT_REFUSED;
}

bool vault_image(const struct state_image *m, struct image_status *out)
{
	struct chan *c = vault_of(state_number(m->tvd));
	struct image_name name = { .size = m->size };
	size_t n;

	memcpy(name.digest, m->digest, sizeof(name.digest));
	return c &&
	       chan_call(c, IMAGE_WANT, 0, &name, sizeof(name), out, sizeof(*out), &n) == CS_OK &&
	       n == sizeof(*out);
}

static struct image_name image_name(const struct state_vm *vm, const uint8_t digest[32])
{
	const struct state_image *m = state_find_image(&policy.state, vm->tvd, digest);
	struct image_name name = { .size = m ? m->size : 0 };

	if (m)
		memcpy(name.digest, digest, sizeof(name.digest));
	return name;
}

bool vault_attach(const struct state_vm *vm)
{
	struct chan *c = vault_of(state_number(vm->tvd));
	struct vault_volume volume = { .blocks = vm->blocks };
	struct vm_attach attach = { .vm = state_number(vm->id) };

	if (!c)
		return false;
	if (vm->blocks) {
		memcpy(volume.uuid, vm->volume, sizeof(volume.uuid));
		if (chan_call(c, VOLUME_ENSURE, 0, &volume, sizeof(volume), NULL, 0, NULL) != CS_OK)
			return false;
		memcpy(attach.disk, vm->volume, sizeof(attach.disk));
	}
	memcpy(attach.vm_id, vm->id, sizeof(attach.vm_id));
	attach.kernel = image_name(vm, vm->kernel);
	attach.initrd = image_name(vm, vm->initrd);
	return chan_call(c, VM_ATTACH, 0, &attach, sizeof(attach), NULL, 0, NULL) == CS_OK;
}

void vault_detach(uint64_t tvd, const struct state_vm *vm)
{
	struct chan *c = vault_of(tvd);
	struct vm_attach attach = { .vm = state_number(vm->id) };

	if (c)
		chan_call(c, VM_DETACH, 0, &attach, sizeof(attach), NULL, 0, NULL);
}
