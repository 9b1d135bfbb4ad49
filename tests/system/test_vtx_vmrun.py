#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""tools/vmrun --vendor intel: a guest of the real VMM on VT-x under Bochs, with a disk; output, status and figures as on AMD."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bochs import CYLINDER  # noqa: E402
from lab import ROOT, build, run  # noqa: E402

SECONDS = 400


def vtx_vmrun_test(lab):
    disk = os.path.join(lab.subdir("guest"), "disk.img")
    with open(disk, "wb") as f:
        f.truncate(4 << 20)
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tools/vmrun"), "--vendor", "intel", "--disk", disk, "--stats", "--json",
                           "--timeout", str(SECONDS), "--append", "exit 21", build("vm/labguest.elf")],
                          capture_output=True, text=True, check=False)
    lab.check("the guest's value is the status: 21 gives 43", done.returncode == 43,
              "status %s\n%s\n%s" % (done.returncode, done.stdout[-1000:], done.stderr[-3000:]))
    lab.equal("its output is on standard output, and nothing else", done.stdout.replace("\r", "").strip(), "guest: hello\nguest: ends")
    lab.check("it ran on VT-x", "vm: vmx" in done.stderr, done.stderr[-3000:])
    lab.check("with its disk", re.search(r"\] vmm: VM 0: .*, disk$", done.stderr, re.M) and os.path.getsize(disk) % CYLINDER == 0,
              done.stderr[-3000:])
    rows = {row["exit"]: row for row in json.loads(done.stderr.splitlines()[-1])}
    lab.check("--stats tells of each character that it printed", rows["io"]["count"] >= len("guest: hello\nguest: ends\n") and
              0 < rows["io"]["min"] <= rows["io"]["median"] <= rows["io"]["sum"], rows)


run(vtx_vmrun_test)
