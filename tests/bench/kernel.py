#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of the kernel's calls, under QEMU's icount clock (one TSC tick each): tests/kernel/kbench.c runs as root.

The peers are seL4 (fast path, between address spaces) and Linux 6.1 on the same emulator.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))
from lab import Lab, build  # noqa: E402

SECONDS = 120


def main():
    machine = Lab("kernel_bench").machine("kbench", image=build("kernel/kbench.img"), cpus=1, icount=0, cpu="max,-rdrand",
                                          extra=["-rtc", "base=2026-01-01T00:00:00,clock=vm"])
    machine.start()
    status = machine.wait_exit(SECONDS)
    print("\n".join(line for line in machine.serial().splitlines() if line.startswith("{")), flush=True)
    return 0 if status == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
