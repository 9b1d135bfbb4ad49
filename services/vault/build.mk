# SPDX-License-Identifier: Apache-2.0
VAULT_SRCS := $(addprefix services/vault/,main.c args.c unlock.c keyring.c volumes.c images.c guests.c console.c consoles.c)

$(eval $(call component,vault,$(VAULT_SRCS) $(TSS_CHAN_SRCS),tss))
$(eval $(call hosted_component,vault,$(VAULT_SRCS) $(TSS_CHAN_SRCS) lib/blkq.c,$(HOST_TSS_CFLAGS),$(HOST_TSS)))

VAULT_PURE := $(addprefix services/vault/,args.c console.c keyring.c) mgmt/proto/keys.c
$(eval $(call unit_test,vault_console,tests/unit/vault_console.c $(VAULT_PURE),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
$(eval $(call fuzz_target,vault_formats,tests/fuzz/vault_formats.c $(VAULT_PURE),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
