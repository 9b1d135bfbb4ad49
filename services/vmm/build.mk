# SPDX-License-Identifier: Apache-2.0
# The virtual machine monitor. VMM_PURE is everything free of syscalls: tests and fuzz targets run it on the host.

VMM_PURE := $(addprefix services/vmm/,acpi.c acpi_dsdt.c args.c boot.c boot_elf.c boot_linux.c boot_multiboot.c bus.c \
	cpuid.c elf.c exception.c exit_stats.c guest_mem.c insn.c ioapic.c ipi.c lapic.c machine.c machine_bus.c machine_console.c mmio.c mmu.c msr.c \
	pci.c pic.c pit.c pm.c pvclock.c rtc.c run.c save.c state.c uart.c virtio.c virtio_blk.c virtio_console.c virtio_net.c virtio_rng.c virtq.c)

$(eval $(call component,vmm,$(VMM_PURE) $(addprefix services/vmm/,console_chan.c disk_chan.c frame_chan.c images.c main.c threads.c),mbedtls))

VMM_TEST := tests/unit/vmm_harness.c $(VMM_PURE)
$(eval $(call unit_test,vmm_devices,tests/unit/vmm_devices.c $(VMM_TEST)))
$(eval $(call unit_test,vmm_insn,tests/unit/vmm_insn.c $(VMM_TEST),-fno-pie,-no-pie))
$(eval $(call unit_test,vmm_insn_reference,tests/unit/vmm_insn_reference.c tests/unit/insn_reference.c $(VMM_TEST),,-lZydis))
$(eval $(call unit_test,vmm_virtio,tests/unit/vmm_virtio.c tests/unit/vmm_driver.c $(VMM_TEST)))
$(eval $(call unit_test,vmm_race,tests/unit/vmm_race.c tests/unit/vmm_driver.c $(VMM_TEST),,-Xlinker --wrap=gm_read))
$(eval $(call unit_test,vmm_net,tests/unit/vmm_net.c tests/unit/vmm_driver.c $(VMM_TEST)))
$(eval $(call unit_test,vmm_console,tests/unit/vmm_console.c tests/unit/vmm_driver.c $(VMM_TEST)))
$(eval $(call unit_test,vmm_boot,tests/unit/vmm_boot.c $(VMM_TEST)))
$(eval $(call unit_test,vmm_run,tests/unit/vmm_run.c $(VMM_TEST)))
$(eval $(call unit_test,vmm_exit_stats,tests/unit/vmm_exit_stats.c services/vmm/exit_stats.c))
$(eval $(call unit_test,vmm_smp,tests/unit/vmm_smp.c $(VMM_TEST)))
$(eval $(call fuzz_target,vmm_boot,tests/fuzz/vmm_boot.c $(VMM_TEST)))
$(eval $(call fuzz_target,vmm_insn,tests/fuzz/vmm_insn.c tests/unit/insn_reference.c $(VMM_TEST),,-lZydis))
$(eval $(call fuzz_target,vmm_save,tests/fuzz/vmm_save.c $(VMM_TEST)))
$(eval $(call fuzz_target,vmm_machine,tests/fuzz/vmm_machine.c $(VMM_TEST)))
