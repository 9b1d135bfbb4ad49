# SPDX-License-Identifier: Apache-2.0
POLICY_SRCS := $(addprefix mgmt/policy/,main.c commit.c reconcile.c control.c vault.c vm.c) $(PROTO_SERVER_SRCS)

$(eval $(call component,policy,$(POLICY_SRCS),mbedtls))
$(eval $(call hosted_component,policy,$(POLICY_SRCS),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
