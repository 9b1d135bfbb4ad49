#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 300
"""tools/vmrun --net: the guest's network card on a tap device, in a network of its own: large packets, a stream each way, a cut cable, a dead peer."""
import fcntl
import glob
import hashlib
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, LabError, Machine, build, run  # noqa: E402
from test_uplink import GIVEN, OWN, make_tap, own_network, pattern  # noqa: E402

COUNT = 4 << 20
SECONDS = 150


class Guest:
    """vmrun with the test guest; what it prints, as it comes."""

    def __init__(self, lab):
        self.dir = lab.subdir("tmp")
        self.text = ""
        command = [sys.executable, os.path.join(ROOT, "tools/vmrun"), "--net", "rdt0", "--timeout", str(SECONDS),
                   "--initrd", build("guest/initramfs.cpio"), "--append",
                   "console=ttyS0 quiet net=%s peer=%s" % (GIVEN, OWN), build("guest/vmlinuz")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=dict(os.environ, TMPDIR=self.dir))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.text += line

    def wait(self, pattern_):
        end = time.monotonic() + SECONDS
        while not (found := re.search(pattern_, self.text, re.M)):
            if time.monotonic() > end or self.process.poll() is not None:
                raise LabError("no /%s/ from the guest:\n%s" % (pattern_, self.text[-3000:]))
            time.sleep(0.05)
        return found

    def link(self, up):
        """Plugs or unplugs the cable of the machine's card."""
        machine = types.SimpleNamespace(dir=glob.glob(os.path.join(self.dir, "vmrun-*/m"))[0], name="vmrun")
        Machine.qmp(machine, "set_link", name="net", up=up)


def tap_up(up):
    """Switches this end of the tap device on or off. netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"rdt0", 0x41 if up else 0))


def listen(port, handle):
    """Serves one TCP connection; the returned thread ends with it, its `result` is what handle() gave."""
    listener = socket.create_server((OWN, port))

    def serve():
        stream, _ = listener.accept()
        with listener, stream:
            thread.result = handle(stream)
    thread = threading.Thread(target=serve, daemon=True)
    thread.result = None
    thread.start()
    return thread


def digest(stream):
    """SHA-256 of all that comes, and its length."""
    sha, count = hashlib.sha256(), 0
    while data := stream.recv(1 << 16):
        sha.update(data)
        count += len(data)
    return sha.hexdigest(), count


def card_address(guest):
    """The address QEMU gave the machine's card, which the guest's card has too."""
    machine = types.SimpleNamespace(dir=glob.glob(os.path.join(guest.dir, "vmrun-*/m"))[0], name="vmrun")
    text = Machine.qmp(machine, "human-monitor-command", **{"command-line": "info network"})
    return re.search(r"macaddr=([0-9a-f:]+)", text).group(1)


def test(lab):
    """One guest's life on the wire."""
    if not own_network() or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("skip vmrun_net: no network namespace or no tap device here")
        return
    make_tap()
    data = pattern(0, COUNT)
    source = listen(7001, lambda s: s.sendall(data))
    sink = listen(7002, digest)
    guest = Guest(lab)
    found = guest.wait(r"guest: address (\S+) mtu (\d+)")
    lab.equal("the guest's card has the address and MTU of its port", found.groups(), (card_address(guest), "1500"))
    start = time.monotonic()
    found = guest.wait(r"guest: received ([0-9a-f]{64})")
    sha = hashlib.sha256(data).hexdigest()
    lab.equal("%d MiB to the guest arrive as they were sent" % (COUNT >> 20), found.group(1), sha)
    guest.wait(r"guest: sent")
    source.join(20)
    sink.join(20)
    lab.equal("and come back the same", sink.result, (sha, COUNT))
    print("# %.1f s for both ways" % (time.monotonic() - start), flush=True)
    guest.link(False)
    guest.wait(r"ok guest: the link goes")
    guest.link(True)
    guest.wait(r"ok guest: and comes back")
    tap_up(False)
    guest.wait(r"ok guest: a peer that is gone")
    tap_up(True)
    guest.wait(r"nettest: ")
    for bad, check in re.findall(r"^(not )?ok guest: (.*)$", guest.text, re.M):
        lab.check(check, not bad)
    lab.equal("the guest powers off", guest.process.wait(60), 0)
    lab.check("nothing died", " died" not in guest.text, guest.text[-2000:])


if __name__ == "__main__":
    run(test)
