#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command line of the TOM: exit codes, words, JSON, files."""
import json
import os
import sqlite3
import stat
import subprocess

import cbor2

from lab import ROOT, run
from tom import Boot, Tom

DONE, REFUSED, USAGE, BROKEN = 0, 1, 2, 3


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def files(lab, tom):
    names = sorted(os.listdir(tom.home + "/keys"))
    lab.equal("init makes five keys and two certificates", names,
              ["ca.crt", "ca.key", "operator.key", "policy.key", "tls.crt", "tls.key", "tvd.key"])
    lab.check("only the owner reads them", {mode(tom.home + "/keys/" + n) for n in names} == {0o600} and
              mode(tom.home + "/tom.db") == 0o600 and
              {mode(os.path.join(tom.home, d)) for d in ("keys", "servers", "images", "run")} == {0o700})
    done = subprocess.run(["openssl", "verify", "-CAfile", tom.home + "/keys/ca.crt", tom.home + "/keys/tls.crt"],
                          capture_output=True, text=True, check=False)
    lab.check("openssl verifies the TLS certificate", done.returncode == 0, done.stderr)


def refusals(lab, tom):
    cases = [(USAGE, "has its identity", ["init"]), (USAGE, "unknown command", ["frobnicate"]),
             (USAGE, "no name", ["tvd", "create", "Not A Name"]), (USAGE, "usage: tom", ["image", "add", "x"]),
             (BROKEN, "cannot be read", ["release", "add", "/nonexistent.json"]),
             (USAGE, "not an approved release", ["server", "add", "s", "--release", "nope"]),
             (USAGE, "cannot dial", ["server", "add", "s", "--release", "r1", "--listen-address", "0.0.0.0:1"]),
             (USAGE, "not registered", ["server", "show", "nope"]), (USAGE, "not registered", ["config", "push", "nope"]),
             (USAGE, "not defined", ["vm", "start", "nope"]), (USAGE, "what is \"--bogus\"", ["tvd", "list", "--bogus"]),
             (USAGE, "expected a number", ["vm", "create", "v", "--memory", "lots"]),
             (USAGE, "wants a value", ["vm", "create", "v", "--memory"]),
             (REFUSED, "not bound yet", ["config", "push", "s1"]),
             (USAGE, "no such evidence", ["evidence", "verify", "s1"]), (USAGE, "not an approved release", ["server", "update", "s1"])]
    for code, words, arguments in cases:
        done = tom.run(*arguments)
        lab.check("tom %s: %d, \"%s\"" % (" ".join(arguments), code, words),
                  done.returncode == code and words in done.stderr, (done.returncode, done.stderr))


LATER = [("server", "next_release"), ("server", "iommu"), ("server", "allow_no_iommu"), ("vm", "vcpus")]


def columns(db):
    return {(table, row[1]) for table in ("server", "vm") for row in db.execute("PRAGMA table_info(%s)" % table)}


def older(lab, tom):
    """A database as the first version left it, then one that cannot be brought up to date."""
    path = tom.home + "/tom.db"
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO image VALUES('i', x'00', 1, x'00', 1)")
        db.execute("INSERT INTO vm VALUES('old', x'01', 's1', 'blue', 'i', 64, '', x'02', 0, 0, 3)")
        for table, column in LATER:
            db.execute("ALTER TABLE %s DROP COLUMN %s" % (table, column))
        db.execute("DROP TABLE decision")
        lab.check("the first version had none of these", not columns(db) & set(LATER))
    shown = tom.json("server", "show", "s1")
    lab.equal("a database of the first version is opened", (shown["iommu"], shown["allow_no_iommu"], shown["decisions"]),
              ("not proven yet", "", []))
    lab.equal("with what it held", [vm["name"] for vm in tom.json("vm", "list")], ["old"])
    with sqlite3.connect(path) as db:
        lab.check("it has all columns now", columns(db) >= set(LATER), columns(db))
        lab.equal("a VM of then has one CPU", db.execute("SELECT vcpus FROM vm").fetchone()[0], 1)
    tom("server", "allow-no-iommu", "s1")
    lab.equal("it is as good as a new one", len(tom.json("server", "show", "s1")["decisions"]), 1)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE vm")
        db.execute("CREATE VIEW vm AS SELECT name FROM tvd")
    done = tom.run("vm", "list")
    lab.check("one that cannot be altered is refused, and it is said why", done.returncode == BROKEN and "add a column" in done.stderr,
              (done.returncode, done.stderr))


def test(lab):
    tom = Tom(lab)
    files(lab, tom)
    Boot().add_to(tom)
    tom("server", "add", "s1", "--release", "r1")
    record = cbor2.loads(tom.record("s1"))
    lab.check("the binding record is what docs/tmc.md says", list(record) == list(range(1, 11)) and record[1] == 1 and
              record[3] == "s1" and record[4] == bytes([127, 0, 0, 1]) and len(record[8]) == len(record[9]) == 65, record)
    refusals(lab, tom)
    tom("tvd", "create", "blue")
    with sqlite3.connect(tom.home + "/tom.db") as db:
        sealed = db.execute("SELECT key FROM tvd").fetchone()[0]
    lab.equal("a domain's key is sealed in the database", len(sealed), 12 + 32 + 16)
    lab.check("lists are JSON with --json, before or after the command",
              tom.json("tvd", "list")[0]["name"] == "blue" == json.loads(tom("tvd", "list", "--json"))[0]["name"])
    for group in ("server", "vm", "evidence"):
        done = tom.run(group, "--help")
        lab.check("tom %s --help" % group, done.returncode == 0 and "tom %s " % group in done.stdout, done.stderr)
    pages = "".join(open(os.path.join(ROOT, "docs/man", p)).read() for p in ("tom.1", "tomd.8"))
    groups = {line.split()[1] for line in tom("--help").splitlines() if line.startswith("  tom ")}
    lab.check("every command is in the manual", all(g in pages for g in groups), groups)
    older(lab, tom)


if __name__ == "__main__":
    run(test)
