#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""The main job as a person runs it: every link of the chain, twice around a power cut."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
from bounds import BOUNDS  # noqa: E402
from lab import ROOT, run  # noqa: E402

GUEST_MIB = 192  # Chain.vm_define()
LINKS = ("TOM", "measured boot", "binding", "evidence", "configuration", "VM", "guest", "guest kernel", "guest disk",
         "power cut", "unsealed", "back online", "VM is back", "file is there")


def test(lab):
    home = os.path.join(lab.dir, "run")
    p = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "tools/run.py"), "--once", "--home", home],
                       capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    lab.equal("tools/run.py --once ends with 0", p.returncode, 0)
    rows = [re.split(r"  +", line)[0] for line in p.stdout.split("figure\n")[-1].splitlines()[1:]]
    lab.check("every link of the chain holds", [r for r in rows if r] == list(LINKS), p.stdout[-4000:] + p.stderr[-1000:])
    with open(os.path.join(home, "server/serial.txt"), encoding="latin-1") as f:
        kib = [int(n) - GUEST_MIB * 1024 for n in re.findall(r"root: vmm/web started, (\d+) KiB", f.read())]
    lab.check("beside its guest's memory a VM takes at most %d KiB" % BOUNDS["memory_vm"],
              kib and all(0 < n <= BOUNDS["memory_vm"] for n in kib), "it takes %s" % kib)


if __name__ == "__main__":
    run(test)
