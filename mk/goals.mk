# SPDX-License-Identifier: Apache-2.0
# What a person asks make for.

.PHONY: all components host tests test-unit test-system test-vtx bench clean

all: $(COMPONENTS) $(HOST_PROGS) $(ALL)
components: $(COMPONENTS)
host: $(HOST_PROGS)
tests: $(UNIT_TESTS) $(FUZZ_TARGETS) $(TEST_FILES)

RUN_TESTS := BUILD=$(BUILD) $(PYTHON) tests/run.py

test-unit: tests
	$(RUN_TESTS) --kind unit --kind fuzz

test-system: all tests
	$(RUN_TESTS) --kind system

# Those of the system tests that run on Intel's VT-x, under Bochs.
test-vtx: all tests
	$(RUN_TESTS) --kind system -k vtx_

bench: all $(TEST_FILES)
	BUILD=$(BUILD) $(PYTHON) tests/bench/run.py $(ONLY)

clean:
	rm -rf $(filter-out $(DEPS),$(wildcard $(BUILD)/*)) $(BUILD)/.flags
