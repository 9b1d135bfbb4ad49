#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 300
"""The product's image: its PCRs are the reference values, and every real part is measured by name."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, build, run  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "boot"))
import bundle  # noqa: E402
from peimage import PeImage  # noqa: E402

BOOT_SECONDS = 90


def read(path):
    with open(path, "rb") as f:
        return f.read()


def product_parts():
    data = read(build("redoubt.efi"))
    start, size = PeImage(data).section(".bundle")
    return bundle.unpack(data[start:start + size])


def boots_as_released(lab, want):
    """Without a data disk nothing extends PCR 11 after the loader."""
    machine = lab.machine("product", build("redoubt.img"))
    machine.start()
    machine.wait(r"firmware left, entering the kernel", BOOT_SECONDS)
    pcrs = machine.tpm.pcrs([4, 7, 11, 12])
    machine.kill()
    lab.equal("PCR 4, 11 and 12 are those of reference.json",
              {n: pcrs[int(n)] for n in want["pcr"]}, want["pcr"])


def image_of(lab, name, parts):
    """A boot medium with these parts in order."""
    arguments = []
    for part, content in parts:
        path = os.path.join(lab.subdir(name), part)
        with open(path, "wb") as f:
            f.write(content)
        arguments.append("%s=%s" % (part, path))
    efi, img = (os.path.join(lab.dir, name + end) for end in (".efi", ".img"))
    tool = ["/usr/bin/python3", os.path.join(ROOT, "boot/mkbundle.py"), "--loader",
            build("boot/loader.efi"), "--out", efi]
    subprocess.run(tool + arguments, check=True)
    subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/mkimg.py"), "--out", img, efi], check=True)
    return img


def changed_parts_are_named(lab, want):
    """The probe tells what was measured: one bit changed in every second part, then in the others."""
    approved = {p["sha256"] for p in want["parts"]}
    for odd in (0, 1):
        parts, names = [("kernel", read(build("bin/probe.elf")))], ["kernel"]
        for i, (name, content) in enumerate(product_parts()[1:]):
            if i % 2 == odd:
                middle = len(content) // 2
                content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:]
                names.append(name)
            parts.append((name, content))
        machine = lab.machine("changed%d" % odd, image_of(lab, "changed%d" % odd, parts))
        machine.start()
        machine.wait(r"^probe: end$", BOOT_SECONDS)
        machine.kill()
        rows = re.findall(r"^part (\S+) .* 0b digest=(\w+)$", machine.serial(), re.M)
        lab.equal("changed: " + " ".join(names[1:]), [n for n, d in rows if d not in approved], names)


def release_test(lab):
    if not os.path.exists(build("reference.json")) or not os.path.exists(build("redoubt.img")):
        print("skip test_release: build/redoubt.img or build/reference.json is missing: make release")
        return
    want = json.loads(read(build("reference.json")))
    boots_as_released(lab, want)
    changed_parts_are_named(lab, want)


run(release_test)
