#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reference values of a release, computed from its bytes alone.

    release.py make [--lab] build/redoubt.efi --out build/reference.json
    release.py pcr12 [--binding FILE] [--cmdline FILE]

`make` writes the digest of every part and the PCR values that a server booted with this image has;
`pcr12` prints PCR 12 of a server with that binding record. docs/boot.md describes the fields.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bundle  # noqa: E402
import pcr  # noqa: E402
from peimage import PeImage  # noqa: E402


def read(path):
    with open(path, "rb") as f:
        return f.read()


def reference(path, calling=pcr.CALLING):
    """The release manifest of a PE image, as a dictionary."""
    data = read(path)
    image = PeImage(data)
    offset, size = image.section(".bundle")
    parts = bundle.unpack(data[offset:offset + size])
    loaded = pcr.pcr11([content for _, content in parts])
    return {
        "format": 1,
        "bank": "sha256",
        "image": {"name": os.path.basename(path), "size": len(data), "sha256": pcr.sha256(data).hex(),
                  "authenticode": image.authenticode().hex()},
        "parts": [{"name": name, "pcr": 11, "size": len(content), "sha256": pcr.sha256(content).hex()}
                  for name, content in parts],
        "pcr": {"4": pcr.pcr4(image.authenticode(), calling).hex(), "11": loaded.hex(),
                "12": pcr.pcr12().hex()},
        "pcr11_disk_open": pcr.pcr11_disk_open(loaded).hex(),
    }


def make(options):
    calling = pcr.LAB_CALLING if options.lab else pcr.CALLING
    text = json.dumps(reference(options.image, calling), indent=1) + "\n"
    with open(options.out + ".new", "w", encoding="ascii") as f:
        f.write(text)
    os.replace(options.out + ".new", options.out)


def print_pcr12(options):
    binding = read(options.binding) if options.binding else b""
    cmdline = read(options.cmdline) if options.cmdline else b""
    print(pcr.pcr12(binding, cmdline).hex())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("make", help="write the reference values of an image")
    command.add_argument("image")
    command.add_argument("--out", required=True)
    command.add_argument("--lab", action="store_true", help="the image has the laboratory's loader")
    command.set_defaults(run=make)
    command = commands.add_parser("pcr12", help="print PCR 12 for a binding record")
    command.add_argument("--binding", help="content of /redoubt/binding")
    command.add_argument("--cmdline", help="content of /redoubt/cmdline")
    command.set_defaults(run=print_pcr12)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
