# SPDX-License-Identifier: Apache-2.0
# Hosted components: build/host/hosted-NAME, a component's own sources over lib/host instead of the kernel.
#   $(eval $(call hosted_component,NAME,SOURCES,CFLAGS,LDLIBS))

HOSTED_SRCS := lib/chan.c lib/chan_queue.c lib/component.c lib/random.c lib/host/runtime.c

define hosted_component
$(call host_prog,hosted-$(1),$(2) $(HOSTED_SRCS),$(3),$(4))
endef

$(eval $(call hosted_component,uart,lib/host/uart.c))
$(eval $(call hosted_component,virtio_blk,lib/host/virtio_blk.c))
$(eval $(call hosted_component,virtio_net,lib/host/idle.c))
$(eval $(call hosted_component,pci,lib/host/idle.c))
$(eval $(call hosted_component,tpm_drv,lib/host/tpm_drv.c))
$(eval $(call hosted_component,uplink,lib/host/uplink.c))
$(eval $(call hosted_component,vmm,lib/host/vmm.c))
