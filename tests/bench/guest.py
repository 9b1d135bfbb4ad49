#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel as a guest, in instructions of the whole emulated machine: its boot, a disk read, a frame sent.

The same kernel, initial RAM file system and measuring program (requests.c) run in three machines: on the bare emulator, under KVM
and QEMU (Debian's, on the same kernel as host), and under the kernel and VMM of this tree (tools/vmrun). tests/bench/insns.c counts.
Disk and card are the emulator's virtio devices in all three; neither side encrypts. The first two do not depend on this tree: they
are measured once for each kernel, measuring program and emulator, and kept in build/bench/peer.json.
"""
import hashlib
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import guestimage  # noqa: E402
import insns  # noqa: E402
from lab import ROOT, Lab, build, die_with_parent  # noqa: E402

SECONDS = 850
GUEST_MIB = 256
PEER_MIB = 1536
DISK_MIB = 64
FRAMES = 512
CMDLINE = "console=ttyS0"
KEPT = build("bench/peer.json")
CLOCK = ["-icount", "shift=0,sleep=on"]
QEMU = [guestimage.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-M", "q35", "-accel", "tcg,thread=single",
        "-cpu", "max,-rdrand", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"] + CLOCK


def plugin(marks):
    return insns.arguments(marks, insns.linux_entry("kernel", build("guest/vmlinuz")))


def run(command, log):
    with open(log, "wb") as out:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=SECONDS, check=False,
                       preexec_fn=die_with_parent)


def judge(marks, log):
    """Figures from the marks of one run. With two kernels, one in the other, the last to start is the measured one."""
    at, reads, begin = {}, [], 0
    for name, count in insns.read(marks):
        if name == "mark1":
            begin = count
        elif name == "mark2":
            reads.append(count - begin)
        else:
            at[name] = count
    if "mark5" not in at or "mark4" not in at:
        with open(log, errors="replace", encoding="utf-8") as f:
            sys.exit("guest.py: the guest did not end its measures; its last lines:\n" + f.read()[-2000:])
    return {"boot": at["mark0"] - at["kernel"], "read": int(statistics.median(reads)),
            "tx": (at["mark4"] - at["mark3"]) // FRAMES}


def bare_emulator(lab, machine, initrd, append, mib):
    """One run of QEMU's machine without firmware of ours."""
    path = lambda name: os.path.join(lab.dir, machine + "." + name)  # noqa: E731
    run(QEMU + ["-m", str(mib), "-kernel", build("guest/vmlinuz"), "-initrd", initrd, "-append", append,
                "-serial", "file:" + path("serial"),
                "-drive", "if=none,id=disk,format=raw,file=" + disk(lab),
                "-device", "virtio-blk-pci,disable-legacy=on,romfile=,drive=disk",
                "-netdev", "user,id=net", "-device", "virtio-net-pci,disable-legacy=on,romfile=,netdev=net"] +
        plugin(path("marks")), path("qemu"))
    return judge(path("marks"), path("serial"))


def ours(lab):
    path = lambda name: os.path.join(lab.dir, "ours." + name)  # noqa: E731
    more = ["--qemu=" + word for word in CLOCK + plugin(path("marks"))]
    run([sys.executable, os.path.join(ROOT, "tools/vmrun"), "--icount", "--timeout", str(SECONDS), "--mem", str(GUEST_MIB),
         "--disk", disk(lab), "--net", "user", "--append", CMDLINE, "--initrd", build("bench/guest.cpio"), *more,
         build("guest/vmlinuz")], path("serial"))
    return judge(path("marks"), path("serial"))


def disk(lab):
    path = os.path.join(lab.dir, "disk.img")
    with open(path, "ab") as f:
        f.truncate(DISK_MIB << 20)
    return path


def key():
    """What the peers' figures depend on."""
    digest = hashlib.sha256()
    for path in (build("guest/vmlinuz"), build("bench/guest.cpio"), build("bench/peer.cpio"), build("bench/insns.so"), guestimage.QEMU):
        with open(path, "rb") as f:
            digest.update(hashlib.sha256(f.read()).digest())
    return digest.hexdigest()


def peers(lab):
    guestimage.peer()
    wanted = key()
    if os.path.exists(KEPT):
        with open(KEPT, encoding="ascii") as f:
            kept = json.load(f)
        if kept["key"] == wanted:
            print("peers: kept from an earlier run in %s" % KEPT, flush=True)
            return kept
    print("peers: measured now, once (some minutes)", flush=True)
    options = "quiet vm_accel=kvm vm_mem=%d vm_append=%s" % (GUEST_MIB, CMDLINE)
    kept = {"key": wanted, "bare": bare_emulator(lab, "bare", build("bench/guest.cpio"), CMDLINE, GUEST_MIB),
            "kvm": bare_emulator(lab, "kvm", build("bench/peer.cpio"), "console=ttyS0 " + options, PEER_MIB)}
    with open(KEPT, "w", encoding="ascii") as f:
        json.dump(kept, f)
    return kept


def figure(name, value, peer):
    print(json.dumps({"name": name, "value": value, "unit": "instructions", "peer": peer}), flush=True)


def main():
    lab = Lab("guest_bench")
    guestimage.guest()
    peer = peers(lab)
    bare, kvm, own = peer["bare"], peer["kvm"], ours(lab)
    figure("guest_boot", own["boot"], kvm["boot"])
    figure("guest_boot_bare", bare["boot"], None)
    figure("guest_boot_overhead", own["boot"] - bare["boot"], kvm["boot"] - bare["boot"])
    figure("virtio_blk_4k_read", own["read"], kvm["read"])
    figure("virtio_blk_4k_read_bare", bare["read"], None)
    figure("virtio_net_1500_tx", own["tx"], kvm["tx"])
    figure("virtio_net_1500_tx_bare", bare["tx"], None)
    lab.close()


if __name__ == "__main__":
    main()
