# SPDX-License-Identifier: Apache-2.0
# Functions for build.mk fragments. Sources are paths from the root.
#
#   $(eval $(call component,NAME,SOURCES,LIBS))             build/bin/NAME.elf (stripped), NAME.debug (whole)
#   $(eval $(call host_prog,NAME,SOURCES,CFLAGS,LDLIBS))    build/host/NAME
#   $(eval $(call unit_test,NAME,SOURCES,CFLAGS,LDLIBS))    build/test/NAME, with ASan and UBSan
#   $(eval $(call fuzz_target,NAME,SOURCES,CFLAGS,LDLIBS))  build/fuzz/NAME, libFuzzer with ASan and UBSan
#
# LIBS: mbedtls lwip tss perlasm. Archives (*.a) among LDLIBS are built first. Variables that
# fragments may append to:
#   ALL        files that `make` makes         GEN_HDRS  generated headers, made before any object
#   TEST_FILES files that system tests need, made by `make tests`
#   LIB_SRCS   the component runtime (lib/)    CFLAGS_<source path>  extra flags for that one file
# Kernel objects: $(BUILD)/obj/kernel/<source>.o from .c or .S with KCFLAGS.

ALL :=
TEST_FILES :=
COMPONENTS :=
HOST_PROGS :=
UNIT_TESTS :=
FUZZ_TARGETS :=
GEN_HDRS :=
LIB_SRCS :=
CRYPTO_SRCS :=

quiet = @printf '  %-8s %s\n' '$(1)' '$(2)';
objs = $(patsubst %,$(BUILD)/obj/$(1)/%.o,$(basename $(2)))

# Archives behind each name in LIBS; the linker sees them as one group.
LIBS_perlasm = $(BUILD)/lib/libcrypto.a $(DEPS)/perlasm/libperlasm.a
LIBS_mbedtls = $(DEPS)/mbedtls/libmbedtls.a $(LIBS_perlasm)
LIBS_tss = $(DEPS)/tss/libtss.a $(LIBS_mbedtls)
LIBS_lwip = $(DEPS)/lwip/liblwip.a
archives = $(BUILD)/lib/libredoubt.a $(foreach l,$(1),$(LIBS_$(l))) $(DEPS)/picolibc/lib/libc.a

define component
COMPONENTS += $(BUILD)/bin/$(1).elf
OBJS_OF_$(1) := $(call objs,target,$(2))
ARCHIVES_OF_$(1) := $(call archives,$(3))
$(BUILD)/bin/$(1).debug: $(call objs,target,$(2)) $(call archives,$(3)) linker/component.ld
	@mkdir -p $$(@D)
	$$(call quiet,LD,$$@) $$(LD) $$(TLDFLAGS) -o $$@ $(call objs,target,$(2)) \
		--start-group $(call archives,$(3)) $$(LIBGCC) --end-group
$(BUILD)/bin/$(1).elf: $(BUILD)/bin/$(1).debug
	$$(call quiet,STRIP,$$@) $$(OBJCOPY) --strip-all $$< $$@
endef

# $(1) kind, $(2) output, $(3) name, $(4) sources, $(5) compiler and flags, $(6) link flags
define host_rules
$(call objs,$(1)/$(3),$(4)): $(BUILD)/obj/$(1)/$(3)/%.o: %.c $(BUILD)/.flags | gen $(filter %.a,$(6))
	@mkdir -p $$(@D)
	$$(call quiet,$(1),$$<) $(5) $$(CFLAGS_$$<) -MMD -MP -c -o $$@ $$<
$(2): $(call objs,$(1)/$(3),$(4)) $(filter %.a,$(6))
	@mkdir -p $$(@D)
	$$(call quiet,LINK,$$@) $(5) -o $$@ $(call objs,$(1)/$(3),$(4)) $(6)
DEP_OBJS += $(call objs,$(1)/$(3),$(4))
endef

define host_prog
HOST_PROGS += $(BUILD)/host/$(1)
$(call host_rules,host,$(BUILD)/host/$(1),$(1),$(2),$(HOSTCC) $(HCFLAGS) $(3),$(4))
endef

define unit_test
UNIT_TESTS += $(BUILD)/test/$(1)
$(call host_rules,test,$(BUILD)/test/$(1),$(1),$(2),$(HOSTCC) $(HCFLAGS) -O1 $(SANITIZE) $(3),$(4))
endef

define fuzz_target
FUZZ_TARGETS += $(BUILD)/fuzz/$(1)
$(call host_rules,fuzz,$(BUILD)/fuzz/$(1),$(1),$(2),$(FUZZCC) $(HCFLAGS) -O1 -fsanitize=fuzzer $(SANITIZE) $(3),$(4))
endef
