// SPDX-License-Identifier: Apache-2.0
/*
 * The model of the kernel's calls (model.h) held against the kernel on the machine. Each actor is a domain whose thread makes the calls that root writes into
 * the page they share; the actors are spread over the CPUs. After each round all kernel memory is as before.
 */
#include "tests/kernel/model.h"
#include "tests/kernel/ktest.h"

enum {
	ROUND = 500,       /* calls */
	ANSWER_MS = 20000, /* after that a call is stuck */
	SEL_DONE = KT_SEL_PT,
	SEL_NEVER = 4,
	CPUS = 2,
};

#define SEED UINT64_C(0x6d6f64656c6c6564)

enum task { TASK_CALL, TASK_LIVE, TASK_LOOK, TASK_PREPARE };

/* In the shared page. */
struct order {
	uint64_t task, number, args[6], results[2];
	uint64_t value[MODEL_PAGES];
	uint8_t there[MODEL_PAGES]; /* what model_peek said */
};

static struct domain actors[MODEL_ACTORS];
static sel_t done[MODEL_ACTORS], on_fault[CPUS], gifts[GIFTS - MODEL_ACTORS], idle, never;

/*
 * The echo replies what it was sent; in a global thread it waits for ever. model_peek(address, &value): 0 if nothing is there, else 1, and 3 if it can be
 * written; a fault in it continues at model_peek_end.
 */
__asm__(".text\n"
	"model_echo:\n"
	"	mov %rsi, %rdi\n	mov $1, %eax\n	syscall\n"
	"1:	mov $4, %edi\n	mov $1, %esi\n	xor %edx, %edx\n	mov $17, %eax\n"
	"	syscall\n	jmp 1b\n"
	"model_peek:\n"
	"	xor %eax, %eax\n	mov (%rdi), %rdx\n	mov $1, %eax\n"
	"	mov %rdx, (%rdi)\n	mov $3, %eax\n"
	"model_peek_end:\n"
	"	mov %rdx, (%rsi)\n	ret\n");

extern const char model_echo[], model_peek_end[];
uint64_t model_peek(uint64_t address, uint64_t *value);

static void fault_in_peek(uint64_t id, uint64_t words)
{
	struct utcb *u = utcb_self();
	uint64_t ip = u->msg[FAULT_IP];

	(void)id;
	u->msg[0] = FAULT_REPLY_STOP;
	if (words == FAULT_WORDS && ip >= (uint64_t)model_peek && ip < (uint64_t)model_peek_end)
		u->msg[0] = FAULT_REPLY_SET;
	u->msg[FAULT_IP] = (uint64_t)model_peek_end;
	sys_ipc_reply_wait(FAULT_WORDS);
}

/* In an actor. */

static void fill_message(uint64_t seed)
{
	for (uint64_t i = 0; i < UTCB_WORDS; i++)
		utcb_self()->msg[i] = seed * i;
}

static bool same_message(uint64_t seed, uint64_t words)
{
	for (uint64_t i = 0; i < words && i < UTCB_WORDS; i++)
		if (utcb_self()->msg[i] != seed * i)
			return false;
	return true;
}

static uint64_t make_call(volatile struct order *o)
{
	uint64_t args[6], results[2], status;

	for (unsigned i = 0; i < 6; i++)
		args[i] = o->args[i];
	fill_message(args[5]);
	status = kt_call(o->number, args, results);
	if (o->number == CALL_IPC_CALL && status == S_OK && !same_message(args[5], args[1]))
		results[0] = ~0ull;
	o->results[0] = results[0];
	o->results[1] = results[1];
	return status;
}

/* A revoke with a flag that does not exist looks its capability up and does nothing. */
static uint64_t live_slots(void)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < MODEL_SLOTS; i++)
		found |= (uint64_t)(sys_revoke(MODEL_FIRST + i, REVOKE_OBJECT + 1) != S_BAD_CAP)
			 << i;
	return found;
}

static void look_at_pages(volatile struct order *o)
{
	for (uint64_t i = 0; i < MODEL_PAGES; i++) {
		uint64_t value = 0;

		o->there[i] = (uint8_t)model_peek(MODEL_VA + i * PAGE_SIZE, &value);
		o->value[i] = value;
	}
}

static uint64_t obey(volatile struct order *o)
{
	struct lab_vcpu v = { .s = (struct vcpu_state *)o->args[0] };

	switch (o->task) {
	case TASK_CALL:
		return make_call(o);
	case TASK_LIVE:
		return live_slots();
	case TASK_LOOK:
		look_at_pages(o);
		return S_OK;
	default:
		lab_vcpu_reset(&v, 0);
		return S_OK;
	}
}

static void actor(void)
{
	volatile struct order *o = (volatile struct order *)kt_shared();
	uint64_t n;

	for (;;) {
		(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &n);
		o->number = obey(o);
		(void)!sys_ctrl_sm(SEL_DONE, SM_UP, 0, &n);
	}
}

/* In root. */

static volatile struct order *order_of(unsigned actor)
{
	return (volatile struct order *)actors[actor].shared;
}

static uint64_t ask(unsigned actor, enum task task)
{
	volatile struct order *o = order_of(actor);
	uint64_t n;

	o->task = task;
	lab_must(sys_ctrl_sm(actors[actor].sm, SM_UP, 0, &n), "ask an actor");
	return wait_sm(done[actor], ANSWER_MS) ? o->number : MODEL_STUCK;
}

static uint32_t call(unsigned actor, uint32_t number, const uint64_t *args, uint64_t *results)
{
	volatile struct order *o = order_of(actor);
	uint64_t status;

	o->number = number;
	for (unsigned i = 0; i < 6; i++)
		o->args[i] = args[i];
	status = ask(actor, TASK_CALL);
	results[0] = o->results[0];
	results[1] = o->results[1];
	return status < MODEL_STUCK ? (uint32_t)status : MODEL_STUCK;
}

static uint32_t live(unsigned actor)
{
	return (uint32_t)ask(actor, TASK_LIVE);
}

static void look(unsigned actor, struct model_page *pages)
{
	volatile struct order *o = order_of(actor);

	(void)ask(actor, TASK_LOOK);
	for (unsigned i = 0; i < MODEL_PAGES; i++)
		pages[i] = (struct model_page){ o->there[i] & 1, o->there[i] & 2, o->value[i] };
}

static void prepare(unsigned actor, unsigned page)
{
	order_of(actor)->args[0] = MODEL_VA + (uint64_t)page * PAGE_SIZE;
	(void)ask(actor, TASK_PREPARE);
}

static void account(unsigned actor, uint64_t *quota, uint64_t *used)
{
	lab_must(sys_ctrl_kmem(actors[actor].pd, actors[actor].pd, 0, quota, used), "ask");
}

static enum status give(unsigned actor, unsigned gift, sel_t sel, uint32_t rights)
{
	sel_t from = gift < MODEL_ACTORS ? actors[gift].pd : gifts[gift - MODEL_ACTORS];

	return sys_delegate(from, actors[actor].pd, sel, rights);
}

static void end(unsigned actor)
{
	domain_end(&actors[actor]);
	lab_must(sys_revoke(done[actor], REVOKE_SELF), "revoke");
}

/* Whoever revokes drives the reaper until nothing dead is left. */
static void settle(void)
{
	lab_must(sys_revoke(idle, REVOKE_CHILDREN), "settle");
}

static struct model_world machine = {
	.call = call,
	.live = live,
	.look = look,
	.prepare = prepare,
	.account = account,
	.give = give,
	.end = end,
	.settle = settle,
	.text = lab_text,
	.number = lab_number,
};

static bool have_spaces(enum space_kind kind)
{
	sel_t sel = lab_sel();

	if (sys_create_space(sel, lab_root->pd, kind) != S_OK)
		return false;
	lab_must(sys_revoke(sel, REVOKE_SELF), "revoke");
	return true;
}

/* Each page of the memory says which one it is. */
static void make_gifts(void)
{
	uint64_t *memory = lab_alloc(MODEL_MO_PAGES * PAGE_SIZE, &gifts[GIFT_MO - MODEL_ACTORS]);

	for (uint64_t i = 0; i < MODEL_MO_PAGES; i++)
		memory[i * PAGE_SIZE / sizeof(*memory)] = i;
	gifts[GIFT_PIO - MODEL_ACTORS] = lab_sel();
	gifts[GIFT_DC - MODEL_ACTORS] = lab_sel();
	lab_must(sys_derive(gifts[GIFT_PIO - MODEL_ACTORS], lab_root->pio_all, MODEL_PORT,
			    MODEL_PORTS, RIGHT_ALL),
		 "derive ports");
	lab_must(sys_derive(gifts[GIFT_DC - MODEL_ACTORS], lab_root->dc_all, MODEL_RID, MODEL_RIDS,
			    RIGHT_ALL),
		 "derive functions");
}

static void set_scene(void)
{
	struct domain d;

	machine.cpus = lab_root->cpu_count;
	machine.guests = have_spaces(SPACE_GUEST);
	machine.dma = have_spaces(SPACE_DMA);
	machine.echo = (uint64_t)model_echo;
	idle = lab_sel();
	never = lab_sel();
	lab_must(sys_create_sm(idle, lab_root->pd, 0), "create sm");
	lab_must(sys_create_sm(never, lab_root->pd, 0), "create sm");
	for (uint32_t i = 0; i < CPUS && i < lab_root->cpu_count; i++)
		on_fault[i] = root_server(i, fault_in_peek, 0);
	make_gifts();
	domain_make(&d, KT_FRAMES); /* what is made for the first domain stays */
	domain_end(&d);
}

/* Its time is root's: higher than what it can make itself. */
static void make_actor(unsigned i)
{
	struct domain *d = &actors[i];
	uint64_t v;

	machine.cpu[i] = i % CPUS % lab_root->cpu_count;
	domain_make_below(d, MODEL_FRAMES, MODEL_PRIO);
	done[i] = lab_sel();
	lab_must(sys_create_sm(done[i], lab_root->pd, 0), "create sm");
	lab_must(sys_delegate(done[i], d->pd, SEL_DONE, RIGHT_UP), "delegate");
	domain_run(d, machine.cpu[i], 0, actor);
	lab_must(sys_ctrl_ec(d->ec, EC_SET_FAULT_PT, on_fault[machine.cpu[i]], 0, &v, &v), "catch");
	lab_must(sys_delegate(never, d->pd, SEL_NEVER, RIGHT_DOWN), "delegate");
	lab_must(sys_create_sc(d->sc, lab_root->pd, d->ec, KT_PRIO, 0, 0), "create sc");
}

static bool round_of(uint64_t seed, struct model_figures *figures)
{
	struct lab_mark mark = lab_mark();
	bool good;

	for (unsigned i = 0; i < MODEL_ACTORS; i++)
		make_actor(i);
	good = model_run(&machine, seed, ROUND, figures);
	lab_release(mark);
	return good;
}

static void tell(const struct model_figures *f)
{
	uint64_t made = 0, worked = 0;

	lab_text("# of each call worked:");
	for (unsigned i = 0; i < MODEL_CALLS; i++) {
		lab_text(" ");
		lab_number(f->worked[i]);
		made += f->made[i];
		worked += f->worked[i];
	}
	lab_text("\n# calls held against the model: ");
	lab_number(made);
	lab_text(", of which worked: ");
	lab_number(worked);
	lab_text("\n");
}

void test_model(unsigned rounds)
{
	struct model_figures figures = { 0 };
	uint64_t quota = 0, used = 0;
	bool good = true, same = true;

	set_scene();
	quota = root_quota();
	for (unsigned i = 0; i < rounds && good && same; i++) {
		lab_text("# seed ");
		lab_number(SEED + i);
		lab_text("\n");
		good = round_of(SEED + i, &figures);
		same = root_quota() == quota && (i == 0 || root_used() == used);
		used = root_used(); /* after the first round: its tables stay */
	}
	tell(&figures);
	lab_check(good, "random calls of three domains do what the manual says, call by call");
	lab_check(same, "and after each round all kernel memory is as before");
}
