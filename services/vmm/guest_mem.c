// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/guest_mem.h"
#include <string.h>

void gm_init(struct guest_mem *gm, void *base, uint64_t size)
{
	gm->base = base;
	gm->low = size < GM_HOLE ? size : GM_HOLE;
	gm->high = size - gm->low;
}

void *gm_ptr(const struct guest_mem *gm, uint64_t gpa, uint64_t len)
{
	if (gpa < gm->low)
		return len <= gm->low - gpa ? gm->base + gpa : NULL;
	if (gpa < GM_HOLE_END || gpa - GM_HOLE_END >= gm->high)
		return NULL;
	gpa -= GM_HOLE_END;
	return len <= gm->high - gpa ? gm->base + gm->low + gpa : NULL;
}

bool gm_read(const struct guest_mem *gm, uint64_t gpa, void *out, size_t len)
{
	const void *p = gm_ptr(gm, gpa, len);

	if (p == NULL)
		return false;
	memcpy(out, p, len);
	return true;
}

bool gm_write(const struct guest_mem *gm, uint64_t gpa, const void *in, size_t len)
{
	void *p = gm_ptr(gm, gpa, len);

	if (p == NULL)
		return false;
	memcpy(p, in, len);
	return true;
}
