#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run the benches and merge their figures into build/bench.json; then print them as a table.

A bench is build/host/bench_* or another program tests/bench/*.py; it prints JSON lines
{"name": …, "value": …, "unit": …, "peer": …}. peer is the figure to compare with, or null. ratio is
value / peer: above 1 is good for rates (unit ends in "/s"), below 1 for everything else. bound is the most that
bounds.py allows.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

from bounds import BOUNDS

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 900


def programs(build):
    yield from sorted((build / "host").glob("bench_*"))
    here = pathlib.Path(__file__).resolve()
    yield from sorted(p for p in here.parent.glob("*.py") if p != here and os.access(p, os.X_OK))


def figures(text):
    """The JSON lines among whatever else a bench prints."""
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        figure = json.loads(line)
        value, peer = figure["value"], figure.get("peer")
        yield figure["name"], {"value": value, "unit": figure["unit"], "peer": peer,
                               "ratio": round(value / peer, 3) if peer else None,
                               "bound": BOUNDS.get(figure["name"])}


def run(path):
    """The figures of one bench, and whether it ended well."""
    command = ["/usr/bin/python3", str(path)] if path.suffix == ".py" else [str(path)]
    start = time.monotonic()
    print(f"bench {path.name} ...", flush=True)
    try:
        result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=LIMIT,
                                check=False)
        found, ended = dict(figures(result.stdout)), f"status {result.returncode}"
        good = result.returncode == 0
    except subprocess.TimeoutExpired:
        found, ended, good = {}, f"stopped after {LIMIT} s", False
    print(f"bench {path.name}: {len(found)} figures, {ended}, {time.monotonic() - start:.1f} s", flush=True)
    return found, good


def verdict(figure):
    if figure.get("bound") is not None and figure["value"] > figure["bound"]:
        return "above its bound"
    if figure.get("bound") is not None and figure["ratio"] is None:
        return "ok"
    if figure["ratio"] is None:
        return ""
    rate = figure["unit"].endswith("/s")
    behind = figure["ratio"] < 0.9 if rate else figure["ratio"] > 1
    return "behind" if behind else "ok"


def show(table):
    print(f"{'name':28} {'value':>14} {'unit':14} {'bound':>12} {'peer':>14} {'ratio':>7}")
    for name, f in sorted(table.items()):
        bound = "-" if f.get("bound") is None else f"{f['bound']:,}"
        peer = "-" if f["peer"] is None else f"{f['peer']:,}"
        ratio = "-" if f["ratio"] is None else f"{f['ratio']:.3f}"
        print(f"{name:28} {f['value']:>14,} {f['unit']:14} {bound:>12} {peer:>14} {ratio:>7} {verdict(f)}")


def main():
    build = ROOT / os.environ.get("BUILD", "build")
    output = build / "bench.json"
    words = sys.argv[1:]
    table = json.loads(output.read_text()) if output.exists() else {}
    failed = []
    for path in programs(build):
        if words and not any(w in path.name for w in words):
            continue
        found, good = run(path)
        table.update(found)
        if not good:
            failed.append(path.name)
    output.write_text(json.dumps(table, indent=2, sort_keys=True) + "\n")
    show(table)
    if failed:
        print("failed: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
