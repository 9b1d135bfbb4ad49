#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
# cores: 0
"""The power is cut at 50 random moments of a guest's and a configuration's writes; the disk's write cache loses what was not
flushed. Nothing acknowledged may be lost, nothing half-done may show. CUTS overrides the number."""
import os
import random
import threading
import time

from lab import run
from test_vm_host import Console, bound, define

CUTS = int(os.environ.get("CUTS", "50"))


class Writers:
    """Pushes configurations and writes blocks until the power goes; remembers what was acknowledged and what was begun."""

    def __init__(self, tom, first):
        self.tom = tom
        self.epoch_done = self.epoch_begun = 0
        self.block_done = self.block_begun = first
        self.stop = False
        self.console = Console(tom, "s1", "web", 60)
        self.console.wait("guest is up")
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.configure, self.guest)]
        for t in self.threads:
            t.start()

    def configure(self):
        while not self.stop:
            done = self.tom.run("config", "push", "s1")
            if done.returncode or "committed" not in done.stdout:
                return
            self.epoch_done = int(done.stdout.split("epoch ")[1].split()[0])

    def guest(self):
        try:
            while not self.stop:
                self.block_begun += 1
                if not self.console.ask("write block %d." % self.block_begun, "written 0 0"):
                    return
                self.block_done = self.block_begun
        except OSError:
            pass

    def end(self):
        self.stop = True
        self.console.s.close()
        for t in self.threads:
            t.join(90)


def cut(rng, tom, machine, block):
    """One cut; (what is wrong or None, the block's number then)."""
    writers = Writers(tom, block)
    time.sleep(rng.uniform(0.02, 0.8))
    machine.kill()
    writers.end()
    wanted = tom.json("config", "show", "s1")["desired"]
    machine.start()
    there = int(machine.wait(r"policy: stored state: epoch (\d+)", 60).group(1))
    if not writers.epoch_done <= there <= wanted:
        return "epoch %d was acknowledged, %d is there" % (writers.epoch_done, there), 0
    console = Console(tom, "s1", "web", 60)
    if not console.wait("guest is up") or not console.ask("read", "block: ") or not console.wait("\r\n# "):
        return "no answer of the guest", 0
    text = console.text.decode()
    for number in (writers.block_done, writers.block_begun):
        if number == 0 and "block: \r" in text or "block: block %d." % number in text:
            return None, number
    return "block %d was acknowledged, there is %r" % (writers.block_done, text), 0


def test(lab):
    rng = random.Random(50)
    tom, machine = bound(lab, volatile=True)
    define(lab, tom, kernel_size=40000)
    tom("vm", "start", "web", "--wait", "60")
    block, wrong = 0, []
    for i in range(CUTS):
        why, block = cut(rng, tom, machine, block)
        if why:
            wrong.append("cut %d: %s" % (i, why))
            break
    lab.check("%d power cuts: nothing acknowledged is lost, nothing half-done shows" % CUTS, not wrong,
              "\n".join(wrong) + machine.log()[-2000:])
    lab.check("the guest wrote meanwhile", block > CUTS / 2, block)


if __name__ == "__main__":
    run(test)
