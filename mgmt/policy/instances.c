// SPDX-License-Identifier: Apache-2.0
/* What root is asked for: list, stop what shall not run (any more, or so), start what shall. */
#include <string.h>
#include "mgmt/policy/steps.h"
#include "services/vmm/vmm.h"

#define LONG_RUN   (60 * S) /* what ran so long has not failed at its start */
#define SHORT_RUN  (5 * S)
#define VAULT_REST (60 * S)
#define SHUTDOWN   (15 * S) /* for the guest, after the power button */

static bool is_template(const struct ctl_item *item, const char *name)
{
	return strncmp(item->id.template, name, CTL_NAME) == 0;
}

/* ---- stopping ---- */

/* A guest whose vault can press its power button gets some time to shut itself down. */
static bool stop_running(struct engine *e, const struct ctl_item *item, size_t vm)
{
	struct vm_fact *f = &e->vms[vm];
	size_t tvd = fact_tvd(e, item->parent);

	if (f->deaf || tvd == e->state.tvd_count || !fact_vault_open(e, tvd) ||
	    item->parent != state_number(e->state.vms[vm].tvd))
		return true;
	if (!f->stopping_at)
		f->stopping_at = e->now;
	return engine_due(e, f->stopping_at + SHUTDOWN);
}

static bool stop_vm(struct engine *e, const struct ctl_item *item)
{
	size_t i = fact_vm(e, item->id.tag);

	if (i == e->state.vm_count)
		return true;
	if (item->state == CTL_ENDED)
		return !fact_vm_wanted(e, i) || !fact_vm_same(e, i) || !fact_vm_off(e, i);
	if (!fact_vm_wanted(e, i) || !fact_vm_same(e, i))
		return stop_running(e, item, i);
	kept_find(e->kept, item->id.tag)->epoch = e->state.epoch;
	e->vms[i].stopping_at = 0;
	return false;
}

static bool has_children(const struct engine *e, uint64_t tag)
{
	for (size_t i = 0; i < e->item_count; i++)
		if (is_template(&e->items[i], "vmm") && e->items[i].parent == tag)
			return true;
	return false;
}

static bool stop_vault(struct engine *e, const struct ctl_item *item)
{
	size_t i = fact_tvd(e, item->id.tag);
	const struct tvd_fact *f = &e->tvds[i];

	if (i == e->state.tvd_count)
		return !has_children(e, item->id.tag);
	if (item->state == CTL_ENDED)
		return true;
	return f->state == VAULT_REFUSED && (memcmp(f->given, f->args, sizeof(f->args)) != 0 ||
					     engine_due(e, f->start.retry_at));
}

static bool stop(struct engine *e, struct order *out)
{
	for (size_t i = 0; i < e->item_count; i++) {
		const struct ctl_item *item = &e->items[i];

		if (is_template(item, "vmm") ? stop_vm(e, item) : stop_vault(e, item)) {
			memcpy(e->out, &item->id, sizeof(item->id));
			return engine_order(e, &e->root_lane, out, STEP_STOP, i, CTL_STOP,
					    sizeof(item->id));
		}
	}
	return false;
}

/* A guest that resets itself starts again at once; what ends soon after its start or fails must wait. */
static void vm_ended(struct engine *e, const struct ctl_item *item)
{
	size_t i = fact_vm(e, item->id.tag);
	struct vm_fact *f = &e->vms[i];
	uint64_t ran;

	if (i == e->state.vm_count || item->state != CTL_ENDED || item->code == VMM_POWERED_OFF)
		return;
	ran = e->now - f->started_at;
	if (ran > LONG_RUN)
		attempt_done(&f->run);
	if (item->code == VMM_RESET && ran > SHORT_RUN) {
		engine_say(e, "VM %s: the guest resets itself", e->state.vms[i].name);
		return;
	}
	f->run.failures = f->run.failures ? f->run.failures : 1;
	attempt_failed(e, &f->run,
		       item->code == VMM_RESET    ? "the guest resets itself again and again"
		       : item->code == VMM_FAILED ? "its machine failed; the server's log says why"
						  : "its machine died of a fault");
	engine_say(e, "VM %s: %s", e->state.vms[i].name, f->run.why);
}

static void stopped(struct engine *e, const struct answer *a)
{
	const struct ctl_item *item = &e->items[a->was.subject];
	size_t i = fact_tvd(e, item->id.tag);

	if (a->status != CS_OK && a->status != CS_NOT_FOUND) {
		e->root_retry_at = e->now + S;
		return;
	}
	if (is_template(item, "vmm"))
		vm_ended(e, item);
	else if (i < e->state.tvd_count)
		tenant_forget(e, i);
}

/* ---- starting ---- */

static bool start_vault(struct engine *e, struct order *out)
{
	for (size_t i = 0; i < e->state.tvd_count; i++) {
		struct tvd_fact *f = &e->tvds[i];

		if (fact_item(e, "vault", state_number(e->state.tvds[i].id)) ||
		    !engine_due(e, f->start.retry_at))
			continue;
		memcpy(f->given, f->args, sizeof(f->given));
		return engine_order(e, &e->root_lane, out, STEP_START_VAULT, i, CTL_START,
				    args_vault(e, i));
	}
	return false;
}

static bool start_vm(struct engine *e, struct order *out)
{
	char text[120];

	for (size_t i = 0; i < e->state.vm_count; i++) {
		const struct state_vm *vm = &e->state.vms[i];

		if (!vm->run || fact_vm_item(e, i) || fact_vm_waits(e, i, text, sizeof(text)) ||
		    !engine_due(e, e->vms[i].run.retry_at))
			continue;
		kept_set(e->kept, &e->state, state_number(vm->id), e->vms[i].config);
		e->vms[i].stopping_at = 0;
		e->vms[i].pressed = e->vms[i].deaf = false;
		return engine_order(e, &e->root_lane, out, STEP_START_VM, i, CTL_START,
				    args_vm(e, i));
	}
	return false;
}

static void vault_started(struct engine *e, const struct answer *a)
{
	struct tvd_fact *f = &e->tvds[a->was.subject];
	char text[60];

	if (a->status != CS_OK && a->status != CS_EXISTS)
		attempt_failed(e, &f->start, "its vault is not started: %s",
			       answer_words(a, text, sizeof(text)));
	else
		f->start = (struct attempt){ .retry_at = e->now + VAULT_REST };
}

static void vm_started(struct engine *e, const struct answer *a)
{
	struct vm_fact *f = &e->vms[a->was.subject];
	char text[60];

	f->started_at = e->now;
	if (a->status != CS_OK && a->status != CS_EXISTS)
		attempt_failed(e, &f->run, "its machine is not started: %s",
			       answer_words(a, text, sizeof(text)));
	else
		f->run.why[0] = 0;
}

/* ---- both ---- */

bool instances_next(struct engine *e, struct order *out)
{
	if (e->root_lane.step != STEP_NONE || !engine_due(e, e->root_retry_at))
		return false;
	if (!e->listed)
		return engine_order(e, &e->root_lane, out, STEP_LIST, 0, CTL_LIST, 0);
	if (!e->commit.loaded)
		return false;
	if (!stop(e, out) && !start_vault(e, out) && !start_vm(e, out))
		return false;
	e->listed = false; /* until root says what became of it */
	return true;
}

static void listed(struct engine *e, const struct answer *a)
{
	if (a->status != CS_OK || a->n % sizeof(e->items[0]) || a->n > sizeof(e->items)) {
		e->root_retry_at = e->now + S;
		return;
	}
	memcpy(e->items, a->p, a->n);
	e->item_count = a->n / sizeof(e->items[0]);
	e->listed = true;
}

void instances_answer(struct engine *e, const struct answer *a)
{
	if (a->was.step == STEP_LIST)
		listed(e, a);
	else if (a->was.step == STEP_STOP)
		stopped(e, a);
	else if (a->was.generation != e->generation)
		return;
	else if (a->was.step == STEP_START_VAULT)
		vault_started(e, a);
	else
		vm_started(e, a);
}
