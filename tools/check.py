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
FUNCTION_LINES_MAX = 45
SPDX = "SPDX-License-Identifier: Apache-2.0"
NEED_SPDX = {".c", ".h", ".S", ".s", ".py", ".sh", ".mk", ".ld", ".toml", ".dsl", ".sql", ".lds"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$)}])/(home|work|root|mnt|farm)/")
HOST_NAME = re.compile(r"://[\w-]+(\.[\w-]+)*\.[a-z]{2,}\b|\b[\w-]+\.(?:com|org)\b")
HOST_NAME_OK = re.compile(r"\bexample\.(?:com|net|org)\b")
# Where the compilers know better: what is initialised or ended by a call, symbols of the linker.
LINT_WRONG = ("uninitvar", "legacyUninitvar", "uninitStructMember", "nullPointerRedundantCheck",
              "comparePointers", "identicalInnerCondition", "unknownEvaluationOrder")
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
                 *(f"--suppress={i}" for i in LINT_WRONG),
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


def function_lengths(name):
    """Lines from the opening brace to the closing one, both in the first column."""
    start = None
    for number, line in enumerate(read(name).splitlines()):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield number - start - 1
            start = None


def check_function_size(files):
    """nine functions of ten have fewer than 45 lines"""
    lengths = sorted(n for f in files if f.endswith(".c") for n in function_lengths(f))
    if not lengths:
        return []
    median, ninth = lengths[len(lengths) // 2], lengths[len(lengths) * 9 // 10]
    print(f"functions: {len(lengths)}, median {median} lines, nine of ten up to {ninth}")
    return [f"nine of ten: {ninth} lines"] if ninth >= FUNCTION_LINES_MAX else []


FLOORS = [{"abi"}, {"kernel", "lib", "boot", "deps"}, {"drivers"}, {"services"}, {"tvd"}, {"mgmt"}]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SHARED = {"mgmt/proto"}  # not a component: both ends of a protocol
PUBLIC = {"services/tpm/cel.h"}  # a format with a reader outside its component


def floor(name):
    top = name.partition("/")[0]
    return next((i for i, tops in enumerate(FLOORS) if top in tops), None)


def is_upward(name, header):
    """Protocols that floors below must speak live in mgmt/proto and in a component's own header."""
    return (floor(name) is not None and floor(header) is not None and floor(header) > floor(name)
            and not is_protocol(header))


def is_protocol(header):
    directory, _, file = header.rpartition("/")
    own = directory.rpartition("/")[2]
    return (directory in SHARED or header in PUBLIC
            or file.removesuffix(".h") in (own, own + "_drv"))


def is_private(name, header):
    home = header.rpartition("/")[0]
    component = "/".join(header.split("/")[:2])
    return (header.partition("/")[0] in {"drivers", "services", "tvd", "mgmt"}
            and not name.startswith(component + "/") and home != "" and not is_protocol(header))


def check_layers(files):
    """no file includes a floor above its own or a private header of another component"""
    bad = []
    for name in files:
        if not is_c(name) or name.startswith("tests/") or "/host/" in name or "/hosted/" in name:
            continue
        for header in INCLUDE.findall(read(name)):
            if is_upward(name, header):
                bad.append(f"{name}: {header} is a floor above")
            elif is_private(name, header):
                bad.append(f"{name}: {header} belongs to another component")
    return bad


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
          check_function_size, check_layers, check_finished, check_machine_paths, check_host_names, check_shell, check_python]


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
