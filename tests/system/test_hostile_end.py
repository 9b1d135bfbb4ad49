#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""Attacks that may end a VM, each in a VM of its own on one machine (tests/vm/hostile_end.c): that VM alone ends, and its last line says why."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hostile import attack  # noqa: E402
from lab import run  # noqa: E402

run(lambda lab: attack(lab, [], 240, ends=True))
