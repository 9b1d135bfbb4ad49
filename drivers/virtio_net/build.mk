# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,virtio_net,drivers/virtio_net/main.c lib/virtio_drv.c lib/virtio_irq.c))
