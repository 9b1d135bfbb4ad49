// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/vcpu.h"
#include "abi/decode.h"
#include "kernel/inc/console.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/sm.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

/* SDM volume 1, 13.3; the state components a guest may be offered. */
enum {
	XCR0_X87 = 1 << 0,
	XCR0_SSE = 1 << 1,
	XCR0_AVX = 1 << 2,
	XCR0_AVX512 = 7 << 5,
	XCR0_KNOWN = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512,
};

const struct vm_ops *vm_ops;

void vm_choose(void)
{
	for (const struct vm_ops *const *o = vm_vendors; *o && !vm_ops; o++)
		if ((*o)->present())
			vm_ops = *o;
	kprintf("vm: %s\n",
		vm_ops ? vm_ops->name : "this processor has no supported virtualisation");
}

void vm_cpu_init(struct cpu *cpu)
{
	const char *wrong = vm_ops ? vm_ops->cpu_init(cpu) : NULL;

	if (wrong)
		panic("cpu %u: cannot enable %s: %s", cpu->id, vm_ops->name, wrong);
}

bool vcpu_xcr0_valid(uint64_t xcr0, uint64_t max)
{
	if (xcr0 & ~(max & XCR0_KNOWN) || !(xcr0 & XCR0_X87))
		return false;
	if (xcr0 & XCR0_AVX && !(xcr0 & XCR0_SSE))
		return false;
	if (xcr0 & XCR0_AVX512)
		return xcr0 & XCR0_AVX && (xcr0 & XCR0_AVX512) == XCR0_AVX512;
	return true;
}

static void vcpu_free_frames(struct vcpu *v)
{
	struct account *a = &v->obj.acct->account;

	if (v->state)
		frame_free(a, v->state);
	if (v->control)
		frame_free(a, v->control);
	if (v->fpu)
		frame_free(a, v->fpu);
}

static enum status vcpu_build(struct vcpu *v)
{
	struct account *a = &v->obj.acct->account;

	v->state = frame_alloc(a);
	v->control = frame_alloc(a);
	v->fpu = frame_alloc(a);
	if (!v->state || !v->control || !v->fpu)
		return S_NO_KMEM;
	return space_show_frame(&v->obj.acct->space, v->state_va, v->state);
}

static void *fpu_area(const struct vcpu *v)
{
	return (char *)v->fpu + VCPU_FPU_OFFSET;
}

static void vcpu_reset(struct vcpu *v)
{
	v->state->version = VCPU_STATE_VERSION;
	v->state->dirty = VCPU_G_ALL;
	v->state->xcr0_max = fpu_mask & XCR0_KNOWN;
	v->xcr0 = XCR0_X87;
	fpu_reset(fpu_area(v));
	vm_ops->vcpu_init(v);
}

static struct vcpu *vcpu_create(struct pd *pd, struct gspace *space, uint64_t va,
				enum status *status)
{
	struct vcpu *v = obj_alloc(pd, OBJ_VCPU, sizeof(*v));

	*status = S_NO_KMEM;
	if (!v)
		return NULL;
	v->space = space;
	v->state_va = va;
	*status = vcpu_build(v);
	if (*status == S_OK)
		return v;
	vcpu_free_frames(v);
	obj_discard(&v->obj);
	return NULL;
}

void call_create_vcpu(struct ec *self)
{
	struct args_create_vcpu args = decode_create_vcpu(&self->regs);
	struct slot *dst, *pd, *space;
	struct vcpu *v;
	enum status s;

	if (!vm_ops)
		return ec_status(self, S_UNSUPPORTED);
	s = cap_lookup(self->pd, args.pd, OBJ_PD, RIGHT_EC | RIGHT_PAY, &pd);
	if (s == S_OK)
		s = cap_lookup(self->pd, args.space, OBJ_SPACE, RIGHT_RUN, &space);
	if (s == S_OK && space_is_dma(&container_of(space->obj, struct gspace, obj)->space))
		s = S_BAD_PARAM;
	if (s == S_OK)
		s = cap_empty(self->pd, args.dst, &dst);
	if (s != S_OK)
		return ec_status(self, s);
	v = vcpu_create((struct pd *)pd->obj, (struct gspace *)space->obj, args.state_va, &s);
	if (!v)
		return ec_status(self, s);

	/* point of no return */
	vcpu_reset(v);
	list_insert(&v->space->vcpus, &v->space_link);
	slot_set_object(dst, &v->obj);
	ec_status(self, S_OK);
}

void vcpu_wake(struct sm *sm)
{
	for (uint32_t i = 0; i < cpu_count && sm->guests; i++)
		if (cpus[i]->guest_sm == sm && cpus[i] != cpu_self())
			lapic_ipi(cpus[i]->apic_id, VECTOR_RESCHED);
}

void vcpu_forget(const struct sm *sm)
{
	for (uint32_t i = 0; i < cpu_count && sm->guests; i++)
		if (cpus[i]->guest_sm == sm)
			cpus[i]->guest_sm = NULL;
}

bool vcpu_leave_space(struct gspace *space)
{
	if (list_empty(&space->vcpus))
		return true;
	for (struct list *l = space->vcpus.next; l != &space->vcpus; l = l->next)
		obj_kill(&container_of(l, struct vcpu, space_link)->obj);
	return false;
}

enum reap_result vcpu_reap(struct vcpu *v)
{
	if (v->running) {
		lapic_ipi(cpus[v->cpu]->apic_id, VECTOR_RESCHED);
		return REAP_LATER;
	}
	if (v->held)
		vcpu_release(v);
	space_hide_frame(&v->obj.acct->space, v->state_va);
	vcpu_free_frames(v);
	list_remove(&v->space_link);
	if (v->space->obj.dead && list_empty(&v->space->vcpus))
		obj_unpark(&v->space->obj);
	return REAP_DONE;
}

/* An exit that needs no guest, or VM_EXIT_NONE. */
static uint32_t early_exit(const struct sm *sm, uint64_t deadline)
{
	if (sm && sm->count)
		return VM_EXIT_WAKE;
	if (deadline && rdtsc() >= deadline)
		return VM_EXIT_TIMEOUT;
	return VM_EXIT_NONE;
}

static uint32_t run_guest(struct cpu *cpu, struct vcpu *v, struct sm *sm, uint64_t deadline)
{
	uint32_t exit;

	v->running = true;
	v->state->runs++;
	v->cpu = cpu->id;
	cpu->guest = &v->space->space;
	cpu->guest_sm = sm;
	if (sm)
		sm->guests++;
	exit = vm_ops->run(v, deadline);
	if (cpu->guest_sm)
		cpu->guest_sm->guests--;
	cpu->guest_sm = NULL;
	cpu->guest = NULL;
	v->running = false;
	return exit <= VM_EXIT_LAST ? exit : VM_EXIT_UNHANDLED;
}

static void finish(struct ec *self, struct vcpu *v, uint32_t exit)
{
	uint32_t groups = v->state->exit_mtd[exit] & (VCPU_G_ALL | VCPU_G_FPU);

	/* after a refused entry the processor may have left state of the host */
	v->stale = exit == VM_EXIT_INVALID;
	if (v->stale)
		groups = 0;
	else
		vm_ops->store(v, groups);
	if (groups & VCPU_G_XCR)
		v->state->xcr0 = v->xcr0;
	if (groups & VCPU_G_FPU)
		__builtin_memcpy(v->state->fpu, fpu_area(v), VCPU_FPU_SIZE);
	v->state->exit = exit;
	v->state->valid = groups;
	cpu_self()->stats->vm_exits[exit]++;
	ec_results(self, exit, 0);
	ec_status(self, S_OK);
}

/* The dirty groups of the page into the control block, on this CPU. */
static bool load(struct vcpu *v)
{
	uint32_t dirty = v->stale ? VCPU_G_ALL : v->state->dirty & VCPU_G_ALL;
	uint64_t xcr0 = v->state->xcr0;

	if (v->state->dirty & VCPU_G_FPU)
		fpu_import(fpu_area(v), v->state->fpu, VCPU_FPU_SIZE);
	v->state->dirty = 0;
	v->stale = false;
	if (dirty & VCPU_G_XCR && fpu_mask) {
		if (!vcpu_xcr0_valid(xcr0, fpu_mask))
			return false;
		v->xcr0 = xcr0;
	}
	if (v->held && v->cpu != cpu_self()->id)
		vcpu_release(v);
	return vm_ops->load(v, dirty);
}

static void run_vcpu(struct ec *self, struct vcpu *v, struct sm *sm, uint64_t deadline)
{
	struct vcpu_event event = v->state->event;
	uint32_t exit = VM_EXIT_INVALID;

	if (load(v))
		exit = early_exit(sm, deadline);
	if (exit != VM_EXIT_NONE) {
		finish(self, v, exit);
		v->state->event = event; /* the guest has not had it */
		return;
	}
	exit = run_guest(cpu_self(), v, sm, deadline);
	if (exit != VM_EXIT_NONE)
		return finish(self, v, exit);
	vm_ops->store(v, 0);
	ec_restart(self);
}

void call_vcpu_run(struct ec *self)
{
	struct args_vcpu_run args = decode_vcpu_run(&self->regs);
	struct slot *vcpu, *sm = NULL;
	enum status s = cap_lookup(self->pd, args.vcpu, OBJ_VCPU, RIGHT_RUN, &vcpu);

	if (s == S_OK && args.sm != SEL_NULL)
		s = cap_lookup(self->pd, args.sm, OBJ_SM, RIGHT_DOWN, &sm);
	if (s == S_OK && ((struct vcpu *)vcpu->obj)->running)
		s = S_BUSY;
	if (s != S_OK)
		return ec_status(self, s);

	/* point of no return */
	run_vcpu(self, (struct vcpu *)vcpu->obj, sm ? (struct sm *)sm->obj : NULL, args.deadline);
}
