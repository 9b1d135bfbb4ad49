# SPDX-License-Identifier: Apache-2.0
"""The TrustedObjects Manager in tests: its command line, its daemon, and releases made up for hosted servers."""
import hashlib
import json
import os
import socket
import struct
import subprocess
import time

from lab import LabError, build, die_with_parent

SHA256 = 0x000b
EV_SEPARATOR, EV_ACTION, EV_TAG, EV_APPLICATION = 0x4, 0x5, 0x6, 0x80000003
UNBOUND = b"unbound"


def sha256(data):
    return hashlib.sha256(data).digest()


def replay(digests):
    value = bytes(32)
    for digest in digests:
        value = sha256(value + digest)
    return value


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Tom:
    """One TOM: a home directory, the command, and the daemon when started."""

    def __init__(self, lab, name="tom", port=None, ek_ca=None):
        self.home = lab.subdir(name)
        self.port = port or free_port()
        self.log_path = os.path.join(self.home, "daemon.txt")
        self.process = None
        arguments = ["init", "--listen", "127.0.0.1:%d" % self.port]
        for path in ek_ca or []:
            arguments += ["--ek-ca", path]
        self(*arguments)
        lab.machines.append(self)

    def run(self, *arguments, timeout=120):
        """Runs a command; the completed process, whatever its status."""
        return subprocess.run([build("host/tom"), *arguments], env=dict(os.environ, TOM_HOME=self.home),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                              check=False)

    def __call__(self, *arguments, **options):
        """Runs a command that must succeed; its output."""
        done = self.run(*arguments, **options)
        if done.returncode:
            raise LabError("tom %s: %d\n%s%s\n%s" % (" ".join(arguments), done.returncode, done.stdout,
                                                     done.stderr, self.log()[-1500:]))
        return done.stdout

    def json(self, *arguments):
        return json.loads(self("--json", *arguments))

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([build("host/tomd")], env=dict(os.environ, TOM_HOME=self.home),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)
        self.wait(r"listening", 10)

    def log(self):
        try:
            with open(self.log_path, "r", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait(self, text, seconds, start=0):
        """Waits for a text in the daemon's log; returns the length of the log then."""
        end = time.monotonic() + seconds
        while text not in self.log()[start:]:
            if time.monotonic() > end:
                raise LabError("no %r from tomd within %d s; it ends:\n%s" % (text, seconds, self.log()[-2000:]))
            time.sleep(0.05)
        return len(self.log())

    def verdict(self, server):
        return next(s["verdict"] for s in self.json("server", "list") if s["name"] == server)

    def wait_verdict(self, server, text, seconds):
        """Waits until the verdict on a server contains text; False if it does not in time."""
        end = time.monotonic() + seconds
        while text not in self.verdict(server):
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def record(self, server):
        with open(os.path.join(self.home, "servers", server + ".binding"), "rb") as f:
            return f.read()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class Boot:
    """What firmware and loader would have measured for a made-up release: log, PCRs, reference values."""

    def __init__(self, name="r1", parts=("kernel", "manifest", "root", "tmc"), image=b"image", secure_boot=b"off"):
        self.name = name
        self.parts = [(p, sha256(("%s of %s" % (p, name)).encode())) for p in parts]
        self.image = sha256(image)
        self.secure_boot = sha256(secure_boot)

    def reference(self):
        return {"format": 1, "bank": "sha256", "image": {"sha256": sha256(self.name.encode()).hex()},
                "parts": [{"name": n, "pcr": 11, "sha256": d.hex()} for n, d in self.parts],
                "pcr": {"4": replay([sha256(bytes(4)), self.image]).hex(),
                        "11": replay([d for _, d in self.parts]).hex()}}

    def add_to(self, tom):
        path = os.path.join(tom.home, self.name + ".json")
        with open(path, "w") as f:
            json.dump(self.reference(), f)
        tom("release", "add", path, "--name", self.name)

    def events(self, record):
        """(pcr, type, digest, data) in order."""
        tag = lambda name: b"RDBT" + struct.pack("<I", len(name)) + name.encode()  # noqa: E731
        return [(7, 0x80000001, self.secure_boot, b"secure boot"),
                (4, EV_SEPARATOR, sha256(bytes(4)), bytes(4)),
                (4, EV_APPLICATION, self.image, b"redoubt.efi"),
                *[(11, EV_TAG, d, tag(n)) for n, d in self.parts],
                (12, EV_TAG, sha256(record or UNBOUND), tag("binding")),
                (12, EV_TAG, sha256(b""), tag("cmdline"))]

    def log(self, record):
        """The TCG2 event log."""
        spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 1) + struct.pack("<HHB", SHA256, 32, 0)
        out = struct.pack("<II", 0, 3) + bytes(20) + struct.pack("<I", len(spec)) + spec
        for pcr, kind, digest, data in self.events(record):
            out += struct.pack("<IIIH", pcr, kind, 1, SHA256) + digest + struct.pack("<I", len(data)) + data
        return out

    def measure(self, record):
        return [(pcr, digest) for pcr, _, digest, _ in self.events(record)]
