# SPDX-License-Identifier: Apache-2.0
# Common TPM flows. A component that uses them adds $(TSS_SRCS) to its sources and tss to its LIBS.

TSS_SRCS := $(addprefix lib/tss/,tcti.c tss.c pcr.c srk.c ak.c ek.c bind.c approval.c seal.c) mgmt/proto/keys.c
TSS_CHAN_SRCS := $(TSS_SRCS) lib/tss/chan.c

$(eval $(call host_prog,tsscheck,tests/tools/tsscheck.c $(TSS_SRCS),$(HOST_TSS_CFLAGS),$(HOST_TSS)))
$(eval $(call unit_test,keys,tests/unit/keys.c mgmt/proto/keys.c,,))
$(eval $(call fuzz_target,keys,tests/fuzz/keys.c mgmt/proto/keys.c,,))
