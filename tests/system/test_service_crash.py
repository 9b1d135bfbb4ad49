#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""A bound server with a running VM: every service dies up to three times; the guest goes on, and all it was told is on disk is there."""
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
CALM_MS = 120000  # binding and the start of the VM are over by then
ROUNDS_SECONDS = 240


def deaths(machine, name):
    return len(re.findall(r"root: %s\S* died: invalid instruction" % name, machine.serial()))


def work(chain, kept):
    """One round in the guest: a file written, synced, and all older ones read. False: the console was lost on the way."""
    name = "f%d" % len(kept)
    try:
        with chain.console() as console:
            console.send("\n")
            console.wait(r"# ", 20)
            output, status = console.run("echo content-%s > /data/%s && sync && echo kept" % (name, name), 40)
            if status or "kept" not in output:
                return False
            kept.append(name)
            return True
    except LabError:
        return False


def crash_test(lab):
    directory = lab.subdir("image")
    variants = {name: crash_variant(directory, name, CALM_MS) for name in SERVICES}
    chain = Chain(lab, image=lab_image(directory, MANIFEST, variants))
    chain.tom("release", "add", os.path.join(directory, "lab.json"), "--name", "r1")
    chain.tom.start()
    chain.server_up()
    chain.bind()
    chain.vm_define()
    chain.push()
    chain.vm_start()
    kept = []
    end = time.monotonic() + 120
    while not work(chain, kept) and time.monotonic() < end:
        time.sleep(1)
    lab.check("the VM works before", bool(kept), chain.machine.serial()[-3000:])
    end = time.monotonic() + ROUNDS_SECONDS
    while time.monotonic() < end and not all(deaths(chain.machine, s) for s in SERVICES):
        work(chain, kept)
        time.sleep(0.2)
    for service in SERVICES:
        lab.check("%s died" % service, deaths(chain.machine, service), chain.machine.serial()[-2000:])
    chain.wait_online()
    end = time.monotonic() + 120
    while not work(chain, kept) and time.monotonic() < end:
        time.sleep(1)
    with chain.console() as console:
        console.send("\n")
        console.wait(r"# ", 60)
        output, _ = console.run("for f in %s; do [ \"$(cat /data/$f)\" = content-$f ] || echo lost $f; done" % " ".join(kept))
    lab.check("none of %d acknowledged files is lost" % len(kept), len(kept) > 2 and "lost" not in output, output)
    lab.check("the VM was never started again", not re.search(r"root: vmm\S* (died|ended)", chain.machine.serial()),
              chain.machine.serial()[-3000:])
    chain.down()


if __name__ == "__main__":
    run(crash_test)
