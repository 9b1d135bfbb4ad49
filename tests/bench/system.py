#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The product's image from the loader's first line to the last component, in instructions (QEMU's icount clock), and what each component holds."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
from lab import Lab, build  # noqa: E402
from chain import Chain  # noqa: E402

SECONDS = 300


def figure(name, value, unit, peer=None):
    print(json.dumps({"name": name, "value": value, "unit": unit, "peer": peer}), flush=True)


def boot(lab):
    machine = lab.machine("boot", image=build("redoubt.img"), cpus=1, icount=0, cpu="max,-rdrand", disks=[("data.img", 64)], net=True,
                          extra=["-rtc", "base=2026-01-01T00:00:00,clock=vm"])
    machine.start()
    last = machine.wait(r"^\[ *(\d+)\.(\d+)\] root: tmc started", SECONDS)
    khz = int(machine.wait(r"TSC (\d+) kHz", 1).group(1))
    first = int(machine.wait(r"redoubt: loader, tick (\d+)", 1).group(1))
    ready = (int(last.group(1)) * 1000000 + int(last.group(2))) * khz // 1000
    figure("boot_loader_to_ready", ready - first, "instructions")
    machine.kill()


def memory(lab):
    """Of each component, and of a VM (its vmm without the guest's own)."""
    chain = Chain(lab)
    chain.tom_up()
    chain.server_up()
    chain.bind()
    chain.vm_define(memory=128)
    chain.vm_start()
    chain.machine.wait(r"root: vmm/web started, (\d+) KiB", 60)
    for name, kib in re.findall(r"root: (\S+) started, (\d+) KiB", chain.machine.serial()):
        if name == "vmm/web":
            figure("memory_vm", int(kib) - 128 * 1024, "KiB", 5 * 1024)
        else:
            figure("memory_" + name.split("/")[0], int(kib), "KiB")
    chain.down()


def main():
    lab = Lab("bench_system")
    boot(lab)
    memory(lab)
    lab.close()


if __name__ == "__main__":
    main()
