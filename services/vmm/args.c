// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/args.h"
#include <string.h>
#include "services/vmm/machine.h"

static const char *fault(const struct vmm_args *a)
{
	if (a->magic != VMM_ARGS_MAGIC)
		return "magic";
	if (a->version != VMM_ARGS_VERSION || a->size != sizeof(*a))
		return "version";
	if (a->mem_mib < ARGS_MIN_MIB)
		return "memory size";
	if (a->vcpus < 1 || a->vcpus > MACHINE_VCPUS)
		return "number of vCPUs";
	if (a->kernel_size == 0)
		return "kernel size";
	if (a->cmdline_len >= VMM_CMDLINE_MAX || a->cmdline[VMM_CMDLINE_MAX - 1] != 0 ||
	    strlen(a->cmdline) != a->cmdline_len)
		return "command line";
	return NULL;
}

bool args_read(const void *bytes, size_t n, struct vmm_args *out, const char **why)
{
	*why = "size";
	if (n < sizeof(*out))
		return false;
	memcpy(out, bytes, sizeof(*out));
	*why = fault(out);
	return *why == NULL;
}
