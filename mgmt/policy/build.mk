# SPDX-License-Identifier: Apache-2.0
POLICY_PURE := $(addprefix mgmt/policy/,engine.c commit.c adopt.c check.c kept.c facts.c args.c measure.c instances.c tenants.c status.c)
POLICY_SRCS := mgmt/policy/main.c $(POLICY_PURE) $(PROTO_SERVER_SRCS)

$(eval $(call component,policy,$(POLICY_SRCS),mbedtls))
$(eval $(call hosted_component,policy,$(POLICY_SRCS),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
$(eval $(call unit_test,policy_engine,$(addprefix tests/unit/,policy_engine.c policy_world.c policy_root.c policy_peers.c policy_states.c mgmt_samples.c) $(POLICY_PURE) $(PROTO_SRCS),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
$(eval $(call fuzz_target,policy_answers,$(addprefix tests/,fuzz/policy_answers.c unit/policy_states.c unit/policy_world.c unit/policy_root.c unit/policy_peers.c unit/mgmt_samples.c) $(POLICY_PURE) $(PROTO_SRCS),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
