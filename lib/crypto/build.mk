# SPDX-License-Identifier: Apache-2.0
# build/lib/libcrypto.a: in every component that names mbedtls, tss or perlasm.

CRYPTO_GLUE := lib/crypto/cpu.c lib/crypto/gcm_alt.c lib/crypto/sha256_alt.c lib/crypto/sha512_process.c lib/crypto/xts.c
CRYPTO_SRCS += $(CRYPTO_GLUE) lib/target/mbedtls_platform.c

$(eval $(call unit_test,crypto,tests/unit/crypto.c $(CRYPTO_GLUE),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS) -lcrypto))
$(eval $(call unit_test,tls,tests/unit/tls.c,$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
