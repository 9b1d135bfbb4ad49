#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""The laboratory's loader under Bochs: it measures as the release's does, and what it measures is never a release's."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bochs import MODELS, Bochs  # noqa: E402
from bootreport import Report, check_handover, check_reference, replay_by_tool  # noqa: E402
from lab import build, run  # noqa: E402

SECONDS = 200
MASTERS = ("00", "08")  # host and ISA bridge: Bochs's bit is fixed


def reference(name):
    with open(build("probe/%s.json" % name), encoding="ascii") as f:
        return json.load(f)


def lab_boot(lab):
    """The probe kernel behind the laboratory's loader."""
    machine = Bochs(lab, "lab", build("probe/lab_probe.img"), lab.tpm(), model=MODELS[1], cpus=2)
    machine.start()
    machine.wait(r"^probe: end$", SECONDS)
    pcrs = machine.tpm.pcrs(range(16))
    machine.kill()
    return Report(machine.serial()), pcrs


def check_log(lab, report, pcrs):
    replayed = replay_by_tool(lab, report.log)
    lab.equal("tpm2_eventlog replays the loader's own log to the TPM's PCRs", {n: pcrs[n] for n in replayed}, replayed)
    lab.check("PCRs 0 to 7, 11 and 12 are in the log", set(replayed) >= {*range(8), 11, 12}, replayed)
    lab.check("no PCR that a key may be sealed to is empty", all(int(pcrs[n], 16) for n in (4, 7, 11, 12)), pcrs)
    lab.check("the log says where it was made", report.log.count(b"Redoubt laboratory") == 2)


def check_apart(lab, pcrs):
    """The same parts, the other loader: what a TOM would compare must differ."""
    mine, release = reference("lab_probe"), reference("probe")
    lab.equal("the parts of the two images are the same bytes", mine["parts"], release["parts"])
    lab.equal("PCR 11 is that of the same parts", pcrs[11], release["pcr"]["11"])
    lab.check("PCR 4 is not the release's", pcrs[4] != release["pcr"]["4"] and
              mine["image"]["authenticode"] != release["image"]["authenticode"])


def release_refuses(lab):
    """Bochs's firmware has no TCG2 protocol; a TPM at a serial port is none to the release's loader."""
    machine = Bochs(lab, "release", build("probe/probe.img"), lab.tpm("other"))
    machine.start()
    machine.wait(r"REFUSED TO BOOT: this machine has no TPM 2\.0\n  where: .*\n  to do: .*\n", SECONDS)
    lab.check("the release's loader refuses a machine without TPM", "LABORATORY" not in machine.serial() and
              "probe:" not in machine.serial(), machine.serial())
    machine.kill()


def vtx_boot_test(lab):
    report, pcrs = lab_boot(lab)
    check_log(lab, report, pcrs)
    check_reference(lab, report, pcrs, reference("lab_probe"))
    check_handover(lab, report, MASTERS)
    lab.equal("both CPUs are listed, the boot CPU first", report.cpus, ["0" * 16, "0" * 15 + "1"])
    lab.check("the TSC rate is the emulator's, not what CPUID states", 19000 < report.number("tsc_khz") < 21000,
              report.number("tsc_khz"))
    check_apart(lab, pcrs)
    release_refuses(lab)


run(vtx_boot_test)
