# SPDX-License-Identifier: Apache-2.0
"""Places for the instruction counter insns.c, and what it wrote."""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))
from lab import build  # noqa: E402

PREFIX = 24                            # bytes of code that tell a place
PROGRAM = struct.Struct("<IIQQQQQQ")   # Elf64_Phdr: type, flags, offset, va, pa, file size, memory size, align
PROGRAM32 = struct.Struct("<IIIIIIII")  # Elf32_Phdr: type, offset, va, pa, file size, memory size, flags, align


def segments(data):
    """(va, offset, size) of what an ELF file loads."""
    wide = data[4] == 2
    table, = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    count, = struct.unpack_from("<H", data, 56 if wide else 44)
    for i in range(count):
        if wide:
            kind, _, offset, va, _, size, _, _ = PROGRAM.unpack_from(data, table + i * PROGRAM.size)
        else:
            kind, offset, va, _, size, _, _, _ = PROGRAM32.unpack_from(data, table + i * PROGRAM32.size)
        if kind == 1:
            yield va, offset, size


def symbol(name, path, function):
    """The first instruction of a function, known by its address and its bytes."""
    text = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    address = next(int(line.split()[0], 16) for line in text.splitlines() if line.split()[-1] == function)
    with open(path, "rb") as f:
        data = f.read()
    at = next(address - va + offset for va, offset, size in segments(data) if va <= address < va + size)
    return "at=%s:%s:%x" % (name, data[at:at + PREFIX].hex(), address)


def linux_entry(name, path):
    """The 64-bit entry of a bzImage (Documentation/x86/boot.rst): 200h behind the real-mode part; anywhere, it is moved."""
    with open(path, "rb") as f:
        data = f.read()
    return "at=%s:%s" % (name, data[(data[0x1f1] + 1) * 512 + 0x200:][:16].hex())


def arguments(out, *places):
    """QEMU's arguments that load the counter."""
    return ["-plugin", ",".join([build("bench/insns.so"), "out=" + out, *places])]


def read(path):
    """[(place, instructions executed before it)] in the order they were reached."""
    with open(path, encoding="ascii") as f:
        return [(name, int(count)) for name, count in map(str.split, f)]
