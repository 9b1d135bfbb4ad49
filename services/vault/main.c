// SPDX-License-Identifier: Apache-2.0
/* Vault of one TVD: its key, its volumes in plaintext, its images, its VMs' consoles. Nothing of another TVD comes here. */
#include <stdlib.h>
#include <string.h>

#include "lib/component.h"
#include "lib/console.h"
#include "services/vault/state.h"

#define MESSAGE_MAX (sizeof(struct blk_span) + BLKQ_BYTES)

static struct vault vault;
static uint8_t buffer[MESSAGE_MAX];

/* ---- policy ---- */

static enum chan_status ensure(const uint8_t *payload)
{
	struct vault_volume want;
	struct volume *vol;
	enum chan_status s;

	memcpy(&want, payload, sizeof(want));
	vol = volume_ensure(&vault, want.uuid, want.blocks, &s);
	return vol ? volume_clear(&vault, vol) : s;
}

static enum chan_status attach(const uint8_t *payload, uint16_t type)
{
	struct vm_attach a;

	memcpy(&a, payload, sizeof(a));
	return type == VM_ATTACH ? vm_attach(&vault, &a) : vm_detach(&vault, a.vm);
}

static enum chan_status button(const uint8_t *payload)
{
	struct msg m = { .type = CONSOLE_BUTTON };
	struct vm_attach a;

	memcpy(&a, payload, sizeof(a));
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (strcmp(chan_proto(c), "console") == 0 && chan_tag(c) == a.vm)
			return chan_send(c, &m, NULL, 0) == CHAN_OK ? CS_OK : CS_BUSY;
	return CS_NOT_FOUND;
}

/* Bytes the request must have; 0: unknown request. */
static size_t policy_size(uint16_t type)
{
	switch (type) {
	case VOLUME_ENSURE:
	case VOLUME_DROP:
		return sizeof(struct vault_volume);
	case IMAGE_WANT:
	case IMAGE_DROP:
		return sizeof(struct image_name);
	case VM_ATTACH:
	case VM_DETACH:
	case VM_BUTTON:
		return sizeof(struct vm_attach);
	default:
		return 0;
	}
}

static enum chan_status policy_request(const struct msg *m, const uint8_t *payload,
				       struct image_status *status)
{
	struct image_name name = { .size = 0 };

	if (policy_size(m->type) == sizeof(name))
		memcpy(&name, payload, sizeof(name));
	switch (m->type) {
	case VOLUME_ENSURE:
		return ensure(payload);
	case VOLUME_DROP:
		return volume_drop(&vault, payload);
	case IMAGE_WANT:
		return image_want(&vault, &name, status);
	case IMAGE_DROP:
		return image_drop(&vault, &name);
	case VM_BUTTON:
		return button(payload);
	default:
		return attach(payload, m->type);
	}
}

static void serve_policy(struct chan *c, const struct msg *m, const uint8_t *payload, size_t n)
{
	struct image_status status;
	enum chan_status s;

	if (m->type == VAULT_STATUS) {
		chan_answer(c, m, CS_OK, 0, &vault.status, sizeof(vault.status));
	} else if (!policy_size(m->type) || n != policy_size(m->type)) {
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	} else if (vault.status.state != VAULT_OPEN) {
		chan_answer(c, m, CS_STATE, 0, vault.status.text, strlen(vault.status.text));
	} else {
		s = policy_request(m, payload, &status);
		chan_answer(c, m, s, 0, &status,
			    s == CS_OK && m->type == IMAGE_WANT ? sizeof(status) : 0);
	}
}

/* ---- tmc ---- */

static void serve_image(struct chan *c, const struct msg *m, const uint8_t *payload, size_t n)
{
	struct image_status status;
	struct image_name name;
	enum chan_status s = CS_OK;

	if (n < sizeof(name) || (m->type == IMAGE_STATE && n != sizeof(name))) {
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
		return;
	}
	memcpy(&name, payload, sizeof(name));
	if (m->type == IMAGE_STATE)
		image_state(&vault, &name, &status);
	else
		s = image_chunk(&vault, &name, m->arg, payload + sizeof(name), n - sizeof(name),
				&status);
	chan_answer(c, m, s, 0, &status, sizeof(status));
}

static void serve_tmc(struct chan *c, const struct msg *m, const uint8_t *payload, size_t n)
{
	if (vault.status.state != VAULT_OPEN)
		chan_answer(c, m, CS_STATE, 0, NULL, 0);
	else if (m->type == IMAGE_STATE || m->type == IMAGE_CHUNK)
		serve_image(c, m, payload, n);
	else
		console_serve(&vault, c, m, payload, n);
}

/* ---- the loop ---- */

static void serve(struct chan *c, struct vm *vm, const struct msg *m, size_t n)
{
	const char *proto = chan_proto(c);

	if (strcmp(proto, "vault") == 0) {
		serve_policy(c, m, buffer, n);
	} else if (strcmp(proto, "sealed") == 0) {
		serve_tmc(c, m, buffer, n);
	} else if (strcmp(proto, "console") == 0) {
		if (m->type == CONSOLE_OUT)
			console_from_guest(&vault, vm, buffer, n);
	} else {
		vm_serve_blk(&vault, vm, c, m, buffer, n);
	}
}

static void gone(struct chan *c, struct vm *vm)
{
	if (strcmp(chan_proto(c), "sealed") == 0)
		console_all_closed(&vault);
	if (vm && strcmp(chan_proto(c), "blk") == 0)
		vm_forget(&vault, vm);
}

/* What a guest printed last is shown also when its vmm has ended. */
static enum chan_result receive(struct chan *c, struct msg *m)
{
	if (strcmp(chan_proto(c), "console") == 0)
		return chan_drain(c, m, buffer, sizeof(buffer));
	return chan_recv(c, m, buffer, sizeof(buffer));
}

/* A channel of a vmm is looked at only once policy has attached that VM, and while no request of it is held. */
static bool look_at(struct chan *c)
{
	bool blk = strcmp(chan_proto(c), "blk") == 0;
	bool of_vmm = blk || strcmp(chan_proto(c), "console") == 0;
	struct vm *vm = of_vmm ? vm_find(&vault, chan_tag(c)) : NULL;
	struct msg m;

	if (of_vmm && !vm) {
		(void)chan_look(c); /* it may be closed */
		return false;
	}
	if (blk) {
		vm->blk = c;
		if (vm_resume(&vault, vm))
			return true;
		if (vm->held || !blkq_room(&vault.queue))
			return false;
	}
	switch (receive(c, &m)) {
	case CHAN_OK:
		serve(c, vm, &m, m.len - sizeof(m));
		return true;
	case CHAN_RESTARTED:
		gone(c, vm);
		return true;
	case CHAN_BROKEN:
	case CHAN_CLOSED:
		gone(c, vm);
		if (blk)
			vm->blk = NULL;
		return false;
	default:
		return false;
	}
}

static bool look_at_all(void)
{
	bool busy = blkq_poll(&vault.queue);

	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (chan_is_server(c))
			busy |= look_at(c);
	busy |= console_pump(&vault);
	busy |= image_verify_some(&vault);
	return busy;
}

static void start(void)
{
	vault.disk = chan_open("disk", "blk");
	vault.tpm = chan_open("tpm", "tpm");
	if (!vault.disk || !vault.tpm)
		die("no channel to disk or tpm");
	vault_unlock(&vault);
	if (vault.status.state == VAULT_OPEN && volume_load(&vault) != CS_OK)
		die("the disk does not tell this TVD's volumes");
	if (blkq_init(&vault.queue, vault.disk) != 0)
		die("no memory");
	log_line("%s", vault.status.text);
}

int main(void)
{
	start();
	for (;;) {
		while (look_at_all())
			;
		component_wait(0);
	}
}
