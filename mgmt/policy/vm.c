// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <mbedtls/sha256.h>
#include "lib/component.h"
#include "mgmt/policy/internal.h"
#include "services/tpm/tpm.h"
#include "services/vmm/vmm.h"

/* PCR 10: word, then VM id, kernel digest, initramfs digest, SHA-256 of the command line. */
bool vm_measure(const struct state_vm *vm)
{
	static const char word[] = "vm-start";
	uint8_t event[sizeof(word) + 16 + 32 + 32 + 32], *p = event;

	memcpy(p, word, sizeof(word));
	p += sizeof(word);
	memcpy(p, vm->id, 16);
	memcpy(p + 16, vm->kernel, 32);
	memcpy(p + 48, vm->initrd, 32);
	if (mbedtls_sha256((const uint8_t *)vm->cmdline, strlen(vm->cmdline), p + 80, 0) != 0)
		return false;
	return chan_call(policy.tpm, TPM_EXTEND, TPM_PCR_RUNTIME, event, sizeof(event), NULL, 0,
			 NULL) == CS_OK;
}

static uint64_t image_size(const struct state_vm *vm, const uint8_t digest[32])
{
	const struct state_image *m = state_find_image(&policy.state, vm->tvd, digest);

	return m ? m->size : 0;
}

bool vm_start(const struct state_vm *vm)
{
	static struct vmm_args args;
	struct ctl_start start = { .version = CTL_VERSION,
				   .arg_len = sizeof(args),
				   .id = { "vmm", state_number(vm->id) },
				   .parent = state_number(vm->tvd),
				   .mem_mib = vm->mem_mib };

	memset(&args, 0, sizeof(args));
	args.magic = VMM_ARGS_MAGIC;
	args.version = VMM_ARGS_VERSION;
	args.size = sizeof(args);
	args.vm = state_number(vm->id);
	if (policy.utc_base)
		args.utc = (uint64_t)policy.utc_base + now_ns() / 1000000000u;
	args.mem_mib = (uint32_t)vm->mem_mib;
	args.vcpus = (uint32_t)vm->cpus;
	args.kernel_size = image_size(vm, vm->kernel);
	args.initrd_size = image_size(vm, vm->initrd);
	memcpy(args.kernel_digest, vm->kernel, sizeof(args.kernel_digest));
	memcpy(args.initrd_digest, vm->initrd, sizeof(args.initrd_digest));
	if (vm->blocks)
		memcpy(args.volume, vm->volume, sizeof(args.volume));
	args.cmdline_len = (uint32_t)strlen(vm->cmdline);
	memcpy(args.cmdline, vm->cmdline, args.cmdline_len);
	snprintf(start.instance, sizeof(start.instance), "%s", vm->name);
	return control_start(&start, &args, sizeof(args));
}
