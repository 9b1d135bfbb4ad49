// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/exception.h"

void exception_raise(struct vcpu_state *s, uint32_t vector)
{
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | vector;
	s->event.error = 0;
}

void exception_raise_error(struct vcpu_state *s, uint32_t vector, uint32_t error)
{
	exception_raise(s, vector);
	s->event.info |= VCPU_EVENT_ERROR;
	s->event.error = error;
}

void exception_page_fault(struct vcpu_state *s, uint64_t linear, uint32_t error)
{
	s->cr2 = linear;
	s->dirty |= VCPU_G_CR;
	exception_raise_error(s, VECTOR_PF, error);
}
