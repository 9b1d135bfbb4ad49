# SPDX-License-Identifier: Apache-2.0
"""The whole chain for tests and for ./run: a TOM, a server in QEMU with a software TPM, a guest.

    chain = Chain(lab)
    chain.tom_up()          # keys, daemon, release
    chain.server_up()       # binding record on the boot medium, TPM, blank disk, power on
    chain.bind()
    chain.vm_up("web")
    with chain.console("web") as console: ...
"""
import functools
import os
import pty
import re
import select
import signal
import subprocess
import time

from lab import LabError, ROOT, build, die_with_parent
from tom import Tom

TOM = build("host/tom")
HOST_FROM_GUEST = "10.0.2.2"  # what QEMU's user network calls this machine


class Console:
    """A VM's serial line through `tom vm console` on a terminal of its own."""

    def __init__(self, tom, vm):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            die_with_parent()
            os.execve(TOM, [TOM, "vm", "console", vm], dict(os.environ, TOM_HOME=tom.home))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def pump(self, seconds):
        """Reads what comes within that time; False at the end of the line."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.text += data.decode("latin-1").replace("\r", "")
        return bool(data)

    def wait(self, pattern, seconds, start=0):
        """Waits until what was read from offset `start` matches; returns the match."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text[start:])
            if match:
                return match
            late = time.monotonic() > end
            if late or not self.pump(0.2):
                raise LabError("console: no /%s/ %s; last output:\n%s" % (
                    pattern, "after %d s" % seconds if late else "before it ended", self.text[-2000:]))

    def send(self, text):
        os.write(self.fd, text.encode())

    def run(self, command, seconds=60):
        """Runs one shell command in the guest; returns (output, exit status)."""
        start = len(self.text)
        self.send(command + '; echo "<$?>"\n')
        match = self.wait(r"(?s)\n(.*?)<(\d+)>\n", seconds, start)
        return match.group(1), int(match.group(2))

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)


class Chain:
    """TOM + server + guest image; `options` go to `kind`, lab.machine or another class of machine."""

    def __init__(self, lab, name="server", image=None, tom=None, kind=None, reference="reference.json", **options):
        self.lab = lab
        self.kind = kind
        self.reference = build(reference)
        self.name = name
        self.image = image or build("redoubt.img")
        self.options = dict({"memory": 1024, "disks": [("data.img", 1024)], "net": True}, **options)
        self.tpm = lab.tpm(name + "-tpm")
        self.tom = tom or Tom(lab, ek_ca=lab.authority().chain)
        self.machine = None

    def tom_up(self, release="r1"):
        self.tom("release", "add", self.reference, "--name", release)
        self.tom.start()

    def server_up(self, release="r1"):
        """Registers the server, puts its binding record on its boot medium, powers it on."""
        record = os.path.join(self.lab.dir, self.name + ".binding")
        self.tom("server", "add", self.name, "--release", release, "--listen-address",
                      "%s:%d" % (HOST_FROM_GUEST, self.tom.port), "--out", record)
        make = functools.partial(self.kind, self.lab) if self.kind else self.lab.machine
        self.machine = make(self.name, image=self.image, tpm=self.tpm, **self.options)
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/mkimg.py"), "--add",
                        self.machine.image, "/redoubt/binding=" + record],
                       check=True, capture_output=True)
        self.machine.start()

    def bind(self, seconds=180):
        self.tom("server", "bind", self.name, "--wait", str(seconds), timeout=seconds + 30)

    def server(self):
        return next(s for s in self.tom.json("server", "list") if s["name"] == self.name)

    def wait_online(self, seconds=180):
        """Until the server has proven itself again after a restart."""
        end = time.monotonic() + seconds
        while not self.server()["online"]:
            if time.monotonic() > end:
                raise LabError("%s is not online after %d s: %s\n%s" % (
                    self.name, seconds, self.server()["verdict"], self.machine.serial()[-3000:]))
            if self.machine.process.poll() is not None:
                raise LabError("QEMU ended:\n" + self.machine.serial()[-3000:])
            time.sleep(0.5)

    def vm_define(self, vm="web", tvd="demo", image="debian", memory=192, disk=64, append="console=ttyS0"):
        if self.kind or not self.options.get("iommu", "intel"):
            self.tom("server", "allow-no-iommu", self.name)
        self.tom("tvd", "create", tvd)
        self.tom("image", "add", image, build("guest/vmlinuz"), build("guest/initramfs.cpio"))
        self.tom("vm", "create", vm, "--server", self.name, "--tvd", tvd, "--image", image,
                      "--memory", str(memory), "--disk", str(disk), "--append", append)

    def push(self, seconds=300):
        self.tom("config", "push", self.name, "--wait", str(seconds), timeout=seconds + 30)

    def console(self, vm="web", seconds=180):
        """Its console, as soon as it has one: after a restart the server is online before its VMs are back."""
        end = time.monotonic() + seconds
        while True:
            console = Console(self.tom, vm)
            try:
                console.wait(r"Ctrl-\] ends\n", seconds)
                return console
            except LabError as error:
                console.close()
                later = re.search(r"no console now|is not connected|connection lost", str(error))
                if time.monotonic() > end or not later:
                    raise
                time.sleep(0.5)

    def vm_state(self, vm="web"):
        return next(v for v in self.tom.json("vm", "list") if v["name"] == vm)

    def vm_start(self, vm="web", seconds=400):
        """Lets it run and waits until the server says that it does."""
        self.tom("vm", "start", vm, "--wait", str(seconds), timeout=seconds + 30)

    def down(self):
        if self.machine:
            self.machine.kill()
        self.tom.kill()
