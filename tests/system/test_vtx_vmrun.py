#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""tools/vmrun --vendor intel: a guest of the real VMM on VT-x under Bochs; output and status as on AMD."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import ROOT, build, run  # noqa: E402

SECONDS = 400


def vtx_vmrun_test(lab):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tools/vmrun"), "--vendor", "intel",
                           "--timeout", str(SECONDS), "--append", "exit 21", build("vm/labguest.elf")],
                          capture_output=True, text=True, check=False)
    lab.check("the guest's value is the status: 21 gives 43", done.returncode == 43,
              "status %s\n%s\n%s" % (done.returncode, done.stdout[-1000:], done.stderr[-3000:]))
    lab.check("its output is on standard output", "guest: hello\nguest: ends\n" in done.stdout, done.stdout)
    lab.check("it ran on VT-x", "vm: vmx" in done.stderr, done.stderr[-3000:])


run(vtx_vmrun_test)
