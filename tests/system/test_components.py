#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""Components on the server: all come up and do their work; each dies again and again and is replaced without loss; a hostile one
gets nothing that it was not given."""
import os
import re
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import build, run  # noqa: E402
from labimage import lab_image  # noqa: E402

FORBIDDEN = 10
DRIVERS = ("pci", "virtio_blk", "virtio_net", "tpm_drv", "uplink")
PC_DRIVERS = ("pci", "ata", "e1000", "tpm_drv", "uplink")


def pc_devices(lab, name):
    """QEMU options: an IDE disk, first of the second channel, and an e1000 card, in place of the virtio devices."""
    disk = os.path.join(lab.dir, name + ".img")
    with open(disk, "wb") as f:
        f.truncate(64 << 20)
    return ["-device", "piix3-ide,id=pata", "-drive", "if=none,id=pc,format=raw,file=" + disk,
            "-device", "ide-hd,drive=pc,bus=pata.1", "-netdev", "user,id=net",
            "-device", "e1000,romfile=,netdev=net"]


def pong(listener):
    """Answers every line "ping" with "pong"."""
    def serve(client):
        with client:
            while client.recv(5) == b"ping\n":
                client.sendall(b"pong\n")

    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


def checks(lab, text, who):
    """Passes on the check lines that component `who` printed; returns how many."""
    found = re.findall(r"\] %s: ((?:not )?)ok \w+: (.*?)\r?$" % who, text, re.M)
    for bad, what in found:
        lab.check("%s: %s" % (who, what), not bad)
    return len(found)


def start(lab, name, manifest, peer, variants=None, pc=False, parts=None, **options):
    """A machine that runs `manifest`, with virtio devices or those of an old PC; `parts` are boot parts beside `peer`."""
    image = lab_image(lab.subdir(name + "-image"), manifest, variants, dict(parts or {}, peer=peer))
    devices = {"extra": pc_devices(lab, name)} if pc else {"disks": [("disk.img", 64)], "net": True}
    machine = lab.machine(name, image=image, parallel=not parts, **devices, **options)  # the parts are a guest's
    machine.start()
    return machine


def guest():
    """The boot parts of a VM with two vCPUs, of which its guest uses one."""
    with open(build("vm/honest.elf"), "rb") as f:
        return {"guest.kernel": f.read(), "guest.lab": struct.pack("<3Ii", 2, 16, 0, 0)}  # struct vmm_lab


def free_after(text, label):
    """(KiB, kernel frames) that root had free at best after the end of one of these vmms: of a channel closed a moment ago, the other end
    may still be reading."""
    found = re.findall(r"root: vmm/%s stopped; (\d+) KiB and (\d+) kernel frames are free" % label, text)
    return tuple(max((int(one[i]) for one in found), default=0) for i in (0, 1))


def nothing_lost(lab, text):
    before, after = free_after(text, "before"), free_after(text, "after")
    lab.check("200 vmms later root has as much memory and as many kernel frames free", before == after and all(before),
              "before %s\nafter  %s" % (before, after))


def whole(lab, peer, tpm_device, pc):
    """The client of every driver and of ctl; with virtio devices it starts and stops vmms, too."""
    parts = {} if pc else guest()
    machine = start(lab, tpm_device, "tests/services/machine.toml", peer, pc=pc, parts=parts, tpm_device=tpm_device)
    machine.wait(r"client: client done", 180)
    text = machine.serial()
    lab.check("%s: all checks of the client came" % tpm_device, checks(lab, text, "client") >= 20, text[-3000:])
    chosen = re.findall(r"root: (\w+) started, ", text)
    passed = re.findall(r"root: (\w+): another serves in its place", text)
    want = [["virtio_blk", "virtio_net"], ["ata", "e1000"]]
    if parts:
        nothing_lost(lab, text)
    lab.check("%s serve, %s are passed over" % (want[pc], want[not pc]),
              set(want[pc]) <= set(chosen) and passed == want[not pc], text)
    machine.kill()


def crashing(lab, name, peer, drivers):
    """Every driver dies three times at random moments; the grinder sees nothing but right answers. The intruder tries what it may not."""
    variants = {driver: build("crash/%s.elf" % driver) for driver in drivers}
    machine = start(lab, name, "tests/services/grind.toml", peer, variants, pc="ata" in drivers)
    machine.wait(r"grinder: grinder done", 400)
    machine.wait(r"intruder: flood over", 240)
    text = machine.serial()
    lab.check("the grinder's checks came", checks(lab, text, "grinder") >= 3, text[-3000:])
    checks(lab, text, "intruder")
    died = {driver: len(re.findall(r"root: %s died: invalid instruction" % driver, text)) for driver in drivers}
    again = {driver: len(re.findall(r"root: %s started again" % driver, text)) for driver in drivers}
    for driver in drivers[1:]:  # pci may have had too little to do
        lab.check("%s died and was started again" % driver, died[driver] >= 1 and again[driver] >= died[driver],
                  "died %s\nagain %s" % (died, again))
    contained(lab, text)
    machine.kill()


def contained(lab, text):
    """The intruder of the same run got nothing."""
    faults = re.findall(r"root: intruder died: (.*?)\r?$", text, re.M)
    lab.check("each forbidden access ended the intruder, %d of %d" % (len(faults), FORBIDDEN), len(faults) == FORBIDDEN,
              "\n".join(faults))
    noise = len(re.findall(r"intruder: noise", text))
    lab.check("a flood of 20000 lines is cut to %d" % noise, noise < 2000 and "lines" in text, text[-2000:])
    lab.check("no forbidden access went through", "lived through it" not in text, text[-3000:])


def voiceless(lab, peer):
    """uart dies: lines are lost, nobody waits for it, and it speaks again."""
    machine = start(lab, "uart", "tests/services/grind.toml", peer, {"uart": build("crash/uart.elf")})
    machine.wait(r"root: uart started again", 180)
    machine.wait(r"intruder: life 3", 240)
    lab.check("uart died, was started again, and all went on", True)
    machine.kill()


def behind_bridge(lab, peer):
    """The disk sits behind a PCI Express port, which the loader has closed."""
    image = lab_image(lab.subdir("bridge-image"), "tests/services/machine.toml", None, {"peer": peer})
    disk = os.path.join(lab.dir, "bridge.img")
    with open(disk, "wb") as f:
        f.truncate(64 << 20)
    machine = lab.machine("bridge", image=image, net=True, extra=[
        "-device", "pcie-root-port,id=beyond,bus=pcie.0,chassis=1", "-drive", "if=none,id=far,format=raw,file=" + disk,
        "-device", "virtio-blk-pci,disable-legacy=on,romfile=,iommu_platform=on,ats=off,drive=far,bus=beyond"])
    machine.start()
    machine.wait(r"client: ok client: read back|client: not ok client: read back", 180)
    lab.check("a disk behind a bridge works", "not ok" not in machine.serial(), machine.serial()[-2000:])
    machine.kill()


def test(lab):
    """All of it."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=pong, args=(listener,), daemon=True).start()
    peer = b"10.0.2.2 %d\0" % listener.getsockname()[1]
    whole(lab, peer, "tpm-crb", False)
    whole(lab, peer, "tpm-tis", True)
    behind_bridge(lab, peer)
    crashing(lab, "crash", peer, DRIVERS)
    crashing(lab, "crash-pc", peer, PC_DRIVERS)
    voiceless(lab, peer)


if __name__ == "__main__":
    run(test)
