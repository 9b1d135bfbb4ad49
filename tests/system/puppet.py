# SPDX-License-Identifier: Apache-2.0
"""A test's hand inside a hosted server: sends any request as policy or tmc (tests/system/puppet/)."""
import os
import socket
import struct
import time

from cryptography.hazmat.primitives.serialization import load_pem_public_key

import hosted
import tomkeys

OK, BAD_REQUEST, DENIED, NOT_FOUND, NO_SPACE, IO, CORRUPT, BUSY, EXISTS, STATE = range(10)
FAILED = 11
NONE = 255

CTL_START, CTL_STOP = 1, 2
VAULT_STATUS, VOLUME_ENSURE, VOLUME_DROP, IMAGE_WANT, IMAGE_DROP, VM_ATTACH, VM_DETACH, VM_BUTTON = range(1, 9)
IMAGE_STATE, IMAGE_CHUNK, CONSOLE_OPEN, CONSOLE_SEALED, CONSOLE_CLOSE, CONSOLE_ENDED = range(1, 7)
ABSENT, PARTIAL, VERIFYING, PRESENT = range(4)
BLK_INFO, BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD = range(1, 6)
CONSOLE_OUT, CONSOLE_IN, CONSOLE_BUTTON = 1, 2, 3

DISK_STATUS, DISK_FORMAT, DISK_APPROVE, DISK_PURGE = 1, 2, 3, 4
STORE_GET, STORE_PUT, STORE_LIST = 16, 17, 18
BLANK, SEALED, OPEN = 1, 2, 3
REASONS = {1: "io", 2: "header", 3: "version", 4: "other tpm", 5: "pcr invalid", 6: "not approved",
           7: "opened", 8: "tampered", 9: "tpm", 10: "store"}
MANIFEST = "tests/system/puppet/manifest.toml"
BOOT = {4: tomkeys.sha256(b"loader"), 7: tomkeys.sha256(b"secure boot off"),
        11: tomkeys.sha256(b"kernel"), 12: tomkeys.sha256(b"unbound")}


def measured(digests):
    """PCR values after a boot that extended these digests."""
    return {n: tomkeys.sha256(bytes(32) + digest) for n, digest in digests.items()}


class Puppet:
    """One puppet component of a hosted server."""

    def __init__(self, server, name):
        self.path = os.path.join(server.dir, name + ".sock")
        self.sock = None

    def _connect(self):
        end = time.monotonic() + 20
        while True:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.sock.connect(self.path)
                self.sock.settimeout(60)
                return
            except OSError:
                self.sock.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _read(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise EOFError("the puppet is gone")
            data += part
        return data

    def _exchange(self, operation, peer, proto, kind, arg, payload):
        if not self.sock:
            self._connect()
        body = struct.pack("<I32s16sIQ", operation, peer.encode(), proto.encode(), kind, arg) + payload
        self.sock.sendall(struct.pack("<I", len(body)) + body)
        answer = self._read(struct.unpack("<I", self._read(4))[0])
        return struct.unpack("<IIQ", answer[:16]) + (answer[16:],)

    def call(self, peer, proto, kind, payload=b"", arg=0):
        """(status, payload) of one request."""
        status, _, _, data = self._exchange(0, peer, proto, kind, arg, payload)
        return status, data

    def receive(self, peer, proto, milliseconds=2000):
        """(type, arg, payload) of the next message nobody asked for, or None."""
        status, kind, arg, data = self._exchange(1, peer, proto, 0, milliseconds, b"")
        return None if status == NONE else (kind, arg, data)

    def send(self, peer, proto, kind, payload=b"", arg=0):
        self._exchange(2, peer, proto, kind, arg, payload)


class Status:
    """struct disk_status."""

    def __init__(self, data):
        (self.state, reason, self.server, self.uuid, self.blocks, self.free, self.approvals, _,
         release, text) = struct.unpack("<II16s16sQQII32s256s", data)
        self.reason = REASONS.get(reason, "")
        self.release = release.split(b"\0")[0].decode()
        self.text = text.split(b"\0")[0].decode()

    def __repr__(self):
        return "state %d, reason %s: %s" % (self.state, self.reason, self.text)


class Server(hosted.Hosted):
    """A hosted server with disk, TPM broker and two puppets."""

    def __init__(self, lab, name, tpm, **options):
        options.setdefault("measure", list(BOOT.items()))
        super().__init__(lab, name, tpm=tpm, manifest=MANIFEST, **options)

    def start(self):
        for name in ("tmc", "policy"):
            path = os.path.join(self.dir, name + ".sock")
            if os.path.exists(path):
                os.unlink(path)
        super().start()
        self.tmc = Puppet(self, "tmc")
        self.policy = Puppet(self, "policy")

    def restart(self):
        self.kill()
        self.start()

    def status(self, puppet=None):
        return Status((puppet or self.tmc).call("disk", "store", DISK_STATUS)[1])

    def format(self, key, identity, approvals):
        """(status, text or struct disk_status)"""
        count = len(approvals) // 240
        return self.tmc.call("disk", "store", DISK_FORMAT,
                             struct.pack("<II", 1, count) + identity + key.xy + approvals)

    def put(self, puppet, **records):
        payload = b""
        for name, value in records.items():
            size = 0xffffffff if value is None else len(value)
            payload += struct.pack("<II", size, len(name)) + name.encode() + (value or b"")
        return puppet.call("disk", "store", STORE_PUT, payload)[0]

    def get(self, puppet, name):
        return puppet.call("disk", "store", STORE_GET, name.encode())

    def srk(self):
        """X and Y of this TPM's storage root key."""
        path = os.path.join(self.dir, "srk.pem")
        self.tpm.tool("tpm2_readpublic", "-c", "0x81000001", "-f", "pem", "-o", path)
        with open(path, "rb") as f:
            return tomkeys.point(load_pem_public_key(f.read()))

    def start_instance(self, template, tag, label, parent=0, argument=b""):
        """CTL_START by policy; its status."""
        return self.policy.call("root", "ctl", CTL_START, struct.pack(
            "<II32sQQ32sQ", 1, len(argument), template.encode(), tag, parent, label.encode(), 0) + argument)[0]

    def stop_instance(self, template, tag):
        return self.policy.call("root", "ctl", CTL_STOP, struct.pack("<32sQ", template.encode(), tag))[0]

    def pcr(self, number):
        return bytes.fromhex(self.tpm.pcrs([number])[number])
