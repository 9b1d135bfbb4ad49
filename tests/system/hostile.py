# SPDX-License-Identifier: Apache-2.0
"""The hostile guests (tests/vm/hostile_*.c) under the real kernel and VMM, an honest one beside them; what must come of each, on both vendors."""
import re

from vms import Vm, Vms

DEVICE = r"2 an access to device memory that cannot be carried out"
NO_ANSWER = r"2 an exit that has no answer"
TRIPLE = r"1 triple fault"

ENDS = {
    "halt": r"0 halted with interrupts off",
    "triple": TRIPLE,
    "fetch": DEVICE,
    "fetch-device": DEVICE,
    "tables": DEVICE,
    "tables-far": DEVICE + "|" + NO_ANSWER + "|exit 1|" + TRIPLE,  # beyond physical addresses: QEMU takes it, Bochs raises #GP
    "tables-device": DEVICE,
    "stack": DEVICE,
    "gates": DEVICE,
    "vector": DEVICE,
    "bits": NO_ANSWER + "|exit 1|" + TRIPLE,  # a processor raises #GP, which the guest reports
    "init": r"1 reset|exit 7",
    "task": NO_ANSWER + "|" + DEVICE + "|" + TRIPLE,  # the emulator does not exit, and the task runs zeros
}


def suite(name):
    """The guest that tries one thing after the other and prints a verdict of each."""
    ring = name == "ring"
    return Vm(name, "vm/hostile_%s.elf" % name, disk=ring, net=ring, vcpus=2 if ring else 1)


def check_ends(lab, vms, seconds):
    for word, how in ENDS.items():
        end = vms.wait_end(word, seconds)
        lab.check("%s: ends as it must, and its VMM says why (%s)" % (word, end), re.fullmatch(how, end), vms.text()[-3000:])
        if end.startswith("2"):
            lab.check("%s: and where" % word, re.search(r"\] %s: vCPU 0: exit \d+ at rip 0x" % word, vms.text()), vms.text()[-3000:])


def attack(lab, suites, seconds, ends=False, **machine):
    """The suites of these names, and with `ends` one VM for each word of ENDS, at once on one machine (options of Vms)."""
    vms = Vms(lab, [suite(name) for name in suites] + [Vm(word, "vm/hostile_end.elf", word) for word in ENDS if ends] +
              [Vm("honest", "vm/honest.elf")], **machine)
    vms.start()
    for name in suites:
        lab.equal("%s: the hostile guest ends by itself" % name, vms.wait_end(name, seconds), "exit 7")
        vms.report(name)
    if ends:
        check_ends(lab, vms, seconds)
    vms.honest_goes_on()
