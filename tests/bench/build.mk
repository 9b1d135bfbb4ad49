# SPDX-License-Identifier: Apache-2.0
# The host bench links the freestanding objects that ship, hence -no-pie.

BENCH_CRYPTO_LIBS := $(BUILD)/lib/libcrypto.a $(DEPS)/mbedtls/libmbedtls.a $(DEPS)/perlasm/libperlasm.a
$(eval $(call host_prog,bench_crypto,tests/bench/crypto.c,$(HOST_MBEDTLS_CFLAGS),-no-pie $(BENCH_CRYPTO_LIBS) $(BENCH_CRYPTO_LIBS) -lcrypto))
