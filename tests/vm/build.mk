# SPDX-License-Identifier: Apache-2.0
# Tests of the virtualisation part of the kernel: programs that run as root of a bundle of their own.

VM_LAB := tests/vm/lab.c tests/vm/guests.S

$(eval $(call unit_test,vcpu_state,tests/vm/vcpu_state.c kernel/src/x86_64/state_svm.c kernel/src/x86_64/exit_svm.c))
$(eval $(call component,vmtest,tests/vm/vmtest.c tests/vm/exits.c tests/vm/hostile.c tests/vm/sharing.c $(VM_LAB),))

# The loader asks for a manifest; these roots read none.
$(BUILD)/vm/none.bin:
	@mkdir -p $(@D)
	@printf 'no manifest\n' >$@

$(eval $(call boot_image,vm/vmtest,,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/vmtest.elf))
