#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 1200
# cores: 2
"""The build gives the same bytes from another directory, and clang builds it too."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
SCRATCH = pathlib.Path(os.environ["REDOUBT_TMP"])
DEPS = ROOT / "build" / "deps"
failures = 0


def report(what, bad):
    global failures
    print(f"{'not ok' if bad else 'ok'} build: {what}", flush=True)
    for line in bad[:40]:
        print(f"    {line}")
    failures += bool(bad)


def make(directory, *arguments):
    """The last lines make wrote when it failed, nothing when it did not."""
    result = subprocess.run(["make", "-s", "-j2", f"DEPS={DEPS}", *arguments], cwd=directory,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return result.stdout.splitlines()[-40:] if result.returncode else []


def copy_tree(target):
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def products(build):
    """Path below the build directory -> content, of everything that is or goes into an image."""
    files = [p for pattern in ("*.efi", "*.img", "*.json", "bin/*", "boot/*.efi") for p in build.glob(pattern)]
    return {str(p.relative_to(build)): p.read_bytes() for p in files if p.name != "bench.json"}


def test_same_bytes():
    """What is built here, against a build of the release in another directory."""
    tree = SCRATCH / "a-longer-path" / "to" / "another" / "tree"
    copy_tree(tree)
    bad = make(tree, "BUILD=build", "all")
    if bad:
        report("a build in a directory of its own", bad)
        return
    here, there = products(BUILD), products(tree / "build")
    bad = [f"{name} differs" for name in sorted(there) if here.get(name) != there[name]]
    report(f"{len(there)} products are the same from two directories", bad if len(there) > 20 else ["nothing was built"])


def test_clang():
    report("clang builds everything", make(ROOT, "CC=clang-14", f"BUILD={SCRATCH}/clang", "all", "tests"))


test_same_bytes()
test_clang()
sys.exit(failures != 0)
