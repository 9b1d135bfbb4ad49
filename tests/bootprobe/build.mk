# SPDX-License-Identifier: Apache-2.0
# Boot probe: a kernel for the tests of the loader, with a bundle and a boot medium of its own.

PROBE_OBJS := $(call objs,kernel,tests/bootprobe/start.S tests/bootprobe/probe.c)

$(BUILD)/bin/probe.elf: $(PROBE_OBJS) tests/bootprobe/probe.ld
	@mkdir -p $(@D)
	$(call quiet,LD,$@) $(LD) -static -nostdlib -z noexecstack -z max-page-size=0x1000 --gc-sections \
		--build-id=none -e _start -T tests/bootprobe/probe.ld -o $@.debug $(PROBE_OBJS) && \
		$(OBJCOPY) --strip-all $@.debug $@

# Stand-ins for manifest and components: the loader measures them and looks at no byte of them.
$(BUILD)/probe/%.bin:
	@mkdir -p $(@D)
	@printf 'part %s of the boot probe\n' '$*' >$@

$(eval $(call boot_image,probe/probe,--kpool 32 --flags 0x80000000,kernel=$(BUILD)/bin/probe.elf \
	$(foreach p,manifest alpha beta,$(p)=$(BUILD)/probe/$(p).bin)))
$(eval $(call lab_image,probe/lab_probe,--kpool 32 --flags 0x80000000,kernel=$(BUILD)/bin/probe.elf \
	$(foreach p,manifest alpha beta,$(p)=$(BUILD)/probe/$(p).bin)))
ALL += $(foreach p,probe lab_probe,$(BUILD)/probe/$(p).img $(BUILD)/probe/$(p).json)
