# SPDX-License-Identifier: Apache-2.0
# Objects and archives of our own code; read after all fragments, so their lists are complete.

.PHONY: gen
gen: $(GEN_HDRS)

# Changed compilers or flags rebuild the objects.
FLAGS_NOW := $(CC) $(TCFLAGS) $(KCFLAGS) $(HOSTCC) $(HCFLAGS)
ifneq ($(file <$(BUILD)/.flags),$(FLAGS_NOW))
$(shell mkdir -p $(BUILD))
$(file >$(BUILD)/.flags,$(FLAGS_NOW))
endif
$(BUILD)/.flags: ;

$(BUILD)/obj/target/%.o: %.c $(BUILD)/.flags | gen deps-target
	@mkdir -p $(@D)
	$(call quiet,CC,$<) $(CC) $(TCFLAGS) $(DEPS_INCLUDES) $(CFLAGS_$<) -MMD -MP -c -o $@ $<

$(BUILD)/obj/target/%.o: %.S $(BUILD)/.flags | gen deps-target
	@mkdir -p $(@D)
	$(call quiet,AS,$<) $(CC) $(TCFLAGS) $(CFLAGS_$<) -MMD -MP -c -o $@ $<

$(BUILD)/obj/kernel/%.o: %.c $(BUILD)/.flags | gen
	@mkdir -p $(@D)
	$(call quiet,KCC,$<) $(CC) $(KCFLAGS) $(CFLAGS_$<) -MMD -MP -c -o $@ $<

$(BUILD)/obj/kernel/%.o: %.S $(BUILD)/.flags | gen
	@mkdir -p $(@D)
	$(call quiet,KAS,$<) $(CC) $(KCFLAGS) $(CFLAGS_$<) -MMD -MP -c -o $@ $<

define archive
@mkdir -p $(@D)
$(call quiet,AR,$@) rm -f $@ && $(AR) rcD $@ $^
endef

$(BUILD)/lib/libredoubt.a: $(call objs,target,$(LIB_SRCS))
	$(archive)
$(BUILD)/lib/libcrypto.a: $(call objs,target,$(CRYPTO_SRCS))
	$(archive)

# Objects stay: several programs share them.
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
