# SPDX-License-Identifier: Apache-2.0
# The test guest: Debian's kernel and a busybox initramfs in build/guest.

$(BUILD)/guest/initramfs.cpio: tests/guest/mkinitramfs.py tests/guest/init tests/guest/registers.c
	$(call quiet,GUEST,$@) $(PYTHON) tests/guest/mkinitramfs.py --out $(@D)
$(BUILD)/guest/vmlinuz: $(BUILD)/guest/initramfs.cpio

.PHONY: guest
guest: $(BUILD)/guest/initramfs.cpio $(BUILD)/guest/vmlinuz
TEST_FILES += $(BUILD)/guest/initramfs.cpio

# A stock Debian root disk in build/debian; takes minutes, so only test_debian.py makes it by itself.
$(BUILD)/debian/disk.img: tests/guest/mkdebian.py
	$(call quiet,GUEST,$@) $(PYTHON) tests/guest/mkdebian.py --out $(@D)

.PHONY: guest-debian
guest-debian: $(BUILD)/debian/disk.img
