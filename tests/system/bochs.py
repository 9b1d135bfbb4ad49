# SPDX-License-Identifier: Apache-2.0
"""A machine with Intel VT-x: Debian's Bochs with OVMF, an IDE disk, an e1000 card and a TPM at the third serial port.

The same interface as lab.Machine. Bochs offers neither a TPM nor ACPI tables nor an IOMMU, so its boot media carry
the laboratory's loader (docs/boot.md). Its status says nothing: what the serial port prints is the verdict.

    machine = Bochs(lab, "intel", build("vm/lab_vmtest.img"), model="corei7_icelake_u", cpus=2)
    machine.start()
    machine.wait(r"^RESULT (PASS|FAIL)$", 200)
    machine.kill()
"""
import os
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Machine  # noqa: E402

OVMF = ("/usr/share/OVMF/OVMF_VARS.fd", "/usr/share/OVMF/OVMF_CODE.fd")  # one ROM: variables, then code
VGA_ROM = "/usr/share/bochs/VGABIOS-lgpl-latest"
MODELS = ("corei7_skylake_x", "corei7_icelake_u")
CYLINDER = 16 * 63 * 512
MAC = "52:54:00:12:34:56"

CONFIG = """\
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, e1000={e1000}
config_interface: textconfig
display_library: rfb, options="timeout=0"
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
romimage: file={dir}/ovmf.fd
vgaromimage: file={vga}
com1: enabled=1, mode=file, dev={serial}
pci: enabled=1, chipset=i440fx{slots}
clock: sync={sync}
log: {dir}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
"""
DRIVE = "ata{channel}-{place}: type=disk, path={path}, mode=flat, cylinders={cylinders}, heads=16, spt=63\n"
PLACES = [(0, "master"), (1, "master"), (0, "slave"), (1, "slave")]  # boot disk, data disk, more


class Bochs(Machine):
    """One server under Bochs; image, disks and TPM as for lab.Machine.

    disks:  IDE disks, at most three; the first is the data disk (drivers/ata)
    net:    True for one e1000 card on Bochs's user network (10.0.2.2 is this host)
    model:  one of MODELS
    ips:    instructions per emulated second: the rate of the TSC
    sync:   "none": emulated time runs as fast as it can; "slowdown": never faster than real time
    """

    def __init__(self, lab, name, image, tpm=None, **options):
        super().__init__(lab, name, image, tpm, **options)
        lab.machines.append(self)
        with open(os.path.join(self.dir, "ovmf.fd"), "wb") as rom:
            for part in OVMF:
                with open(part, "rb") as f:
                    shutil.copyfileobj(f, rom)
        self.tpm_port = None
        self.earlier = ""

    def config(self):
        """Text of the configuration file."""
        opt = self.options
        text = CONFIG.format(
            model=opt.get("model", MODELS[0]), cpus=opt.get("cpus", 1), ips=opt.get("ips", 20000000),
            memory=opt.get("memory", 256), dir=self.dir, serial=self.serial_path, vga=VGA_ROM,
            e1000=1 if opt.get("net") else 0, slots=", slot1=e1000" if opt.get("net") else "",
            sync=opt.get("sync", "none"))
        if opt.get("net"):
            text += "e1000: enabled=1, mac=%s, ethmod=slirp, ethdev=%s\n" % (MAC, self.dir)
        if self.tpm:
            text += "com3: enabled=1, mode=socket-client, dev=127.0.0.1:%d\n" % self.tpm_port
        for (channel, place), path in zip(PLACES, [self.image] + self.disks):
            text += DRIVE.format(channel=channel, place=place, path=path, cylinders=self.cylinders(path))
        return text

    @staticmethod
    def cylinders(path):
        """Bochs takes whole cylinders only: the file grows to the next one."""
        size = os.path.getsize(path)
        count = (size + CYLINDER - 1) // CYLINDER
        os.truncate(path, count * CYLINDER)
        if os.path.exists(path + ".lock"):
            os.unlink(path + ".lock")  # left behind by a Bochs that was killed
        return count

    def start(self):
        """Powers the machine on. Bochs starts a new file for the serial port: what was printed before is kept aside."""
        if os.path.exists(self.serial_path):
            self.earlier += super().serial(all=True)
            os.unlink(self.serial_path)
        super().start()

    def serial(self, all=False):
        return (self.earlier if all else "") + super().serial(all)

    def arguments(self):
        if self.tpm:
            self.tpm.reset()
            self.tpm_port = self.tpm.serial_port()
        path = os.path.join(self.dir, "bochsrc")
        with open(path, "w", encoding="ascii") as f:
            f.write(self.config())
        with open(path + ".go", "w", encoding="ascii") as f:
            f.write("c\n")  # the debugger's only command: go on
        return ["bochs-bin", "-q", "-f", path, "-rc", path + ".go"]
