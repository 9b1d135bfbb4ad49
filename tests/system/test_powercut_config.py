#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 1500
"""The server loses its power while configurations are committed, 40 times: the acknowledged epoch is there, whole, or the one under way."""
import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
from chain import Chain  # noqa: E402

CUTS = 40


class Pusher(threading.Thread):
    """Pushes one epoch after the other until told to stop; remembers the last that was acknowledged."""

    def __init__(self, chain, acknowledged):
        super().__init__(daemon=True)
        self.chain = chain
        self.acknowledged = acknowledged
        self.pushed = 0
        self.ended = False
        self.start()

    def run(self):
        while not self.ended:
            done = self.chain.tom.run("config", "push", self.chain.name)
            match = re.search(r"epoch (\d+) committed", done.stdout)
            if match:
                self.acknowledged = int(match.group(1))
            self.pushed += 1

    def stop(self):
        self.ended = True
        self.join()


def cut_while_pushing(chain, acknowledged):
    """The last epoch that was acknowledged before the power went."""
    pusher = Pusher(chain, acknowledged)
    while pusher.pushed < 2:
        time.sleep(0.01)
    time.sleep(random.uniform(0, 1))
    chain.machine.kill()
    pusher.stop()
    return pusher.acknowledged


def test(lab):
    chain = Chain(lab)
    chain.tom_up()
    chain.server_up()
    chain.bind()
    chain.tom("tvd", "create", "demo")
    acknowledged, found = 0, 0
    for cut in range(1, CUTS + 1):
        acknowledged = cut_while_pushing(chain, acknowledged)
        chain.machine.start()
        found = int(chain.machine.wait(r"policy: stored state: epoch (\d+)", 180).group(1))
        lab.check("power cut %d: epoch %d acknowledged, %d found" % (cut, acknowledged, found), found >= acknowledged > 0,
                  chain.machine.serial()[-1500:] + chain.tom.log()[-800:])
        chain.machine.wait(r"tmc: attested", 180)
        chain.wait_online()
    chain.machine.kill()


if __name__ == "__main__":
    laboratory.run(test)
