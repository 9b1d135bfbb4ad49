# SPDX-License-Identifier: Apache-2.0
$(eval $(call unit_test,mgmt_proto,tests/unit/mgmt_proto.c tests/unit/mgmt_samples.c $(PROTO_SRCS)))
$(eval $(call fuzz_target,mgmt_proto,tests/fuzz/mgmt_proto.c $(PROTO_SRCS)))
