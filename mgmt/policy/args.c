// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mbedtls/sha256.h>
#include "mgmt/policy/steps.h"
#include "services/vmm/vmm.h"

static void hash(const void *p, size_t n, uint8_t out[32])
{
	if (mbedtls_sha256(p, n, out, 0) != 0)
		abort();
}

void args_vm_config(const struct state_vm *vm, uint8_t out[32])
{
	struct state_vm v = *vm; /* decoded: zero where nothing was written */

	memset(v.name, 0, sizeof(v.name));
	v.run = 0;
	if (!v.blocks)
		memset(v.volume, 0, sizeof(v.volume));
	hash(&v, sizeof(v), out);
}

static size_t begin(struct engine *e, const char *template_name, uint64_t tag, uint64_t parent,
		    const char *name, uint64_t mem_mib, size_t n)
{
	struct ctl_start s = {
		.version = CTL_VERSION, .arg_len = (uint32_t)n, .parent = parent, .mem_mib = mem_mib
	};

	snprintf(s.id.template, sizeof(s.id.template), "%s", template_name);
	s.id.tag = tag;
	snprintf(s.instance, sizeof(s.instance), "%s", name);
	memcpy(e->out, &s, sizeof(s));
	return sizeof(s) + n;
}

static size_t vault_argument(const struct engine *e, size_t tvd, uint8_t *p)
{
	const struct state_tvd *t = &e->state.tvds[tvd];
	struct vault_args head = { .version = VAULT_ARGS_VERSION };

	head.approvals = (uint32_t)(t->approvals.n / sizeof(struct approval));
	memcpy(head.tvd_id, t->id, sizeof(head.tvd_id));
	memcpy(head.policy_key, e->binding->policy_key + 1, sizeof(head.policy_key));
	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), t->approvals.p, t->approvals.n);
	memcpy(p + sizeof(head) + t->approvals.n, t->key.p, t->key.n);
	return sizeof(head) + t->approvals.n + t->key.n;
}

size_t args_vault(struct engine *e, size_t tvd)
{
	const struct state_tvd *t = &e->state.tvds[tvd];
	size_t n = vault_argument(e, tvd, e->out + sizeof(struct ctl_start));

	return begin(e, "vault", state_number(t->id), 0, t->name, 0, n);
}

void args_vault_digest(const struct engine *e, size_t tvd, uint8_t out[32])
{
	static uint8_t argument[CTL_MAX_ARG];

	hash(argument, vault_argument(e, tvd, argument), out);
}

size_t args_vm(struct engine *e, size_t vm)
{
	const struct state_vm *v = &e->state.vms[vm];
	size_t initrd = fact_image(e, v, v->initrd);
	struct vmm_args a = { .magic = VMM_ARGS_MAGIC,
			      .version = VMM_ARGS_VERSION,
			      .size = sizeof(a),
			      .vm = state_number(v->id),
			      .mem_mib = (uint32_t)v->mem_mib,
			      .vcpus = (uint32_t)v->cpus };

	if (e->utc)
		a.utc = (uint64_t)e->utc + e->now / S;
	a.kernel_size = e->state.images[fact_image(e, v, v->kernel)].size;
	memcpy(a.kernel_digest, v->kernel, sizeof(a.kernel_digest));
	if (initrd < e->state.image_count) {
		a.initrd_size = e->state.images[initrd].size;
		memcpy(a.initrd_digest, v->initrd, sizeof(a.initrd_digest));
	}
	if (v->blocks)
		memcpy(a.volume, v->volume, sizeof(a.volume));
	a.cmdline_len = (uint32_t)strlen(v->cmdline);
	memcpy(a.cmdline, v->cmdline, a.cmdline_len);
	memcpy(e->out + sizeof(struct ctl_start), &a, sizeof(a));
	return begin(e, "vmm", state_number(v->id), state_number(v->tvd), v->name, v->mem_mib,
		     sizeof(a));
}
