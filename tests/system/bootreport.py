# SPDX-License-Identifier: Apache-2.0
"""What the boot probe (tests/bootprobe) printed, and the checks that hold behind every loader."""
import os
import re
import subprocess

FREE, LOADER, KERNEL, RESERVED = 1, 2, 3, 4


class Report:
    """What the probe printed."""

    def __init__(self, text):
        self.fields = {k: v for k, v in re.findall(r"^(\w+)=([0-9a-f]+)$", text, re.M)}
        self.cpus = re.findall(r"^cpu=([0-9a-f]+)$", text, re.M)
        self.memory = [(int(b, 16), int(s, 16), int(t)) for b, s, t in
                       re.findall(r"^mem (\w+) (\w+) (\d)$", text, re.M)]
        self.parts = [(n, int(b, 16), int(s, 16), int(p, 16), d) for n, b, s, p, d in re.findall(
            r"^part (\S+) (\w+) (\w+) (\w+) digest=(\w+)$", text, re.M)]
        self.pci = {f: int(c, 16) for f, c in re.findall(r"^pci (\w+) command=(\w+)$", text, re.M)}
        self.log = bytes.fromhex(self.fields["log"])

    def number(self, name):
        return int(self.fields[name], 16)

    def type_at(self, address):
        return next((t for b, s, t in self.memory if b <= address < b + s), None)


def replay_by_tool(lab, log):
    """{pcr: value} that tpm2_eventlog computes from a log."""
    path = os.path.join(lab.dir, "log.bin")
    with open(path, "wb") as f:
        f.write(log)
    text = subprocess.run(["tpm2_eventlog", path], check=True, capture_output=True, text=True).stdout
    sha256 = text[text.rindex("sha256:"):]
    return {int(n): v for n, v in re.findall(r"^\s+(\d+)\s*:\s*0x([0-9a-f]{64})$", sha256, re.M)}


def check_reference(lab, report, pcrs, want):
    lab.equal("PCR 4, 11 and 12 are the release's", {n: pcrs[int(n)] for n in want["pcr"]}, want["pcr"])
    lab.equal("parts, order and digests are the release's", [(p[0], p[4]) for p in report.parts[:-2]],
              [(p["name"], p["sha256"]) for p in want["parts"]])


def check_memory(lab, report):
    rows = report.memory
    lab.check("the memory map is sorted and does not overlap",
              all(a[0] + a[1] <= b[0] for a, b in zip(rows, rows[1:])), rows)
    pool, size = report.number("kpool_base"), report.number("kpool_size")
    lab.check("the kernel pool is aligned and marked", pool % (2 << 20) == 0 and size == 32 << 20 and
              report.type_at(pool) == KERNEL and report.type_at(pool + size - 1) == KERNEL, rows)
    lab.check("parts are page-aligned and marked",
              all(p[1] % 4096 == 0 and report.type_at(p[1]) == LOADER for p in report.parts), report.parts)
    lab.check("the AP page lies below 1 MiB and is marked",
              0 < report.number("ap_page") < 1 << 20 and
              report.type_at(report.number("ap_page")) == LOADER)


def check_pages(lab, report, fixed):
    text, rodata, data = (report.number("pte_" + n) for n in ("text", "rodata", "data"))
    write, no_execute = 2, 1 << 63
    lab.check("kernel pages are W^X", not text & (write | no_execute) and
              rodata & (write | no_execute) == no_execute and
              data & (write | no_execute) == (write | no_execute), (hex(text), hex(rodata), hex(data)))
    lab.check("no PCI function may write memory",
              report.pci and not any(c & 4 for f, c in report.pci.items() if f not in fixed), report.pci)


def check_handover(lab, report, fixed=()):
    """fixed: PCI functions whose bus-master bit the machine does not let go."""
    check_memory(lab, report)
    check_pages(lab, report, fixed)
