#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 300
"""A driver component that was taken over programs its device to reach what is not its own (tests/services/rogue.c), one works beside it
(bystander.c). With each vendor's IOMMU nothing of it happens; without one the same orders do the harm, so the test can see harm."""
import os
import re
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import run  # noqa: E402
from labimage import lab_image  # noqa: E402

KERNEL_VA = 0xffffffff80000000  # linker/kernel.ld
MEMORY_MIB = 256
PAGE = b"".join(struct.pack("<Q", (i + 1) * 0x9e3779b97f4a7c15 & (1 << 64) - 1) for i in range(512))  # bystander.c
JUNK = 0x6b6e756a
MESSAGES = 0xfee00000
# Data of the messages: the first, and the step to the next. QEMU's VT-d checks neither format nor source of a message that comes by DMA: there only such
# as are harmless when they arrive.
FORGED = {"amd": {"interrupts of every vector": (0x20, 1), "an NMI": (0x400, 0), "an INIT": (0x500, 0)},
          "intel": {"a driver's interrupt": (0x30, 0), "the timer": (0xf0, 0), "a shoot-down": (0xf2, 0)}}


class Rogue:
    """A machine that runs tests/services/rogue.toml, and the line to its hostile driver."""

    def __init__(self, lab, image, iommu):
        self.lab, self.iommu = lab, iommu
        name = "iommu-%s" % iommu
        path = os.path.join(lab.dir, name + ".orders")
        self.machine = lab.machine(name, image=image, parallel=True, iommu=iommu, memory=MEMORY_MIB,
                                   disks=[("disk.img", 16)],
                                   extra=["-device", "edu,dma_mask=0xffffffffffffffff", "-chardev",
                                          "socket,id=orders,server=on,wait=off,path=" + path, "-serial", "chardev:orders"])
        self.machine.start()
        found = self.machine.wait(r"rogue: its DMA memory is at (\w+), (\w+) bytes", 90)
        self.own, self.size = int(found.group(1), 16), int(found.group(2), 16)
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(path)

    def order(self, text, answer):
        """Tells the driver to do it, returns what it answered."""
        start = len(self.machine.serial())
        self.line.sendall(text.encode() + b"\n")
        return self.machine.wait(r"rogue: %s %s" % (text.split(" ")[0], answer), 30, start)

    def put(self, address, word=JUNK, step=0):
        self.order("put %x %x %x" % (address, word, step), "%x: done" % address)

    def get(self, address):
        found = self.order("get %x" % address, r"%x: (\w+) (\w+)" % address)
        return struct.pack("<QQ", int(found.group(1), 16), int(found.group(2), 16))

    def memory(self, at=0, size=MEMORY_MIB << 20):
        """Physical memory, as it is this moment."""
        path = os.path.join(self.lab.dir, "memory.bin")
        self.machine.qmp("pmemsave", val=at, size=size, filename=path)
        with open(path, "rb") as f:
            return f.read()

    def bystander_page(self):
        memory = self.memory()
        return [at for at in range(0, len(memory), 4096) if memory[at:at + 4096] == PAGE]

    def kernel_page(self):
        said = self.machine.qmp("human-monitor-command", **{"command-line": "gva2gpa 0x%x" % KERNEL_VA})
        return int(said.split("gpa: ")[1], 16)

    def beats(self):
        return len(re.findall(r"\] bystander: ok bystander: beat", self.machine.serial()))

    def goes_on(self):
        """The bystander is heard four more times, and all was right at each."""
        before, end = self.beats(), time.monotonic() + 30
        while self.beats() < before + 4 and time.monotonic() < end:
            time.sleep(0.1)
        return self.beats() >= before + 4 and "not ok bystander" not in self.machine.serial()


def refused(lab, rogue, address, what, page, write=True):
    """One order, after which the page at physical address `page` must be what it was; VT-d's unit records the request."""
    before, mark = rogue.memory(page, 4096), len(rogue.machine.serial())
    if write:
        rogue.put(address)
    else:
        got = rogue.get(address)
        lab.check("%s: %s brings nothing of it" % (rogue.iommu, what), got not in before, got.hex())
    lab.check("%s: %s changes nothing there" % (rogue.iommu, what), rogue.memory(page, 4096) == before)
    if rogue.iommu == "intel":  # QEMU's AMD-Vi never records: docs/CAVEATS.md
        rogue.machine.wait(r"\] root: kernel: iommu: function 00:\w\w\.0 \(rogue\): DMA %s %x refused: not mapped" % (
            "write to" if write else "read of", address), 20, mark)
        lab.check("intel: the log names the function, its driver and the address", True)


def forged(lab, rogue):
    """Writes to where interrupt messages go. QEMU's units drop them without recording them."""
    for what, (word, step) in FORGED[rogue.iommu].items():
        for address in (MESSAGES, MESSAGES + 0x10 * 0x100):
            rogue.put(address, word, step)
        lab.check("%s: forging %s does nothing" % (rogue.iommu, what), rogue.goes_on(), rogue.machine.serial()[-3000:])


def confined(lab, image, iommu):
    rogue = Rogue(lab, image, iommu)
    pages, kernel = rogue.bystander_page(), rogue.kernel_page()
    if not lab.check("%s: the bystander's page is found, once" % iommu, len(pages) == 1, pages):
        return
    lab.equal("%s: the device reaches its own memory" % iommu, rogue.get(rogue.own), b"\x5a" * 16)
    refused(lab, rogue, rogue.own + rogue.size, "a write behind its memory", 0x100000)
    refused(lab, rogue, rogue.own - 4096, "a write before its memory", 0x100000)
    refused(lab, rogue, kernel, "a write to the kernel", kernel)
    refused(lab, rogue, pages[0], "a write to another component's page", pages[0])
    refused(lab, rogue, pages[0], "a read of another component's page", pages[0], write=False)
    refused(lab, rogue, kernel, "a read of the kernel", kernel, write=False)
    forged(lab, rogue)
    text = rogue.machine.serial()
    lab.check("%s: nobody died, not even the rogue" % iommu, not re.search(r"root: \w+ died|has stopped", text), text[-3000:])
    lab.check("%s: those beside it go on" % iommu, rogue.goes_on(), text[-3000:])
    lab.equal("%s: and its device works as before" % iommu, rogue.get(rogue.own), b"\x5a" * 16)
    rogue.machine.kill()


def unconfined(lab, image):
    """Without an IOMMU the log says what that means, and the same orders go through."""
    rogue = Rogue(lab, image, None)
    page = rogue.bystander_page()[0]
    lab.equal("no IOMMU: the device reads another component's page", rogue.get(page), PAGE[:16])
    rogue.put(page)
    rogue.machine.wait(r"not ok bystander: beat \d+, memory changed", 30)
    lab.check("no IOMMU: and writes it", True)
    rogue.machine.kill()


def test(lab):
    image = lab_image(lab.subdir("image"), "tests/services/rogue.toml")
    confined(lab, image, "intel")
    confined(lab, image, "amd")
    unconfined(lab, image)


if __name__ == "__main__":
    run(test)
