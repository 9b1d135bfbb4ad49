#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""tools/vmrun: a guest's output and status, and guests that misbehave under the real VMM (tests/vm/labguest.c)."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, build, run  # noqa: E402

GUEST = build("vm/labguest.elf")
OFF, RESET, FAILED, TIMED_OUT = 0, 2, 4, 124
DONE = 7 * 2 + 1


def vmrun(*arguments):
    """(status, standard output, standard error) of one run."""
    result = subprocess.run([sys.executable, os.path.join(ROOT, "tools/vmrun"), *arguments],
                            capture_output=True, text=True, check=False)
    return result.returncode, result.stdout, result.stderr


def ends(lab, what, words, status, reason="", timeout=60):
    """Runs the guest with this command line."""
    got, out, err = vmrun("--timeout", str(timeout), "--append", words, GUEST)
    lab.check("%s: status %d" % (what, status), got == status and reason in err,
              "status %s\n%s\n%s" % (got, out[-1000:], err[-2000:]))
    return out


def guests_test(lab):
    out = ends(lab, "a guest ends with its status", "exit 21", 43)
    lab.check("its output is on standard output", "guest: hello\nguest: ends\n" in out, out)
    ends(lab, "a guest tries all SVM instructions, MSRs, ports, its memory, holes", "svm msrs ports memory hole",
         DONE)
    ends(lab, "a guest writes rubbish to all ports and devices", "smash", DONE)
    ends(lab, "a guest that faults without end resets", "triple", RESET, "triple fault")
    ends(lab, "a guest that runs where nothing is takes down only its VMM", "fetch", FAILED, "ended: 2")
    ends(lab, "a guest that halts for ever is off", "halt", OFF, "halted with interrupts off")
    out = ends(lab, "a guest that prints without end is stopped in time", "flood", TIMED_OUT, timeout=25)
    lab.check("and is heard", out.count("0123456789abcdef") > 100, out[-200:])
    status, _, err = vmrun("--timeout", "60", os.path.join(ROOT, "LICENSE"))
    lab.check("what is no kernel is refused with the reason", status == FAILED and "bzImage" in err,
              "status %s\n%s" % (status, err[-1000:]))


def stats_test(lab):
    _, _, err = vmrun("--timeout", "60", "--stats", "--json", "--quiet", "--append", "ports", GUEST)
    rows = {row["exit"]: row for row in json.loads(err.splitlines()[-1])}
    lab.check("--stats counts each of 65536 port reads, and what they took", "io" in rows and rows["io"]["count"] >= 65536 and
              0 < rows["io"]["min"] <= rows["io"]["median"] <= rows["io"]["sum"], err[-1000:])


def test(lab):
    guests_test(lab)
    stats_test(lab)


run(test)
