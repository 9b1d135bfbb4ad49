# SPDX-License-Identifier: Apache-2.0
"""The CBOR codec of mgmt/proto against an independent one (python3-cbor2)."""
import os
import random
import subprocess
import sys

import cbor2

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, os.environ.get("BUILD", "build"), "test/mgmt_proto")
failed = 0


def check(what, good):
    global failed
    failed |= not good
    print("%s test_cbor2: %s" % ("ok" if good else "not ok", what), flush=True)


def vectors():
    lines = subprocess.run([PROGRAM, "vectors"], check=True, capture_output=True, text=True).stdout
    return [(n, bytes.fromhex(h)) for n, h in (line.split() for line in lines.splitlines())]


def judge(inputs):
    text = "".join(i.hex() + "\n" for i in inputs)
    out = subprocess.run([PROGRAM, "check"], input=text, check=True, capture_output=True, text=True)
    return [line == "good" for line in out.stdout.splitlines()]


def value(rng, depth):
    kind = rng.choice("ubtam" if depth else "ubt")
    if kind == "u":
        return rng.getrandbits(rng.choice([4, 8, 16, 32, 64]))
    if kind == "b":
        return rng.randbytes(rng.choice([0, 1, 23, 24, 300]))
    if kind == "t":
        return "".join(chr(rng.randrange(32, 127)) for _ in range(rng.choice([0, 5, 24, 256])))
    if kind == "a":
        return [value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {rng.getrandbits(7): value(rng, depth - 1) for _ in range(rng.randrange(5))}


def main():
    rng = random.Random(7)
    for name, data in vectors():
        check("%s: cbor2 reads it and writes the same bytes" % name,
              cbor2.dumps(cbor2.loads(data), canonical=True) == data)
    good = [cbor2.dumps(value(rng, 4), canonical=True) for _ in range(500)]
    check("500 values written by cbor2 are accepted", all(judge(good)))
    foreign = [cbor2.dumps(v) for v in (-1, 1.5, None, True, cbor2.CBORTag(1, 5), "\u00e9", "\n",
                                        cbor2.undefined, [[[[[[[[[1]]]]]]]]])]
    check("what is outside the subset is refused", not any(judge(foreign)))
    check("cut values are refused", not any(judge([g[:-1] for g in good if len(g) > 1])))
    return failed


if __name__ == "__main__":
    sys.exit(main())
