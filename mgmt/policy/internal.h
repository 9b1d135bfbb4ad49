// SPDX-License-Identifier: Apache-2.0
/* What the files of policy share: one server's committed state and how far it is reached. */
#pragma once
#include "lib/chan.h"
#include "mgmt/proto/msg.h"
#include "mgmt/proto/operator.h"
#include "mgmt/proto/state.h"
#include "services/root/root.h"
#include "services/vault/vault.h"

#define POLICY_TEXT 200u

struct vm_track { /* beside state.vms[i] */
	uint8_t id[16];
	bool attached; /* the vault knows its volumes */
	bool measured; /* its images are in PCR 10, in this boot */
	unsigned failures;
};

struct policy {
	const struct binding *binding;
	struct chan *disk, *tpm, *ctl;
	bool loaded;                    /* the store was read */
	struct state state;             /* epoch 0: none */
	uint8_t bytes[STATE_MAX + 128]; /* the signed_state it was decoded from */
	size_t size;
	struct vm_track vms[STATE_VMS];
	struct ctl_item items[STATE_TVDS + STATE_VMS + 8];
	size_t item_count;
	int64_t utc_base;         /* seconds since 1970 at boot; 0: not known */
	struct tmc_status status; /* as found by the last pass */
	bool settled;             /* the last pass found nothing left to do */
};

extern struct policy policy;

/* commit.c: the desired state in the store */
/* Reads what was committed; false: the disk is not open yet. */
bool commit_load(void);
/* A new state from the TOM; `text` (POLICY_TEXT bytes) says what became of it. */
enum chan_status commit_state(const uint8_t *p, size_t n, char *text);

/* reconcile.c: one pass towards the state */
void reconcile(void);
/* What ran may have lost what it was told. */
void reconcile_forget(uint64_t tvd);

/* vault.c: requests to the vaults */
struct chan *vault_of(uint64_t tvd);
bool vault_start(const struct state_tvd *t);
enum vault_state vault_state(uint64_t tvd, char *text, size_t cap);
bool vault_image(const struct state_image *m, struct image_status *out);
bool vault_attach(const struct state_vm *vm);
void vault_detach(uint64_t tvd, const struct state_vm *vm);

/* vm.c: virtual machines */
bool vm_measure(const struct state_vm *vm);
bool vm_start(const struct state_vm *vm);

/* control.c: instances */
void control_list(void);
const struct ctl_item *control_find(const char *template_name, uint64_t tag);
bool control_start(const struct ctl_start *head, const void *args, size_t n);
void control_stop(const char *template_name, uint64_t tag);
