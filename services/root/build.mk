# SPDX-License-Identifier: Apache-2.0
# Root, the system manifest and their tests.

ROOT_SRCS := services/root/root.c services/root/ctl.c services/root/instance.c services/root/link.c \
	services/root/choice.c services/root/manifest.c services/root/ranges.c

$(eval $(call host_prog,hosted,lib/host/launch.c))
$(eval $(call hosted_component,root,$(ROOT_SRCS) services/root/hosted/engine.c))

ALL += $(BUILD)/manifest.bin
$(BUILD)/manifest.bin: services/root/system.manifest.toml tools/manifest.py
	@mkdir -p $(@D)
	$(call quiet,GEN,$@) $(PYTHON) tools/manifest.py compile $< $@

.PHONY: manifest-graph
manifest-graph:
	@mkdir -p $(BUILD)
	$(call quiet,GEN,$(BUILD)/manifest.dot) $(PYTHON) tools/manifest.py graph services/root/system.manifest.toml > $(BUILD)/manifest.dot
	@$(PYTHON) tools/manifest.py table services/root/system.manifest.toml

$(eval $(call unit_test,root_manifest,tests/unit/root_manifest.c services/root/manifest.c,-DMANIFEST_BIN='"$(BUILD)/manifest.bin"'))
$(BUILD)/test/root_manifest: $(BUILD)/manifest.bin
$(eval $(call unit_test,root_choice,tests/unit/root_choice.c services/root/choice.c services/root/manifest.c,-DMANIFEST_BIN='"$(BUILD)/manifest.bin"'))
$(BUILD)/test/root_choice: $(BUILD)/manifest.bin
$(eval $(call unit_test,root_ranges,tests/unit/root_ranges.c services/root/ranges.c))
$(eval $(call fuzz_target,root_manifest,tests/fuzz/root_manifest.c services/root/manifest.c))

ROOT_KERNEL_SRCS := $(wildcard services/root/kernel/*.c) services/root/kernel/start.S
$(eval $(call component,root,$(ROOT_SRCS) $(ROOT_KERNEL_SRCS)))

$(eval $(call unit_test,root_elf,tests/unit/root_elf.c,-DIMAGE='"$(BUILD)/bin/uart.elf"'))
$(BUILD)/test/root_elf: $(BUILD)/bin/uart.elf
$(eval $(call fuzz_target,root_elf,tests/fuzz/root_elf.c))
