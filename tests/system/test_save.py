#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""A guest is paused, saved, destroyed and restored again and again, and does not notice: Debian's kernel under loads that see one wrong bit
(loadtest of tests/guest/init), and tests/vm/honest.c. An image that was changed is refused."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, build, run  # noqa: E402
from vms import Vm, Vms  # noqa: E402

GUEST = build("guest")
SECONDS = 250
POWERED_OFF = 0
RENEWED = re.compile(r"\[ *\d+\.\d+\] \w+: renewed (\d+): \d+ bytes\n")
REFUSED = "2 the machine cannot be restored"
RAM_MIB = 16
IN_RAM, IN_DEVICES = 5 << 20, (RAM_MIB << 20) + 4096  # bytes of an image


def linux(lab, vcpus):
    """The console shows every line once and in order; vmrun's status is the guest's end."""
    disk = os.path.join(lab.subdir("linux"), "disk%d.img" % vcpus)
    with open(disk, "wb") as f:
        f.truncate(32 << 20)
    command = [os.path.join(ROOT, "tools/vmrun"), "--cpus", str(vcpus), "--host-cpus", "1", "--mem", "112", "--renew", "300",
               "--net", "user", "--disk", disk, "--timeout", str(SECONDS), "--initrd", os.path.join(GUEST, "initramfs.cpio"),
               "--append", "console=ttyS0 load=8 net=10.0.2.15 peer=10.0.2.2", os.path.join(GUEST, "vmlinuz")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS + 60)
    printed = done.stdout.decode("latin-1")
    times = [int(n) for n in RENEWED.findall(printed)]
    text = RENEWED.sub("", printed)
    what = "%d vCPUs" % vcpus if vcpus > 1 else "1 vCPU"
    for bad, check in re.findall(r"^(not )?ok guest: (.*)$", text, re.M):
        lab.check("%s: %s" % (what, check), not bad, text[-3000:])
    end = re.search(r"^loadtest: passed, (\d+) lines$", text, re.M)
    lab.check("%s: the guest's own checks pass" % what, end, text[-3000:])
    lab.equal("%s: each line of the console comes once" % what, re.findall(r"^guest: line (\d+)$", text, re.M),
              [str(n + 1) for n in range(int(end.group(1)) if end else 0)])
    lab.check("%s: the VM ends as the guest asked, after %d renewals" % (what, len(times)),
              done.returncode == POWERED_OFF and len(times) > 30, "status %s\n%s" % (done.returncode, text[-3000:]))


def small(lab):
    spoilt = {"changed-ram": IN_RAM, "changed-device": IN_DEVICES, "changed-version": 4, "short": -1}
    vms = Vms(lab, [Vm("honest", "vm/honest.elf", mib=RAM_MIB, renew_ms=200)] +
              [Vm(name, "vm/honest.elf", mib=RAM_MIB, renew_ms=100, spoil=spoil) for name, spoil in spoilt.items()])
    vms.start()
    for name in spoilt:
        lab.equal("%s: its image is refused" % name, vms.wait_end(name, SECONDS), REFUSED)
        lab.check("%s: its VMM says why" % name, re.search(r"\] %s: the saved image is damaged: its checksum is wrong$" % name,
                                                            vms.text(), re.M), vms.text()[-3000:])
    vms.honest_goes_on()
    vms.machine.wait(r"honest: renewed 20:", SECONDS)
    longest = vms.beats()[2]
    back = re.findall(r"^honest beat .* back-ticks (\d+)$", vms.text(), re.M)
    lab.check("honest: its clock never went back, and never over a renewal in between (%d ms at most)" % longest,
              set(back) == {"0"} and longest < 500, vms.text()[-3000:])


def save_test(lab):
    small(lab)
    linux(lab, 1)
    linux(lab, 2)


if not os.path.exists(os.path.join(GUEST, "initramfs.cpio")):
    subprocess.run([sys.executable, os.path.join(ROOT, "tests/guest/mkinitramfs.py"), "--out", GUEST], check=True)
run(save_test)
