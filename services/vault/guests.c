// SPDX-License-Identifier: Apache-2.0
/* What a vmm asks of its vault: volume 1 is the VM's disk, 2 and 3 its kernel image and initramfs. */
#include <string.h>

#include "lib/component.h"
#include "services/vault/state.h"

enum { VOLUME_DISK = 1, VOLUME_KERNEL = 2, VOLUME_INITRD = 3 };

struct vm *vm_find(struct vault *v, uint64_t number)
{
	for (struct vm *vm = v->vm; number && vm < v->vm + VAULT_VMS; vm++)
		if (vm->number == number)
			return vm;
	return NULL;
}

bool vm_uses_volume(const struct vault *v, const struct volume *vol)
{
	for (const struct vm *vm = v->vm; vm < v->vm + VAULT_VMS; vm++)
		if (vm->number && vm->disk == vol)
			return true;
	return false;
}

bool vm_uses_image(const struct vault *v, const struct image *m)
{
	for (const struct vm *vm = v->vm; vm < v->vm + VAULT_VMS; vm++)
		if (vm->number && (vm->kernel == m || vm->initrd == m))
			return true;
	return false;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

/* Two VMs on one disk would destroy it. */
static bool taken(const struct vault *v, const struct volume *vol, uint64_t by)
{
	for (const struct vm *vm = v->vm; vm < v->vm + VAULT_VMS; vm++)
		if (vm->number && vm->number != by && vm->disk == vol)
			return true;
	return false;
}

/* The parts that the VM names exist. */
static enum chan_status resolve(struct vault *v, const struct vm_attach *a, struct vm *out)
{
	out->disk = NULL;
	out->initrd = NULL;
	out->kernel = a->kernel.size ? image_find(v, &a->kernel) : NULL;
	if (a->kernel.size && !out->kernel)
		return CS_STATE;
	if (a->initrd.size && !(out->initrd = image_find(v, &a->initrd)))
		return CS_STATE;
	if (!is_zero(a->disk, sizeof(a->disk)) && !(out->disk = volume_find(v, a->disk)))
		return CS_NOT_FOUND;
	if (out->disk && out->disk->fresh)
		return CS_STATE;
	return out->disk && taken(v, out->disk, a->vm) ? CS_BUSY : CS_OK;
}

static struct vm *free_entry(struct vault *v)
{
	for (struct vm *vm = v->vm; vm < v->vm + VAULT_VMS; vm++)
		if (!vm->number)
			return vm;
	return NULL;
}

enum chan_status vm_attach(struct vault *v, const struct vm_attach *a)
{
	static struct vm parts;
	struct vm *vm = vm_find(v, a->vm);
	enum chan_status s = a->vm ? resolve(v, a, &parts) : CS_BAD_REQUEST;
	bool fresh = !vm;

	if (s != CS_OK)
		return s;
	if (fresh)
		vm = free_entry(v);
	if (!vm)
		return CS_NO_SPACE;
	if (fresh) {
		memset(vm, 0, sizeof(*vm));
		console_init(&vm->console, a->vm_id);
	}
	memcpy(vm->console.vm_id, a->vm_id, sizeof(a->vm_id));
	vm->disk = parts.disk;
	vm->kernel = parts.kernel;
	vm->initrd = parts.initrd;
	vm->number = a->vm;
	return CS_OK;
}

enum chan_status vm_detach(struct vault *v, uint64_t number)
{
	struct vm *vm = vm_find(v, number);

	if (!vm)
		return CS_NOT_FOUND;
	console_tell_end(v, vm);
	console_close(&vm->console);
	vm_forget(v, vm);
	vm->number = 0;
	return CS_OK;
}

void vm_forget(struct vault *v, struct vm *vm)
{
	blkq_forget(&v->queue, vm);
	vm->held = false;
}

/* ---- requests ---- */

struct place { /* where a request goes */
	const struct volume *volume;
	const struct image *image; /* NULL: the VM's disk */
	uint64_t first;            /* block of the volume that is block 0 of what the VM sees */
	uint64_t blocks;
};

static bool find_place(const struct vm *vm, uint32_t number, struct place *out)
{
	const struct image *m = number == VOLUME_KERNEL ? vm->kernel : vm->initrd;

	memset(out, 0, sizeof(*out));
	if (number == VOLUME_DISK && vm->disk) {
		out->volume = vm->disk;
		out->blocks = vm->disk->blocks;
		return true;
	}
	if ((number != VOLUME_KERNEL && number != VOLUME_INITRD) || !m)
		return false;
	out->volume = m->volume;
	out->image = m;
	out->first = 1;
	out->blocks = image_blocks(m);
	return true;
}

static void inform(struct chan *c, const struct msg *m, const struct place *p)
{
	struct blk_info info = { .blocks = p->blocks,
				 .max_count = BLK_MAX_COUNT,
				 .read_only = p->image != NULL };

	memcpy(info.id, p->volume->uuid, sizeof(info.id));
	chan_answer(c, m, CS_OK, 0, &info, sizeof(info));
}

static void done(struct blkq_request *r, enum chan_status status, const uint8_t *data, size_t n)
{
	static uint8_t text[BLKQ_BYTES];
	struct vm *vm = r->owner;
	const struct volume *volume = (const struct volume *)(uintptr_t)r->word[1];
	const struct msg q = { .type = r->type, .id = r->word[0] };

	if (!vm->blk)
		return;
	if (r->type == BLK_READ && status == CS_OK)
		volume_decrypt(volume, r->block, r->span.count, data, text);
	else
		n = 0;
	chan_answer(vm->blk, &q, status, 0, n ? text : NULL, n);
}

/* Hands the request to disk; `data` in plaintext with a write. */
static void forward(struct vault *v, struct vm *vm, struct chan *c, const struct msg *m,
		    const struct place *p, uint32_t count, const uint8_t *data)
{
	static uint8_t cipher[BLKQ_BYTES];
	struct blkq_request r = { .type = m->type,
				  .block = p->first + m->arg,
				  .span = { p->volume->number, count },
				  .done = done,
				  .owner = vm,
				  .word = { m->id, (uintptr_t)p->volume } };
	size_t n = m->type == BLK_WRITE ? (size_t)count * BLK_SIZE : 0;

	if (n)
		volume_encrypt(p->volume, r.block, count, data, cipher);
	if (m->type == BLK_FLUSH)
		r.block = 0;
	if (blkq_submit(&v->queue, &r, cipher, n) != 0)
		chan_answer(c, m, CS_NO_SPACE, 0, NULL, 0);
}

/* An image is read only once its digest was found right. */
static bool hold(struct vm *vm, const struct msg *m, const struct blk_span *span,
		 const struct place *p)
{
	if (!p->image || p->image->progress == IMAGE_PRESENT)
		return false;
	vm->held = true;
	vm->request = *m;
	vm->span = *span;
	return true;
}

static bool well_formed(const struct msg *m, const struct place *p, const struct blk_span *span,
			size_t n)
{
	switch (m->type) {
	case BLK_FLUSH:
		return n == 0;
	case BLK_READ:
	case BLK_WRITE:
	case BLK_DISCARD:
		return span->count && span->count <= BLK_MAX_COUNT && m->arg < p->blocks &&
		       span->count <= p->blocks - m->arg &&
		       n == (m->type == BLK_WRITE ? (size_t)span->count * BLK_SIZE : 0);
	default:
		return false;
	}
}

void vm_serve_blk(struct vault *v, struct vm *vm, struct chan *c, const struct msg *m,
		  const uint8_t *payload, size_t n)
{
	struct blk_span span = { VOLUME_DISK, 0 };
	struct place place;

	if (n >= sizeof(span)) {
		memcpy(&span, payload, sizeof(span));
		payload += sizeof(span);
		n -= sizeof(span);
	} else if (n || m->type != BLK_INFO) {
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
		return;
	}
	if (!find_place(vm, span.volume, &place))
		chan_answer(c, m, CS_DENIED, 0, NULL, 0);
	else if (m->type == BLK_INFO)
		inform(c, m, &place);
	else if (!well_formed(m, &place, &span, n))
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	else if (place.image && m->type != BLK_READ && m->type != BLK_FLUSH)
		chan_answer(c, m, CS_DENIED, 0, NULL, 0);
	else if (!hold(vm, m, &span, &place))
		forward(v, vm, c, m, &place, span.count, payload);
}

bool vm_resume(struct vault *v, struct vm *vm)
{
	struct place place;

	if (!vm->held || !vm->blk || !find_place(vm, vm->span.volume, &place) ||
	    (place.image && place.image->progress != IMAGE_PRESENT))
		return false;
	vm->held = false;
	forward(v, vm, vm->blk, &vm->request, &place, vm->span.count, NULL);
	return true;
}
