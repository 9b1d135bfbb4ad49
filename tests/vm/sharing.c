// SPDX-License-Identifier: Apache-2.0
/* Guests, threads and CPUs together: wake-ups, deadlines, fairness, many machines, things that go away. */
#include "tests/vm/vmtest.h"

GUEST(spin)
GUEST(turns)
GUEST(tell)
GUEST(hop)

enum {
	MACHINES = 40,
	ROUNDS = 5,
	MS_RUN = 200,
	HOPS = 40,
	TURNS = 100,
	MS_TURNS = 300, /* at a slice each it would take 1000 and more */
};

static struct lab_vcpu side; /* run by the thread on CPU 1 */
static sel_t side_sm, side_done, shared_sm;
static volatile uint64_t side_exit, counted, ticks;
static volatile bool stop;

static uint64_t in_ms(uint64_t ms)
{
	return lab_tsc() + lab_root->tsc_khz * ms;
}

static sel_t semaphore(void)
{
	sel_t sm = lab_sel();

	lab_must(sys_create_sm(sm, lab_root->pd, 0), "create sm");
	return sm;
}

static void up(sel_t sm)
{
	uint64_t count;

	lab_must(sys_ctrl_sm(sm, SM_UP, 0, &count), "up");
}

static enum status down(sel_t sm, uint64_t deadline)
{
	uint64_t count;

	return sys_ctrl_sm(sm, SM_DOWN, deadline, &count);
}

static void sleep_ms(uint64_t ms)
{
	static sel_t never;

	if (!never)
		never = semaphore();
	(void)!down(never, in_ms(ms));
}

static void test_wake(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	sel_t sm = semaphore();
	uint64_t start;

	MACHINE(spin);
	up(sm);
	lab_equal(lab_run(&v, sm, 0), VM_EXIT_WAKE,
		  "a semaphore with a count ends the run at once");
	lab_equal(lab_run(&v, sm, 0), VM_EXIT_WAKE, "its count is not taken");
	lab_check(down(sm, 0) == S_OK && s->runs == 0, "the VMM takes it");
	start = lab_tsc();
	lab_equal(lab_run(&v, sm, in_ms(20)), VM_EXIT_TIMEOUT, "the deadline ends the run");
	lab_check(lab_tsc() - start >= lab_root->tsc_khz * 20 &&
			  lab_tsc() - start < lab_root->tsc_khz * 5000,
		  "not before and not long after");
	s->exit_mtd[VM_EXIT_TIMEOUT] = VCPU_G_ALL;
	lab_check(lab_run(&v, 0, 1) == VM_EXIT_TIMEOUT && s->valid == VCPU_G_ALL &&
			  s->cr3 == LAB_PML4 && s->seg[VCPU_CS].sel == 8,
		  "a deadline in the past reads the state");
}

static void late_up(void)
{
	sleep_ms(100);
	up(shared_sm);
	lab_thread_end();
}

static void test_wake_from_thread(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint32_t other = lab_root->cpu_count - 1;

	MACHINE(spin);
	shared_sm = semaphore();
	lab_thread(0, PRIO_MAX, late_up);
	lab_equal(lab_run(&v, shared_sm, in_ms(10000)), VM_EXIT_WAKE,
		  "a thread on this CPU wakes a guest");
	lab_check(down(shared_sm, 0) == S_OK && s->runs > 1, "which ran meanwhile");
	lab_thread(other, PRIO_MAX, late_up);
	lab_equal(lab_run(&v, shared_sm, in_ms(10000)), VM_EXIT_WAKE,
		  "a thread on another CPU too");
}

static void run_side(void)
{
	side_exit = lab_run(&side, side_sm, 0);
	up(side_done);
	lab_thread_end();
}

static void start_side(const struct lab_vm *vm)
{
	lab_vcpu_make(&side, vm, 0);
	side_sm = semaphore();
	side_done = semaphore();
	lab_thread(1, PRIO_MAX - 2, run_side);
	sleep_ms(10);
}

/* It may be looked at just while a host interrupt has it outside. */
static bool is_busy(sel_t vcpu)
{
	uint64_t reason;

	for (unsigned i = 0; i < 100; i++)
		if (sys_vcpu_run(vcpu, 0, 1, &reason) == S_BUSY)
			return true;
	return false;
}

static void test_two_cpus(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm, vm1;
	uint64_t before;

	MACHINE(spin);
	lab_vm_make(&vm1, guest_spin, guest_spin_end);
	start_side(&vm1);
	before = *(volatile uint64_t *)(vm1.mem + LAB_DATA);
	lab_equal(lab_run(&v, 0, in_ms(30)), VM_EXIT_TIMEOUT, "a guest runs on CPU 0");
	lab_check(*(volatile uint64_t *)(vm1.mem + LAB_DATA) > before && s->runs > 0,
		  "while another one runs on CPU 1");
	lab_check(is_busy(side.sel), "which nobody else can run");
	up(side_sm);
	lab_check(down(side_done, in_ms(10000)) == S_OK && side_exit == VM_EXIT_WAKE,
		  "it is woken from here");
	before = *(volatile uint64_t *)(vm1.mem + LAB_DATA);
	lab_check(lab_run(&side, 0, in_ms(10)) == VM_EXIT_TIMEOUT &&
			  *(volatile uint64_t *)(vm1.mem + LAB_DATA) > before,
		  "and goes on here on CPU 0");
}

static void hop_side(void)
{
	for (unsigned i = 0; i < HOPS / 2; i++) {
		(void)!down(side_sm, 0);
		side_exit = lab_run(&side, 0, 0);
		up(side_done);
	}
	lab_thread_end();
}

/* One vCPU, run by turns on both CPUs; it ends where it does not run, and its memory is used again. */
static void test_hops(void)
{
	struct vcpu_state *s;
	struct lab_vm vm;
	bool good = true;

	lab_vm_make(&vm, guest_hop, guest_hop_end);
	lab_vcpu_make(&side, &vm, 0);
	s = side.s;
	side_sm = semaphore();
	side_done = semaphore();
	lab_thread(1, PRIO_MAX - 2, hop_side);
	for (uint64_t i = 0; i < HOPS; i++) {
		if (i % 2) {
			up(side_sm);
			good &= down(side_done, in_ms(10000)) == S_OK;
		} else {
			side_exit = lab_run(&side, 0, 0);
		}
		good &= side_exit == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == i + 1 &&
			s->gpr[VCPU_RAX] == 0x5678;
		vcpu_skip(s, 3);
	}
	lab_check(good, "a vCPU goes to and fro between two CPUs with all it has");
	lab_must(sys_revoke(side.sel, REVOKE_OBJECT), "destroy it from the CPU it last left");
	lab_vm_make(&vm, guest_hop, guest_hop_end);
	lab_vcpu_make(&side, &vm, 0);
	lab_check(lab_run(&side, 0, 0) == VM_EXIT_HYPERCALL && side.s->gpr[VCPU_RBX] == 1,
		  "a new one in its place starts afresh");
}

static void test_unmap_while_running(void)
{
	const volatile uint64_t *counter;
	struct lab_vm vm;
	uint64_t count;

	lab_vm_make(&vm, guest_spin, guest_spin_end);
	counter = (const volatile uint64_t *)(vm.mem + LAB_DATA);
	start_side(&vm);
	sleep_ms(4); /* away from the end of its slice, which takes it out of the guest */
	lab_must(sys_unmap(vm.space, 0, LAB_RAM), "unmap under a running guest");
	count = *counter;
	lab_check(down(side_done, in_ms(10000)) == S_OK && side_exit == VM_EXIT_MEMORY,
		  "memory goes from under a guest on another CPU");
	lab_check(count != 0 && *counter == count,
		  "which writes nothing there once the call has returned");
}

static void test_end_while_running(void)
{
	struct lab_vm vm;

	lab_vm_make(&vm, guest_spin, guest_spin_end);
	start_side(&vm);
	lab_must(sys_revoke(side.sel, REVOKE_OBJECT), "destroy a running vCPU");
	lab_check(down(side_done, in_ms(10000)) == S_OK && side_exit >= 0x100,
		  "a vCPU ends while it runs; its thread is told");
	lab_vm_make(&vm, guest_spin, guest_spin_end);
	start_side(&vm);
	lab_must(sys_revoke(vm.space, REVOKE_OBJECT), "destroy the space of a running vCPU");
	lab_check(down(side_done, in_ms(10000)) == S_OK && side_exit >= 0x100,
		  "a space ends under its guest");
	lab_vm_make(&vm, guest_spin, guest_spin_end);
	start_side(&vm);
	lab_must(sys_revoke(side_sm, REVOKE_OBJECT), "destroy the semaphore of a running vCPU");
	lab_must(sys_revoke(side.sel, REVOKE_OBJECT), "destroy the vCPU behind it");
	lab_check(down(side_done, in_ms(10000)) == S_OK, "its semaphore ends under a guest");
}

static void count_up(void)
{
	while (!stop)
		counted++;
	lab_thread_end();
}

static void tick(void)
{
	while (!stop) {
		sleep_ms(2);
		ticks++;
	}
	lab_thread_end();
}

static void test_fairness(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint64_t alone, start;

	MACHINE(spin);
	stop = false;
	lab_thread(0, PRIO_MAX - 1, count_up);
	start = *(volatile uint64_t *)(vm.mem + LAB_DATA);
	lab_equal(lab_run(&v, 0, in_ms(MS_RUN)), VM_EXIT_TIMEOUT,
		  "a guest beside a thread of its priority");
	lab_check(counted > 1000 && *(volatile uint64_t *)(vm.mem + LAB_DATA) - start > 1000,
		  "both get on");
	stop = true;
	sleep_ms(5);
	stop = false;
	lab_thread(0, PRIO_MAX, tick);
	(void)!lab_run(&v, 0, in_ms(MS_RUN));
	alone = ticks;
	stop = true;
	lab_check(alone >= MS_RUN / 16 && s->runs > alone,
		  "a thread of higher priority interrupts a guest");
	sleep_ms(5);
}

static void take_turns(struct vcpu_state *s, uint64_t own, uint64_t other)
{
	s->gpr[VCPU_RDI] = LAB_DATA + own;
	s->gpr[VCPU_RSI] = LAB_DATA + other;
	s->gpr[VCPU_RCX] = TURNS;
}

/* Two vCPUs of one machine on one CPU wait for each other by PAUSE. */
static void test_turns(void)
{
	struct lab_vcpu v;
	struct lab_vm vm;
	uint64_t start;

	lab_vm_make(&vm, guest_turns, guest_turns_end);
	lab_vcpu_make(&v, &vm, 0);
	lab_vcpu_make(&side, &vm, 0);
	take_turns(v.s, 0, 64);
	take_turns(side.s, 64, 0);
	side_sm = semaphore();
	side_done = semaphore();
	start = lab_tsc();
	lab_thread(0, PRIO_MAX - 1, run_side);
	lab_equal(lab_run(&v, 0, in_ms(10000)), VM_EXIT_HYPERCALL,
		  "a guest that waits for its equal gets on");
	lab_check(down(side_done, in_ms(10000)) == S_OK && side_exit == VM_EXIT_HYPERCALL,
		  "and so does that");
	lab_check(lab_tsc() - start < lab_root->tsc_khz * MS_TURNS,
		  "by giving each other their turns");
}

static struct lab_vm many_vm[MACHINES];
static struct lab_vcpu many[MACHINES];
static bool many_good[2];

/* Every second machine tells the number that it finds in its memory. */
static void tell_half(unsigned half, unsigned round)
{
	for (unsigned i = half; i < MACHINES; i += 2) {
		uint64_t number = round * 1000 + i;

		*(volatile uint64_t *)(many_vm[i].mem + LAB_DATA) = number;
		many_good[half] &= lab_run(&many[i], 0, 0) == VM_EXIT_HYPERCALL;
		many_good[half] &= many[i].s->gpr[VCPU_RAX] == number;
		vcpu_skip(many[i].s, 3);
	}
}

static void tell_side(void)
{
	for (unsigned k = 0; k < ROUNDS; k++) {
		(void)!down(side_sm, 0);
		tell_half((k + 1) % 2, k);
		up(side_done);
	}
	lab_thread_end();
}

/* With two CPUs each machine changes over from round to round. */
static void test_many(void)
{
	bool good = true, two = lab_root->cpu_count > 1;

	side_sm = semaphore();
	side_done = semaphore();
	many_good[0] = many_good[1] = true;
	for (unsigned i = 0; i < MACHINES; i++) {
		lab_vm_make(&many_vm[i], guest_tell, guest_tell_end);
		lab_vcpu_make(&many[i], &many_vm[i], 0);
	}
	if (two)
		lab_thread(1, PRIO_MAX - 2, tell_side);
	for (unsigned k = 0; k < ROUNDS; k++) {
		if (two)
			up(side_sm);
		tell_half(k % 2, k);
		if (two)
			good &= down(side_done, in_ms(10000)) == S_OK;
		else
			tell_half((k + 1) % 2, k);
	}
	lab_check(good && many_good[0] && many_good[1],
		  "40 machines, more than there are TLB tags, each see their own memory");
}

static void test_accounts(void)
{
	uint64_t quota, before, after;
	struct lab_vm vm;
	struct lab_vcpu v[8];

	lab_vm_make(&vm, guest_tell, guest_tell_end);
	lab_must(sys_revoke(vm.space, REVOKE_OBJECT), "destroy a space");
	lab_must(sys_ctrl_kmem(lab_root->pd, lab_root->pd, 0, &quota, &before), "ask the account");
	lab_vm_make(&vm, guest_tell, guest_tell_end);
	for (unsigned i = 0; i < 8; i++) {
		lab_vcpu_make(&v[i], &vm, 0);
		(void)!lab_run(&v[i], 0, 0);
	}
	lab_must(sys_revoke(vm.space, REVOKE_OBJECT), "destroy a space with eight vCPUs");
	lab_must(sys_ctrl_kmem(lab_root->pd, lab_root->pd, 0, &quota, &after), "ask again");
	/* tables of root's own domain and a page of capabilities may stay */
	lab_check(after <= before + 4, "everything of a machine is credited back");
}

void test_sharing(void)
{
	lab_name = "vm_sharing";
	test_wake();
	test_wake_from_thread();
	test_many();
	test_fairness();
	test_turns();
	test_accounts();
	if (lab_root->cpu_count < 2)
		return;
	test_two_cpus();
	test_hops();
	test_unmap_while_running();
	test_end_while_running();
}
