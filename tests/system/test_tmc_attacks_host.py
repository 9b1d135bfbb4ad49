#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 400
# cores: 0
"""Attacks on the management channel: each must fail, and say in words why."""
import os
import random
import shutil
import socket
import sqlite3
import ssl
import struct
import subprocess

import cbor2

from hosted import Hosted
from lab import run
from tom import Boot, Tom, sha256

CHALLENGE, EVIDENCE, REFUSE, COMMAND = 1, 2, 10, 16


def frame(kind, body, version=1):
    return struct.pack("<IHBB", len(body), kind, version, 0) + body


def read_frame(s):
    """(type, body) or (None, b"") at the end."""
    data = b""
    try:
        while len(data) < 8 or len(data) < 8 + struct.unpack("<I", data[:4])[0]:
            part = s.recv(65536)
            if not part:
                return None, b""
            data += part
    except OSError:
        return None, b""
    return struct.unpack("<H", data[4:6])[0], data[8:]


class Bench:
    """A bound server and its TOM."""

    def __init__(self, lab):
        self.lab = lab
        self.tpm = lab.tpm()
        self.tom = Tom(lab, ek_ca=lab.authority().chain)
        self.boot = Boot()
        self.boot.add_to(self.tom)
        self.tom.start()
        self.tom("server", "add", "s1", "--release", "r1")
        self.record = self.tom.record("s1")
        self.machine = self.server("s1", self.tpm, self.boot, self.record)

    def server(self, name, tpm, boot, record, log_boot=None):
        return Hosted(self.lab, name, tpm=tpm, measure=boot.measure(record),
                      parts={"binding": record, "eventlog": (log_boot or boot).log(record)})

    def db(self, sql, *values):
        with sqlite3.connect(os.path.join(self.tom.home, "tom.db"), timeout=10) as db:
            return db.execute(sql, values).fetchall()

    def restart_with(self, boot, record, log_boot=None):
        self.machine.kill()
        self.machine.options["measure"] = boot.measure(record)
        self.machine.set_parts({"binding": record, "eventlog": (log_boot or boot).log(record)})
        self.machine.start()

    def refused(self, what, text, seconds=40):
        self.db("UPDATE server SET verdict = 'none yet'")
        return self.lab.check("%s: \"%s\"" % (what, text), self.tom.wait_verdict("s1", text, seconds),
                              self.tom.verdict("s1") + self.machine.log()[-1500:] + self.tom.log()[-800:])

    def good(self, what):
        self.db("UPDATE server SET verdict = 'none yet'")
        return self.lab.check(what, self.tom.wait_verdict("s1", "good", 60),
                              self.tom.verdict("s1") + self.machine.log()[-1500:])


def binding(bench):
    """Before there is a binding, and doing it twice."""
    token = bench.record.replace(cbor2.loads(bench.record)[10], bytes(32))
    bench.tom("server", "bind", "s1")
    real = bench.db("SELECT record FROM server")[0][0]
    bench.db("UPDATE server SET record = ?", token)
    bench.restart_with(bench.boot, token)
    bench.refused("a record with another token does not bind", "wrong token")
    bench.db("UPDATE server SET record = ?", real)
    other = bench.lab.tpm("othermaker", authority=bench.lab.authority("otherca"))
    bench.machine.kill()
    bench.machine.tpm, mine = other, bench.machine.tpm
    bench.restart_with(bench.boot, bench.record)
    bench.refused("a TPM of an unknown maker does not bind", "does not chain to a trusted TPM maker")
    bench.machine.kill()
    os.unlink(bench.machine.disk)
    with open(bench.machine.disk, "wb") as f:
        f.truncate(64 << 20)
    bench.machine.tpm = mine
    bench.restart_with(bench.boot, bench.record)
    done = bench.tom.run("server", "bind", "s1", "--wait", "60")
    bench.lab.check("the right server binds", done.returncode == 0, done.stderr + bench.machine.log())
    done = bench.tom.run("server", "bind", "s1")
    bench.lab.check("a bound server is not armed again", done.returncode == 1 and "bound already" in done.stderr)


def orders(bench):
    tom, lab = bench.tom, bench.lab
    tom("config", "push", "s1")
    old = bench.db("SELECT epoch, document, signature FROM config")[0]
    tom("config", "push", "s1")
    newer = bench.db("SELECT epoch, document, signature FROM config")[0]
    push = lambda: subprocess.run(  # noqa: E731
        ["/usr/bin/python3", "-c", "import socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1]);"
         "s.sendall(b'push\\n');print(s.recv(300).decode())", os.path.join(tom.home, "run/s1.sock")],
        capture_output=True, text=True, check=False).stdout
    bench.db("UPDATE config SET epoch = ?, document = ?, signature = ?", *old)
    text = push()
    lab.check("an older epoch is refused", text.startswith("no ") and "epoch 1 is refused: epoch 2 is committed" in text, text)
    forged = newer[1][:-1] + bytes([newer[1][-1] ^ 1])
    bench.db("UPDATE config SET epoch = ?, document = ?, signature = ?", newer[0], forged, newer[2])
    text = push()
    lab.check("a changed document is refused", "not signed by the operator" in text, text)
    bench.db("UPDATE config SET epoch = ?, document = ?, signature = ?", *newer)
    bench.db("UPDATE server SET sequence = 0")
    text = push()
    lab.check("a command with an old sequence is refused", "sequence is not above" in text, text)
    bench.db("UPDATE server SET sequence = 1000")
    text = push()
    lab.check("the committed epoch again changes nothing", "committed already" in text, text)


def restarts(bench):
    machine, tom = bench.machine, bench.tom
    for name in ("tmc", "policy"):
        mark = len(tom.log())
        machine.kill_component(name)
        machine.wait(r"root: %s started again" % name, 20)
        if name == "tmc":
            tom.wait("attested", 40, mark)
    bench.lab.check("tmc and policy come back after a crash", "committed" in tom("config", "push", "s1"), machine.log())
    tom.kill()
    bench.restart_with(bench.boot, bench.record)
    machine.wait(r"policy: stored state: epoch \d+", 30)
    bench.lab.check("after a reboot without the TOM the state is read and the disk opens by itself", True)
    tom.start()
    bench.good("the TOM comes back and accepts the server")


def measurements(bench):
    changed = Boot(parts=("kernel", "manifest", "root", "tmc"))
    changed.parts[3] = ("tmc", sha256(b"evil"))
    bench.restart_with(changed, bench.record)
    bench.refused("a changed component", "PCR 11, event 4: component \"tmc\" has digest")
    bench.restart_with(changed, bench.record, log_boot=bench.boot)
    bench.refused("an event log that hides it", "logs do not lead to the quoted PCRs")
    more = Boot(parts=("kernel", "manifest", "root", "tmc", "spy"))
    bench.restart_with(more, bench.record)
    bench.refused("one component more", "PCR 11, event 5: \"spy\"")
    bench.restart_with(Boot(image=b"other loader"), bench.record)
    bench.refused("another boot image", "PCR 4: the boot image started is not that of release r1")
    bench.restart_with(Boot(secure_boot=b"changed"), bench.record)
    bench.refused("changed Secure Boot settings", "PCR 7: Secure Boot settings changed")
    bench.restart_with(bench.boot, bench.record)
    bench.good("the right boot is accepted again")


def cleared_chip(bench, chip):
    """TPM2_Clear takes AK, SRK and the NV index away: the disk stays shut, the TOM does not know the new key."""
    chip.stop()
    shutil.copytree(chip.state, chip.state + ".mine")
    chip.powered_alone()
    chip.tool("tpm2_clear", "-c", "p")
    chip.stop()
    bench.restart_with(bench.boot, bench.record)
    bench.refused("a cleared TPM", "attestation key: not the one enrolled")
    bench.machine.kill()
    chip.stop()
    shutil.rmtree(chip.state)
    os.rename(chip.state + ".mine", chip.state)


def chips(bench):
    bench.machine.kill()
    mine = bench.machine.tpm
    bench.machine.tpm = bench.lab.tpm("swapped")
    bench.restart_with(bench.boot, bench.record)
    bench.refused("a swapped TPM", "attestation key: not the one enrolled")
    bench.machine.kill()
    bench.machine.tpm = mine
    cleared_chip(bench, mine)
    disk = bench.machine.disk
    shutil.copyfile(disk, disk + ".mine")
    with open(disk, "wb") as f:
        f.truncate(64 << 20)
    bench.restart_with(bench.boot, bench.record)
    bench.refused("a blank disk", "disk of server s1 is blank")
    bench.machine.kill()
    os.replace(disk + ".mine", disk)


def other_tom(bench):
    lab, port = bench.lab, bench.tom.port
    bench.tom.kill()
    other = Tom(lab, "othertom", port=port, ek_ca=lab.authority().chain)
    other.start()
    bench.restart_with(bench.boot, bench.record)
    bench.machine.wait(r"tmc: refused: the TOM that answers has another key", 40)
    lab.check("another TOM at the same address is refused by the server", True)
    other.kill()
    bench.boot.add_to(other)
    other("server", "add", "s1", "--release", "r1")
    other("server", "bind", "s1")
    other.start()
    bench.restart_with(bench.boot, other.record("s1"))
    bench.machine.wait(r"tmc: refused: this server is bound to another TOM", 40)
    lab.check("a record that names another TOM does not bind the server again", True)
    other.kill()
    keys = os.path.join(bench.tom.home, "keys")
    shutil.copyfile(keys + "/tls.crt", keys + "/tls.crt.mine")
    name = ["-subj", "/CN=Redoubt TOM"]
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", keys + "/operator.key", "-subj", "/CN=Redoubt TOM CA",
                    "-days", "100", "-out", lab.dir + "/ca2.crt"], check=True, capture_output=True)
    subprocess.run(["openssl", "req", "-new", "-key", keys + "/tls.key", *name, "-out", lab.dir + "/tls.csr"], check=True,
                   capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", lab.dir + "/tls.csr", "-CA", lab.dir + "/ca2.crt", "-CAkey",
                    keys + "/operator.key", "-CAcreateserial", "-days", "100", "-out", keys + "/tls.crt"], check=True,
                   capture_output=True)
    bench.tom.start()
    bench.restart_with(bench.boot, bench.record)
    bench.machine.wait(r"tmc: refused: the TOM that answers has another certificate authority", 40)
    lab.check("the right key under another CA's certificate is refused", True)
    bench.tom.kill()
    os.replace(keys + "/tls.crt.mine", keys + "/tls.crt")


def fake_tom(bench, first, answer=None):
    """Holds the TOM's TLS key, but says other things first. What the server answered."""
    keys = os.path.join(bench.tom.home, "keys")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys + "/tls.crt", keys + "/tls.key")
    with socket.create_server(("127.0.0.1", bench.tom.port)) as listener:
        listener.settimeout(60)
        client, _ = listener.accept()
        client.settimeout(30)
        with context.wrap_socket(client, server_side=True) as s:
            s.sendall(first)
            kind, body = read_frame(s)
            if answer and kind == EVIDENCE:
                s.sendall(answer)
                kind, body = read_frame(s)
            return kind, body


def before_attestation(bench):
    lab = bench.lab
    bench.restart_with(bench.boot, bench.record)
    cases = [("a command", frame(COMMAND, b"\xa0"), None), ("a malformed challenge", frame(CHALLENGE, b"\xa1\x01\x41x"), None),
             ("a frame of another version", frame(CHALLENGE, b"\xa0", version=2), None),
             ("a frame that is too long", b"\xff\xff\xff\xff\x01\x00\x01\x00", None),
             ("a command in place of the result", frame(CHALLENGE, cbor2.dumps({1: bytes(32)}, canonical=True)),
              frame(COMMAND, b"\xa0")),
             ("a result the operator did not sign", frame(CHALLENGE, cbor2.dumps({1: bytes(32)}, canonical=True)),
              frame(9, cbor2.dumps({1: bytes(32), 2: 0, 3: bytes(64)}, canonical=True)))]
    for what, first, answer in cases:
        kind, body = fake_tom(bench, first, answer)
        lab.check("%s before attestation ends the connection" % what, kind in (REFUSE, None),
                  "%s %s\n%s" % (kind, body[:80], bench.machine.log()[-500:]))
    lab.check("and the server is still there", bench.machine.log().count("refused:") >= 4 and
              "tmc started again" not in bench.machine.log(), bench.machine.log()[-1500:])
    bench.tom.start()
    bench.good("and is accepted by its own TOM")


class FakeServer:
    """A TLS client with some certificate."""

    def __init__(self, bench):
        base = os.path.join(bench.lab.dir, "fake")
        if not os.path.exists(base + ".crt"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", base + ".key", "-subj", "/CN=x", "-days", "100", "-out", base + ".crt"],
                           check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(base + ".crt", base + ".key")
        self.s = context.wrap_socket(socket.create_connection(("127.0.0.1", bench.tom.port), 20))
        self.s.settimeout(30)

    def exchange(self, data):
        """Reads the challenge, sends, reads one frame."""
        kind, body = read_frame(self.s)
        if kind != CHALLENGE:
            return kind, body
        try:
            self.s.sendall(data)
        except OSError:
            return None, b""
        return read_frame(self.s)


def towards_tom(bench):
    lab = bench.lab
    stored = bench.db("SELECT body FROM evidence WHERE good = 1 ORDER BY id DESC LIMIT 1")[0][0]
    kind, body = FakeServer(bench).exchange(frame(EVIDENCE, stored))
    lab.check("a replayed quote is refused", kind == REFUSE and b"not made for this connection" in body, body)
    evidence = cbor2.loads(stored)
    evidence[7] = evidence[7][:-1] + bytes([evidence[7][-1] ^ 1])
    kind, body = FakeServer(bench).exchange(frame(EVIDENCE, cbor2.dumps(evidence, canonical=True)))
    lab.check("a quote with another signature is refused", kind == REFUSE and b"not signed by the attestation key" in body, body)
    evidence = dict(cbor2.loads(stored), **{})
    evidence[1] = bytes(16)
    kind, body = FakeServer(bench).exchange(frame(EVIDENCE, cbor2.dumps(evidence, canonical=True)))
    lab.check("an unknown server is refused", kind == REFUSE and b"no server of that id" in body, body)
    rng = random.Random(1)
    survived = 0
    for kind in list(range(24)) + [999]:
        garbage = rng.choice([b"\xa0", rng.randbytes(50), stored[:rng.randrange(len(stored))]])
        got, _ = FakeServer(bench).exchange(frame(kind, garbage))
        survived += got in (REFUSE, None)
    lab.check("malformed messages of every type are refused", survived == 25, survived)
    plain = socket.create_connection(("127.0.0.1", bench.tom.port), 20)
    plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
    plain.close()
    lab.check("the daemon goes on", bench.tom.json("server", "list")[0]["online"])


def test(lab):
    bench = Bench(lab)
    for attack in (binding, orders, restarts, measurements, chips, other_tom, before_attestation, towards_tom):
        attack(bench)


if __name__ == "__main__":
    run(test)
