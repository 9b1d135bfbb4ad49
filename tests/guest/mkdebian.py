#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a stock Debian root disk: minimal system, systemd, Debian's own kernel and initramfs, nothing of ours in it.

    mkdebian.py [--out DIR] [--kernel PACKAGE]

Packages come by mmdebstrap from the archives that this machine's apt knows. Writes to DIR (build/debian):
    disk.img    a raw ext4 file system
    vmlinuz, initrd.img   as the packages left them in its /boot
    password    of root: random, made here
Needs root (or sudo): file owners and the packages' own scripts.
"""
import argparse
import glob
import os
import secrets
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SUITE = "bookworm"
PACKAGES = ("systemd-sysv", "dbus", "udev", "zstd", "iproute2", "iputils-ping", "e2fsprogs")
KERNEL = "linux-image-cloud-amd64"
SIZE = "1G"


def as_root(*command, **more):
    """Runs a command as root; raises when it fails."""
    prefix = [] if os.getuid() == 0 else ["sudo"]
    return subprocess.run(prefix + list(command), check=True, **more)


def say(text):
    print("mkdebian: " + text, flush=True)


def sources():
    """The Debian archives of this machine, as lines for sources.list."""
    text = subprocess.run(["apt-get", "indextargets", "Created-By: Packages", "Origin: Debian", "--format",
                           "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"], check=True, capture_output=True, text=True).stdout
    lines = sorted({line for line in text.splitlines() if line.split()[2].startswith(SUITE)})
    if not lines:
        raise SystemExit("mkdebian: apt knows no %s archive of Debian: run apt-get update" % SUITE)
    return "".join(line + "\n" for line in lines)


def install(tree, kernel):
    """The packages, with a line of progress every few steps."""
    steps = ["retrieving", "extracting", "installing", "running", "cleaning"]
    command = ["mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory", "--skip=output/dev",
               "--aptopt=Acquire::Languages \"none\"", "--include=" + ",".join(PACKAGES + (kernel,)), SUITE, tree, "-"]
    prefix = [] if os.getuid() == 0 else ["sudo"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(prefix + command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.PIPE, text=True)
        process.stdin.write(sources())
        process.stdin.close()
        for line in process.stderr:
            log.write(line)
            if line.startswith("I: ") and any(word in line for word in steps):
                say(line[3:].strip())
        if process.wait() != 0:
            log.seek(0)
            raise SystemExit("mkdebian: mmdebstrap failed:\n" + log.read()[-3000:])


def set_up(tree, password):
    """What an installer would ask: a name, the root file system, root's password."""
    for name, text in (("etc/hostname", "debian\n"), ("etc/fstab", "/dev/vda / ext4 errors=remount-ro 0 1\n")):
        as_root("tee", os.path.join(tree, name), input=text, text=True, stdout=subprocess.DEVNULL)
    as_root("chroot", tree, "chpasswd", input="root:%s\n" % password, text=True)
    as_root("systemd-machine-id-setup", "--root=" + tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def collect(tree, out):
    """Kernel, initramfs and the file system, in that order, each whole or not there."""
    for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd.img", "initrd.img-*")):
        shutil.copyfile(glob.glob(os.path.join(tree, "boot", pattern))[0], os.path.join(out, name))
    disk = os.path.join(out, "disk.img")
    if os.path.exists(disk):
        os.remove(disk)
    as_root("mke2fs", "-q", "-t", "ext4", "-L", "debian", "-d", tree, disk + ".new", SIZE)
    as_root("chown", "%d:%d" % (os.getuid(), os.getgid()), disk + ".new")
    os.rename(disk + ".new", disk)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=os.path.join(ROOT, "build/debian"), metavar="DIR")
    parser.add_argument("--kernel", default=KERNEL, metavar="PACKAGE", help="(%s)" % KERNEL)
    options = parser.parse_args()
    out = os.path.abspath(options.out)
    os.makedirs(out, exist_ok=True)
    password = secrets.token_hex(8)
    tree = os.path.join(out, "tree")
    as_root("rm", "-rf", "--one-file-system", tree)
    say("installing Debian %s from the archives of this machine's apt" % SUITE)
    install(tree, options.kernel)
    set_up(tree, password)
    say("making the file system")
    collect(tree, out)
    with open(os.path.join(out, "password"), "w", encoding="ascii") as f:
        f.write(password + "\n")
    as_root("rm", "-rf", "--one-file-system", tree)
    say("%s, %d MiB used" % (os.path.join(out, "disk.img"), os.stat(os.path.join(out, "disk.img")).st_blocks >> 11))


if __name__ == "__main__":
    sys.exit(main())
