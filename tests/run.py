#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run Redoubt's tests; see tests/README.md. The last line is "N passed, N failed, N skipped"."""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECK_LINE = re.compile(r"^(ok|not ok|skip)\b[ :]*(.*)")
LIMIT_LINE = re.compile(r"^# time limit: (\d+)", re.MULTILINE)
CORES_LINE = re.compile(r"^# cores: (\d+)", re.MULTILINE)
UNIT_LIMIT = 300
SYSTEM_LIMIT = 300
TAIL_LINES = 40


@dataclasses.dataclass
class Job:
    kind: str  # check, unit, fuzz, system
    name: str
    command: list
    limit: int  # seconds
    cores: int = 1  # it keeps busy


@dataclasses.dataclass
class Result:
    job: Job
    seconds: float
    cpu: float  # seconds
    log: pathlib.Path
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    lines: list = dataclasses.field(default_factory=list)  # the "not ok" and "skip" ones


def unit_jobs(build):
    for path in sorted((build / "test").glob("*")):
        if os.access(path, os.X_OK) and path.is_file() and not path.suffix:
            yield Job("unit", path.name, [str(path)], UNIT_LIMIT)


def fuzz_jobs(build, seconds):
    for path in sorted((build / "fuzz").glob("*")):
        if not os.access(path, os.X_OK) or not path.is_file() or path.suffix:
            continue
        corpus = build / "corpus" / path.name
        found = build / "log" / f"fuzz-{path.name}-"
        command = [str(path), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                   "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={found}", str(corpus)]
        seeds = ROOT / "tests" / "fuzz" / "seeds" / path.name
        if seeds.is_dir():
            command.append(str(seeds))
        yield Job("fuzz", path.name, command, seconds + 60)


def system_jobs():
    for path in sorted((ROOT / "tests" / "system").glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        limit, cores = LIMIT_LINE.search(text), CORES_LINE.search(text)
        yield Job("system", path.stem.removeprefix("test_"), ["/usr/bin/python3", str(path)],
                  int(limit.group(1)) if limit else SYSTEM_LIMIT, int(cores.group(1)) if cores else 1)


def check_jobs():
    yield Job("check", "tree", ["make", "-s", "check"], 600)


live = set()  # process groups to end when we are interrupted


def interrupted(number, _frame):
    for group in list(live):
        os.killpg(group, signal.SIGKILL)
    os._exit(128 + number)


def end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    live.discard(process.pid)


def cpu_seconds(process, end):
    """Waits until the process is over, or returns None at that time: CPU seconds of it and of those it waited for."""
    while time.monotonic() < end:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        time.sleep(0.02)
    return None


def run_command(job, log, env):
    """(exit status, CPU seconds); status None when the time limit ended it; the whole process group goes with it."""
    with open(log, "wb") as out:
        process = subprocess.Popen(job.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, env=env, start_new_session=True)
        live.add(process.pid)
        try:
            cpu = cpu_seconds(process, time.monotonic() + job.limit)
            return (None, 0) if cpu is None else (process.returncode, cpu)
        finally:
            end_group(process)


def judge(result, status):
    """Count the check lines; a silent program counts as one check by its exit status."""
    for line in result.log.read_text(errors="replace").splitlines():
        match = CHECK_LINE.match(line)
        if not match:
            continue
        if match.group(1) == "ok":
            result.passed += 1
            continue
        result.lines.append(line)
        if match.group(1) == "skip":
            result.skipped += 1
        else:
            result.failed += 1
    if status is None:
        result.failed += 1
        result.lines.append(f"not ok: stopped after its time limit of {result.job.limit} s")
    elif status != 0 and result.failed == 0:
        result.failed += 1
        result.lines.append(f"not ok: ended with status {status}")
    elif result.passed + result.failed + result.skipped == 0:
        result.passed = 1


def run_job(job, build):
    log = build / "log" / f"{job.kind}-{job.name}.log"
    if job.kind == "fuzz":
        (build / "corpus" / job.name).mkdir(parents=True, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="rdt-")
    env = dict(os.environ, REDOUBT_TMP=scratch, BUILD=os.path.relpath(build, ROOT))
    start = time.monotonic()
    try:
        status, cpu = run_command(job, log, env)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    result = Result(job, time.monotonic() - start, cpu, log)
    judge(result, status)
    return result


class Report:
    def __init__(self, total):
        self.total = total
        self.done = 0
        self.start = time.monotonic()
        self.results = []
        self.lock = threading.Lock()

    def show(self, text):
        print(text, flush=True)

    def started(self, job):
        if job.kind == "system":
            with self.lock:
                self.show(f"             ...  {job.kind} {job.name} (at most {job.limit} s)")

    def add(self, result):
        with self.lock:
            self.results.append(result)
            self.done += 1
            verdict = "FAIL" if result.failed else "skip" if not result.passed else "ok"
            elapsed = time.monotonic() - self.start
            self.show(f"{elapsed:6.0f} s {self.done:3}/{self.total} {verdict:4} {result.job.kind} "
                      f"{result.job.name}: {result.passed} checks, {result.seconds:.1f} s, CPU {result.cpu:.1f} s")
            for line in result.lines:
                self.show(f"                  {line}")
            if result.failed:
                self.show_tail(result)

    def show_tail(self, result):
        lines = result.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        self.show(f"                  the end of {os.path.relpath(result.log, ROOT)}:")
        for line in lines:
            self.show(f"                  | {line}")

    def summary(self):
        totals = [sum(getattr(r, f) for r in self.results) for f in ("passed", "failed", "skipped")]
        bad = [f"{r.job.kind} {r.job.name}" for r in self.results if r.failed]
        if bad:
            self.show("failed: " + ", ".join(sorted(bad)))
        self.show(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
        return 1 if totals[1] or not self.results else 0


def run_all(jobs, build, cores, report):
    """As many at a time as the cores hold. System tests last, of them first what needs more cores and then what takes long."""
    free, change = cores, threading.Condition()

    def one(job, taken):
        nonlocal free
        try:
            report.add(run_job(job, build))
        finally:
            with change:
                free += taken
                change.notify()

    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        running = []
        for job in sorted(jobs, key=lambda j: (j.kind == "system", -j.cores, -j.limit)):
            taken = max(1, min(job.cores, cores))
            with change:
                change.wait_for(lambda: free >= taken)
                free -= taken
            report.started(job)
            running.append(pool.submit(one, job, taken))
        for future in running:
            future.result()


def parse_arguments():
    parser = argparse.ArgumentParser(description="Run Redoubt's tests.")
    parser.add_argument("-k", metavar="WORD", default="", help="only tests whose kind or name holds WORD")
    parser.add_argument("-j", metavar="N", type=int, default=2, help="processor cores to use")
    parser.add_argument("--kind", action="append", choices=["check", "unit", "fuzz", "system"])
    parser.add_argument("--fuzz-seconds", type=int, default=5, help="for each fuzz target")
    parser.add_argument("--list", action="store_true", help="show what would run")
    return parser.parse_args()


def main():
    args = parse_arguments()
    build = pathlib.Path(os.environ.get("BUILD", "build"))
    build = build if build.is_absolute() else ROOT / build
    kinds = args.kind or ["check", "unit", "fuzz", "system"]
    jobs = [*check_jobs(), *unit_jobs(build), *fuzz_jobs(build, args.fuzz_seconds), *system_jobs()]
    jobs = [j for j in jobs if j.kind in kinds and args.k in f"{j.kind} {j.name}"]
    if args.list:
        for job in jobs:
            print(f"{job.kind:7} {job.name:24} at most {job.limit} s, cores: {job.cores}")
        return 0
    (build / "log").mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    report = Report(len(jobs))
    # those that only wait go beside the others, one at a time
    waiting = threading.Thread(target=run_all, args=([j for j in jobs if j.cores == 0], build, 1, report))
    waiting.start()
    run_all([j for j in jobs if j.cores != 0], build, args.j, report)
    waiting.join()
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
