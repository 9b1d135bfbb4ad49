# SPDX-License-Identifier: Apache-2.0
"""The laboratory of the system tests: a software TPM and a QEMU q35 machine with OVMF.

Everything lives below one directory (REDOUBT_TMP, or a fresh temporary one) and ends with the
test program, however that ends. A test reads:

    lab = Lab()
    machine = lab.machine("a", image="build/redoubt.img")
    machine.start()
    machine.wait(r"kernel: ready", 60)
    pcrs = machine.tpm.pcrs([4, 11, 12])
    machine.kill()                      # the power is cut
    machine.start()                     # same disks, same TPM state
    lab.done()                          # prints nothing; exit status says whether a check failed
"""
import atexit
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from swtpm import Authority, Tpm  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
PR_SET_PDEATHSIG = 1


class LabError(Exception):
    """The laboratory itself failed or a wait ran out; the text says what was awaited and what came."""


def die_with_parent():
    """Run in a child before exec: the kernel kills it when this program ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def build(path):
    """Absolute path of something below the build directory."""
    return os.path.join(BUILD, path)


class Machine:
    """One server: firmware variables, disks and TPM outlive start/kill; QEMU does not.

    image:  boot medium, copied, attached as an AHCI disk (never a virtio disk); None for none
    disks:  list of (path, MiB) or paths: raw files attached as virtio-blk in this order; a missing
            file is created with that size. They are used in place.
    tpm:    a Tpm, or None for a machine without one; tpm_device: "tpm-crb" or "tpm-tis"
    net:    True for one virtio-net card on QEMU's user network (10.0.2.2 is this host); a name for one on that
            tap device, which exists
    iommu:  "intel" where nothing is said, "amd", or None for a machine without one
    icount: None, or the shift of a deterministic clock (then one thread runs all CPUs)
    extra:  more QEMU arguments
    """

    def __init__(self, lab, name, image, tpm, **options):
        self.dir = lab.subdir(name)
        self.name = name
        self.tpm = tpm
        self.options = options
        self.process = None
        self.serial_path = os.path.join(self.dir, "serial.txt")
        self.mark = 0
        self.vars = os.path.join(self.dir, "vars.fd")
        shutil.copyfile(OVMF_VARS, self.vars)
        self.image = None
        if image:
            self.image = os.path.join(self.dir, "boot.img")
            self.write_image(image)
        self.disks = [self._disk(d) for d in options.get("disks", [])]

    def write_image(self, image):
        """Replaces the boot medium (the machine must be off)."""
        shutil.copyfile(image if os.path.isabs(image) else os.path.join(ROOT, image), self.image)

    def _disk(self, disk):
        path, mib = disk if isinstance(disk, tuple) else (disk, 0)
        if not os.path.isabs(path):
            path = os.path.join(self.dir, path)
        if not os.path.exists(path):
            with open(path, "wb") as f:
                f.truncate(mib << 20)
        return path

    def arguments(self):
        """The QEMU command line."""
        opt = self.options
        iommu = opt.get("iommu", "intel")
        virtio = "disable-legacy=on,romfile=" + (",iommu_platform=on,ats=off" if iommu else "")
        icount = opt.get("icount")
        # parallel: a host thread for each CPU. Not where guests run: in QEMU 7.2 each XRSTOR of any CPU writes CPU 0's hflags2
        # back (cpu_clear_ignne, unlocked), so that CPU 0 could come out of a guest with nested paging on, or go in without
        accel = "tcg,thread=" + ("multi" if opt.get("parallel") else "single")
        args = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-machine", "q35" + (",kernel-irqchip=off" if iommu else ""),
                "-accel", accel, "-cpu", opt.get("cpu", "max"),
                "-m", str(opt.get("memory", 1024)), "-smp", str(opt.get("cpus", 2)),
                "-chardev", "file,id=serial,append=on,path=" + self.serial_path,
                "-serial", "chardev:serial",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + OVMF_CODE,
                "-drive", "if=pflash,unit=1,format=raw,file=" + self.vars,
                "-qmp", "unix:%s,server=on,wait=off" % os.path.join(self.dir, "qmp")]
        if icount is not None:
            args += ["-icount", "shift=%s,sleep=off" % icount]
        if iommu:
            device = {"intel": "intel-iommu,intremap=on,aw-bits=48", "amd": "amd-iommu,intremap=on"}
            args += ["-device", device[iommu]]
        if self.image:
            args += ["-drive", "if=none,id=boot,format=raw,file=" + self.image,
                     "-device", "ide-hd,drive=boot,bus=ide.0,bootindex=0"]
        for i, path in enumerate(self.disks):
            args += ["-drive", "if=none,id=disk%d,format=raw,cache=writeback,file=%s" % (i, path),
                     "-device", "virtio-blk-pci,%s,drive=disk%d" % (virtio, i)]
        if opt.get("net"):
            user = opt["net"] is True
            backend = "user" if user else "tap,ifname=%s,script=no,downscript=no" % opt["net"]
            args += ["-netdev", backend + ",id=net", "-device",
                     "virtio-net-pci,%s,netdev=net" % virtio]
        if self.tpm:
            args += ["-chardev", "socket,id=tpm,path=" + self.tpm.control_path,
                     "-tpmdev", "emulator,id=tpm,chardev=tpm",
                     "-device", opt.get("tpm_device", "tpm-crb") + ",tpmdev=tpm"]
        return args + list(opt.get("extra", []))

    def start(self):
        """Powers the machine on. What the serial port printed before stays in serial(all=True)."""
        if self.process and self.process.poll() is None:
            raise LabError("%s runs already" % self.name)
        if self.tpm:
            self.tpm.start()
        self.mark = os.path.getsize(self.serial_path) if os.path.exists(self.serial_path) else 0
        log = open(os.path.join(self.dir, "qemu.txt"), "ab")
        self.process = subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, preexec_fn=die_with_parent)
        log.close()

    def serial(self, all=False):
        """Text of the serial port since the last start (or since ever)."""
        try:
            with open(self.serial_path, "rb") as f:
                f.seek(0 if all else self.mark)
                return f.read().decode("latin-1").replace("\r", "")
        except FileNotFoundError:
            return ""

    def wait(self, pattern, seconds, start=0):
        """Waits until the serial text from offset `start` matches; returns the match object."""
        regex = re.compile(pattern, re.M)
        end = time.monotonic() + seconds
        while True:
            running = self.process.poll() is None
            match = regex.search(self.serial(), start)
            if match:
                return match
            if not running or time.monotonic() > end:
                why = "QEMU ended with %s" % self.process.poll() if not running else \
                    "%d s passed" % seconds
                raise LabError("%s: %s before /%s/; last serial output:\n%s%s" % (
                    self.name, why, pattern, self.serial()[-2000:], self._qemu_text()))
            time.sleep(0.05)

    def _qemu_text(self):
        with open(os.path.join(self.dir, "qemu.txt"), "rb") as f:
            return f.read()[-1000:].decode("latin-1")

    def wait_exit(self, seconds):
        """Waits for QEMU to end by itself; returns its status (isa-debug-exit: value * 2 + 1)."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError("%s: still running after %d s; last serial output:\n%s" % (
                self.name, seconds, self.serial()[-2000:])) from None

    def qmp(self, command, **arguments):
        """One command of QEMU's machine protocol ("screendump", "stop", "system_powerdown", ...)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(20)
            sock.connect(os.path.join(self.dir, "qmp"))
            lines = sock.makefile("rw")
            lines.readline()
            for request in ({"execute": "qmp_capabilities"},
                            {"execute": command, "arguments": arguments}):
                lines.write(json.dumps(request) + "\n")
                lines.flush()
                reply = json.loads(lines.readline())
                while "event" in reply:
                    reply = json.loads(lines.readline())
        if "error" in reply:
            raise LabError("%s: %s: %s" % (self.name, command, reply["error"]["desc"]))
        return reply["return"]

    def kill(self):
        """Cuts the power: nothing is flushed. The TPM keeps its PCRs until the next start."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def restart(self):
        """Power cut, then power on."""
        self.kill()
        self.start()


class Lab:
    """One test program's directory, machines and verdicts."""

    def __init__(self, name=None):
        self.name = name or os.path.splitext(os.path.basename(sys.argv[0]))[0]
        self.failed = 0
        self.machines = []
        self.tpms = []
        self._authority = None
        base = os.environ.get("REDOUBT_TMP")
        self.dir = os.path.abspath(base) if base else tempfile.mkdtemp(prefix="redoubt-")
        os.makedirs(self.dir, exist_ok=True)
        self.remove = base is None
        atexit.register(self.close)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, lambda *_: sys.exit(2))

    def subdir(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        return path

    def authority(self, name="ca"):
        """The TPM maker whose CA signs EK and platform certificates; one per name."""
        if name != "ca":
            return Authority(self.subdir(name))
        if not self._authority:
            self._authority = Authority(self.subdir(name))
        return self._authority

    def tpm(self, name="tpm", banks="sha256", authority=None):
        """A manufactured TPM 2.0 with EK certificates; it is not powered before a machine starts."""
        tpm = Tpm(self.subdir(name), authority or self.authority(), banks)
        self.tpms.append(tpm)
        return tpm

    def machine(self, name="server", image="build/redoubt.img", tpm=True, **options):
        """A machine that is off. tpm: True makes a new one, or pass a Tpm, or None."""
        if tpm is True:
            tpm = self.tpm(name + "-tpm")
        machine = Machine(self, name, image, tpm, **options)
        self.machines.append(machine)
        return machine

    def check(self, what, good, detail=""):
        """Prints one verdict line; remembers failure. Returns whether it was good."""
        print("%s %s: %s" % ("ok" if good else "not ok", self.name, what), flush=True)
        if not good:
            self.failed += 1
            for line in str(detail).splitlines():
                print("# " + line, flush=True)
        return bool(good)

    def equal(self, what, got, want):
        """check() that two values are the same, showing both when they are not."""
        return self.check(what, got == want, "got  %s\nwant %s" % (got, want))

    def close(self):
        """Ends everything that runs; called by itself when the program ends."""
        for machine in self.machines:
            machine.kill()
        for tpm in self.tpms:
            tpm.stop()
        if self.remove:
            shutil.rmtree(self.dir, ignore_errors=True)

    def done(self):
        """Ends the test program: status 0 when no check failed, else 1."""
        sys.exit(1 if self.failed else 0)


def run(test, name=None):
    """Runs test(lab) and ends the program; an exception of the laboratory is a failed check."""
    lab = Lab(name)
    try:
        test(lab)
    except (LabError, subprocess.CalledProcessError) as error:
        detail = str(error)
        if isinstance(error, subprocess.CalledProcessError):
            detail += "\n%s\n%s" % (error.stdout or "", error.stderr or "")
        lab.check("the test runs to its end", False, detail)
    lab.done()
