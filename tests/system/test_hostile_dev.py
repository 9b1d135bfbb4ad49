#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 1200
"""A guest that misuses the board: ports, device memory, interrupt controllers (tests/vm/hostile_dev.c), one that lies
to every virtio device (hostile_ring.c), also by changing its rings from another vCPU (hostile_race.c); an honest one beside it."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hostile import attack  # noqa: E402
from lab import run  # noqa: E402

run(lambda lab: attack(lab, ["dev", "ring"], 500))
