#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 300
"""Virtual machines without a VMM: the program tests/vm/vmtest.c runs as root of its own bundle and prints its checks."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import build, run  # noqa: E402

SECONDS = 250


def vm_test(lab):
    # with this clock QEMU 7.2 would deliver an interrupt of EVENTINJ a second time: kernel/src/x86_64/state_svm.c
    machine = lab.machine("vmtest", image=build("vm/vmtest.img"), icount=3)
    machine.start()
    status = machine.wait_exit(SECONDS)
    checks = re.findall(r"^((?:not )?)ok \w+: (.*)$", machine.serial(), re.M)
    for bad, what in checks:
        lab.check(what, not bad, machine.serial()[-3000:])
    lab.check("the program ends by itself and finds nothing wrong", status == 1 and len(checks) > 60,
              "status %s\n%s" % (status, machine.serial()[-3000:]))


run(vm_test)
