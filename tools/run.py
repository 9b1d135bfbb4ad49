#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job, shown: from power-on to a guest's prompt and back after a reboot. See ./run --help."""
import argparse
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from lab import BUILD, Lab, LabError  # noqa: E402
from chain import TOM, Chain  # noqa: E402

PROMPT = r"guest# (?:\x1b\[6n)?$"
VM = "web"
FILE = "/data/redoubt.txt"


class Show:
    """Progress while it runs, and the table at the end."""

    def __init__(self):
        self.start = time.monotonic()
        self.rows = []

    def step(self, link, checked, action, figure=lambda result, seconds: "%.1f s" % seconds):
        """Runs one link of the chain; a LabError ends the program with the link's name."""
        print("[%6.1f s] %s ..." % (time.monotonic() - self.start, link), flush=True)
        began = time.monotonic()
        try:
            result = action()
        except (LabError, subprocess.SubprocessError, OSError) as error:
            print("\nBROKEN LINK: %s\n  wanted: %s\n%s" % (link, checked, error), flush=True)
            self.table()
            sys.exit(1)
        self.rows.append((link, checked, figure(result, time.monotonic() - began)))
        return result

    def table(self):
        width = [max(len(row[i]) for row in self.rows + [("link", "checked", "figure")])
                 for i in range(3)]
        print()
        for row in [("link", "checked", "figure"), tuple("-" * w for w in width)] + self.rows:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, width)).rstrip())
        print(flush=True)


def expect(good, text):
    if not good:
        raise LabError(text)


def boot(machine):
    """Waits until the kernel says how many parts were measured before it."""
    machine.wait(r"root starts", 120)
    return int(machine.wait(r"(\d+) parts measured", 1).group(1))


def evidence(chain):
    text = chain.tom("evidence", "verify", chain.name)
    return text.strip().splitlines()[-1]


def prompt(console, seconds=400):
    console.wait(r"(?s)" + PROMPT, seconds)
    return console.text


def write_file(console):
    text = "kept since %d" % time.time()
    _, status = console.run("echo '%s' > %s && sync" % (text, FILE))
    expect(status == 0, "the guest could not write %s:\n%s" % (FILE, console.text[-1000:]))
    return text


def read_file(console, text):
    got, _ = console.run("cat " + FILE)
    expect(text in got, "%s holds %r, not %r" % (FILE, got, text))
    return text


def first_boot(show, chain):
    show.step("TOM", "keys, database, daemon; the release's reference values approved",
              chain.tom_up)
    show.step("measured boot", "loader, kernel and components in PCR 4, 11, 12",
              lambda: (chain.server_up(), boot(chain.machine))[1],
              lambda parts, s: "%d parts, %.1f s" % (parts, s))
    show.step("binding", "EK certificate, AK by credential activation, TOM locked in NV, disk sealed",
              chain.bind)
    show.step("evidence", "quote, log and channel binding judged again from the record",
              lambda: evidence(chain), lambda text, s: text[:60])


def guest(show, chain):
    show.step("configuration", "one TVD, one VM: signed, committed, image streamed sealed",
              lambda: (chain.vm_define(VM), chain.push()))
    show.step("VM", "image present and verified, in PCR 10, vmm started",
              lambda: chain.vm_start(VM))
    with chain.console(VM) as console:
        console.send("\n")
        show.step("guest", "unmodified Debian kernel to its prompt, through tom vm console",
                  lambda: prompt(console))
        kernel = show.step("guest kernel", "uname -r in the guest",
                           lambda: console.run("uname -r")[0].strip().splitlines()[-1],
                           lambda text, s: text)
        text = show.step("guest disk", "a file written and synced: %s" % FILE,
                         lambda: write_file(console))
    return kernel, text


def reboot(show, chain, text):
    show.step("power cut", "QEMU killed and started again", chain.machine.restart)
    show.step("unsealed", "the disk opens by itself for the approved code",
              lambda: chain.machine.wait(r"disk: .*open", 180))
    show.step("back online", "fresh evidence on a fresh channel", chain.wait_online)
    with chain.console(VM) as console:
        console.send("\n")
        show.step("VM is back", "started from the stored configuration, prompt reached",
                  lambda: prompt(console))
        show.step("file is there", "what the guest wrote before the cut", lambda: read_file(
            console, text))


def stay(chain):
    print("The server stays up. In another terminal:\n"
          "  export TOM_HOME=%s\n  %s --help\n  %s vm console %s\n"
          "Serial output: %s\nCtrl-C ends everything." % (
              chain.tom.home, TOM, TOM, VM, chain.machine.serial_path), flush=True)
    try:
        chain.machine.process.wait()
        print("QEMU ended")
    except KeyboardInterrupt:
        print()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end by itself")
    parser.add_argument("--home", default=os.path.join(BUILD, "run"), help="where TPM, disks and TOM live")
    args = parser.parse_args()
    home = args.home
    shutil.rmtree(home, ignore_errors=True)
    os.environ["REDOUBT_TMP"] = home
    show = Show()
    chain = Chain(Lab("run"))
    first_boot(show, chain)
    _, text = guest(show, chain)
    reboot(show, chain, text)
    show.table()
    if not args.once:
        stay(chain)
    chain.down()


if __name__ == "__main__":
    main()
