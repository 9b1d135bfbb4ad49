# SPDX-License-Identifier: Apache-2.0
"""The most that a figure may be: the same on every run, since the counts are. tests/system/test_bench.py holds them."""

BOUNDS = {
    "ipc_roundtrip": 395,
    "ipc_roundtrip_8w": 500,
    "exit_cpuid": 1200,
    "exit_io_vmm": 1200,
    "exit_io_write_vmm": 1200,
    "exit_mmio_vmm": 2000,
    "exit_mmio_write_vmm": 2000,
    "fault_first_touch": 3000,
    "fault_first_touch_upfront": 0,
    "hypercall_vmm": 1200,
    "vm_start": 20_000_000,
    "memory_vm": 2048,
}
