#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""A bound server with two running VMs: a thread of one's vmm dies, which ends that VM alone until policy starts it again; then all services
and drivers die up to three times each; the other's guest goes on, and all it was told is on disk is there.
The machine has AMD's IOMMU; the other tests of the whole chain have Intel's or none."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chain import Chain  # noqa: E402
from lab import LabError, build, run  # noqa: E402
from labimage import crash_variant, lab_image  # noqa: E402

MANIFEST = "services/root/system.manifest.toml"
SERVICES = ("virtio_blk", "tpm_drv", "tpm", "disk", "vault", "policy", "tmc", "uplink", "virtio_net", "uart", "pci")
BUSY = tuple(s for s in SERVICES if s != "policy")  # which may have too little to do to die
FEW_WAITS = {"pci": 3}  # it works only when a driver is started or stopped
VMM_MS = 100000  # binding and the start of the VMs are over by then
CALM_MS = 120000  # and what becomes of a vmm that dies
ROUNDS_SECONDS = 150


def deaths(machine, name):
    """One line of the two can be lost with uart."""
    text = machine.serial()
    return max(len(re.findall(r"root: %s\S* died: invalid instruction" % name, text)),
               len(re.findall(r"root: %s\S* started again" % name, text)))


def side_define(chain):
    """A second VM, small and with two vCPUs, which is what the variant of vmm wants to die. Its guest uses one and prints a line each second."""
    chain.tom("image", "add", "honest", build("vm/honest.elf"), build("vm/none.bin"))
    chain.tom("vm", "create", "side", "--server", chain.name, "--tvd", "demo", "--image", "honest", "--memory", "16", "--disk", "0",
              "--vcpus", "2")


def side_beats(chain, seconds=60):
    with chain.console("side") as console:
        console.wait(r"honest beat \d+ ", seconds)
        return int(re.search(r"honest beat (\d+) ", console.text).group(1))


def vmm_death(lab, chain):
    """The fault of one thread of a vmm: that VM ends, policy starts it again, the other goes on."""
    machine = chain.machine
    machine.wait(r"root: vmm/side died: ", VMM_MS // 1000)
    machine.wait(r"root: vmm/side died: (?s:.*)root: vmm/side started, ", 60)
    text = machine.serial()
    lab.check("a vmm of whose threads one dies: root says of what", re.search(r"root: vmm/side died: invalid instruction \(vector 6\) at ip 0x",
                                                                              text), text[-3000:])
    lab.check("policy says what became of the VM", re.search(r"policy: VM side: its machine died of a fault", text), text[-3000:])
    beats = side_beats(chain)
    lab.check("and starts it again: its guest is at line %d" % beats, beats > 0)


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
    variants = {name: crash_variant(directory, name, CALM_MS, FEW_WAITS.get(name)) for name in SERVICES}
    variants["vmm"] = crash_variant(directory, "vmm", VMM_MS)
    chain = Chain(lab, image=lab_image(directory, MANIFEST, variants), iommu="amd")
    chain.tom("release", "add", os.path.join(directory, "lab.json"), "--name", "r1")
    chain.tom.start()
    chain.server_up()
    chain.bind()
    shown = chain.tom.json("server", "show", chain.name)["iommu"]
    lab.equal("its evidence says what keeps its devices in bounds", shown, "AMD-Vi, with interrupt remapping")
    chain.vm_define()
    side_define(chain)
    chain.push()
    chain.vm_start("side")
    chain.vm_start()
    kept = []
    end = time.monotonic() + 120
    while not work(chain, kept) and time.monotonic() < end:
        time.sleep(1)
    lab.check("the VM works before", bool(kept), chain.machine.serial()[-3000:])
    vmm_death(lab, chain)
    end = time.monotonic() + ROUNDS_SECONDS
    while time.monotonic() < end and not all(deaths(chain.machine, s) for s in BUSY):
        work(chain, kept)
        time.sleep(0.2)
    for service in BUSY:
        lab.check("%s died" % service, deaths(chain.machine, service), chain.machine.serial()[-2000:])
    chain.wait_online()
    end = time.monotonic() + 120
    first = len(kept)
    while len(kept) < first + 3 and time.monotonic() < end:
        work(chain, kept)
    lost = sum(missing(chain, kept[i:i + 50], i) for i in range(0, len(kept), 50))
    lab.check("none of %d acknowledged files is lost" % len(kept), len(kept) > 2 and not lost, "%d lost" % lost)
    ended = re.findall(r"root: (vmm\S*) (?:died|ended)", chain.machine.serial())
    lab.check("no VM ended but the one, once", ended == ["vmm/side"], "%s\n%s" % (ended, chain.machine.serial()[-20000:]))
    lab.check("which runs on too", side_beats(chain))
    chain.down()


if __name__ == "__main__":
    run(crash_test)
