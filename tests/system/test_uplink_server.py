#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 200
"""uplink on the server: the virtio card, DHCP, and 10 MiB both ways over QEMU's user network."""
import re
import threading

from lab import run
from labimage import lab_image
from test_uplink import Peer, exchange

COUNT = 10 << 20


def test(lab):
    """The mover's checks, the peer's view, the time."""
    done = threading.Event()

    def handle(s):
        exchange(COUNT, wait=False)(s)
        done.set()
    peer = Peer(handle, "127.0.0.1")
    parts = {"peer": b"10.0.2.2 %d\0" % peer.port}
    image = lab_image(lab.subdir("image"), "tests/uplink/machine.toml", None, parts)
    machine = lab.machine(image=image, net=True)
    machine.start()
    lab.check("DHCP gives an address", machine.wait(r"uplink: address 10\.0\.2\.15", 60))
    machine.wait(r"mover: mover done", 100)
    for bad, what in re.findall(r"\] mover: ((?:not )?)ok mover: (.*?)$", machine.serial(), re.M):
        lab.check(what, not bad)
    lab.check("and at the peer", done.is_set() and not peer.error, peer.error)
    print("#", machine.wait(r"mover: (\d+ MiB in \d+ ms)", 1).group(1), flush=True)
    lab.check("nothing died", " died" not in machine.serial(), machine.serial()[-2000:])


if __name__ == "__main__":
    run(test)
