# SPDX-License-Identifier: Apache-2.0
# The component runtime, linked to every component, and its tests.

LIB_SRCS += lib/chan.c lib/chan_queue.c lib/component.c lib/random.c lib/target/start.S lib/target/runtime.c

$(eval $(call unit_test,lib_chan,tests/unit/lib_chan.c lib/chan.c lib/chan_queue.c))
$(eval $(call unit_test,lib_random,tests/unit/lib_random.c lib/random.c))
$(eval $(call fuzz_target,lib_chan,tests/fuzz/lib_chan.c lib/chan.c lib/chan_queue.c))
$(eval $(call unit_test,virtio_drv,tests/unit/virtio_drv.c lib/virtio_drv.c))
