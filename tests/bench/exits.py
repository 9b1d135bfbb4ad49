#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of a VM exit and of a VM's start, under QEMU's icount clock (one TSC tick each).

bare_*, fault_first_touch: the kernel with the smallest VMM (tests/vm/vmbench.c runs as root). The others: the real VMM, seen from a
guest (tests/vm/exitguest.c in tools/vmrun). The peer is KVM with a minimal VMM on the same emulator. vm_start is all that the machine
executes from root's first step for the VM to the guest's first instruction, for 128 MiB and an image of a few KiB (insns.c).
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "../system"))
import insns  # noqa: E402
from lab import ROOT, Lab, build  # noqa: E402

SECONDS = 800
GUEST = build("vm/exitguest.elf")
GUEST_MIB = 128


def figures(text):
    print("\n".join(line for line in text.splitlines() if line.startswith("{")), flush=True)


def bare(lab):
    machine = lab.machine("exits", image=build("vm/vmbench.img"), cpus=1, icount=0, cpu="max,-rdrand",
                          extra=["-rtc", "base=2026-01-01T00:00:00,clock=vm"])
    machine.start()
    status = machine.wait_exit(SECONDS)
    figures(machine.serial())
    return status == 1


def start_figure(marks):
    """The last VM whose guest began: vmrun starts one."""
    at = dict(insns.read(marks))
    print(json.dumps({"name": "vm_start", "value": at["guest"] - at["order"], "unit": "instructions", "peer": None}))
    for name, begin, end in (("vm_start_root", "order", "run"), ("vm_start_vmm", "main", "guest")):
        print(json.dumps({"name": name, "value": at[end] - at[begin], "unit": "instructions", "peer": None}), flush=True)


def with_vmm(lab):
    marks = os.path.join(lab.dir, "start.marks")
    count = insns.arguments(marks, insns.symbol("order", build("bin/root.debug"), "instance_new"),
                            insns.symbol("run", build("bin/root.debug"), "domain_run"),
                            insns.symbol("main", build("bin/vmm.debug"), "main"), insns.symbol("guest", GUEST, "_start"))
    result = subprocess.run([sys.executable, os.path.join(ROOT, "tools/vmrun"), "--icount", "--quiet", "--mem", str(GUEST_MIB),
                             "--timeout", str(SECONDS), *("--qemu=" + word for word in count), GUEST],
                            stdout=subprocess.PIPE, text=True, check=False)
    figures(result.stdout)
    start_figure(marks)
    return result.returncode == 1


def main():
    lab = Lab("exits")
    parts = {"bare": bare, "vmm": with_vmm}
    good = [part(lab) for name, part in parts.items() if not sys.argv[1:] or name in sys.argv[1:]]
    lab.close()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
