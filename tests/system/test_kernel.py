#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 420
# cores: 2
"""The kernel from ring 3: the program tests/kernel/ktest.c runs as root of its own bundle and prints its checks."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import build, run  # noqa: E402

SECONDS = 150
FAULTS = {
    "intel": {
        "a write to memory that was not granted": r"^iommu: function 00:\w\w.\d \(root\): DMA write to ffff000 refused: .*mapped",
        "a read": r"^iommu: function 00:\w\w.\d \(root\): DMA read of \w+ refused: .*mapped",
        "a function without a DMA space": r"^iommu: function 00:\w\w.\d \(nobody's\): DMA \w+ .*10000000 refused: ",
    },
    "amd": {},  # QEMU's AMD-Vi refuses without recording
}


def one(lab, name, cpus, iommu, least):
    machine = lab.machine(name, image=build("kernel/ktest.img"), cpus=cpus, parallel=cpus > 1, iommu=iommu,
                          extra=["-device", "edu,dma_mask=0xffffffffffffffff"])
    machine.start()
    status = machine.wait_exit(SECONDS)
    text = machine.serial()
    checks = re.findall(r"^((?:not )?)ok \w+: (.*)$", text, re.M)
    for bad, what in checks:
        lab.check("%d CPUs: %s" % (cpus, what), not bad, text[-3000:])
    lab.check("%d CPUs: SMEP, SMAP, UMIP and NX are on" % cpus,
              re.search(r"cpu: on: SMEP SMAP UMIP .*NX.*; offered", text), text[:1500])
    lab.check("%d CPUs: the program ends by itself and finds nothing wrong" % cpus, status == 1 and len(checks) > least,
              "status %s, %d checks\n%s" % (status, len(checks), text[-3000:]))
    for what, line in FAULTS[iommu].items():
        lab.check("%s: the log names %s" % (iommu, what), re.search(line, text, re.M), text[-9000:])


def overflow(lab):
    """A kernel with a fault of its own stops, and says what happened in words and names."""
    machine = lab.machine("overflow", image=build("kernel/overflow.img"), cpus=2, parallel=True)
    machine.start()
    text = machine.wait(r"This machine has stopped", 60).string
    machine.kill()
    lab.check("a kernel stack that runs over hits its guard page, which is named", "the main stack of CPU 0 ran over: its guard page"
              in text, text[-3000:])
    lab.check("the dump names the functions", " deeper+" in text, text[-3000:])


def kernel_test(lab):
    overflow(lab)
    one(lab, "two", 2, "intel", 220)
    one(lab, "one", 1, "amd", 205)


run(kernel_test)
