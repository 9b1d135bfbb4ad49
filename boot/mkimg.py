#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a boot medium: GPT with one FAT32 EFI system partition, by mtools alone.

    mkimg.py --out build/redoubt.img build/redoubt.efi [/redoubt/binding=FILE ...]

The first argument becomes /EFI/BOOT/BOOTX64.EFI. Ids and times are fixed, so the same inputs give the
same bytes. mkimg.py --add IMAGE /redoubt/binding=FILE puts a file into a medium that is there already.
"""
import argparse
import os
import struct
import subprocess
import uuid
import zlib

SECTOR = 512
START = 2048               # first sector of the partition
BACKUP = 33                # sectors of the second partition table at the end
ESP_TYPE = uuid.UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
DISK_ID = uuid.UUID("8C0D2E4B-5F1A-4B6F-9E37-5D0C4E1B7A01")
ESP_ID = uuid.UUID("8C0D2E4B-5F1A-4B6F-9E37-5D0C4E1B7A02")
FAT_SERIAL = "52444254"    # "RDBT"
FIXED_TIME = "1767225600"  # 2026-01-01, for mtools
MIN_MIB = 40               # FAT32 needs 65,525 clusters of one sector


def mtools(*arguments, check=True):
    environment = dict(os.environ, SOURCE_DATE_EPOCH=FIXED_TIME, TZ="UTC", MTOOLS_SKIP_CHECK="1")
    output = None if check else subprocess.DEVNULL
    return subprocess.run(arguments, env=environment, check=check, stdout=output, stderr=output)


def header(own, other, entries_at, total, entries_crc):
    """One GPT header (UEFI 5.3.2)."""
    fields = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, own, other, 34,
                         total - 34, DISK_ID.bytes_le, entries_at, 128, 128, entries_crc)
    crc = struct.pack("<I", zlib.crc32(fields))
    return (fields[:16] + crc + fields[20:]).ljust(SECTOR, b"\0")


def partition(path, total):
    """Writes protective MBR and both GPTs; returns the partition's length in sectors."""
    last = total - START - 1
    entry = ESP_TYPE.bytes_le + ESP_ID.bytes_le + struct.pack("<QQQ", START, last, 0)
    entry += "redoubt boot".encode("utf-16le").ljust(72, b"\0")
    entries = entry.ljust(128 * 128, b"\0")
    crc = zlib.crc32(entries)
    mbr = bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, total - 1)
    with open(path, "wb") as f:
        f.truncate(total * SECTOR)
        f.write(mbr.ljust(510, b"\0") + b"\x55\xaa")
        f.write(header(1, total - 1, 2, total, crc) + entries)
        f.seek((total - BACKUP) * SECTOR)
        f.write(entries + header(total - 1, 1, total - BACKUP, total, crc))
    return last - START + 1


class Medium:
    """The FAT file system inside a boot medium."""

    def __init__(self, path):
        self.drive = "%s@@%d" % (path, START * SECTOR)
        self.folders = set()

    def format(self, sectors):
        mtools("mformat", "-i", self.drive, "-F", "-c", "1", "-T", str(sectors), "-h", "255", "-s", "63",
               "-H", str(START), "-N", FAT_SERIAL, "::")

    def folder(self, path):
        """Makes the folders above `path` that are not there."""
        above = path.rsplit("/", 1)[0]
        if not above or above in self.folders:
            return
        self.folder(above)
        if mtools("mdir", "-b", "-i", self.drive, "::" + above + "/", check=False).returncode:
            mtools("mmd", "-i", self.drive, "::" + above)
        self.folders.add(above)

    def add(self, source, path):
        """Copies a host file to `path`, replacing what was there."""
        self.folder(path)
        staged = self.drive.partition("@@")[0] + ".part"
        with open(source, "rb") as f, open(staged, "wb") as g:
            g.write(f.read())
        os.utime(staged, (int(FIXED_TIME), int(FIXED_TIME)))
        mtools("mcopy", "-o", "-m", "-i", self.drive, staged, "::" + path)
        os.unlink(staged)


def split(argument):
    path, _, source = argument.partition("=")
    return source, path if path.startswith("/") else "/" + path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", help="medium to make")
    where.add_argument("--add", help="medium to put files into")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    files = [split(f) for f in options.files[1 if options.out else 0:]]
    if options.add:
        medium = Medium(options.add)
        for source, path in files:
            medium.add(source, path)
        return
    files.insert(0, (options.files[0], "/EFI/BOOT/BOOTX64.EFI"))
    size = sum(os.path.getsize(source) for source, _ in files)
    mib = max(MIN_MIB, size // (1 << 20) + 8)
    new = options.out + ".new"
    medium = Medium(new)
    medium.format(partition(new, mib * 2048))
    for source, path in files:
        medium.add(source, path)
    os.replace(new, options.out)


main()
