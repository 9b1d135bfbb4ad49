#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 900
"""All hostile guests at once on VT-x under Bochs: the processor, the board, rings, and attacks that may end a VM; an honest guest beside them."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bochs import MODELS  # noqa: E402
from hostile import attack  # noqa: E402
from lab import run  # noqa: E402

run(lambda lab: attack(lab, ["cpu", "dev", "ring"], 600, ends=True, vendor="intel", model=MODELS[1]))
