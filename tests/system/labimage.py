# SPDX-License-Identifier: Apache-2.0
"""Boot media of the laboratory: any manifest, any variant of a component, extra boot parts."""
import os
import subprocess

from lab import ROOT, build

PYTHON = "/usr/bin/python3"


def tool(*arguments):
    """Runs one of the project's Python tools; returns what it printed."""
    return subprocess.run([PYTHON, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True).stdout


def lab_image(directory, manifest, variants=None, parts=None, loader="boot/loader.efi"):
    """Path of a boot medium: `manifest` (TOML, from the root), components of build/bin, those in `variants` ({name: ELF path})
    instead, and `parts` ({name: bytes}) behind them; `loader` is below build/. Its reference values are beside it: lab.json."""
    compiled = os.path.join(directory, "manifest.bin")
    tool("tools/manifest.py", "compile", manifest, compiled)
    files = ["kernel=" + build("bin/kernel.elf"), "manifest=" + compiled]
    for name in tool("tools/manifest.py", "parts", manifest).split():
        files.append("%s=%s" % (name, (variants or {}).get(name, build("bin/%s.elf" % name))))
    for name, data in (parts or {}).items():
        path = os.path.join(directory, name + ".part")
        with open(path, "wb") as f:
            f.write(data)
        files.append("%s=%s" % (name, path))
    efi, image = os.path.join(directory, "lab.efi"), os.path.join(directory, "lab.img")
    tool("boot/mkbundle.py", "--loader", build(loader), "--out", efi, "--kpool", "64", *files)
    tool("boot/mkimg.py", "--out", image, efi)
    tool("boot/release.py", "make", efi, "--out", os.path.join(directory, "lab.json"))
    return image


def crash_variant(directory, name, after_ms=0, most_waits=None):
    """Path of the variant of component `name` that dies now and then, not before `after_ms` after power-on; from then on it waits
    `most_waits` times at most (not for `vmm`: tests/services/crash_vmm.c)."""
    with open(build("crash/%s.elf" % name), "rb") as f:
        data = bytearray(f.read())
    at = data.index(b"crash not before") + 16
    data[at:at + 8] = after_ms.to_bytes(8, "little")
    if most_waits:
        data[at + 8:at + 16] = most_waits.to_bytes(8, "little")
    path = os.path.join(directory, "crash-%s.elf" % name)
    with open(path, "wb") as f:
        f.write(data)
    return path
