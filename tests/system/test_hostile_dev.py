#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 1200
"""A guest that misuses the board: ports, device memory, interrupt controllers (tests/vm/hostile_dev.c), one that lies
to every virtio device (hostile_ring.c); an honest one beside it."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import run  # noqa: E402
from vms import Vm, Vms  # noqa: E402

SECONDS = 500


def dev_test(lab):
    vms = Vms(lab, [Vm("dev", "vm/hostile_dev.elf"), Vm("ring", "vm/hostile_ring.elf", disk=True), Vm("honest", "vm/honest.elf")])
    vms.start()
    for name in ("dev", "ring"):
        lab.equal("%s: the hostile guest ends by itself" % name, vms.wait_end(name, SECONDS), "exit 7")
        vms.report(name)
    vms.honest_goes_on("honest")


run(dev_test)
