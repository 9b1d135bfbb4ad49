#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""The loader on real firmware: what it measures, what it hands over, and what it refuses.

A probe kernel (tests/bootprobe) prints boot info and event log. The log is replayed by stock
tpm2_eventlog and compared with the PCRs of the TPM and with the reference values of the release.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bootreport import FREE, RESERVED, Report, check_handover, check_reference, replay_by_tool  # noqa: E402
from lab import ROOT, build, run  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "boot"))
import bundle  # noqa: E402
import pcr  # noqa: E402
from peimage import PeImage  # noqa: E402

PROBE = build("probe/probe.efi")
BOOT_SECONDS = 60


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Bench:
    """One TPM; machines made from variants of the probe's image."""

    def __init__(self, lab):
        self.lab = lab
        self.tpm = lab.tpm()
        self.count = 0

    def image(self, data, *files):
        """A boot medium with this PE image and more NAME=FILE."""
        self.count += 1
        base = os.path.join(self.lab.dir, "v%d" % self.count)
        with open(base + ".efi", "wb") as f:
            f.write(data)
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/mkimg.py"), "--out",
                        base + ".img", base + ".efi", *files], check=True)
        return base + ".img"

    def machine(self, image, tpm=True, **options):
        self.count += 1
        return self.lab.machine("m%d" % self.count, image, self.tpm if tpm is True else tpm, **options)

    def boot(self, image, tpm=True, **options):
        """Boots to the probe's last line; (report, PCRs)."""
        machine = self.machine(image, tpm, **options)
        machine.start()
        machine.wait(r"^probe: end$", BOOT_SECONDS)
        pcrs = machine.tpm.pcrs(range(16))
        machine.kill()
        return Report(machine.serial()), pcrs, machine.serial()

    def refused(self, what, pattern, image, tpm=True, seconds=0):
        """The machine must say why on the serial port, with advice, then stand still."""
        machine = self.machine(image, tpm)
        machine.start()
        machine.wait(r"REFUSED TO BOOT: .*\n  where: .*\n  to do: .*\n", BOOT_SECONDS)
        time.sleep(seconds)
        text = machine.serial()
        found = re.search(pattern, text) and text.count("redoubt: loader") == 1
        self.lab.check("refused: " + what, found and "probe:" not in text and
                       machine.process.poll() is None, text)
        machine.kill()


def probe_parts():
    """Contents of the probe's parts in bundle order."""
    data = read(PROBE)
    start, size = PeImage(data).section(".bundle")
    return [content for _, content in bundle.unpack(data[start:start + size])]


def changed(data, offset, value=None):
    data = bytearray(data)
    data[offset] = data[offset] ^ 1 if value is None else value
    return bytes(data)


def check_log(lab, report, pcrs):
    replayed = replay_by_tool(lab, report.log)
    lab.equal("tpm2_eventlog replays the log to the TPM's PCRs",
              {n: pcrs[n] for n in replayed}, replayed)
    lab.check("PCRs 0 to 7, 11 and 12 are in the log", set(replayed) >= {*range(8), 11, 12}, replayed)
    lab.check("the log ends with what firmware logged on leaving",
              b"Exit Boot Services Returned with Success" in report.log)


def check_machine(lab, report):
    lab.equal("both CPUs are listed, the boot CPU first", report.cpus, ["0" * 16, "0" * 15 + "1"])
    lab.check("the TSC rate is plausible", 10**5 < report.number("tsc_khz") < 10**7,
              report.number("tsc_khz"))
    lab.check("the ACPI root is not free memory",
              report.number("rsdp") and report.type_at(report.number("rsdp")) in (RESERVED, None))


def good_boot(lab, bench, want):
    report, pcrs, text = bench.boot(build("probe/probe.img"))
    check_log(lab, report, pcrs)
    check_reference(lab, report, pcrs, want)
    check_handover(lab, report)
    check_machine(lab, report)
    lab.check("each line is printed once", text.count("redoubt: loader") == 1, text)
    again, pcrs, _ = bench.boot(build("probe/probe.img"), memory=5120, cpus=4, tpm_device="tpm-tis",
                                extra=["-vga", "std"])
    check_reference(lab, again, pcrs, want)
    lab.check("a new seed each boot", again.fields["seed"] != report.fields["seed"])
    lab.check("RAM above 4 GiB, four CPUs and the screen are handed over",
              again.type_at(5 << 30) == FREE and len(again.cpus) == 4 and again.number("fb_base"),
              again.memory)


def bound_boot(lab, bench, want):
    files = {"binding": b"\x5a" * 300, "cmdline": b"lab"}
    for name, content in files.items():
        with open(os.path.join(lab.dir, name), "wb") as f:
            f.write(content)
    names = ["/redoubt/%s=%s" % (n, os.path.join(lab.dir, n)) for n in files]
    report, pcrs, _ = bench.boot(bench.image(read(PROBE), *names))
    value = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "boot/release.py"), "pcr12",
                            "--binding", os.path.join(lab.dir, "binding"), "--cmdline",
                            os.path.join(lab.dir, "cmdline")], check=True, capture_output=True,
                           text=True).stdout.strip()
    lab.equal("PCR 12 shows binding record and command line", pcrs[12], value)
    lab.equal("PCR 4 and 11 do not depend on them", (pcrs[4], pcrs[11]),
              (want["pcr"]["4"], want["pcr"]["11"]))
    lab.equal("binding record and command line are handed over",
              [(p[0], p[2], p[4]) for p in report.parts[-2:]],
              [(n, len(c), pcr.sha256(c).hex()) for n, c in files.items()])


def attacks_on_parts(lab, bench, want):
    """One bit changed in each part: PCR 4 and 11 differ, and the log names the part."""
    data = read(PROBE)
    start, _ = PeImage(data).section(".bundle")
    offsets = {"kernel": data.index(b"constant", start), "manifest": data.index(b"part manifest", start),
               "alpha": data.index(b"part alpha", start), "beta": data.index(b"part beta", start)}
    approved = {p["sha256"] for p in want["parts"]}
    for name, offset in offsets.items():
        report, pcrs, _ = bench.boot(bench.image(changed(data, offset)))
        lab.check("a bit changed in %s changes PCR 4 and PCR 11" % name,
                  pcrs[4] != want["pcr"]["4"] and pcrs[11] != want["pcr"]["11"])
        lab.equal("the digest that is not approved is that of " + name,
                  [p[0] for p in report.parts[:-2] if p[4] not in approved], [name])


def attack_on_loader(lab, bench, want):
    """A byte changed in the loader's code (the padding of a no-operation): PCR 4 differs."""
    data = read(PROBE)
    text, size = PeImage(data).section(".text")
    nop = data.index(bytes.fromhex("0f1f84"), text, text + size)
    report, pcrs, _ = bench.boot(bench.image(changed(data, nop + 4)))
    lab.check("a byte changed in the loader's code changes PCR 4", pcrs[4] != want["pcr"]["4"])
    lab.equal("PCR 4 is that of the changed image", pcrs[4],
              pcr.pcr4(PeImage(changed(data, nop + 4)).authenticode()).hex())


def other_banks(lab, bench, want):
    tpm = lab.tpm("tpm-two-banks", banks="sha1,sha256")
    report, pcrs, text = bench.boot(build("probe/probe.img"), tpm)
    lab.equal("with SHA-1 active too the SHA-256 values are the release's",
              {n: pcrs[int(n)] for n in want["pcr"]}, want["pcr"])
    lab.check("that SHA-1 is not used is said", "SHA-1 is active and not used: capped" in text)
    value = bytes(20)
    for digest in [b"\xff" * 20] + [hashlib.sha1(content).digest() for content in probe_parts()]:
        value = hashlib.sha1(value + digest).digest()
    lab.equal("PCR 11 of the SHA-1 bank is capped", tpm.pcrs([11], "sha1")[11], value.hex())


def refusals(lab, bench):
    data = read(PROBE)
    start, _ = PeImage(data).section(".bundle")
    bench.refused("no TPM", r"no TPM 2\.0", build("probe/probe.img"), None)
    bench.refused("SHA-256 bank not active", r"SHA-256 PCR bank is not active",
                  build("probe/probe.img"), lab.tpm("tpm-sha1", banks="sha1"))
    bench.refused("damaged bundle header, for good", r"magic or version is not ours",
                  bench.image(changed(data, start)), seconds=8)
    bench.refused("damaged part table", r"lies outside or overlaps",
                  bench.image(changed(data, start + bundle.HEADER.size + 32 + 7)))
    bench.refused("no bundle", r"carries no bundle", bench.image(read(build("boot/loader.efi"))))
    bench.refused("kernel is no program", r"kernel is not a valid program",
                  bench.image(changed(data, data.index(b"\x7fELF", start) + 4)))
    with open(os.path.join(lab.dir, "large"), "wb") as f:
        f.write(bytes(65537))
    bench.refused("oversized binding record", r"larger than 64 KiB",
                  bench.image(data, "/redoubt/binding=" + os.path.join(lab.dir, "large")))


def boot_test(lab):
    with open(build("probe/probe.json"), encoding="ascii") as f:
        want = json.load(f)
    bench = Bench(lab)
    good_boot(lab, bench, want)
    bound_boot(lab, bench, want)
    attacks_on_parts(lab, bench, want)
    attack_on_loader(lab, bench, want)
    other_banks(lab, bench, want)
    refusals(lab, bench)


run(boot_test)
