# SPDX-License-Identifier: Apache-2.0
# Formats of the management channel, shared by the TOM and the server; no allocation, no system calls.
PROTO_SRCS := $(addprefix mgmt/proto/,cbor.c schema.c frame.c binding.c msg.c signed.c state.c state_check.c keys.c)

$(eval $(call unit_test,mgmt_proto,tests/unit/mgmt_proto.c tests/unit/mgmt_samples.c $(PROTO_SRCS)))
$(eval $(call fuzz_target,mgmt_proto,tests/fuzz/mgmt_proto.c $(PROTO_SRCS)))
