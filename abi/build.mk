# SPDX-License-Identifier: Apache-2.0
# The kernel interface: stubs for components, decode structs for the kernel, the manual.

GEN_HDRS += $(BUILD)/gen/abi/calls.h $(BUILD)/gen/abi/decode.h

$(BUILD)/gen/abi/calls.h: abi/calls.toml abi/gen.py
	@mkdir -p $(@D)
	$(call quiet,GEN,$@) $(PYTHON) abi/gen.py stubs $< > $@

$(BUILD)/gen/abi/decode.h: abi/calls.toml abi/gen.py
	@mkdir -p $(@D)
	$(call quiet,GEN,$@) $(PYTHON) abi/gen.py decode $< > $@

.PHONY: abi-manual
abi-manual: abi/calls.toml abi/gen.py abi/manual.md
	$(call quiet,GEN,docs/kernel.md) $(PYTHON) abi/gen.py manual abi/calls.toml abi/manual.md > docs/kernel.md

# docs/kernel.md must be what its sources make.
TEST_FILES += $(BUILD)/gen/kernel.md
$(BUILD)/gen/kernel.md: abi/calls.toml abi/gen.py abi/manual.md docs/kernel.md
	@mkdir -p $(@D)
	$(call quiet,GEN,$@) $(PYTHON) abi/gen.py manual abi/calls.toml abi/manual.md > $@ && cmp $@ docs/kernel.md
