#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts kernel, manifest and components as section .bundle into the loader's PE image.

    mkbundle.py --loader build/boot/loader.efi --out build/redoubt.efi \\
        kernel=build/bin/kernel.elf manifest=build/manifest.bin root=build/bin/root.elf ...

The order of the arguments is the order of measurement. The same inputs give the same bytes.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bundle  # noqa: E402
from peimage import PeImage  # noqa: E402


def read(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--loader", required=True, help="PE image of the loader")
    parser.add_argument("--out", required=True, help="PE image to write")
    parser.add_argument("--kpool", type=int, default=bundle.KPOOL_MIB, help="kernel pool, MiB")
    parser.add_argument("--flags", type=lambda s: int(s, 0), default=0, help="boot info flags")
    parser.add_argument("parts", nargs="+", metavar="NAME=FILE")
    options = parser.parse_args()
    parts = []
    for part in options.parts:
        name, _, path = part.partition("=")
        parts.append((name, read(path)))
    image = PeImage(read(options.loader))
    image.add_section(".bundle", bundle.pack(parts, options.kpool, options.flags))
    image.seal()
    with open(options.out + ".new", "wb") as f:
        f.write(image.data)
    os.replace(options.out + ".new", options.out)


main()
