#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the test guest: Debian's unmodified cloud kernel and a busybox initramfs.

    mkinitramfs.py [--out DIR]

Fetches the kernel package by name with apt-get, unpacks it, and writes to DIR (build/guest):
    vmlinuz         the kernel, as the package has it
    initramfs.cpio  busybox, tests/guest/init, tests/guest/registers.c, mke2fs and the virtio modules (newc, not compressed)
The same packages and compiler give the same bytes. What is there and newer than its sources is not made again.
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
META = "linux-image-cloud-amd64"
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
           "virtio_blk", "rng-core", "virtio-rng", "failover", "net_failover", "virtio_net", "virtio_console")
TOOLS = ("/sbin/mke2fs",)
PROGRAM = "registers"  # of this directory


def kernel_package():
    """The package the meta package stands for, e.g. linux-image-6.1.0-56-cloud-amd64."""
    text = subprocess.run(["apt-cache", "depends", META], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        word = line.split()[-1]
        if "Depends:" in line and word.startswith("linux-image-"):
            return word
    raise SystemExit("mkinitramfs: %s is not known to apt: run apt-get update" % META)


def fetch(package, directory):
    """Directory with the package's files; fetched and unpacked once."""
    tree = os.path.join(directory, package)
    if os.path.isdir(tree):
        return tree
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    subprocess.run(command, check=True, cwd=directory, stdout=subprocess.DEVNULL)
    deb = glob.glob(os.path.join(directory, package + "_*.deb"))[0]
    shutil.rmtree(tree + ".new", ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", deb, tree + ".new"], check=True)
    os.remove(deb)
    os.rename(tree + ".new", tree)
    return tree


class Cpio:
    """An archive of the format the kernel unpacks (newc), with no times and no owners in it."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0
        self.names = set()

    def entry(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        self.data += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        self.align()
        self.data += content
        self.align()

    def align(self):
        self.data += bytes(-len(self.data) % 4)

    def directories(self, name):
        parts = name.split("/")[:-1]
        for i in range(1, len(parts) + 1):
            path = "/".join(parts[:i])
            if path not in self.names:
                self.names.add(path)
                self.entry(path, 0o40755)

    def file(self, name, path, mode=0o755):
        self.directories(name)
        with open(path, "rb") as f:
            self.entry(name, 0o100000 | mode, f.read())

    def finish(self):
        self.entry("TRAILER!!!", 0)
        self.data += bytes(-len(self.data) % 512)
        return bytes(self.data)


def libraries(program):
    """Paths of the shared libraries a program needs."""
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    words = (word for line in text.splitlines() for word in line.split())
    return sorted({word for word in words if word.startswith("/") and os.path.exists(word)})


def module_path(tree, name):
    found = glob.glob(os.path.join(tree, "lib/modules/*/kernel/**", name + ".ko"), recursive=True)
    return found[0] if found else None


def compile_program(out):
    path = os.path.join(out, PROGRAM)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-o", path, os.path.join(HERE, PROGRAM + ".c")], check=True)
    return path


def initramfs(tree, program):
    archive = Cpio()
    for name in ("dev", "proc", "sys", "tmp", "data", "bin", "lib", "sbin"):
        archive.directories(name + "/")
    archive.entry("dev/console", 0o20600, device=(5, 1))
    archive.entry("dev/null", 0o20666, device=(1, 3))
    archive.file("init", os.path.join(HERE, "init"))
    archive.file("bin/busybox", shutil.which("busybox"))
    archive.entry("bin/sh", 0o120777, b"busybox")
    archive.file("bin/" + PROGRAM, program)
    for path in sorted({lib for tool in (*TOOLS, program) for lib in libraries(tool)} | set(TOOLS)):
        archive.file("bin/mkfs.ext4" if path == "/sbin/mke2fs" else path.lstrip("/"), os.path.realpath(path))
    there = [name for name in MODULES if module_path(tree, name)]
    for name in there:
        archive.file("lib/%s.ko" % name, module_path(tree, name), 0o644)
    listing = "".join(name + ".ko\n" for name in there).encode()
    archive.entry("lib/modules.list", 0o100644, listing)
    return archive.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=os.path.join(ROOT, "build/guest"), metavar="DIR")
    out = os.path.abspath(parser.parse_args().out)
    os.makedirs(out, exist_ok=True)
    tree = fetch(kernel_package(), out)
    kernel = glob.glob(os.path.join(tree, "boot/vmlinuz-*"))[0]
    for name, content in (("vmlinuz", open(kernel, "rb").read()), ("initramfs.cpio", initramfs(tree, compile_program(out)))):
        with open(os.path.join(out, name + ".new"), "wb") as f:
            f.write(content)
        os.rename(os.path.join(out, name + ".new"), os.path.join(out, name))
    print("%s and %s" % (os.path.join(out, "vmlinuz"), os.path.join(out, "initramfs.cpio")))


if __name__ == "__main__":
    sys.exit(main())
