# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += lib/blkq.c

DISK_FORMAT_SRCS := $(addprefix services/disk/,header.c secret.c snapshot.c store.c volumes.c) mgmt/proto/keys.c

$(eval $(call unit_test,disk_format,tests/unit/disk_format.c $(DISK_FORMAT_SRCS),$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))
$(eval $(call fuzz_target,disk_formats,tests/fuzz/disk_formats.c $(addprefix services/disk/,header.c secret.c snapshot.c volumes.c) mgmt/proto/keys.c,$(HOST_MBEDTLS_CFLAGS),$(HOST_MBEDTLS)))

DISK_SRCS := $(addprefix services/disk/,main.c io.c unlock.c format.c measure.c records.c extents.c) $(DISK_FORMAT_SRCS)

$(eval $(call component,disk,$(sort $(DISK_SRCS) $(TSS_CHAN_SRCS)),tss))
$(eval $(call hosted_component,disk,$(sort $(DISK_SRCS) $(TSS_CHAN_SRCS)) lib/blkq.c,$(HOST_TSS_CFLAGS),$(HOST_TSS)))
$(eval $(call hosted_component,puppet,tests/system/puppet/puppet.c))
