// SPDX-License-Identifier: Apache-2.0
#include "services/vault/args.h"

#include <string.h>

int vault_args_parse(const void *arg, size_t size, struct vault_start *out)
{
	const uint8_t *p = arg;
	size_t approvals;

	if (size < sizeof(out->head))
		return -1;
	memcpy(&out->head, p, sizeof(out->head));
	if (out->head.version != VAULT_ARGS_VERSION || !out->head.approvals ||
	    out->head.approvals > APPROVAL_MAX)
		return -1;
	p += sizeof(out->head);
	size -= sizeof(out->head);
	approvals = out->head.approvals * sizeof(struct approval);
	if (size < approvals)
		return -1;
	memcpy(out->approval, p, approvals);
	for (unsigned i = 0; i < out->head.approvals; i++)
		if (approval_check(&out->approval[i], APPROVAL_TVD) != 0)
			return -1;
	return wrapped_parse(p + approvals, size - approvals, out->head.tvd_id, &out->wrapped);
}
