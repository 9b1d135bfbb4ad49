# SPDX-License-Identifier: Apache-2.0
# The host bench links the freestanding objects that ship, hence -no-pie.

BENCH_CRYPTO_LIBS := $(BUILD)/lib/libcrypto.a $(DEPS)/mbedtls/libmbedtls.a $(DEPS)/perlasm/libperlasm.a
$(eval $(call host_prog,bench_crypto,tests/bench/crypto.c,$(HOST_MBEDTLS_CFLAGS),-no-pie $(BENCH_CRYPTO_LIBS) $(BENCH_CRYPTO_LIBS) -lcrypto))

# What tests/bench/guest.py runs: the counter inside QEMU, and the program inside the guest.
$(BUILD)/bench/insns.so: tests/bench/insns.c tests/bench/mark.h $(BUILD)/.flags
	@mkdir -p $(@D)
	$(call quiet,HOSTCC,$@) $(HOSTCC) $(HCFLAGS) -fPIC -shared -o $@ $<
$(BUILD)/bench/requests: tests/bench/requests.c tests/bench/mark.h $(BUILD)/.flags
	@mkdir -p $(@D)
	$(call quiet,HOSTCC,$@) $(HOSTCC) $(HCFLAGS) -g0 -static -o $@ $<
TEST_FILES += $(BUILD)/bench/insns.so $(BUILD)/bench/requests
