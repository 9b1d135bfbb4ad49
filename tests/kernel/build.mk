# SPDX-License-Identifier: Apache-2.0
# Tests of the kernel from ring 3: a program that runs as root of a bundle of its own.

KTEST_SRCS := tests/kernel/ktest.c tests/kernel/domain.c tests/kernel/ipc.c tests/kernel/death.c tests/kernel/faults.c \
	tests/kernel/memory.c tests/kernel/capabilities.c tests/kernel/time.c tests/kernel/cpus.c tests/kernel/interrupt.c \
	tests/kernel/dma.c tests/kernel/edu.c tests/kernel/random.c tests/kernel/modelled.c $(MODEL_SRCS)
$(eval $(call component,ktest,$(KTEST_SRCS) tests/vm/lab.c,))
$(eval $(call boot_image,kernel/ktest,,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/ktest.elf))
TEST_FILES += $(BUILD)/kernel/ktest.img

# Figures of tests/bench/kernel.py.
$(eval $(call component,kbench,tests/kernel/kbench.c tests/kernel/domain.c tests/vm/lab.c,))
$(eval $(call boot_image,kernel/kbench,,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/kbench.elf))
TEST_FILES += $(BUILD)/kernel/kbench.img

# A kernel whose ctrl_hw call runs its stack over.
$(eval $(call kernel_image,kernel_overflow,$(filter-out %/hw.o,$(KERNEL_OBJS)) $(call objs,kernel,tests/kernel/overflow.c)))
$(eval $(call boot_image,kernel/overflow,,kernel=$(BUILD)/bin/kernel_overflow.elf manifest=$(BUILD)/vm/none.bin root=$(BUILD)/bin/ktest.elf))
TEST_FILES += $(BUILD)/kernel/overflow.img
