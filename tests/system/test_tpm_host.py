#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# cores: 0
"""The TPM broker on swtpm: leases, allow-lists, the run-time log, and its death in the middle of things."""
import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
import puppet  # noqa: E402
import tomkeys  # noqa: E402
from puppet import DENIED, OK, STATE  # noqa: E402

OPEN, CMD, CLOSE, EXTEND, LOG = range(1, 6)
GET_RANDOM = bytes.fromhex("8001" "0000000c" "0000017b" "0010")
CLEAR = bytes.fromhex("8002" "0000001b" "00000126" "4000000c" "00000009" "40000009" "0000" "00" "0000")
PCR_RESET = bytes.fromhex("8002" "0000001b" "0000013d" "00000017" "00000009" "40000009" "0000" "00" "0000")
SESSION = bytes.fromhex("8001" "0000003b" "00000176" "40000007" "40000007" "0020") + bytes(32) + \
    bytes.fromhex("0000" "01" "0010" "000b")


def records(log):
    """(pcr, content) of each record of the run-time log."""
    at = 0
    found = []

    def tlv(kind):
        nonlocal at
        if log[at] != kind:
            raise ValueError("type %d at %d" % (log[at], at))
        size = struct.unpack(">I", log[at + 1:at + 5])[0]
        at += 5 + size
        return log[at - size:at]

    while at < len(log):
        number, pcr, digests, content = tlv(0), tlv(1), tlv(3), tlv(0x52)
        if int.from_bytes(number, "big") != len(found) or digests[5:] != tomkeys.sha256(content):
            raise ValueError("record %d" % len(found))
        found.append((pcr[0], content))
    return found


def replay(log, number):
    value = bytes(32)
    for pcr, content in records(log):
        if pcr == number:
            value = tomkeys.sha256(value + tomkeys.sha256(content))
    return value


class Broker:
    """The broker as one client sees it."""

    def __init__(self, client):
        self.client = client

    def call(self, kind, payload=b"", arg=0):
        return self.client.call("tpm", "tpm", kind, payload, arg)

    def log(self, which=1):
        """The whole log, page by page."""
        data = b""
        while True:
            code, part = self.call(LOG, struct.pack("<II", which, 300), len(data))
            if code != OK or not part:
                return data
            data += part


def loaded(tpm):
    return tpm.tool("tpm2_getcap", "handles-loaded-session").strip() + \
        tpm.tool("tpm2_getcap", "handles-transient").strip()


def leases(lab, server, tmc, policy):
    lab.equal("without a lease no command", tmc.call(CMD, GET_RANDOM)[0], STATE)
    lab.equal("policy gets no lease", policy.call(OPEN)[0], DENIED)
    lab.equal("tmc gets one", tmc.call(OPEN)[0], OK)
    code, answer = tmc.call(CMD, GET_RANDOM)
    lab.check("and random bytes", code == OK and len(answer) == 28 and answer[6:10] == bytes(4), answer)
    for what, command in (("TPM2_Clear", CLEAR), ("TPM2_PCR_Reset", PCR_RESET), ("rubbish", b"x" * 30),
                          ("half a command", GET_RANDOM[:8]), ("nothing", b"")):
        lab.equal("refused: " + what, tmc.call(CMD, command)[0], DENIED)
    for _ in range(3):
        tmc.call(CMD, SESSION)
    lab.check("three sessions are open", loaded(server.tpm) != "")
    tmc.call(CLOSE)
    lab.equal("the end of the lease flushes them", loaded(server.tpm), "")
    tmc.call(OPEN)
    tmc.call(CMD, SESSION)
    server.kill_component("tmc")
    server.wait("root: tmc started again", 20)
    end = time.monotonic() + 10
    while loaded(server.tpm) and time.monotonic() < end:
        time.sleep(0.05)
    lab.equal("so does the death of its holder", loaded(server.tpm), "")
    tmc.client = server.tmc = puppet.Puppet(server, "tmc")
    tmc.call(OPEN)
    tmc.call(CMD, SESSION)
    server.kill_component("tpm")
    server.wait("root: tpm started again", 20)
    lab.equal("a lease does not outlive the broker", tmc.call(CMD, GET_RANDOM)[0], STATE)
    lab.equal("nor do its sessions", loaded(server.tpm), "")


def log(lab, server, tmc, policy):
    lab.equal("policy extends PCR 10", policy.call(EXTEND, b"vm-start\0one", 10)[0], OK)
    lab.equal("twice the same is two", policy.call(EXTEND, b"vm-start\0one", 10)[0], OK)
    for what, payload, arg in (("a PCR of others", b"x\0", 7), ("no PCR", b"x\0", 1 << 32 | 10), ("no word", b"\0x", 10),
                               ("no end of the word", b"abc", 10), ("a word of capitals", b"Vm\0", 10),
                               ("too much", b"x\0" + bytes(1100), 10)):
        lab.check("refused: " + what, policy.call(EXTEND, payload, arg)[0] not in (OK, puppet.FAILED))
    data = tmc.log()
    lab.equal("the run-time log tells both", [r for r in records(data) if r[0] == 10], [(10, b"vm-start\0one")] * 2)
    lab.equal("and replays to PCR 10", replay(data, 10), server.pcr(10))
    lab.equal("the boot log is handed out", tmc.log(0), b"boot log " * 100)
    lab.equal("nothing behind the end", tmc.call(LOG, struct.pack("<II", 1, 10), len(data) + 1)[0], puppet.BAD_REQUEST)


EXTENSIONS = 250  # at each of the 10 deaths; the run-time log holds some 3300 of them


def deaths(lab, server, tmc, policy):
    """The broker is killed again and again while policy extends as fast as it can, but no more than the run-time log holds."""
    done = []
    stop = threading.Event()
    most = 0

    def extend():
        while not stop.is_set():
            if len(done) >= most:
                time.sleep(0.001)
                continue
            done.append(policy.call(EXTEND, b"vm-start\0" + str(len(done)).encode(), 10)[0])

    before = len(records(tmc.log()))
    worker = threading.Thread(target=extend)
    worker.start()
    for i in range(10):
        kill_at, most = len(done) + 30 + 17 * i, len(done) + EXTENSIONS
        while len(done) < kill_at and worker.is_alive():
            time.sleep(0)
        count = server.log().count("tpm started again")
        server.kill_component("tpm")
        end = time.monotonic() + 20
        while server.log().count("tpm started again") == count and time.monotonic() < end:
            time.sleep(0.01)
    stop.set()
    worker.join()
    data = tmc.log()
    told = [c for p, c in records(data)[before:] if p == 10]
    lab.check("the broker dies 10 times amid %d extensions: each is there once, in order" % len(done),
              len(done) > 10 and set(done) == {OK} and
              told == [b"vm-start\0" + str(i).encode() for i in range(len(done))], told[-10:])
    lab.equal("and the log replays to PCR 10", replay(data, 10), server.pcr(10))


def test(lab):
    server = puppet.Server(lab, "server", lab.tpm(), parts={"eventlog": b"boot log " * 100})
    server.start()
    tmc, policy = Broker(server.tmc), Broker(server.policy)
    leases(lab, server, tmc, policy)
    log(lab, server, tmc, policy)
    deaths(lab, server, tmc, policy)


laboratory.run(test)
