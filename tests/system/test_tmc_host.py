#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 300
"""Binding, attestation and orders, with all components as processes against a software TPM."""
import os
import sqlite3
import subprocess

import cbor2

from hosted import Hosted
from lab import run
from tom import Boot, Tom


def server(lab, name, tpm, boot, record):
    return Hosted(lab, name, tpm=tpm, measure=boot.measure(record), parts={"binding": record, "eventlog": boot.log(record)})


def bind(lab, tom, tpm, boot):
    tom("server", "add", "s1", "--release", "r1")
    machine = server(lab, "s1", tpm, boot, tom.record("s1"))
    machine.start()
    lab.check("a server that is not armed is refused in words", tom.wait_verdict("s1", "may not bind yet", 30),
              machine.log())
    done = tom.run("server", "bind", "s1", "--wait", "60")
    lab.check("an armed server binds itself", done.returncode == 0, done.stderr + machine.log() + tom.log())
    return machine


def forged(lab, tom):
    """Stored evidence that claims an IOMMU which the quote does not cover."""
    with sqlite3.connect(os.path.join(tom.home, "tom.db"), timeout=10) as db:
        row, body = db.execute("SELECT id, body FROM evidence ORDER BY id DESC LIMIT 1").fetchone()
        changed = cbor2.loads(body)
        changed[10] = 0x101
        db.execute("UPDATE evidence SET body = ? WHERE id = ?", (cbor2.dumps(changed, canonical=True), row))
        db.commit()
        done = tom.run("evidence", "verify", "s1")
        lab.check("a claim of an IOMMU that the quote does not cover is refused", done.returncode == 1 and
                  "extraData differs" in done.stderr, done.stderr)
        db.execute("UPDATE evidence SET body = ? WHERE id = ?", (body, row))


def evidence(lab, tom):
    shown = tom.json("evidence", "show", "s1")
    lab.check("evidence is good and can be judged again", shown["good"] and tom.run("evidence", "verify", "s1").returncode == 0)
    lab.check("it says what confines the server's devices: nothing, hosted", shown["iommu"].startswith("none"), shown)
    lab.equal("so does the server's entry", tom.json("server", "show", "s1")["iommu"], shown["iommu"])
    forged(lab, tom)
    directory = os.path.join(lab.dir, "export")
    line = tom("evidence", "show", "s1", "--export", directory)
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    lab.check("tpm2_checkquote accepts the exported quote", done.returncode == 0, done.stdout + done.stderr)


def update(lab, tom, machine):
    """Another release: approved first, then booted; the disk opens by itself under it."""
    second = Boot("r2", image=b"image of r2")
    second.add_to(tom)
    tom("server", "update", "s1", "--release", "r2")
    record = tom.record("s1")
    machine.kill()
    machine.options["measure"] = second.measure(record)
    machine.set_parts({"eventlog": second.log(record)})
    machine.start()
    machine.wait("tmc: attested", 40)
    lab.equal("an approved release is recognised after it was booted", tom.json("server", "show", "s1")["release"], "r2")


def test(lab):
    tpm = lab.tpm()
    tom = Tom(lab, ek_ca=lab.authority().chain)
    boot = Boot()
    boot.add_to(tom)
    tom.start()
    machine = bind(lab, tom, tpm, boot)
    evidence(lab, tom)
    lab.check("an empty state is accepted", "committed" in tom("config", "push", "s1"), machine.log())
    update(lab, tom, machine)


if __name__ == "__main__":
    run(test)
