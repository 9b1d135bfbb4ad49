#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 400
"""Debian's unmodified kernel as a guest: its own checks of clock, timer, entropy and disk; power-off, reset, and the disk after both."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, build, run  # noqa: E402

GUEST = build("guest")
SECONDS = 100
POWERED_OFF, RESET = 0, 2


def guest(options, disk):
    """One run of the test guest: vmrun's status and all it printed."""
    command = [os.path.join(ROOT, "tools/vmrun"), "--mem", "256", "--timeout", str(SECONDS), "--disk", disk,
               "--initrd", os.path.join(GUEST, "initramfs.cpio"), "--append", "console=ttyS0 selftest " + options,
               os.path.join(GUEST, "vmlinuz")]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS + 30)
    return done.returncode, (done.stdout + done.stderr).decode("latin-1")


def report(lab, text, status, expected, what):
    for bad, check in re.findall(r"^(not )?ok guest: (.*)$", text, re.M):
        lab.check("%s: %s" % (what, check), not bad)
    lab.check("%s: the console shows the line" % what, "this went by the virtio console" in text, text[-3000:])
    lab.check("%s: the guest's own checks pass" % what, "selftest: passed" in text, text[-3000:])
    lab.check("%s: the VM ends as the guest asked" % what, status == expected,
              "status %s\n%s" % (status, text[-3000:]))


def guest_test(lab):
    disk = os.path.join(lab.subdir("guest"), "disk.img")
    with open(disk, "wb") as f:
        f.truncate(64 << 20)
    status, text = guest("reboot", disk)
    report(lab, text, status, RESET, "first boot, loud, blank disk")
    lab.check("a blank disk is given a file system", "making a file system" in text)
    status, text = guest("quiet", disk)
    report(lab, text, status, POWERED_OFF, "second boot, quiet")
    lab.check("what was on the disk is still there", "boot number 2 on this disk" in text, text[-3000:])


if not os.path.exists(os.path.join(GUEST, "initramfs.cpio")):
    subprocess.run([sys.executable, os.path.join(ROOT, "tests/guest/mkinitramfs.py"), "--out", GUEST], check=True)
run(guest_test)
