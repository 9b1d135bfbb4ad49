#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make the kernel's symbol table from `nm -n` of the kernel linked without one: symtab.py [NM-OUTPUT] > symtab.S"""
import sys


def functions(path):
    start, found = 0, []
    with open(path, encoding="ascii") as f:
        for line in f:
            address, kind, name = line.split()
            if name == "text_start":
                start = int(address, 16)
            if kind in "tT" and not name.startswith((".", "text_")):
                found.append((int(address, 16), name))
    return [(a - start, n) for a, n in sorted(found)]


def main():
    table = functions(sys.argv[1]) if len(sys.argv) > 1 else []
    print("/* SPDX-License-Identifier: Apache-2.0 */\n\t.section .rodata.symtab, \"a\", @progbits")
    print("\t.globl symtab_count, symtab_offset, symtab_name, symtab_names\n\t.balign 4")
    print(f"symtab_count:\n\t.long {len(table)}")
    print("symtab_offset:\n" + "\n".join(f"\t.long {a}" for a, _ in table))
    at, offsets = 0, []
    for _, name in table:
        offsets.append(at)
        at += len(name) + 1
    print("symtab_name:\n" + "\n".join(f"\t.long {o}" for o in offsets))
    print("symtab_names:\n" + "\n".join(f"\t.asciz \"{n}\"" for _, n in table))
    print("\t.section .note.GNU-stack, \"\", @progbits")


if __name__ == "__main__":
    main()
