# SPDX-License-Identifier: Apache-2.0
"""The initial RAM file systems of tests/bench/guest.py, below build/bench.

guest.cpio  the measuring program requests.c as first process, and its drivers: the same in every machine
peer.cpio   the peer's host: kvm-amd and QEMU of this Debian, and vmlinuz and guest.cpio for the guest it runs
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
sys.path.insert(0, os.path.join(HERE, "../guest"))
from lab import build  # noqa: E402
from mkinitramfs import Cpio, kernel_package, libraries, module_path  # noqa: E402

VIRTIO = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "failover",
          "net_failover", "virtio_net")
KVM = ("irqbypass", "kvm", "kvm-amd", "tun", "llc", "stp", "bridge")
QEMU = "/usr/bin/qemu-system-x86_64"
FIRMWARE = ("/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/kvmvapic.bin")


def modules(archive, names):
    tree = build("guest/" + kernel_package())
    there = [name for name in names if module_path(tree, name)]
    for name in there:
        archive.file("lib/%s.ko" % name, module_path(tree, name), 0o644)
    archive.entry("lib/modules.list", 0o100644, "".join(name + ".ko\n" for name in there).encode())


def base(init, names):
    archive = Cpio()
    for name in ("dev", "proc", "sys", "lib"):
        archive.directories(name + "/")
    archive.entry("dev/console", 0o20600, device=(5, 1))
    archive.file("init", init)
    modules(archive, names)
    return archive


def write(path, archive):
    with open(path, "wb") as f:
        f.write(archive.finish())
    return path


def guest():
    return write(build("bench/guest.cpio"), base(build("bench/requests"), VIRTIO))


def peer():
    archive = base(os.path.join(HERE, "peer-init"), VIRTIO + KVM)
    archive.file("bin/busybox", shutil.which("busybox"))
    archive.entry("bin/sh", 0o120777, b"busybox")
    for path in [QEMU] + libraries(QEMU):
        archive.file(path.lstrip("/"), os.path.realpath(path))
    for path in FIRMWARE:
        archive.file("usr/share/qemu/" + os.path.basename(path), path, 0o644)
    archive.file("guest/vmlinuz", build("guest/vmlinuz"), 0o644)
    archive.file("guest/initrd", guest(), 0o644)
    return write(build("bench/peer.cpio"), archive)
