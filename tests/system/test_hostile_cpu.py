#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 600
"""A guest that tries everything the processor has (tests/vm/hostile_cpu.c), under the real kernel and VMM; an honest one beside it."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hostile import attack  # noqa: E402
from lab import run  # noqa: E402

run(lambda lab: attack(lab, ["cpu"], 240))
