// SPDX-License-Identifier: Apache-2.0
#include "services/root/choice.h"
#include "services/root/instance.h"

/* All devices of the component are in this machine. */
static bool fit(uint32_t kind)
{
	for (uint32_t n = 0; n < manifest.header->devices; n++)
		if (manifest.device[n].component == kind && !engine_has(&manifest.device[n]))
			return false;
	return true;
}

static uint32_t row_begin(uint32_t n)
{
	while (manifest.channel[n].otherwise)
		n--;
	return n;
}

static bool in_row(uint32_t n, uint32_t first)
{
	return n == first || (n < manifest.header->channels && manifest.channel[n].otherwise);
}

bool choice_takes(uint32_t n)
{
	uint32_t first = row_begin(n), taken = first;

	if (n == first && !in_row(n + 1, first))
		return true;
	for (uint32_t k = first; in_row(k, first); k++)
		if (fit(manifest.channel[k].server)) {
			taken = k;
			break;
		}
	return n == taken;
}

bool choice_passes_over(uint32_t kind)
{
	bool serves = false;

	for (uint32_t n = 0; n < manifest.header->channels; n++) {
		if (manifest.channel[n].server != kind)
			continue;
		if (choice_takes(n))
			return false;
		serves = true;
	}
	return serves;
}
