# SPDX-License-Identifier: Apache-2.0
TPM_SRCS := $(addprefix services/tpm/,main.c chip.c command.c cel.c journal.c)

$(eval $(call component,tpm,$(TPM_SRCS),mbedtls))
$(eval $(call hosted_component,tpm,$(TPM_SRCS),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
$(eval $(call unit_test,tpm_broker,tests/unit/tpm_broker.c $(addprefix services/tpm/,chip.c command.c cel.c journal.c),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
$(eval $(call fuzz_target,tpm_formats,tests/fuzz/tpm_formats.c services/tpm/command.c services/tpm/cel.c,,))
