#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""The sealed disk on the whole server: bound once, then attacked while the power is off."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
from chain import Chain  # noqa: E402

BOOT = 120


def boot(machine):
    """Power cut, power on; what disk says."""
    machine.restart()
    return machine.wait(r"disk: (.*)", BOOT).group(1)


def add(machine, path, data, lab):
    """Puts a file on the boot medium."""
    source = os.path.join(lab.dir, "added")
    with open(source, "wb") as f:
        f.write(data)
    subprocess.run(["/usr/bin/python3", os.path.join(laboratory.ROOT, "boot/mkimg.py"), "--add", machine.image,
                    "%s=%s" % (path, source)], check=True, capture_output=True)


def flip(path, *offsets):
    """One bit changed at each offset; the same again undoes it."""
    with open(path, "r+b") as f:
        for offset in offsets:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1]))


def test(lab):
    chain = Chain(lab)
    chain.tom_up()
    chain.server_up()
    machine = chain.machine
    first = machine.wait(r"disk: (.*)", BOOT).group(1)
    lab.check("a new disk waits for the TOM", first.startswith("blank"), first)
    chain.bind()
    machine.wait(r"disk: formatted; open with release r1", 30)
    said = boot(machine)
    lab.equal("the next boot opens the disk by itself", said, "open with release r1")

    with open(machine.image, "rb") as f:
        medium = f.read()
    add(machine, "/redoubt/cmdline", b"another command line", lab)
    said = boot(machine)
    lab.check("another command line: sealed, PCR 12 named", "not approved" in said and "PCR 12 differs" in said, said)
    machine.kill()
    with open(machine.image, "wb") as f:
        f.write(medium)

    own, machine.tpm = machine.tpm, lab.tpm("other-tpm")
    said = boot(machine)
    lab.check("another TPM: sealed, and why", "this TPM was cleared or is another one" in said, said)
    machine.kill()
    machine.tpm.stop()
    machine.tpm = own
    lab.equal("with its own TPM it opens", boot(machine), "open with release r1")

    machine.kill()
    flip(machine.disks[0], 700, 8 * 4096 + 700)
    said = boot(machine)
    lab.check("a damaged header is told, never formatted over", "without an intact header" in said, said)
    machine.kill()
    flip(machine.disks[0], 700, 8 * 4096 + 700)

    own.powered_alone()
    own.tool("tpm2_clear", "-c", "p")
    said = boot(machine)
    lab.check("the TPM cleared: sealed, and why", "this TPM was cleared or is another one" in said, said)


if __name__ == "__main__":
    laboratory.run(test)
