# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,virtio_blk,drivers/virtio_blk/main.c lib/virtio_drv.c lib/virtio_irq.c))
