#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 1500
"""The whole server loses its power while a guest writes: what the guest had synced is there, and the disk holds ciphertext only."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
from chain import Chain  # noqa: E402

CUTS = 10
PROMPT = r"(?s)guest# (?:\x1b\[6n)?$"
MARK = "plaintext-of-the-guest-"
LOOP = "n=$(cat /data/n 2>/dev/null || echo 0); while :; do n=$((n+1)); echo " + MARK + "$n > /data/new && " \
    "sync && mv /data/new /data/f && echo $n > /data/n && sync && echo synced=$n; done"


def synced(text):
    """The last number the guest reported as synced."""
    numbers = [line.split("=")[1] for line in text.split("\n") if line.startswith("synced=") and line[7:].isdigit()]
    return int(numbers[-1]) if numbers else 0


def busy_until_cut(chain, console, seconds):
    """Starts the loop, cuts the power; the last number known to be synced."""
    start = len(console.text)
    console.send(LOOP + "\n")
    console.wait(r"synced=\d+\n", 60, start)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        console.pump(0.02)
    chain.machine.kill()
    return synced(console.text[start:])


def test(lab):
    random.seed()
    chain = Chain(lab)
    chain.tom_up()
    chain.server_up()
    chain.bind()
    chain.vm_define()
    chain.push()
    chain.vm_start()
    known = 0
    for cut in range(CUTS + 1):
        with chain.console() as console:
            console.send("\n")
            console.wait(PROMPT, 300)
            if cut:
                number, status = console.run("cat /data/n; cat /data/f")
                words = number.split()
                lab.check("power cut %d: synced %d, found %s" % (cut, known, words),
                          status == 0 and len(words) == 2 and int(words[0]) >= known and
                          words[1][len(MARK):].isdigit() and int(words[1][len(MARK):]) >= int(words[0]), console.text[-800:])
            if cut == CUTS:
                break
            known = busy_until_cut(chain, console, random.uniform(0.5, 6))
        chain.machine.start()
        said = chain.machine.wait(r"disk: (.*)", 120).group(1)
        lab.check("power cut %d: the disk opens by itself" % (cut + 1), said.startswith("open with release r1"), said)
        chain.wait_online()
    chain.machine.kill()
    with open(chain.machine.disks[0], "rb") as f:
        lab.check("nothing the guest wrote is readable on the disk", MARK.encode() not in f.read())


if __name__ == "__main__":
    laboratory.run(test)
