# SPDX-License-Identifier: Apache-2.0
# mbedTLS 3.6 with deps/mbedtls_config.h. The host archive also holds our lib/crypto, the assembly
# and the platform functions, so that a Linux program links that one archive.

MBEDTLS := $(DEPS)/mbedtls/libmbedtls.a
HOST_MBEDTLS := $(DEPS)/host/libmbedtls.a
LIBRARIES += $(MBEDTLS) $(HOST_MBEDTLS)

MBED_SRCS := $(wildcard $(S)/mbedtls/library/*.c)
MBED_FLAGS := -DMBEDTLS_CONFIG_FILE='"deps/mbedtls_config.h"' -I. -Ilib/crypto -I$(S)/mbedtls/include \
	-I$(S)/mbedtls/library
MBED_INPUTS := $(S)/mbedtls.from deps/mbedtls_config.h deps/mbedtls.mk $(DEPS)/.flags lib/crypto/gcm_alt.h lib/crypto/sha256_alt.h lib/crypto/perlasm.h
GLUE_SRCS := $(wildcard lib/crypto/*.c) deps/host/platform.c

$(O)/mbedtls/%.o: $(S)/mbedtls/library/%.c $(MBED_INPUTS) $(LIBC)
	@mkdir -p $(@D)
	$(call note,CC,mbedtls/$*.c) gcc -std=gnu17 $(BARE_FLAGS) $(PICO) $(MBED_FLAGS) -c -o $@ $<

$(O)/host/mbedtls/%.o: $(S)/mbedtls/library/%.c $(MBED_INPUTS)
	@mkdir -p $(@D)
	$(call note,HOSTCC,mbedtls/$*.c) gcc $(HOST_FLAGS) $(MBED_FLAGS) -c -o $@ $<

$(O)/host/glue/%.o: %.c $(MBED_INPUTS) $(wildcard lib/crypto/*.h)
	@mkdir -p $(@D)
	$(call note,HOSTCC,$*.c) gcc $(HOST_FLAGS) $(MBED_FLAGS) -c -o $@ $<

$(MBEDTLS): $(MBED_SRCS:$(S)/mbedtls/library/%.c=$(O)/mbedtls/%.o)
	$(archive)

$(HOST_MBEDTLS): $(MBED_SRCS:$(S)/mbedtls/library/%.c=$(O)/host/mbedtls/%.o) \
		$(GLUE_SRCS:%.c=$(O)/host/glue/%.o) $(PERLASM_OBJS)
	$(archive)
