# SPDX-License-Identifier: Apache-2.0
# Clients of drivers and services, for the system tests: hosted and as parts of laboratory images.

$(eval $(call hosted_component,client,tests/services/client.c))
$(eval $(call hosted_component,sleeper,tests/services/sleeper.c))
TEST_COMPONENTS := client sleeper grinder intruder tty rogue bystander
$(foreach c,$(TEST_COMPONENTS),$(eval $(call component,$(c),tests/services/$(c).c)))

# Crash variants: the same objects, one function of them replaced by one that dies now and then. $(1): component, $(2): source, $(3): function
define crash_variant
$(BUILD)/crash/$(1).elf: $(BUILD)/bin/$(1).debug $(call objs,target,$(2))
	@mkdir -p $$(@D)
	$$(call quiet,LD,$$@) $$(LD) $$(TLDFLAGS) --wrap=$(3) -o $$@.debug $(OBJS_OF_$(1)) $(call objs,target,$(2)) \
		--start-group $(ARCHIVES_OF_$(1)) $$(LIBGCC) --end-group && $$(OBJCOPY) --strip-all $$@.debug $$@
TEST_FILES += $(BUILD)/crash/$(1).elf
endef
$(foreach c,virtio_blk virtio_net ata e1000 tpm_drv pci uart uplink tpm disk policy tmc vault,$(eval $(call crash_variant,$(c),tests/services/crash.c,component_wait)))
$(eval $(call crash_variant,vmm,tests/services/crash_vmm.c,machine_run))
