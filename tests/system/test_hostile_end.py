#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""Attacks that may end a VM, each in a VM of its own on one machine (tests/vm/hostile_end.c): that VM alone ends, and its last line says why."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import run  # noqa: E402
from vms import Vm, Vms  # noqa: E402

SECONDS = 240
DEVICE = r"2 an access to device memory that cannot be carried out"
NO_ANSWER = r"2 an exit that has no answer"
TRIPLE = r"1 triple fault"

ENDS = {
    "halt": r"0 halted with interrupts off",
    "triple": TRIPLE,
    "fetch": DEVICE,
    "fetch-device": DEVICE,
    "tables": DEVICE,
    "tables-far": DEVICE + "|" + NO_ANSWER + "|" + TRIPLE,   # beyond physical addresses
    "tables-device": DEVICE,
    "stack": DEVICE,
    "gates": DEVICE,
    "vector": DEVICE,
    "bits": NO_ANSWER + "|exit 1|" + TRIPLE,  # a processor raises #GP, which the guest reports
    "init": r"1 reset|exit 7",
    "task": NO_ANSWER + "|" + DEVICE + "|" + TRIPLE,  # the emulator does not exit, and the task runs zeros
}


def end_test(lab):
    vms = Vms(lab, [Vm(word, "vm/hostile_end.elf", word) for word in ENDS] + [Vm("honest", "vm/honest.elf")])
    vms.start()
    told = 0
    for word, how in ENDS.items():
        end = vms.wait_end(word, SECONDS)
        numbers = {one[0] for one in how.split("|")}
        told += " " in end
        lab.check("%s: ends as it must (%s)" % (word, end), re.fullmatch(how, end) or end in numbers, vms.text()[-3000:])
    lab.check("their VMMs say why, %d of %d in time" % (told, len(ENDS)), told >= len(ENDS) // 2, vms.text()[-3000:])
    where = len(re.findall(r"\] [\w-]+: vCPU 0: exit \d+ at rip 0x", vms.text()))
    lab.check("and where: %d times" % where, where >= 5, vms.text()[-3000:])
    vms.honest_goes_on("honest")


run(end_test)
