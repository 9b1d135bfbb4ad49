# SPDX-License-Identifier: Apache-2.0
# Third-party libraries. Several makes may run at once: the lock lets one of them fetch and build.
#
# For host programs and tests:
#   CFLAGS $(HOST_MBEDTLS_CFLAGS) with LDLIBS $(HOST_MBEDTLS)   mbedTLS as components have it
#   CFLAGS $(HOST_TSS_CFLAGS) with LDLIBS $(HOST_TSS)           tpm2-tss ESYS over that mbedTLS
# (these are our own libtss: never mix with Debian's tss2 headers in one program)

DEPS_INPUTS := $(filter-out deps/build.mk,$(wildcard deps/* deps/*/*.[ch] deps/*/*/*.h)) \
	$(wildcard lib/crypto/*.[ch]) mk/flags.mk
DEPS_DONE := $(DEPS)/.done

$(DEPS_DONE): $(filter-out deps/host deps/lwip deps/tss,$(DEPS_INPUTS))
	@mkdir -p $(DEPS)
	@flock $(DEPS)/.lock sh -c 'deps/fetch $(DEPS) && $(MAKE) --no-print-directory -f deps/Makefile DEPS=$(DEPS) all'
	@touch $@

$(DEPS)/picolibc/lib/libc.a $(DEPS)/mbedtls/libmbedtls.a $(DEPS)/lwip/liblwip.a $(DEPS)/tss/libtss.a \
$(DEPS)/perlasm/libperlasm.a $(DEPS)/host/libmbedtls.a $(DEPS)/host/libtss.a: $(DEPS_DONE) ;

.PHONY: deps deps-target
deps deps-target: $(DEPS_DONE)

MBEDTLS_INCLUDES := -DMBEDTLS_CONFIG_FILE='"deps/mbedtls_config.h"' -Ilib/crypto \
	-isystem $(DEPS)/src/mbedtls/include
TSS_INCLUDES := -DTSS2_TCTI_SUPPRESS_POLL_WARNINGS -isystem $(DEPS)/src/tss/include \
	-isystem $(DEPS)/src/tss/include/tss2
LWIP_INCLUDES := -isystem deps/lwip -isystem $(DEPS)/src/lwip/src/include
DEPS_INCLUDES := $(MBEDTLS_INCLUDES) $(TSS_INCLUDES) $(LWIP_INCLUDES)

HOST_MBEDTLS := $(DEPS)/host/libmbedtls.a
HOST_MBEDTLS_CFLAGS := $(MBEDTLS_INCLUDES)
HOST_TSS := $(DEPS)/host/libtss.a $(HOST_MBEDTLS)
HOST_TSS_CFLAGS := $(MBEDTLS_INCLUDES) $(TSS_INCLUDES)
