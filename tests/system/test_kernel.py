#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 420
"""The kernel from ring 3: the program tests/kernel/ktest.c runs as root of its own bundle and prints its checks."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import build, run  # noqa: E402

SECONDS = 150


def one(lab, name, cpus, least):
    machine = lab.machine(name, image=build("kernel/ktest.img"), cpus=cpus, extra=["-device", "edu"])
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


def overflow(lab):
    """A kernel with a fault of its own stops, and says what happened in words and names."""
    machine = lab.machine("overflow", image=build("kernel/overflow.img"), cpus=2)
    machine.start()
    text = machine.wait(r"This machine has stopped", 60).string
    machine.kill()
    lab.check("a kernel stack that runs over hits its guard page, which is named", "the main stack of CPU 0 ran over: its guard page"
              in text, text[-3000:])
    lab.check("the dump names the functions", " deeper+" in text, text[-3000:])


def kernel_test(lab):
    overflow(lab)
    one(lab, "two", 2, 180)
    one(lab, "one", 1, 165)


run(kernel_test)
