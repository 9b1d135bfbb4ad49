# SPDX-License-Identifier: Apache-2.0
"""PE32+ images: adding a section, and the Authenticode digest that firmware extends into PCR 4.

Microsoft PE/COFF specification; "Windows Authenticode Portable Executable Signature Format", section
"Calculating the PE Image Hash".
"""
import hashlib
import struct

SECTION = struct.Struct("<8sIIIIIIHHI")
READ_ONLY_DATA = 0x40000040
TIMESTAMP, CHECKSUM, CERTIFICATES = 8, 88, 168  # offsets from the signature "PE"


class PeError(Exception):
    """The file is not a PE32+ image that these tools can work with."""


def align(value, unit):
    return (value + unit - 1) // unit * unit


class PeImage:
    """An image as bytes; methods change it in place."""

    def __init__(self, data):
        self.data = bytearray(data)
        if self.data[:2] != b"MZ":
            raise PeError("no MZ header")
        self.pe, = struct.unpack_from("<I", self.data, 0x3C)
        if self.data[self.pe:self.pe + 4] != b"PE\0\0" or self.u16(24) != 0x20B:
            raise PeError("not PE32+")
        self.table = self.pe + 24 + self.u16(20)

    def u16(self, at):
        return struct.unpack_from("<H", self.data, self.pe + at)[0]

    def u32(self, at):
        return struct.unpack_from("<I", self.data, self.pe + at)[0]

    def set(self, form, at, value):
        struct.pack_into("<" + form, self.data, self.pe + at, value)

    def sections(self):
        """List of (name, virtual size, address, raw size, raw offset)."""
        rows = [SECTION.unpack_from(self.data, self.table + 40 * i) for i in range(self.u16(6))]
        return [(r[0].rstrip(b"\0").decode(), *r[1:5]) for r in rows]

    def section(self, name):
        """(offset, size) of a section's bytes in the file."""
        for row in self.sections():
            if row[0] == name:
                return row[4], min(row[1], row[3])
        raise PeError("no section " + name)

    def add_section(self, name, content):
        """Appends a read-only section behind all others."""
        section_align, file_align = self.u32(24 + 32), self.u32(24 + 36)
        rows = self.sections()
        header = self.table + 40 * len(rows)
        if header + 40 > min(r[4] for r in rows if r[3]) or header + 40 > self.u32(24 + 60):
            raise PeError("no room for another section header")
        address = align(max(r[2] + max(r[1], r[3]) for r in rows), section_align)
        raw = align(len(self.data), file_align)
        size = align(len(content), file_align)
        self.data += bytes(raw - len(self.data)) + content + bytes(size - len(content))
        SECTION.pack_into(self.data, header, name.encode(), len(content), address, size, raw,
                          0, 0, 0, 0, READ_ONLY_DATA)
        self.set("H", 6, len(rows) + 1)
        self.set("I", 24 + 8, self.u32(24 + 8) + size)  # size of initialised data
        self.set("I", 24 + 56, align(address + len(content), section_align))  # size of image

    def seal(self):
        """Makes the file the same in every build: no time stamp, a right checksum."""
        self.set("I", TIMESTAMP, 0)
        self.set("I", CHECKSUM, 0)
        total = 0
        padded = bytes(self.data) + bytes(len(self.data) % 2)
        for (word,) in struct.iter_unpack("<H", padded):
            total += word
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        self.set("I", CHECKSUM, total + len(self.data))

    def authenticode(self):
        """SHA-256 Authenticode digest of an unsigned image, whose sections lie in the file in order."""
        if self.u32(CERTIFICATES + 4):
            raise PeError("signed images are not handled")
        data = self.data
        headers = self.u32(24 + 60)
        digest = hashlib.sha256()
        digest.update(data[:self.pe + CHECKSUM])
        digest.update(data[self.pe + CHECKSUM + 4:self.pe + CERTIFICATES])
        digest.update(data[self.pe + CERTIFICATES + 8:headers])
        done = headers
        for _, _, _, size, offset in sorted(self.sections(), key=lambda r: r[4]):
            if size:
                digest.update(data[offset:offset + size])
                done += size
        digest.update(data[done:])
        return digest.digest()
