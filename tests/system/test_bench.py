#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
# cores: 2
"""No figure grows past its bound (tests/bench/bounds.py). Under the emulator's instruction clock a figure is the same on every run,
so this looks at counts, not at times: kernel calls, exits, the start of a VM, and what a VM takes beside its guest's memory."""
import concurrent.futures
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "../bench")
sys.path.insert(0, HERE)
sys.path.insert(0, BENCH)
from bounds import BOUNDS  # noqa: E402
from lab import run  # noqa: E402

PARTS = (("kernel.py",), ("exits.py", "bare"), ("exits.py", "vmm"))
ELSEWHERE = {"memory_vm"}  # tests/system/test_run.py: it takes the whole product


def measure(part):
    """The figures of one bench, in a directory of its own."""
    env = {key: value for key, value in os.environ.items() if key != "REDOUBT_TMP"}
    result = subprocess.run([sys.executable, os.path.join(BENCH, part[0]), *part[1:]], env=env, capture_output=True, text=True,
                            check=False)
    found = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return {figure["name"]: figure["value"] for figure in found}, result


def bench_test(lab):
    figures = {}
    with concurrent.futures.ThreadPoolExecutor(len(PARTS)) as pool:
        for part, (found, result) in zip(PARTS, pool.map(measure, PARTS)):
            lab.check("%s runs to its end" % " ".join(part), result.returncode == 0, result.stdout + result.stderr)
            figures.update(found)
    for name in sorted(set(BOUNDS) - ELSEWHERE):
        value = figures.get(name)
        lab.check("%s is at most %d" % (name, BOUNDS[name]), value is not None and value <= BOUNDS[name], "it is %s" % value)


run(bench_test)
