# SPDX-License-Identifier: Apache-2.0
# Tests of the virtualisation part of the kernel: programs that run as root of a bundle of their own.

VM_LAB := tests/vm/lab.c tests/vm/guests.S

$(eval $(call unit_test,vcpu_state,tests/vm/vcpu_state.c kernel/src/x86_64/state_svm.c kernel/src/x86_64/exit_svm.c))
$(eval $(call unit_test,vcpu_state_vmx,tests/vm/vcpu_state_vmx.c $(addprefix kernel/src/x86_64/,state_vmx.c exit_vmx.c refusal_vmx.c \
	caps_vmx.c ptab_ept.c),-iquote tests/vm/vmx_host))
$(eval $(call component,vmtest,tests/vm/vmtest.c tests/vm/exits.c tests/vm/hostile.c tests/vm/sharing.c tests/vm/vtx.c \
	tests/kernel/modelled.c tests/kernel/domain.c $(MODEL_SRCS) $(VM_LAB),))

# The loader asks for a manifest; these roots read none.
$(BUILD)/vm/none.bin:
	@mkdir -p $(@D)
	@printf 'no manifest\n' >$@

$(eval $(call boot_image,vm/vmtest,,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/vmtest.elf))
$(eval $(call component,vmbench,tests/vm/vmbench.c $(VM_LAB),))
$(eval $(call boot_image,vm/vmbench,,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/vmbench.elf))

$(eval $(call lab_image,vm/lab_vmtest,,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/vmtest.elf))

$(eval $(call component,vmlife,tests/vm/vmlife.c $(VM_LAB),))
$(eval $(call boot_image,vm/vmlife,,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/vmlife.elf))

ALL += $(BUILD)/vm/vmtest.img $(BUILD)/vm/vmbench.img $(BUILD)/vm/vmlife.img $(BUILD)/vm/lab_vmtest.img

# Guests for the real VMM.
GUEST32_CFLAGS := $(if $(CC_IS_CLANG),--target=i686-none-elf) -m32 -march=i686 -ffreestanding -fno-pic -fno-pie \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -mgeneral-regs-only \
	-std=gnu17 -O2 $(WARN) $(REPRO) -I. -nostdinc -isystem $(CC_INCLUDE)
define guest32
$(BUILD)/vm/$(1).elf: tests/vm/$(1).c tests/vm/guest32.ld $(BUILD)/.flags
	@mkdir -p $$(@D)
	$$(call quiet,GUEST,$$@) $$(CC) $$(GUEST32_CFLAGS) -c -o $$@.o $$< && \
		$$(LD) -m elf_i386 -static -nostdlib --no-warn-rwx-segments --build-id=none -T tests/vm/guest32.ld -o $$@ $$@.o
ALL += $(BUILD)/vm/$(1).elf
endef
$(eval $(call guest32,exitguest))
$(eval $(call guest32,labguest))

# Guests in 64 bits, over tests/vm/guest64*.
GUEST64_CFLAGS := $(if $(CC_IS_CLANG),--target=x86_64-none-elf) -m64 -march=x86-64 -mno-red-zone -mcmodel=small -ffreestanding \
	-fno-pic -fno-pie -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -mgeneral-regs-only \
	-std=gnu17 -O2 $(WARN) $(REPRO) -I. -nostdinc -isystem $(CC_INCLUDE)
GUEST64_SRCS := tests/vm/guest64_entry.S tests/vm/guest64.c
# $(1) name, $(2) further sources
define guest64
$(BUILD)/vm/$(1).elf: tests/vm/$(1).c $(2) $(GUEST64_SRCS) tests/vm/guest64.h tests/vm/hostile.h tests/vm/hostile_ring.h tests/vm/guest64.ld $(BUILD)/.flags
	@mkdir -p $$(@D)
	$$(call quiet,GUEST,$$@) $$(CC) $$(GUEST64_CFLAGS) -r -nostdlib -o $$@.o $$(filter %.c %.S,$$^) && \
		$$(LD) -m elf_x86_64 -static -nostdlib -z max-page-size=4096 --no-warn-rwx-segments --build-id=none -T tests/vm/guest64.ld -o $$@ $$@.o
ALL += $(BUILD)/vm/$(1).elf
endef
$(eval $(call guest64,honest,))
$(eval $(call guest64,hostile_cpu,tests/vm/hostile_msr.c))
$(eval $(call guest64,hostile_ring,tests/vm/hostile_race.c))
$(eval $(call guest64,hostile_end,))
$(eval $(call guest64,hostile_dev,tests/vm/hostile_mmio.c tests/vm/hostile_apic.c))
