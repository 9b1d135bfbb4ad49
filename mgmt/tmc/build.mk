# SPDX-License-Identifier: Apache-2.0
TMC_SRCS := $(addprefix mgmt/tmc/,main.c link.c stream.c attest.c enrol.c orders.c relay.c hash.c) $(PROTO_SERVER_SRCS) $(TSS_CHAN_SRCS)

$(eval $(call component,tmc,$(sort $(TMC_SRCS)),tss))
$(eval $(call hosted_component,tmc,$(sort $(TMC_SRCS)),$(HOST_TSS_CFLAGS),$(HOST_TSS)))
