#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Check the tree: format, licence lines, headers, lint, size, scripts. Prints "ok"/"not ok" lines."""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNEL_LINES_MAX = 10_000
FILE_LINES_MAX = 600
SPDX = "SPDX-License-Identifier: Apache-2.0"
NEED_SPDX = {".c", ".h", ".S", ".s", ".py", ".sh", ".mk", ".ld", ".toml", ".dsl", ".sql", ".lds"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$)}])/(home|work|root|mnt|farm)/")
HOST_NAME = re.compile(r"://[\w-]+(\.[\w-]+)*\.[a-z]{2,}\b|\b[\w-]+\.(?:com|org)\b")
HOST_NAME_OK = re.compile(r"\bexample\.(?:com|net|org)\b")
# Machine-made or quoted files that say what they must.
FREE_TEXT = {"LICENSE", "tools/check.py"}


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def tree_files():
    names = run("git", "ls-files", "-co", "--exclude-standard").stdout.splitlines()
    return sorted(n for n in names if (ROOT / n).is_file())


def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def is_text(name):
    return b"\0" not in (ROOT / name).read_bytes()[:4096]


def has_shebang(name, word):
    first = read(name).partition("\n")[0]
    return first.startswith("#!") and word in first


def is_c(name):
    return name.endswith((".c", ".h"))


def check_format(files):
    """clang-format 14 has nothing to change"""
    sources = [n for n in files if is_c(n)]
    result = run("clang-format-14", "--dry-run", "-Werror", "--ferror-limit=1", *sources)
    return sorted({line.split(":")[0] for line in result.stderr.splitlines() if "error:" in line})


def check_spdx(files):
    """each source names its licence first"""
    bad = []
    for name in files:
        path = pathlib.PurePath(name)
        if path.suffix not in NEED_SPDX and path.name != "Makefile" and not has_shebang(name, "sh"):
            continue
        if not any(SPDX in line for line in read(name).splitlines()[:2]):
            bad.append(name)
    return bad


def check_headers(_files):
    """each header compiles alone"""
    result = run("make", "-s", "-k", "check-headers", f"BUILD={sys.argv[1]}")
    if result.returncode == 0:
        return []
    return [line for line in result.stderr.splitlines() if "error" in line][:20] or ["make check-headers"]


def check_lint(files):
    """cppcheck finds no error or warning"""
    sources = [n for n in files if n.endswith(".c")]
    result = run("cppcheck", "--quiet", "--enable=warning,portability", "--inline-suppr", "-j2", "-I.",
                 f"-I{sys.argv[1]}/gen", "--suppress=unknownMacro", "--max-configs=1",
                 # what is initialised through calls, the compilers know better
                 *(f"--suppress={i}" for i in ("uninitvar", "legacyUninitvar", "uninitStructMember")),
                 "--template={file}:{line}: {id}: {message}", *sources)
    return result.stderr.splitlines() + (result.stdout.splitlines() if result.returncode else [])


def cloc_code(directory):
    result = run("cloc", "--json", "--quiet", "--include-lang=C,C/C++ Header,Assembly", directory)
    return json.loads(result.stdout)["SUM"]["code"] if result.stdout.strip() else 0


def check_kernel_size(_files):
    """the kernel has at most 10,000 lines of code"""
    if not (ROOT / "kernel").is_dir():
        return []
    code = cloc_code("kernel")
    print(f"kernel: {code} lines of code")
    return [f"{code} lines"] if code > KERNEL_LINES_MAX else []


def check_file_size(files):
    """no source is longer than 600 lines"""
    lengths = [(n, read(n).count("\n")) for n in files if is_c(n) or n.endswith((".S", ".py"))]
    return [f"{n}: {length} lines" for n, length in lengths if length > FILE_LINES_MAX]


def matching_lines(files, pattern, allowed=None):
    for name in files:
        if name in FREE_TEXT or not is_text(name):
            continue
        for number, line in enumerate(read(name).splitlines(), 1):
            if pattern.search(allowed.sub("", line) if allowed else line):
                yield f"{name}:{number}: {line.strip()[:100]}"


def check_finished(files):
    """nothing is marked as unfinished"""
    return list(matching_lines(files, UNFINISHED))


def check_machine_paths(files):
    """no path of a developer's machine"""
    return list(matching_lines([n for n in files if not n.endswith(".md")], MACHINE_PATH))


def check_host_names(files):
    """no network host names"""
    return list(matching_lines([n for n in files if not n.endswith(".md")], HOST_NAME, HOST_NAME_OK))


def check_shell(files):
    """shell scripts parse, shellcheck is content"""
    bad = []
    for name in files:
        if not (name.endswith(".sh") or has_shebang(name, "/sh")):
            continue
        result = run("sh", "-n", name)
        lint = run("shellcheck", "-f", "gcc", name)
        bad += result.stderr.splitlines() + lint.stdout.splitlines()
    return bad


def check_python(files):
    """Python sources compile"""
    bad = []
    for name in files:
        if not (name.endswith(".py") or has_shebang(name, "python")):
            continue
        try:
            compile(read(name), name, "exec")
        except SyntaxError as error:
            bad.append(f"{name}: {error}")
    return bad


CHECKS = [check_format, check_spdx, check_headers, check_lint, check_kernel_size, check_file_size,
          check_finished, check_machine_paths, check_host_names, check_shell, check_python]


def main():
    files = tree_files()
    failed = 0
    for check in CHECKS:
        bad = check(files)
        print(f"{'not ok' if bad else 'ok'} check: {check.__doc__}", flush=True)
        for line in bad:
            print(f"    {line}")
        failed += bool(bad)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
