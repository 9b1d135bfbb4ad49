#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""A bound server with a running VM: the services die up to three times each; the guest goes on, and all it was told is on disk is there.
The machine has AMD's IOMMU; the other tests of the whole chain have Intel's or none."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain import Chain  # noqa: E402
from lab import LabError, run  # noqa: E402
from labimage import crash_variant, lab_image  # noqa: E402

MANIFEST = "services/root/system.manifest.toml"
SERVICES = ("virtio_blk", "tpm_drv", "tpm", "disk", "vault", "policy", "tmc", "uplink", "virtio_net")
BUSY = tuple(s for s in SERVICES if s != "policy")  # which may have too little to do to die
CALM_MS = 120000  # binding and the start of the VM are over by then
ROUNDS_SECONDS = 150


def deaths(machine, name):
    return len(re.findall(r"root: %s\S* died: invalid instruction" % name, machine.serial()))


def work(chain, kept, attempt=[0]):
    """One round in the guest: a file written and synced. Its name is kept once the guest's shell has said so, by a word that it
    computes and that no earlier round had: a lost or replayed line of the console is no answer. False: no answer came."""
    attempt[0] += 1
    name = "f%d" % attempt[0]
    try:
        with chain.console() as console:
            console.send("\n")
            console.wait(r"# ", 20)
            console.send("echo content-%s > /data/%s && sync && echo ack:$((%d + 1000000)):\n" % (name, name, attempt[0]))
            console.wait("ack:%d:" % (attempt[0] + 1000000), 40)
            kept.append(name)
            return True
    except LabError:
        return False


def count_missing(chain, names, number):
    with chain.console() as console:
        console.send("\n")
        console.wait(r"# ", 60)
        console.send("n=0; for f in %s; do [ \"$(cat /data/$f)\" = content-$f ] || n=$((n+1)); done; echo lost-%d:$((n)):\n" %
                     (" ".join(names), number))
        return int(console.wait(r"lost-%d:(\d+):" % number, 120).group(1))


def missing(chain, names, first):
    """How many of these files the guest does not have as written. A line of the guest's shell holds about a thousand bytes. The services
    may still die meanwhile and take the console's connection along: then it is asked again, under a number of its own."""
    for number in range(first * 100, first * 100 + 10):
        try:
            return count_missing(chain, names, number)
        except LabError as error:
            last = error
            time.sleep(2)
    raise last


def crash_test(lab):
    directory = lab.subdir("image")
    variants = {name: crash_variant(directory, name, CALM_MS) for name in SERVICES}
    chain = Chain(lab, image=lab_image(directory, MANIFEST, variants), iommu="amd")
    chain.tom("release", "add", os.path.join(directory, "lab.json"), "--name", "r1")
    chain.tom.start()
    chain.server_up()
    chain.bind()
    shown = chain.tom.json("server", "show", chain.name)["iommu"]
    lab.equal("its evidence says what keeps its devices in bounds", shown, "AMD-Vi, with interrupt remapping")
    chain.vm_define()
    chain.push()
    chain.vm_start()
    kept = []
    end = time.monotonic() + 120
    while not work(chain, kept) and time.monotonic() < end:
        time.sleep(1)
    lab.check("the VM works before", bool(kept), chain.machine.serial()[-3000:])
    end = time.monotonic() + ROUNDS_SECONDS
    while time.monotonic() < end and not all(deaths(chain.machine, s) for s in BUSY):
        work(chain, kept)
        time.sleep(0.2)
    for service in BUSY:
        lab.check("%s died" % service, deaths(chain.machine, service), chain.machine.serial()[-2000:])
    chain.wait_online()
    end = time.monotonic() + 120
    while not work(chain, kept) and time.monotonic() < end:
        time.sleep(1)
    lost = sum(missing(chain, kept[i:i + 50], i) for i in range(0, len(kept), 50))
    lab.check("none of %d acknowledged files is lost" % len(kept), len(kept) > 2 and not lost, "%d lost" % lost)
    lab.check("the VM was never started again", not re.search(r"root: vmm\S* (died|ended)", chain.machine.serial()),
              chain.machine.serial()[-3000:])
    chain.down()


if __name__ == "__main__":
    run(crash_test)
