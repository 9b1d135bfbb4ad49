// SPDX-License-Identifier: Apache-2.0
/*
 * The engine's parts, one per peer. Each *_next() fills *out with the next step towards that peer, or returns false; each *_answer()
 * turns an answer into facts. `was` is what the answer belongs to; its subject is still valid when they are called.
 */
#pragma once
#include "mgmt/policy/engine.h"

#define MS 1000000ull
#define S  1000000000ull

struct answer {
	struct lane was;
	enum chan_status status;
	const uint8_t *p;
	size_t n;
};

/* ---- engine.c ---- */
/* True if the time has come; otherwise the engine wakes at it. */
bool engine_due(struct engine *e, uint64_t at);
/* Fills *out: `n` bytes of e->out to `peer`. Always true. */
bool engine_order(struct engine *e, struct lane *lane, struct order *out, enum step step,
		  size_t subject, uint16_t type, size_t n);
void engine_say(const struct engine *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts off the next attempt: 0.5 s, doubling up to 32 s. */
void attempt_failed(struct engine *e, struct attempt *a, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void attempt_done(struct attempt *a);
/* Words for an answer; `text`: what came with it (may be empty). Printable ASCII, cut to `cap`. */
const char *answer_words(const struct answer *a, char *text, size_t cap);

/* ---- commit.c: the desired state in the store ---- */
bool commit_next(struct engine *e, struct order *out);
void commit_answer(struct engine *e, const struct answer *a);

/* ---- adopt.c: commit.bytes became the state; facts move to their new places ---- */
void adopt(struct engine *e, const uint8_t *p, size_t n);

/* ---- measure.c: PCR 10 ---- */
bool measure_next(struct engine *e, struct order *out);
void measure_answer(struct engine *e, const struct answer *a);

/* ---- instances.c: root ---- */
bool instances_next(struct engine *e, struct order *out);
void instances_answer(struct engine *e, const struct answer *a);

/* ---- tenants.c: a vault ---- */
bool tenant_next(struct engine *e, size_t tvd, struct order *out);
void tenant_answer(struct engine *e, size_t tvd, const struct answer *a);
/* The vault began anew: whatever it was told is to be told again. */
void tenant_forget(struct engine *e, size_t tvd);

/* ---- facts.c: questions about facts ---- */
const struct ctl_item *fact_item(const struct engine *e, const char *template_name, uint64_t tag);
const struct ctl_item *fact_vm_item(const struct engine *e, size_t vm);
/* It shall run, and may on this machine. */
bool fact_vm_wanted(const struct engine *e, size_t vm);
/* The vmm that root lists was started with the configuration of the state. */
bool fact_vm_same(const struct engine *e, size_t vm);
/* It switched itself off since the state was committed and stays off until the next. */
bool fact_vm_off(const struct engine *e, size_t vm);
/* The committed epoch is in PCR 10. */
bool fact_epoch_measured(const struct engine *e);
bool fact_vault_open(const struct engine *e, size_t tvd);
/* Index, or the count if there is none. */
size_t fact_tvd(const struct engine *e, uint64_t number);
size_t fact_vm(const struct engine *e, uint64_t number);
size_t fact_image(const struct engine *e, const struct state_vm *vm, const uint8_t digest[32]);
bool fact_images_present(const struct engine *e, const struct state_vm *vm);
/* NULL if the VM can be started now, else what it waits for; text[cap] may be used for it. */
const char *fact_vm_waits(const struct engine *e, size_t vm, char *text, size_t cap);

/* ---- args.c: what instances are started with ---- */
void args_vm_config(const struct state_vm *vm, uint8_t out[32]);
/* Writes struct ctl_start and the argument to e->out; returns the length. */
size_t args_vault(struct engine *e, size_t tvd);
size_t args_vm(struct engine *e, size_t vm);
void args_vault_digest(const struct engine *e, size_t tvd, uint8_t out[32]);
