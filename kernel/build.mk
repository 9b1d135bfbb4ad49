# SPDX-License-Identifier: Apache-2.0
# The kernel, linked twice: the second time with its own symbol table.

KERNEL_SRCS := $(sort $(wildcard kernel/src/*.c kernel/src/x86_64/*.c kernel/src/x86_64/*.S))
KERNEL_OBJS := $(call objs,kernel,$(KERNEL_SRCS))
KLDFLAGS := -static -nostdlib -z noexecstack -z max-page-size=0x1000 --gc-sections --build-id=none -T linker/kernel.ld

CFLAGS_kernel/src/string.c := -fno-builtin $(if $(CC_IS_CLANG),,-fno-tree-loop-distribute-patterns)

# $(call kernel_image,NAME,OBJECTS): build/bin/NAME.elf (stripped) and NAME.debug
define kernel_image
$(BUILD)/gen/$(1)/symtab0.S: kernel/symtab.py
	@mkdir -p $$(@D)
	$$(call quiet,GEN,$$@) $$(PYTHON) kernel/symtab.py > $$@
$(BUILD)/gen/$(1)/symtab1.S: $(BUILD)/bin/$(1)0.elf kernel/symtab.py
	$$(call quiet,GEN,$$@) nm -n $$< > $$(@D)/symbols && $$(PYTHON) kernel/symtab.py $$(@D)/symbols > $$@
$(BUILD)/obj/$(1)/symtab%.o: $(BUILD)/gen/$(1)/symtab%.S
	@mkdir -p $$(@D)
	$$(call quiet,KAS,$$<) $$(CC) $$(KCFLAGS) -c -o $$@ $$<
$(BUILD)/bin/$(1)0.elf: $(2) $(BUILD)/obj/$(1)/symtab0.o linker/kernel.ld
	@mkdir -p $$(@D)
	$$(call quiet,LD,$$@) $$(LD) $$(KLDFLAGS) -o $$@ $(2) $(BUILD)/obj/$(1)/symtab0.o
$(BUILD)/bin/$(1).debug: $(2) $(BUILD)/obj/$(1)/symtab1.o linker/kernel.ld
	$$(call quiet,LD,$$@) $$(LD) $$(KLDFLAGS) -o $$@ $(2) $(BUILD)/obj/$(1)/symtab1.o
$(BUILD)/bin/$(1).elf: $(BUILD)/bin/$(1).debug
	$$(call quiet,STRIP,$$@) $$(OBJCOPY) --strip-all $$< $$@
endef

$(eval $(call kernel_image,kernel,$(KERNEL_OBJS)))
ALL += $(BUILD)/bin/kernel.elf

COMMA := ,

# The common part of the kernel on the host; the processor's headers are replaced.
KERNEL_HOST := $(addprefix kernel/src/,cap.c cap_calls.c ec.c heap.c iommu.c irq.c kmem.c map.c obj.c pd.c pt.c ptab.c runq.c sc.c \
	sched.c sm.c space.c stats.c vcpu.c) $(addprefix tests/unit/kernel_host/,world.c format.c guest.c iommu.c)
# What the calls do, for the host and for a component.
MODEL_SRCS := $(addprefix tests/kernel/,model.c model_calls.c model_make.c model_shape.c)

KERNEL_HOST_CFLAGS := -iquote tests/unit/kernel_host -Wno-format-nonliteral
$(eval $(call unit_test,kernel_data,tests/unit/kernel_data.c $(KERNEL_HOST),$(KERNEL_HOST_CFLAGS)))
$(eval $(call unit_test,kernel_calls,tests/unit/kernel_calls.c $(KERNEL_HOST),$(KERNEL_HOST_CFLAGS)))
$(eval $(call unit_test,kernel_vcpu,tests/unit/kernel_vcpu.c $(KERNEL_HOST),$(KERNEL_HOST_CFLAGS)))
$(eval $(call unit_test,kernel_model,tests/unit/kernel_model.c $(MODEL_SRCS) $(KERNEL_HOST),$(KERNEL_HOST_CFLAGS)))
$(eval $(call unit_test,kernel_chaos,tests/unit/kernel_chaos.c $(KERNEL_HOST),$(KERNEL_HOST_CFLAGS),\
	-Wl$(COMMA)--wrap=slab_free -Wl$(COMMA)--wrap=frame_free))
$(eval $(call unit_test,kernel_iommu,tests/unit/kernel_iommu.c $(KERNEL_HOST),$(KERNEL_HOST_CFLAGS)))
$(eval $(call unit_test,kernel_amdvi,tests/unit/kernel_amdvi.c kernel/src/x86_64/iommu_amdvi.c kernel/src/x86_64/ptab_amdvi.c,$(KERNEL_HOST_CFLAGS)))
