# SPDX-License-Identifier: Apache-2.0
"""Several virtual machines on one machine: the real kernel, root, uart, and a real vmm for each guest. No policy, no vault: guests are boot parts.

    vms = Vms(lab, [Vm("cpu", "vm/hostile_cpu.elf"), Vm("honest", "vm/honest.elf")])
    vms.start()
    vms.wait_end("cpu", 120)        # what its vmm or the exit port said: "exit 7", "0 powered off", "2 why"
    vms.report("cpu")               # the guest's own "ok" and "not ok" lines become the test's
"""
import re
import struct
import time

from bochs import Bochs
from lab import LabError, build
from labimage import lab_image

HOST_MIB = 192
BOCHS_IPS = 100000000  # a guest's shortest timer period, 200 us, must leave room for the exits in it

MANIFEST = """\
# SPDX-License-Identifier: Apache-2.0
version = 1
lab = true

[[component]]
name = "uart"
prio = 90
heap_kib = 64
device = [{ name = "com1", ports = [0x3f8, 8] }]
"""

VM = """
[[component]]
name = "%(name)s"
image = "vmm"
restart = false
prio = %(prio)d
cpu = "any"
threads = %(vcpus)d
heap_kib = 2048
frames = 200
mem_kib = %(kib)d
roms = ["%(kernel)s", "%(name)s.cmdline", "%(name)s.lab"]
calls = [{ server = "uart", proto = "console", kib = 36 }%(calls)s]
"""

PCI = """
[root]
calls = [{ server = "pci", proto = "pci", kib = 36 }]

[[component]]
name = "pci"
prio = 120
heap_kib = 128
kept_kib = 16
device = [{ name = "config", ports = [0xcf8, 8] }]
"""
DISK = {"amd": """
[[component]]
name = "virtio_blk"
prio = 140
device = [{ name = "virtio_blk0", pci = { vendor = 0x1af4, device = 0x1042 }, dma_kib = 4352 }]
""", "intel": """
[[component]]
name = "ata"
prio = 140
device = [
	{ name = "ide", pci = { class = 0x0101 } },
	{ name = "command", ports = [0x170, 8] },
	{ name = "control", ports = [0x376, 1] },
]
"""}
NET = {"amd": """
[[component]]
name = "virtio_net"
prio = 140
device = [{ name = "virtio_net0", pci = { vendor = 0x1af4, device = 0x1041 }, dma_kib = 1088 }]
""", "intel": """
[[component]]
name = "e1000"
prio = 140
device = [{ name = "e1000", pci = { vendor = 0x8086, device = 0x100e }, dma_kib = 260 }]
"""}
DISK_CALL = {"amd": ', { server = "virtio_blk", proto = "blk", kib = 580 }', "intel": ', { server = "ata", proto = "blk", kib = 580 }'}
NET_CALL = {"amd": ', { server = "virtio_net", proto = "frame", kib = 516 }', "intel": ', { server = "e1000", proto = "frame", kib = 516 }'}


class Vm:
    """One guest: its name (first word of its command line), image below build/, further words, memory, whether it has the disk, the network card; how often
    it is saved and restored, what is done to its image then (tools/vmrun --renew, --spoil)."""

    def __init__(self, name, image, words="", mib=16, disk=False, net=False, prio=80, vcpus=1, renew_ms=0, spoil=0):
        self.name, self.image, self.words, self.mib, self.disk, self.net = name, image, words, mib, disk, net
        self.prio, self.vcpus, self.renew_ms, self.spoil = prio, vcpus, renew_ms, spoil
        self.kib = (2 * mib + 2 if renew_ms else mib) * 1024

    def part(self):
        return self.image.split("/")[-1].replace(".elf", ".kernel")

    def manifest(self, vendor):
        return VM % {"name": self.name, "prio": self.prio, "kib": self.kib, "vcpus": self.vcpus, "kernel": self.part(),
                     "calls": (DISK_CALL[vendor] if self.disk else "") + (NET_CALL[vendor] if self.net else "")}

    def parts(self):
        with open(build(self.image), "rb") as f:
            return {self.part(): f.read(), self.name + ".cmdline": (self.name + " " + self.words).encode() + b"\0",
                    self.name + ".lab": struct.pack("<3Ii", self.vcpus, self.mib, self.renew_ms, self.spoil)}  # struct vmm_lab


class Vms:
    """vendor: of the processor; "amd" is QEMU, "intel" Bochs of that model."""

    def __init__(self, lab, vms, name="vms", cpus=2, disk_mib=16, vendor="amd", model=None):
        self.lab, self.vms = lab, vms
        directory = lab.subdir(name)
        has_disk, has_net = (any(getattr(vm, what) for vm in vms) for what in ("disk", "net"))
        manifest = directory + "/manifest.toml"
        with open(manifest, "w", encoding="utf-8") as f:
            head, uart = MANIFEST.split("\n\n[[", 1)
            f.write(head + "\n" + (PCI if has_disk or has_net else "") + (DISK[vendor] if has_disk else "") + (NET[vendor] if has_net else "") +
                    "\n[[" + uart + "".join(vm.manifest(vendor) for vm in vms))
        parts = {name: data for vm in vms for name, data in vm.parts().items()}
        options = {"cpus": cpus, "memory": HOST_MIB + sum(vm.kib // 1024 + 8 for vm in vms),
                   "disks": [("disk.img", disk_mib)] if has_disk else [], "net": has_net}
        loader = "boot/loader.efi" if vendor == "amd" else "boot/lab_loader.efi"
        image = lab_image(directory, manifest, parts=parts, loader=loader)
        self.machine = lab.machine(name + "-m", image=image, **options) if vendor == "amd" else \
            Bochs(lab, name + "-m", image, lab.tpm(name + "-tpm"), model=model, ips=BOCHS_IPS, **options)

    def start(self):
        self.machine.start()
        self.machine.wait(r"root: %s started" % self.vms[-1].name, 120)

    def text(self):
        return self.machine.serial()

    def lines(self, name):
        """What the guest printed under its name."""
        return re.findall(r"^((?:not )?ok %s: .*|done %s)$" % (name, name), self.text(), re.M)

    def end_of(self, name):
        """How the VM ended: "exit N" by the exit port, else the number and words of its vmm, or how that died; None: it runs."""
        match = re.search(r"^\[[ .\d]+\] (?:%s: (?:vmrun: (exit \d+)|ended: (.*))|root: %s (died: .*))$" % (name, name), self.text(), re.M)
        return match and (match.group(1) or match.group(2) or match.group(3))

    def wait_end(self, name, seconds):
        end = time.monotonic() + seconds
        while self.end_of(name) is None:
            if self.machine.process.poll() is not None or time.monotonic() > end:
                raise LabError("VM %s did not end in %d s; last output:\n%s" % (name, seconds, self.text()[-3000:]))
            time.sleep(0.1)
        return self.end_of(name)

    def report(self, name):
        """The guest's own verdicts; it must have come to its end."""
        for line in self.lines(name):
            verdict = re.match(r"(not )?ok \S+: (.*)", line)
            if verdict:
                self.lab.check("%s: %s" % (name, verdict.group(2)), not verdict.group(1))
        self.lab.check("%s: the guest comes to its end" % name, "done " + name in self.lines(name), self.text()[-3000:])

    def beats(self, name="honest"):
        """(beats, timer ticks, longest time away in ms) of an honest guest so far."""
        found = re.findall(r"^honest beat (\d+) ticks (\d+) longest-ms (\d+) back-ticks \d+$", self.text(), re.M)
        return tuple(int(n) for n in found[-1]) if found else (0, 0, 0)

    def honest_goes_on(self, name="honest", seconds=60):
        """The guest beside the others is heard again from now on, has no wrong checksum, and never waited long for its timer."""
        before = self.beats()[0]
        end = time.monotonic() + seconds
        while self.beats()[0] < before + 2 and time.monotonic() < end:
            time.sleep(0.1)
        beats, ticks, longest = self.beats()
        self.lab.check("%s: still runs beside them, %d beats" % (name, beats), beats >= before + 2, self.text()[-2000:])
        self.lab.check("%s: its timer ran on (%d ticks), longest pause %d ms" % (name, ticks, longest),
                       ticks > beats * 20 and longest < 3000, self.text()[-2000:])
        self.lab.check("%s: all checksums are right" % name, not re.search(r"^not ok %s: " % name, self.text(), re.M) and
                       not re.search(r"root: %s (ended|died)" % name, self.text()))
