#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 700
"""Debian's unmodified kernel with 2 to 8 virtual CPUs on 1 to 4 CPUs: all come up, keep time, compute right under load; power-off."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, build, run  # noqa: E402

GUEST = build("guest")
SECONDS = 280
POWERED_OFF = 0


def guest(vcpus, cpus, *options, words=""):
    """One run of the test guest: vmrun's status and all it printed."""
    command = [os.path.join(ROOT, "tools/vmrun"), "--cpus", str(vcpus), "--host-cpus", str(cpus), "--mem", "160",
               "--timeout", str(SECONDS), *options, "--initrd", os.path.join(GUEST, "initramfs.cpio"),
               "--append", "console=ttyS0 selftest cpus=%d %s" % (vcpus, words), os.path.join(GUEST, "vmlinuz")]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS + 60)
    return done.returncode, (done.stdout + done.stderr).decode("latin-1")


def report(lab, what, status, text, expected):
    for bad, check in re.findall(r"^(not )?ok guest: (.*)$", text, re.M):
        lab.check("%s: %s" % (what, check), not bad, text[-3000:])
    lab.check("%s: the guest's own checks pass" % what, "selftest: passed" in text, text[-3000:])
    lab.check("%s: the VM ends as the guest asked" % what, status == expected, "status %s\n%s" % (status, text[-3000:]))


def smp_test(lab):
    for vcpus, cpus in ((2, 1), (2, 2), (4, 2), (8, 4)):
        status, text = guest(vcpus, cpus)
        report(lab, "%d vCPUs on %d CPU" % (vcpus, cpus), status, text, POWERED_OFF)


if not os.path.exists(os.path.join(GUEST, "initramfs.cpio")):
    subprocess.run([sys.executable, os.path.join(ROOT, "tests/guest/mkinitramfs.py"), "--out", GUEST], check=True)
run(smp_test)
