# SPDX-License-Identifier: Apache-2.0
# What a person asks make for.

.PHONY: all components host tests test-unit test-system check bench release clean

all: $(COMPONENTS) $(HOST_PROGS) $(ALL)
components: $(COMPONENTS)
host: $(HOST_PROGS)
tests: $(UNIT_TESTS) $(FUZZ_TARGETS)

clean:
	rm -rf $(filter-out $(DEPS),$(wildcard $(BUILD)/*)) $(BUILD)/.flags
