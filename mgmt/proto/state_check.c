// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "mgmt/proto/cbor.h"
#include "mgmt/proto/keys.h"
#include "mgmt/proto/state.h"

uint64_t state_number(const uint8_t id[16])
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 8; i++)
		n |= (uint64_t)id[i] << (8 * i);
	return n;
}

bool digest_is_zero(const uint8_t digest[32])
{
	static const uint8_t zero[32];

	return memcmp(digest, zero, sizeof(zero)) == 0;
}

const struct state_tvd *state_find_tvd(const struct state *s, const uint8_t id[16])
{
	for (size_t i = 0; i < s->tvd_count; i++)
		if (memcmp(s->tvds[i].id, id, 16) == 0)
			return &s->tvds[i];
	return NULL;
}

const struct state_image *state_find_image(const struct state *s, const uint8_t tvd[16],
					   const uint8_t digest[32])
{
	for (size_t i = 0; i < s->image_count; i++)
		if (memcmp(s->images[i].tvd, tvd, 16) == 0 &&
		    memcmp(s->images[i].digest, digest, 32) == 0)
			return &s->images[i];
	return NULL;
}

static bool approvals_good(const struct span *list)
{
	struct approval a;

	if (list->n == 0 || list->n % sizeof(a) || list->n / sizeof(a) > APPROVAL_MAX)
		return false;
	for (size_t at = 0; at < list->n; at += sizeof(a)) {
		memcpy(&a, list->p + at, sizeof(a));
		if (approval_check(&a, APPROVAL_TVD) != 0)
			return false;
	}
	return true;
}

static const char *check_tvd(const struct state *s, size_t i)
{
	const struct state_tvd *t = &s->tvds[i];
	struct wrapped_parts parts;

	if (state_number(t->id) == 0)
		return "TVD number 0";
	for (size_t j = 0; j < i; j++)
		if (state_number(s->tvds[j].id) == state_number(t->id) ||
		    strcmp(s->tvds[j].name, t->name) == 0)
			return "two TVDs of one name or number";
	if (wrapped_parse(t->key.p, t->key.n, t->id, &parts) != 0)
		return "malformed wrapped key of a TVD";
	return approvals_good(&t->approvals) ? NULL : "malformed approvals of a TVD";
}

static const char *check_image(const struct state *s, size_t i)
{
	const struct state_image *m = &s->images[i];

	if (!state_find_tvd(s, m->tvd))
		return "image of an unknown TVD";
	if (m->size == 0 || digest_is_zero(m->digest))
		return "empty image";
	return state_find_image(s, m->tvd, m->digest) == m ? NULL : "image listed twice";
}

static const char *check_vm(const struct state *s, size_t i)
{
	const struct state_vm *v = &s->vms[i];

	if (state_number(v->id) == 0)
		return "VM number 0";
	for (size_t j = 0; j < i; j++) {
		if (state_number(s->vms[j].id) == state_number(v->id) ||
		    strcmp(s->vms[j].name, v->name) == 0)
			return "two VMs of one name or number";
		if (v->blocks && s->vms[j].blocks && !memcmp(s->vms[j].volume, v->volume, 16))
			return "one volume for two VMs";
	}
	if (!state_find_tvd(s, v->tvd))
		return "VM of an unknown TVD";
	if (!state_find_image(s, v->tvd, v->kernel))
		return "VM's kernel is no image of its TVD";
	if (!digest_is_zero(v->initrd) && !state_find_image(s, v->tvd, v->initrd))
		return "VM's initramfs is no image of its TVD";
	return v->mem_mib && v->cpus ? NULL : "VM without memory or CPU";
}

const char *state_check(const struct state *s, const char **which)
{
	const char *why = NULL;

	*which = "";
	if (s->version != STATE_VERSION)
		return "unknown version";
	if (s->epoch == 0)
		return "epoch 0";
	for (size_t i = 0; i < s->tvd_count && !why; i++) {
		*which = s->tvds[i].name;
		why = check_tvd(s, i);
	}
	for (size_t i = 0; i < s->image_count && !why; i++) {
		*which = "";
		why = check_image(s, i);
	}
	for (size_t i = 0; i < s->vm_count && !why; i++) {
		*which = s->vms[i].name;
		why = check_vm(s, i);
	}
	return why;
}

size_t state_signed_input(const struct span *document, uint8_t *out, size_t cap)
{
	struct cbor_out o = { out, cap, 0, false };
	static const char label[] = "redoubt-state/1";

	cbor_put_raw(&o, label, sizeof(label) - 1);
	cbor_put_raw(&o, document->p, document->n);
	return o.full ? 0 : o.len;
}
