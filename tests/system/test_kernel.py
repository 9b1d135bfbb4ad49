#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 240
"""The kernel from ring 3: the program tests/kernel/ktest.c runs as root of its own bundle and prints its checks."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import build, run  # noqa: E402

SECONDS = 100


def one(lab, name, cpus, least):
    machine = lab.machine(name, image=build("kernel/ktest.img"), cpus=cpus, extra=["-device", "edu"])
    machine.start()
    status = machine.wait_exit(SECONDS)
    text = machine.serial()
    checks = re.findall(r"^((?:not )?)ok \w+: (.*)$", text, re.M)
    for bad, what in checks:
        lab.check("%d CPUs: %s" % (cpus, what), not bad, text[-3000:])
    lab.check("%d CPUs: the program ends by itself and finds nothing wrong" % cpus, status == 1 and len(checks) > least,
              "status %s, %d checks\n%s" % (status, len(checks), text[-3000:]))


def kernel_test(lab):
    one(lab, "two", 2, 230)
    one(lab, "one", 1, 210)


run(kernel_test)
