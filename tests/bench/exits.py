#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of a VM exit, under QEMU's icount clock (one TSC tick each).

bare_*: the kernel with the smallest VMM (tests/vm/vmbench.c runs as root). The others: the real VMM, seen from a guest
(tests/vm/exitguest.c in tools/vmrun). The peer is KVM with a minimal VMM on the same emulator.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
from lab import ROOT, Lab, build  # noqa: E402

SECONDS = 300


def figures(text):
    print("\n".join(line for line in text.splitlines() if line.startswith("{")), flush=True)


def bare():
    machine = Lab("exits").machine("exits", image=build("vm/vmbench.img"), cpus=1, icount=0,
                                   cpu="max,-rdrand",
                                   extra=["-rtc", "base=2026-01-01T00:00:00,clock=vm"])
    machine.start()
    status = machine.wait_exit(SECONDS)
    figures(machine.serial())
    return status == 1


def with_vmm():
    result = subprocess.run([sys.executable, os.path.join(ROOT, "tools/vmrun"), "--icount", "--quiet",
                             "--timeout", str(SECONDS), build("vm/exitguest.elf")],
                            stdout=subprocess.PIPE, text=True, check=False)
    figures(result.stdout)
    return result.returncode == 1


good = bare()
sys.exit(0 if with_vmm() and good else 1)
