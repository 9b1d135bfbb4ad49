#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""10,000 virtual machines come and go (tests/vm/vmlife.c): no kernel memory is lost, whatever they die of and while whoever runs them."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import build, run  # noqa: E402

SECONDS = 400


def life_test(lab):
    machine = lab.machine("vmlife", image=build("vm/vmlife.img"))
    machine.start()
    status = machine.wait_exit(SECONDS)
    checks = re.findall(r"^((?:not )?)ok \w+: (.*)$", machine.serial(), re.M)
    for bad, what in checks:
        lab.check(what, not bad, machine.serial()[-3000:])
    lab.check("the program ends by itself and finds nothing wrong", status == 1 and len(checks) == 2,
              "status %s\n%s" % (status, machine.serial()[-3000:]))


run(life_test)
