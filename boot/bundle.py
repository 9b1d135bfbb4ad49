# SPDX-License-Identifier: Apache-2.0
"""The bundle format of boot/bundle.h, for the tools that write and read it."""
import struct

MAGIC = 0x4C444E4254424452
VERSION = 1
ALIGN = 4096
HEADER = struct.Struct("<QIIQII")
ENTRY = struct.Struct("<32sQQ")
KPOOL_MIB = 64


class BundleError(Exception):
    """The parts or the bytes do not make a bundle."""


def pack(parts, kpool_mib=KPOOL_MIB, flags=0):
    """Bytes of a bundle of [(name, content)], kernel and manifest first."""
    names = [name for name, _ in parts]
    if names[:2] != ["kernel", "manifest"] or len(set(names)) != len(names):
        raise BundleError("parts must be kernel, manifest, then components with names of their own")
    at = align(HEADER.size + ENTRY.size * len(parts))
    table, body = b"", b""
    for name, content in parts:
        if not content:
            raise BundleError("part %s is empty" % name)
        offset = at + align(len(body))
        body = body.ljust(offset - at, b"\0") + content
        table += ENTRY.pack(name.encode(), offset, len(content))
    head = HEADER.pack(MAGIC, VERSION, len(parts), at + len(body), kpool_mib, flags) + table
    return head.ljust(at, b"\0") + body


def unpack(data):
    """[(name, content)] of a bundle."""
    magic, version, count, size, _, _ = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or size > len(data):
        raise BundleError("not a bundle")
    rows = [ENTRY.unpack_from(data, HEADER.size + ENTRY.size * i) for i in range(count)]
    return [(n.rstrip(b"\0").decode(), bytes(data[o:o + s])) for n, o, s in rows]


def align(value):
    return (value + ALIGN - 1) // ALIGN * ALIGN
