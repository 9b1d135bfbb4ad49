// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/virtio_rng.h"

static void serve(struct virtio *v, unsigned q)
{
	struct virtio_rng *r = (struct virtio_rng *)v;
	struct virtq_chain c;
	uint8_t bytes[RNG_MOST];

	while (virtq_pop(&v->queue[q], v->gm, &c)) {
		uint32_t n = c.in_len < RNG_MOST ? c.in_len : RNG_MOST;

		r->fill(bytes, n);
		virtq_copy_in(&c, 0, bytes, n);
		virtq_push(&v->queue[q], v->gm, c.head, n);
	}
	virtio_interrupt(v, q);
}

static void nothing(struct virtio *v)
{
	(void)v;
}

void virtio_rng_init(struct virtio_rng *r, void (*fill)(void *p, size_t n))
{
	static const struct virtio_ops ops = { .notify = serve, .reset = nothing };

	virtio_init(&r->v, VIRTIO_RNG, 0x100000, 1, 0, &ops);
	r->fill = fill;
}
