#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""A guest that tries everything the processor has (tests/vm/hostile_cpu.c), under the real kernel and VMM; an honest one beside it."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import run  # noqa: E402
from vms import Vm, Vms  # noqa: E402

SECONDS = 240


def cpu_test(lab):
    vms = Vms(lab, [Vm("cpu", "vm/hostile_cpu.elf"), Vm("honest", "vm/honest.elf")])
    vms.start()
    lab.equal("the hostile guest ends by itself", vms.wait_end("cpu", SECONDS), "exit 7")
    vms.report("cpu")
    vms.honest_goes_on("honest")


run(cpu_test)
