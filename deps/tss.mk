# SPDX-License-Identifier: Apache-2.0
# tpm2-tss 4.1: marshalling, SAPI, ESAPI and error texts over mbedTLS; no TCTI of its own.

TSS := $(DEPS)/tss/libtss.a
HOST_TSS := $(DEPS)/host/libtss.a
LIBRARIES += $(TSS) $(HOST_TSS)

T := $(S)/tss
TSS_SRCS := $(filter-out %/esys_crypto_ossl.c,$(wildcard $(T)/src/tss2-mu/*.c $(T)/src/tss2-sys/*.c \
	$(T)/src/tss2-sys/api/*.c $(T)/src/tss2-esys/*.c $(T)/src/tss2-esys/api/*.c)) \
	$(T)/src/util/log.c $(T)/src/tss2-rc/tss2_rc.c
# -D__thread= : tss2_rc.c's buffers become plain static, so no thread pointer is needed.
TSS_FLAGS := -std=gnu99 -DHAVE_CONFIG_H -Ideps/tss -I$(T)/include -I$(T)/include/tss2 -I$(T)/src \
	-I$(T)/src/tss2-esys -I$(T)/src/tss2-sys -I$(T)/src/tss2-mu \
	-DTSS2_TCTI_SUPPRESS_POLL_WARNINGS -D__thread=
TSS_INPUTS := $(S)/tss.from $(wildcard deps/tss/*) deps/tss.mk $(MBED_INPUTS)

%/tss2-esys/esys_crypto_mbed.o: TSS_FLAGS += -include deps/tss/ec_size.h

$(O)/tss/%.o: $(T)/%.c $(TSS_INPUTS) $(LIBC)
	@mkdir -p $(@D)
	$(call note,CC,tss/$*.c) gcc $(BARE_FLAGS) $(PICO) $(MBED_FLAGS) $(TSS_FLAGS) -c -o $@ $<

$(O)/host/tss/%.o: $(T)/%.c $(TSS_INPUTS)
	@mkdir -p $(@D)
	$(call note,HOSTCC,tss/$*.c) gcc $(HOST_FLAGS) $(MBED_FLAGS) $(TSS_FLAGS) -c -o $@ $<

$(O)/tss/no_tctildr.o: deps/tss/no_tctildr.c $(TSS_INPUTS) $(LIBC)
	@mkdir -p $(@D)
	$(call note,CC,$<) gcc $(BARE_FLAGS) $(PICO) $(TSS_FLAGS) -c -o $@ $<

$(O)/host/tss/no_tctildr.o: deps/tss/no_tctildr.c $(TSS_INPUTS)
	@mkdir -p $(@D)
	$(call note,HOSTCC,$<) gcc $(HOST_FLAGS) $(TSS_FLAGS) -c -o $@ $<

$(TSS): $(TSS_SRCS:$(T)/%.c=$(O)/tss/%.o) $(O)/tss/no_tctildr.o
	$(archive)

$(HOST_TSS): $(TSS_SRCS:$(T)/%.c=$(O)/host/tss/%.o) $(O)/host/tss/no_tctildr.o
	$(archive)
