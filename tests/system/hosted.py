# SPDX-License-Identifier: Apache-2.0
"""Components as Linux processes: the services and the management against a software TPM, a file, and real sockets.

    lab = Lab()
    server = Hosted(lab, "server", tpm=lab.tpm())   # the system manifest; disk.img of 64 MiB
    server.start()
    server.wait(r"disk: open", 20)
    server.kill_component("disk")                   # one component dies; root starts it again
    server.kill()                                   # the power is cut
    server.start()

Root, its manifest and all services are the real sources; stand-ins are those of lib/host: uart (its output is `log`),
virtio_blk (disk.img), tpm_drv (the chip), uplink (sockets of this host), vmm (a toy console).
"""
import os
import re
import signal
import subprocess
import time

from lab import ROOT, LabError, build, die_with_parent


class Hosted:
    """One server. options: manifest (TOML path), disk_mib, volatile (write cache: kill() loses unflushed writes at random),
    measure (list of (pcr, 32 bytes) extended before the start, as the loader does), parts ({name: bytes} for start_rom)."""

    def __init__(self, lab, name="server", tpm=None, **options):
        self.dir = lab.subdir(name)
        self.tpm = tpm
        self.options = options
        self.process = None
        self.log_path = os.path.join(self.dir, "log.txt")
        self.mark = 0
        self.disk = os.path.join(self.dir, "disk.img")
        self.socket = os.path.join(self.dir, "tpm.sock")
        self.manifest = os.path.join(self.dir, "manifest.bin")
        source = options.get("manifest", "services/root/system.manifest.toml")
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "tools/manifest.py"), "compile",
                        os.path.join(ROOT, source), self.manifest], check=True)
        if not os.path.exists(self.disk):
            with open(self.disk, "wb") as f:
                f.truncate(options.get("disk_mib", 64) << 20)
        self.set_parts(options.get("parts", {}))
        lab.machines.append(self)

    def set_parts(self, parts):
        """Boot parts that components may get as start_rom: "binding", "eventlog", ..."""
        os.makedirs(os.path.join(self.dir, "parts"), exist_ok=True)
        for name, data in parts.items():
            with open(os.path.join(self.dir, "parts", name), "wb") as f:
                f.write(data)

    def start(self):
        """Power on: the TPM is reset, PCRs are extended as told, all components start."""
        if self.tpm:
            self.tpm.powered_alone()
            for pcr, digest in self.options.get("measure", []):
                self.extend(pcr, digest)
            if os.path.exists(self.socket):
                os.unlink(self.socket)
            life = self.tpm.life
            self.tpm._serve(self.socket, lambda client: self.tpm._relay_machine(client, life))
        self.mark = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        environment = dict(os.environ)
        if self.options.get("volatile"):
            environment["HOSTED_VOLATILE"] = "1"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([build("host/hosted"), self.manifest, self.dir], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment, preexec_fn=die_with_parent)

    def extend(self, pcr, digest):
        """TPM2_PCR_Extend with an empty password session."""
        auth = bytes.fromhex("00000009" "40000009" "0000" "00" "0000")
        body = pcr.to_bytes(4, "big") + auth + bytes.fromhex("00000001" "000b") + digest
        self.tpm.command(bytes.fromhex("8002") + (10 + len(body)).to_bytes(4, "big") + bytes.fromhex("00000182") + body)

    def log(self):
        """What this run has printed."""
        with open(self.log_path, "rb") as f:
            f.seek(self.mark)
            return f.read().decode("utf-8", "replace")

    def wait(self, pattern, seconds, start=0):
        """Waits until the log of this run matches (multi-line regex); returns the match."""
        end = time.monotonic() + seconds
        while True:
            match = re.compile(pattern, re.M).search(self.log(), start)
            if match:
                return match
            if time.monotonic() > end:
                raise LabError("no %r within %d s; the log ends:\n%s" % (pattern, seconds, self.log()[-2000:]))
            time.sleep(0.02)

    def pids(self, name):
        """Processes of component `name` ("disk", "vault/tvd-a")."""
        found = []
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], stdout=subprocess.PIPE, text=True,
                                  check=False).stdout.split()
        for pid in children:
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    if f.read().split(b"\0")[0].decode() == name:
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def kill_component(self, name):
        """The component dies at once; root starts it again by its template."""
        for pid in self.pids(name):
            os.kill(pid, signal.SIGKILL)

    def kill(self):
        """The power is cut: all processes at once."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None
