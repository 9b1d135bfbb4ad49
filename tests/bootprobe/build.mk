# SPDX-License-Identifier: Apache-2.0
# Boot probe: a kernel for the tests of the loader, with a bundle and a boot medium of its own.

PROBE_OBJS := $(call objs,kernel,tests/bootprobe/start.S tests/bootprobe/probe.c)
PROBE_PART = $(BUILD)/boot/part-$(1).bin

$(BUILD)/boot/probe.elf: $(PROBE_OBJS) tests/bootprobe/probe.ld
	@mkdir -p $(@D)
	$(call quiet,LD,$@) $(LD) -static -nostdlib -z noexecstack -z max-page-size=0x1000 --gc-sections \
		--build-id=none -e _start -T tests/bootprobe/probe.ld -o $@.debug $(PROBE_OBJS) && \
		$(OBJCOPY) --strip-all $@.debug $@

# Stand-ins for manifest and components: the loader measures them and looks at no byte of them.
$(BUILD)/boot/part-%.bin:
	@mkdir -p $(@D)
	@printf 'part %s of the boot probe\n' '$*' >$@

$(BUILD)/boot/probe.efi: $(BUILD)/boot/loader.efi $(BUILD)/boot/probe.elf boot/mkbundle.py boot/bundle.py \
		boot/peimage.py $(foreach p,manifest alpha beta,$(call PROBE_PART,$(p)))
	$(call quiet,BUNDLE,$@) $(PYTHON) boot/mkbundle.py --loader $< --out $@ --kpool 32 --flags 0x80000000 \
		kernel=$(BUILD)/boot/probe.elf $(foreach p,manifest alpha beta,$(p)=$(call PROBE_PART,$(p)))

$(BUILD)/boot/probe.img: $(BUILD)/boot/probe.efi boot/mkimg.py
	$(call quiet,IMAGE,$@) $(PYTHON) boot/mkimg.py --out $@ $<

ALL += $(BUILD)/boot/probe.img
