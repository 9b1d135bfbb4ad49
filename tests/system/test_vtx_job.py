#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 2400
"""The main job on Intel VT-x, under Bochs: binding over IDE, e1000 and the serial TPM, a Linux VM to its prompt. The laboratory's image differs from the release's
in loader and TPM driver alone, and a TOM that approved the release refuses it."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bochs import Bochs  # noqa: E402
from chain import Chain  # noqa: E402
from lab import ROOT, build, run  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "boot"))
import bundle  # noqa: E402
from peimage import PeImage  # noqa: E402

SECONDS = 400
GUEST_SECONDS = 900
OWN = {"manifest", "tpm_drv", "tpm_serial"}  # what may differ


def parts(name):
    """{name: bytes} of an image's bundle."""
    with open(build(name), "rb") as f:
        data = f.read()
    start, size = PeImage(data).section(".bundle")
    return dict(bundle.unpack(data[start:start + size]))


def check_parts(lab):
    """Byte for byte the release, but for the TPM driver and the manifest's lines about it."""
    release, mine = parts("redoubt.efi"), parts("lab_redoubt.efi")
    lab.equal("the laboratory's image has the release's parts and its own TPM driver",
              set(mine) ^ set(release), {"tpm_drv", "tpm_serial"})
    differ = {name for name in set(mine) & set(release) if mine[name] != release[name]}
    lab.equal("all parts but the manifest are the same bytes", differ, {"manifest"})
    apart = [i for i, (a, b) in enumerate(zip(mine["manifest"], release["manifest"])) if a != b]
    lab.check("the manifests differ in two records: the driver's image and its device",
              len(mine["manifest"]) == len(release["manifest"]) and 0 < len(apart) < 40 and
              max(apart) < 40 + 104 * 32 + 80 * 64, apart)
    with open(build("reference.json"), encoding="ascii") as f:
        approved = json.load(f)["pcr"]
    with open(build("lab_redoubt.json"), encoding="ascii") as f:
        other = json.load(f)["pcr"]
    lab.check("PCR 4 and PCR 11 differ", approved["4"] != other["4"] and approved["11"] != other["11"])


MACHINE = {"cpus": 2, "memory": 512, "disks": [("data.img", 256)], "net": True, "ips": 50000000, "sync": "slowdown"}


def refused(chain):
    """The TOM has approved the release alone: the laboratory's image may not bind itself."""
    chain.tom("server", "bind", chain.name)
    chain.machine.wait(r"tmc: the TOM refuses this server: PCR 11, event 2: component .manifest.", SECONDS)
    state = chain.server()
    chain.lab.check("a TOM that approved the release refuses the laboratory's image and says what differs",
                    state["state"] != "bound" and not state["online"] and
                    "disk: formatted" not in chain.machine.serial(), state)


def bound(chain):
    """Now the operator approves the laboratory's image too, for this server."""
    chain.tom("release", "add", build("lab_redoubt.json"), "--name", "laboratory")
    chain.tom("server", "update", chain.name, "--release", "laboratory")
    chain.bind(SECONDS)
    chain.wait_online(SECONDS)
    text = chain.machine.serial()
    chain.lab.check("ata and e1000 serve: virtio is not there", re.search(r"virtio_blk: another serves", text) and
                    re.search(r"ata: 256 MiB", text) and re.search(r"e1000: [0-9a-f:]{17}", text), text)
    chain.lab.check("bound, sealed and online by IDE disk, e1000 and serial TPM",
                    "disk: formatted; open" in text, text)


def guest(chain):
    """A domain and a VM, signed, streamed, started: Linux on VT-x to its prompt."""
    chain.vm_define(memory=128, disk=16)
    chain.push(GUEST_SECONDS)
    chain.vm_start(seconds=GUEST_SECONDS)
    with chain.console(seconds=GUEST_SECONDS) as console:
        console.send("\n")
        console.wait(r"guest# ", GUEST_SECONDS)
        text, status = console.run("grep -c GenuineIntel /proc/cpuinfo", GUEST_SECONDS)
        chain.lab.check("unmodified Linux reaches its prompt on VT-x, on an Intel processor", status == 0, text)
        _, status = console.run("echo kept > /data/file && sync", GUEST_SECONDS)
        chain.lab.check("its disk takes a file", status == 0, console.text[-500:])


def vtx_job_test(lab):
    check_parts(lab)
    chain = Chain(lab, "intel", build("lab_redoubt.img"), kind=Bochs, **MACHINE)
    chain.tom_up()
    chain.server_up()
    refused(chain)
    bound(chain)
    guest(chain)
    chain.down()


run(vtx_job_test)
