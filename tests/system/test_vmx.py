#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""Virtual machines without a VMM on Intel VT-x: tests/vm/vmtest.c, the same kernel and program as in test_vm.py, under Bochs."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bochs import MODELS, Bochs  # noqa: E402
from lab import build, run  # noqa: E402

SECONDS = 420
CHECKS = 75
REASONS = ["CR0: reserved bits", "CR0: NW without CD", "CR4: a bit that no guest is offered", "CR4: long mode without PAE",
           "EFER: reserved bits", "DR7: reserved bits", "an event or a control the processor does not know"]


def vm_test(lab, model, cpus):
    machine = Bochs(lab, model, build("vm/lab_vmtest.img"), lab.tpm(model), model=model, cpus=cpus, memory=384)
    machine.start()
    machine.wait(r"^RESULT (PASS|FAIL)$", SECONDS)
    machine.kill()
    text = machine.serial()
    checks = re.findall(r"^((?:not )?)ok \w+: (.*)$", text, re.M)
    for bad, what in checks:
        lab.check("%s, %d CPUs: %s" % (model, cpus, what), not bad, text[-3000:])
    lab.check("%s, %d CPUs: guests run by VT-x" % (model, cpus), "\nvm: vmx\n" in text, text)
    lab.check("%s, %d CPUs: the program ends by itself and finds nothing wrong" % (model, cpus),
              "\nRESULT PASS\n" in text and len(checks) > CHECKS, text[-3000:])
    told = re.findall(r"^vmx: the state of a vCPU of root is refused: (.*)$", text, re.M)
    lab.equal("%s, %d CPUs: the log says why states are refused" % (model, cpus), told[:len(REASONS)], REASONS)


def vmx_test(lab):
    vm_test(lab, MODELS[0], 1)
    vm_test(lab, MODELS[1], 2)


run(vmx_test)
