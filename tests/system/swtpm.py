# SPDX-License-Identifier: Apache-2.0
"""A software TPM that outlives the emulated machine it is plugged into.

QEMU talks to swtpm's control channel through a relay in this program. So a test can send its own
TPM commands while the machine runs or after its power was cut, and can watch every command that
crosses the "bus". The chip is reset when a machine is powered on, as a real one is.
"""
import array
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

CMD_INIT = 2
CMD_SHUTDOWN = 3
CMD_SET_DATAFD = 16
PIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tpmpipe.py")


def receive_command(sock):
    """One whole TPM command or response (its header carries its length), or b"" at the end."""
    data = b""
    while len(data) < 10 or len(data) < struct.unpack(">I", data[2:6])[0]:
        part = sock.recv(65536)
        if not part:
            return b""
        data += part
    return data


class Authority:
    """A TPM maker: root CA -> issuing CA -> EK and platform certificates."""

    def __init__(self, path):
        self.dir = path
        self.config = self._write("setup.conf", "create_certs_tool = /usr/bin/swtpm_localca\n"
                                  "create_certs_tool_config = %s/localca.conf\n"
                                  "create_certs_tool_options = %s/localca.options\n" % (path, path))
        self._write("localca.conf", "statedir = %s\nsigningkey = %s/signkey.pem\n"
                    "issuercert = %s/issuercert.pem\ncertserial = %s/certserial\n"
                    % (path, path, path, path))
        self._write("localca.options", "--platform-manufacturer Redoubt\n"
                    "--platform-version 1.0\n--platform-model Lab\n")

    def _write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    @property
    def chain(self):
        """Paths of (root certificate, issuer certificate), there once a TPM has been made."""
        return (os.path.join(self.dir, "swtpm-localca-rootca-cert.pem"),
                os.path.join(self.dir, "issuercert.pem"))


class Tpm:
    """One chip. `trace`, when set to a list, collects (command, response) of the machine.

    `filter`, when set, is called with each command of the machine and returns what to send instead:
    an interposer on the bus.
    """

    def __init__(self, path, authority, banks="sha256"):
        self.dir = path
        self.state = os.path.join(path, "state")
        self.control_path = os.path.join(path, "ctrl")
        self.command_path = os.path.join(path, "cmd")
        self.trace = None
        self.filter = None
        self.process = None
        self.lock = threading.Lock()
        self.life = 0  # resets so far: a command that was under way at one must not reach the chip behind it
        os.makedirs(self.state, exist_ok=True)
        if not os.path.exists(os.path.join(self.state, "tpm2-00.permall")):
            self.manufacture(authority, banks)

    def manufacture(self, authority, banks):
        """Makes the chip: EKs, their certificates, the platform certificate, the active banks."""
        run = subprocess.run(
            ["swtpm_setup", "--tpm2", "--tpmstate", self.state, "--createek", "--create-ek-cert",
             "--create-platform-cert", "--lock-nvram", "--pcr-banks", banks, "--overwrite",
             "--config", authority.config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False)
        if run.returncode:
            raise subprocess.CalledProcessError(run.returncode, "swtpm_setup", run.stdout)

    def start(self):
        """Powers the chip (if it is off) and waits for a machine on control_path."""
        if self.process and self.process.poll() is None:
            return
        from lab import die_with_parent
        real = os.path.join(self.dir, "swtpm-ctrl")
        for path in (real, self.control_path, self.command_path):
            if os.path.exists(path):
                os.unlink(path)
        with open(os.path.join(self.dir, "swtpm.txt"), "ab") as log:
            self.process = subprocess.Popen(
                ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.state, "--ctrl",
                 "type=unixio,path=" + real], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent)
        self.control = self._connect(real)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control_exchange(struct.pack(">I", CMD_SET_DATAFD), theirs.fileno())
        theirs.close()
        self.data = ours
        self._serve(self.control_path, self._relay_control)
        self._serve(self.command_path, self._relay_commands)

    def _connect(self, path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        for _ in range(200):
            try:
                sock.connect(path)
                return sock
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        with open(os.path.join(self.dir, "swtpm.txt"), "r") as f:
            raise RuntimeError("swtpm did not start: " + f.read())

    def _control_exchange(self, request, fd=None):
        fds = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd else []
        self.control.sendmsg([request], fds)
        return self.control.recv(65536)

    def _serve(self, path, handler):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(4)
        self._accept(listener, handler)

    def _accept(self, listener, handler):
        """A thread for each connection."""
        def accept():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=self._quietly, args=(handler, client), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    @staticmethod
    def _quietly(handler, client):
        try:
            handler(client)
        except OSError:
            pass
        finally:
            client.close()

    def _relay_control(self, client):
        """QEMU's control channel. The data channel it hands over is served by a thread of ours."""
        while True:
            request, ancillary, _, _ = client.recvmsg(65536, 4096)
            if not request:
                return
            command = struct.unpack(">I", request[:4])[0]
            if command == CMD_SET_DATAFD:
                fd = array.array("i", ancillary[0][2])[0]
                machine = socket.socket(fileno=fd)
                threading.Thread(target=self._quietly, args=(self._relay_machine, machine),
                                 daemon=True).start()
                client.sendall(bytes(4))
            elif command == CMD_SHUTDOWN:
                client.sendall(bytes(4))
            else:
                with self.lock:
                    self.life += command == CMD_INIT
                    reply = self._control_exchange(request)
                client.sendall(reply)

    def _relay_machine(self, client, life=None):
        """`life`: the one in which this machine has power, if it has it in one only."""
        while True:
            command = receive_command(client)
            if not command:
                return
            now = self.life if life is None else life
            if self.filter:
                command = self.filter(command)
            response = self.command(command, now)
            if self.trace is not None:
                self.trace.append((command, response))
            client.sendall(response)

    def _relay_commands(self, client):
        while True:
            command = receive_command(client)
            if not command:
                return
            client.sendall(self.command(command))

    def command(self, command, life=None):
        """Sends one TPM command, returns the response; the machine's commands wait meanwhile."""
        with self.lock:
            if life not in (None, self.life):
                raise OSError("who sent this has lost its power")
            self.data.sendall(command)
            response = receive_command(self.data)
        if not response:
            raise OSError("swtpm closed its data channel")
        return response

    @property
    def tcti(self):
        """TCTI string that lets tpm2-tools talk to this chip while it is on."""
        return "cmd:%s %s %s" % (sys.executable or "/usr/bin/python3", PIPE, self.command_path)

    def tool(self, name, *arguments):
        """Runs a program of tpm2-tools on this chip; returns what it printed."""
        environment = dict(os.environ, TPM2TOOLS_TCTI=self.tcti)
        return subprocess.run([name, *arguments], env=environment, check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout

    def pcrs(self, numbers, bank="sha256"):
        """{number: hex value} by tpm2_pcrread."""
        text = self.tool("tpm2_pcrread", "%s:%s" % (bank, ",".join(map(str, numbers))))
        return {int(n): v.lower() for n, v in re.findall(r"^\s*(\d+)\s*:\s*0x([0-9A-Fa-f]+)", text, re.M)}

    def serial_port(self):
        """TCP port at which a machine's serial line reaches the chip: bytes there, whole commands here."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._accept(listener, self._relay_machine)
        return listener.getsockname()[1]

    def reset(self):
        """What the machine's power-on does to the chip where no emulator does it."""
        self.start()
        with self.lock:
            self.life += 1
            self._control_exchange(struct.pack(">II", CMD_INIT, 0))

    def powered_alone(self):
        """Powers the chip without a machine (reset, TPM2_Startup), for reading NV and the like."""
        self.reset()
        self.command(bytes.fromhex("8001" "0000000c" "00000144" "0000"))

    def stop(self):
        """Takes the power away from the chip: the PCRs are gone, NV stays."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
