#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""The management channel on the real server: binding, evidence against the TPM itself, and attacks that need a boot."""
import os
import subprocess
import sys
import time

from chain import Chain
from lab import ROOT, build, run
from tom import Tom

sys.path.insert(0, os.path.join(ROOT, "boot"))
import bundle  # noqa: E402
from peimage import PeImage  # noqa: E402

BOOT = 180


def verdict(chain, text, seconds=BOOT):
    """Waits until the TOM's verdict on the server holds text; the verdict."""
    end = time.monotonic() + seconds
    while text not in chain.server()["verdict"] and time.monotonic() < end:
        time.sleep(0.5)
    return chain.server()["verdict"]


def expect(lab, chain, what, text):
    got = verdict(chain, text)
    lab.check("%s: \"%s\"" % (what, text), text in got, got + "\n" + chain.machine.serial()[-1500:])


def image_with(lab, chain, component):
    """The boot medium with one byte changed inside a component's read-only data: it runs as before, but is not what was approved."""
    with open(build("redoubt.efi"), "rb") as f:
        data = bytearray(f.read())
    start, size = PeImage(bytes(data)).section(".bundle")
    content = dict(bundle.unpack(bytes(data[start:start + size])))[component]
    text = content.index(b"desired state")
    at = data.index(content, start) + text
    data[at] ^= 0x20
    path = os.path.join(lab.dir, "changed")
    with open(path + ".efi", "wb") as f:
        f.write(data)
    record = os.path.join(lab.dir, chain.name + ".binding")
    subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/mkimg.py"), "--out", path + ".img", path + ".efi",
                    "/redoubt/binding=" + record], check=True, capture_output=True)
    return path + ".img"


def expected_pcr12(lab, chain):
    record = os.path.join(lab.dir, chain.name + ".binding")
    want = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/release.py"), "pcr12", "--binding", record],
                          check=True, capture_output=True, text=True).stdout.strip()
    lab.equal("tom expects the PCR 12 that boot/release.py computes", chain.tom.json("server", "show", chain.name)["pcr12"], want)
    lab.equal("and the chip has it", chain.machine.tpm.pcrs([12])[12], want)


def evidence(lab, chain):
    shown = chain.tom.json("evidence", "show", chain.name)
    lab.check("the first evidence is good", shown["good"], shown["verdict"])
    chip = chain.machine.tpm.pcrs(range(16))
    now = {int(n): v for n, v in shown["pcr"].items()}
    same = [n for n in range(16) if chip[n] == now[n]]
    lab.check("the PCRs replayed by the TOM are those of the chip",
              set(range(16)) - set(same) <= {10, 11, 15}, (chip, now))
    directory = os.path.join(lab.dir, "export")
    line = chain.tom("evidence", "show", chain.name, "--export", directory)
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    lab.check("tpm2_checkquote accepts the quote", done.returncode == 0, done.stdout + done.stderr)
    done = subprocess.run(["tpm2_eventlog", directory + "/boot.log"], capture_output=True, text=True, check=False)
    lab.check("tpm2_eventlog reads the boot log", done.returncode == 0, done.stderr)


def changed_component(lab, chain):
    own = os.path.join(lab.dir, "own.img")
    subprocess.run(["cp", chain.machine.image, own], check=True)
    chain.machine.kill()
    chain.machine.write_image(image_with(lab, chain, "policy"))
    chain.machine.start()
    expect(lab, chain, "one byte of policy changed", "component \"policy\" has digest")
    text = chain.machine.serial()
    lab.check("its disk stays sealed and names the PCRs", "PCR 4" in text and "PCR 11" in text and "disk:" in text, text[-1500:])
    chain.machine.kill()
    chain.machine.write_image(own)
    chain.machine.start()
    expect(lab, chain, "the approved image again", "good")


def other_record(lab, chain):
    """Somebody with the boot medium in hand names a TOM of their own."""
    other = Tom(lab, "othertom", ek_ca=lab.authority().chain)
    other("release", "add", build("reference.json"), "--name", "r1")
    other.start()
    record = os.path.join(lab.dir, "other.binding")
    other("server", "add", "mine", "--release", "r1", "--listen-address", "10.0.2.2:%d" % other.port, "--out", record)
    other("server", "bind", "mine")
    chain.machine.kill()
    subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/mkimg.py"), "--add", chain.machine.image,
                    "/redoubt/binding=" + record], check=True, capture_output=True)
    chain.machine.start()
    chain.machine.wait(r"tmc: refused: this server is bound to another TOM", BOOT)
    lab.check("a record that names another TOM: the server refuses, the disk stays sealed",
              "disk: open" not in chain.machine.serial(), chain.machine.serial()[-1500:])
    other.kill()
    chain.machine.kill()
    subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/mkimg.py"), "--add", chain.machine.image,
                    "/redoubt/binding=" + os.path.join(lab.dir, chain.name + ".binding")], check=True, capture_output=True)


def other_chip(lab, chain):
    mine = chain.machine.tpm
    chain.machine.tpm = lab.tpm("swapped")
    chain.machine.start()
    expect(lab, chain, "another TPM in the server", "attestation key: not the one enrolled")
    chain.machine.kill()
    mine.stop()
    chain.machine.tpm = mine
    chain.machine.start()
    expect(lab, chain, "its own TPM again", "good")


def test(lab):
    chain = Chain(lab)
    chain.tom_up()
    chain.server_up()
    chain.bind(BOOT)
    lab.check("the server binds itself", chain.server()["state"] == "bound")
    expected_pcr12(lab, chain)
    evidence(lab, chain)
    changed_component(lab, chain)
    other_record(lab, chain)
    other_chip(lab, chain)
    chain.down()


if __name__ == "__main__":
    run(test)
