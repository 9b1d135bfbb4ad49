#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""A stock Debian disk (tests/guest/mkdebian.py) with 2 vCPUs on 2 CPUs: its kernel, systemd, a login on the serial console, a reboot by itself, a clean end."""
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, LabError, build, run  # noqa: E402

DEBIAN = build("debian")
SECONDS = 300  # for one step, on a busy machine
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)|\r")


class Debian:
    """vmrun with that disk; its serial console."""

    def __init__(self, disk, *options):
        self.text = ""
        self.seen = 0
        self.errors = open(os.path.join(os.path.dirname(disk), "vmrun.txt"), "w+", encoding="utf-8")
        command = [sys.executable, os.path.join(ROOT, "tools/vmrun"), "--console", "--reboot", "--mem", "512", "--cpus", "2", "--timeout",
                   str(3 * SECONDS), "--disk", disk, "--initrd", os.path.join(DEBIAN, "initrd.img"), *options,
                   "--append", "root=/dev/vda ro console=ttyS0 quiet", os.path.join(DEBIAN, "vmlinuz")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        raw = ""
        while data := os.read(self.process.stdout.fileno(), 4096):
            raw += data.decode("latin-1")
            self.text = ESCAPES.sub("", raw)

    def log(self):
        """What the components around the guest said."""
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8") as f:
            return f.read()

    def wait(self, pattern):
        """Waits for new text that matches; what comes behind it is new."""
        end = time.monotonic() + SECONDS
        while not (found := re.compile(pattern, re.M).search(self.text, self.seen)):
            if time.monotonic() > end or self.process.poll() is not None:
                raise LabError("no /%s/ from the guest:\n%s\n%s" % (pattern, self.text[self.seen:][-2000:],
                                                                  self.log()[-1000:]))
            time.sleep(0.05)
        self.seen = found.end()
        return found

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def login(self, password):
        self.wait(r"debian login: $")
        self.type("root\n")
        self.wait(r"Password: $")
        self.type(password + "\n")
        self.wait(r"root@debian:~# $")
        self.type("exec sh\n")
        self.wait(r"^# $")
        self.type("stty -echo\n")
        self.wait(r"^# $")

    def order(self, command):
        """Runs a command in the shell, which echoes nothing; what it printed."""
        self.type(command + "; echo; echo the end\n")
        start = self.seen
        self.wait(r"^the end\n# $")
        return self.text[start:self.seen - len("the end\n# ")].strip()


def password():
    """Of root, made with the disk."""
    with open(os.path.join(DEBIAN, "password"), encoding="ascii") as f:
        return f.read().strip()


def check_system(lab, guest):
    """A person looks around."""
    state = guest.order("systemctl is-system-running --wait")
    lab.check("systemd says that the system runs", state == "running", state + "\n" + guest.order("systemctl --failed"))
    lab.equal("the kernel has nothing to complain about", guest.order("dmesg -l err,crit,alert,emerg"), "")
    mount = guest.order("findmnt -n -o SOURCE,FSTYPE,OPTIONS /")
    lab.check("its root file system is on the virtio disk, writable", re.match(r"/dev/vda +ext4 +rw", mount), mount)
    lab.equal("whose sectors are 512 bytes on blocks of 4096",
              guest.order("echo $(cd /sys/block/vda/queue; cat logical_block_size physical_block_size)"), "512 4096")
    lab.equal("both CPUs are there", guest.order("nproc"), "2")
    lab.equal("the clock source is the TSC", guest.order("cat /sys/devices/system/clocksource/clocksource0/current_clocksource"),
              "tsc")
    lab.check("the packages are all there", guest.order("dpkg --audit") == "")


def test(lab):
    """Two lives of one guest."""
    if not os.path.exists(os.path.join(DEBIAN, "disk.img")):
        subprocess.run([sys.executable, os.path.join(ROOT, "tests/guest/mkdebian.py"), "--out", DEBIAN], check=True)
    disk = os.path.join(lab.subdir("debian"), "disk.img")
    subprocess.run(["cp", "--sparse=always", os.path.join(DEBIAN, "disk.img"), disk], check=True)
    start = time.monotonic()
    guest = Debian(disk)
    guest.login(password())
    print("# %.0f s to the first prompt" % (time.monotonic() - start), flush=True)
    check_system(lab, guest)
    guest.type("systemctl start --no-block serial-getty@hvc0; sleep 1000\n")
    guest.login(password())
    lab.equal("there is a login on the virtio console too", guest.order("tty"), "/dev/hvc0")
    boot_id = guest.order("cat /proc/sys/kernel/random/boot_id")
    guest.order("echo kept >kept")
    guest.type("systemctl reboot\n")
    guest.login(password())
    lab.check("after its reboot it is another boot of the same machine",
              "vmm: ended: 1 reset" in guest.log() and guest.order("cat /proc/sys/kernel/random/boot_id") != boot_id)
    lab.equal("what it wrote is there", guest.order("cat kept"), "kept")
    lab.equal("both CPUs are there again", guest.order("nproc"), "2")
    lab.check("and nothing had to be repaired",
              "recovery" not in guest.order("dmesg | grep EXT4") and guest.order("systemctl is-system-running --wait") == "running")
    guest.type("systemctl poweroff\n")
    lab.equal("it switches itself off", guest.process.wait(SECONDS), 0)
    fsck = subprocess.run([shutil.which("e2fsck") or "/sbin/e2fsck", "-f", "-n", disk], capture_output=True, text=True)
    lab.check("and leaves a clean file system", fsck.returncode == 0, fsck.stdout + fsck.stderr)


if __name__ == "__main__":
    run(test)
