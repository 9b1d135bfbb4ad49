# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, with the flags of the programs that include it.

HEADERS := $(filter-out deps/%,$(shell git ls-files -co --exclude-standard '*.h' 2>/dev/null))
HEADERS := $(wildcard $(HEADERS))

EFI_HEADERS := $(filter boot/loader/%,$(HEADERS))
HOST_HEADERS := $(filter mgmt/tom/% lib/host/% tests/%,$(HEADERS))
KERNEL_HEADERS := $(filter kernel/%,$(HEADERS))
TARGET_HEADERS := $(filter-out $(EFI_HEADERS) $(HOST_HEADERS) $(KERNEL_HEADERS),$(HEADERS))

header_ok = $(patsubst %,$(BUILD)/check/%.ok,$(1))
header_check = $(call quiet,HEADER,$<) mkdir -p $(@D) && echo '\#include "$<"' | $(1) -x c -fsyntax-only - && touch $@

.PHONY: check check-headers
check-headers: $(call header_ok,$(HEADERS))

# What a header includes is not tracked here: any changed header checks all of them again.
$(call header_ok,$(HEADERS)): $(HEADERS) | gen deps
$(call header_ok,$(EFI_HEADERS)): $(BUILD)/check/%.ok: %
	$(call header_check,$(CC) $(LOADER_CFLAGS))
$(call header_ok,$(HOST_HEADERS)): $(BUILD)/check/%.ok: %
	$(call header_check,$(HOSTCC) $(HCFLAGS) $(HOST_MBEDTLS_CFLAGS))
$(call header_ok,$(KERNEL_HEADERS)): $(BUILD)/check/%.ok: %
	$(call header_check,$(CC) $(KCFLAGS))
$(call header_ok,$(TARGET_HEADERS)): $(BUILD)/check/%.ok: %
	$(call header_check,$(CC) $(TCFLAGS) $(DEPS_INCLUDES))

check:
	@$(PYTHON) tools/check.py $(BUILD)
