#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 240
# cores: 0
"""uplink as a Linux process, in a network of its own: its lwIP against the TCP of Linux over a tap device."""
import contextlib
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import threading
import time

from hosted import Hosted
from lab import LabError, run

OWN, GIVEN, NOBODY = "10.77.0.1", "10.77.0.42", "10.77.0.99"
MAC = "52:54:00:77:00:01"
BULK = 10 << 20
BLOCK = bytes((i ^ i >> 8) & 255 for i in range(1 << 16))
OK, FAILED, BAD_REQUEST, STATE = "0", "11", "1", "9"


def pattern(start, count):
    """`count` bytes of the endless pattern from offset `start` on."""
    first = start % len(BLOCK)
    return (BLOCK * (count // len(BLOCK) + 2))[first:first + count]


def own_network():
    """Moves this process into an empty network namespace; false: not allowed here."""
    newuser, newnet = 0x10000000, 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        return libc.unshare(newnet) == 0
    if libc.unshare(newuser | newnet):
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid), ("gid_map", "0 %d 1" % gid)):
        with open("/proc/self/" + name, "w", encoding="ascii") as f:
            f.write(text)
    return True


def make_tap():
    """The tap device rdt0 with our address, up; it stays when nobody has it open. netdevice(7)."""
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"rdt0", 0x1002))  # TUNSETIFF: tap, no header
    fcntl.ioctl(tun, 0x400454cb, 1)  # TUNSETPERSIST
    os.close(tun)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for request, address in ((0x8916, OWN), (0x891c, "255.255.255.0")):  # SIOCSIFADDR, SIOCSIFNETMASK
            fcntl.ioctl(s, request, struct.pack("16sHH4s8x", b"rdt0", socket.AF_INET, 0, socket.inet_aton(address)))
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"rdt0", 0x41))  # SIOCSIFFLAGS: up, running


def serve_dhcp():
    """One lease for whoever asks (RFC 2131)."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"rdt0")
    s.bind(("", 67))
    while True:
        q = s.recv(2000)
        asked = q[q.index(b"\x63\x82\x53\x63") + 4:]
        kind = {1: 2, 3: 5}.get(asked[2]) if asked[:2] == b"\x35\x01" else None
        if not kind:
            continue
        own = socket.inet_aton(OWN)
        options = b"\x35\x01" + bytes([kind]) + b"\x36\x04" + own + b"\x33\x04\0\0\x0e\x10" + \
            b"\x01\x04\xff\xff\xff\0" + b"\x03\x04" + own + b"\xff"
        s.sendto(b"\x02\x01\x06\0" + q[4:8] + bytes(8) + socket.inet_aton(GIVEN) + own + bytes(4) + q[28:44] +
                 bytes(192) + b"\x63\x82\x53\x63" + options, ("255.255.255.255", 68))


class Peer:
    """A Linux TCP server; each connection is handled by `handle(socket)` in a thread."""

    def __init__(self, handle, address=OWN):
        self.handle = handle
        self.error = None
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        self.address = "%s %d" % (address, self.port)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self.run, args=(s,), daemon=True).start()

    def run(self, s):
        with s:
            try:
                self.handle(s)
            except (OSError, ValueError) as error:
                self.error = str(error)


def receive_pattern(s, count):
    """Receives `count` bytes (None: until the end) of the pattern."""
    got = 0
    while count is None or got < count:
        data = s.recv(1 << 16)
        if not data:
            if count is None:
                return got
            raise ValueError("the stream ended after %d bytes" % got)
        if data != pattern(got, len(data)):
            raise ValueError("wrong bytes at %d" % got)
        got += len(data)
    return got


def exchange(count, wait=True):
    """A handler that sends and receives `count` bytes at once, then waits for the other's end."""
    def handle(s):
        sender = threading.Thread(target=s.sendall, args=(pattern(0, count),), daemon=True)
        sender.start()
        receive_pattern(s, count)
        sender.join()
        if wait:
            s.recv(1)
    return handle


def echo(s):
    """Gives back what comes."""
    while data := s.recv(1 << 16):
        s.sendall(data)


def reset(s):
    """Takes one byte, then resets."""
    s.recv(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def farewell(s):
    """Says a word and closes."""
    s.sendall(b"bye")


class Client:
    """Orders for tests/uplink/client.c."""

    def __init__(self, server):
        self.path = os.path.join(server.dir, "client.sock")
        self.dial()

    def dial(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(100)
        end = time.monotonic() + 20
        while self.socket.connect_ex(self.path):
            if time.monotonic() > end:
                raise LabError("the client does not listen")
            time.sleep(0.02)
        self.lines = self.socket.makefile("r")

    def order(self, text):
        self.socket.sendall(text.encode() + b"\n")
        return self.lines.readline().rstrip("\n")

    def wait_up(self, seconds):
        """Waits for an address."""
        end = time.monotonic() + seconds
        while not self.order("status").startswith("0 1"):
            if time.monotonic() > end:
                raise LabError("uplink has no address")
            time.sleep(0.05)


def test_streams(lab, client):
    """Connections as they should be, and how they end."""
    client.wait_up(20)
    lab.equal("DHCP gives an address", client.order("status"), "0 1 %s %s" % (GIVEN, MAC))
    lab.equal("a stream is opened", client.order("connect " + Peer(echo).address), OK + " ")
    client.order("send hello")
    lab.equal("it carries bytes both ways", client.order("next"), "data hello")
    lab.equal("a request of unknown type is refused", client.order("ask 77 1 10"), BAD_REQUEST)
    lab.equal("sending nothing is refused", client.order("ask 3 1 0"), BAD_REQUEST)
    lab.equal("sending on another stream is refused", client.order("ask 3 999 5"), STATE)
    lab.equal("an address of wrong size is refused", client.order("ask 2 1 7"), BAD_REQUEST)
    closed = socket.create_server((OWN, 0))
    port = closed.getsockname()[1]
    closed.close()
    lab.equal("a refused connection says why", client.order("connect %s %d" % (OWN, port)), FAILED + " connection refused")
    lab.equal("so does one that nobody answers", client.order("connect %s 80" % NOBODY), FAILED + " no answer within 10 s")
    client.order("connect " + Peer(reset).address)
    client.order("send x")
    lab.equal("a reset is told", client.order("next"), "closed reset by the peer")
    lab.equal("and ends the stream", client.order("send x"), STATE)
    client.order("connect " + Peer(farewell).address)
    lab.equal("bytes before the end come first", client.order("next"), "data bye")
    lab.equal("then the end is told", client.order("next"), "closed closed by the peer")


def test_bulk(lab, client):
    """Much data, slow ends."""
    peer = Peer(exchange(BULK))
    client.order("connect " + peer.address)
    start = time.monotonic()
    lab.equal("10 MiB both ways at once arrive", client.order("bulk %d %d" % (BULK, BULK)), "good")
    seconds = time.monotonic() - start
    print("# %.1f MiB/s in each direction" % (BULK / seconds / (1 << 20)), flush=True)
    lab.check("also at the peer", not peer.error, peer.error)
    client.order("connect " + Peer(lambda s: s.sendall(pattern(0, 2 << 20)) or s.recv(1)).address)
    time.sleep(1.5)
    lab.equal("a client that reads late gets every byte", client.order("bulk 0 %d" % (2 << 20)), "good")
    got = []
    done = threading.Event()

    def late_sink(s):
        s.sendall(pattern(0, 300000))
        time.sleep(0.5)
        got.append(receive_pattern(s, None))
        done.set()
    peer = Peer(late_sink)
    client.order("connect " + peer.address)
    lab.equal("bytes that nobody asked for", client.order("bulk 300000 0"), "too many bytes")
    client.order("close")
    done.wait(20)
    lab.equal("what was sent before the close still goes out", (got, peer.error), ([300000], None))


def test_restarts(lab, server, client):
    """Each side dies."""
    stalled = Peer(lambda s: time.sleep(1000))
    client.order("connect " + stalled.address)
    client.socket.sendall(b"bulk 100000000 0\n")
    time.sleep(1)
    server.kill_component("client")
    server.wait(r"root: client started again", 20)
    client.dial()
    start = time.monotonic()
    lab.equal("a new client is served though the old one's peer took nothing",
              client.order("connect " + Peer(echo).address), OK + " ")
    lab.check("at once", time.monotonic() - start < 3)
    server.kill_component("virtio_net")
    server.wait(r"root: virtio_net started again", 20)
    client.order("send still")
    lab.equal("a stream survives the restart of the driver", client.order("next"), "data still")
    server.kill_component("uplink")
    lab.equal("a restart of uplink is told", client.order("next"), "restarted")
    client.wait_up(20)
    lab.equal("and a stream can be opened again", client.order("connect " + Peer(echo).address), OK + " ")
    client.order("send again")
    lab.equal("which works", client.order("next"), "data again")


def bad_wire(server, text):
    """Restarts the driver with another wire."""
    with open(os.path.join(server.dir, "wire"), "w", encoding="ascii") as f:
        f.write(text)
    mark = len(server.log())
    server.kill_component("virtio_net")
    server.wait(r"root: virtio_net started again", 20, mark)


def test_loss(lab, server, client):
    """A wire that loses, doubles and swaps frames; a link that goes."""
    count = 2 << 20
    bad_wire(server, "20 10 20 1")
    peer = Peer(exchange(count))
    lab.equal("a stream is opened over a bad wire", client.order("connect " + peer.address), OK + " ")
    lab.equal("2 MiB both ways arrive in spite of 2 % loss", client.order("bulk %d %d" % (count, count)), "good")
    lab.check("also at the peer", not peer.error, peer.error)
    bad_wire(server, "0 0 0 0")
    server.wait(r"uplink: link is down", 20)
    lab.check("a link that is down is told", client.order("status").startswith("0 0"))
    lab.equal("and no stream can be opened", client.order("connect " + peer.address), "7 ")
    bad_wire(server, "0 0 0 1")
    client.wait_up(20)


def scan():
    """Ports of GIVEN that accept a connection, ports that refuse it, ports silent for two seconds."""
    opened, refused, silent = [], 0, 0
    for first in range(1, 65536, 512):
        poll, pending = select.poll(), {}
        for port in range(first, min(first + 512, 65536)):
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            s.connect_ex((GIVEN, port))
            pending[s.fileno()] = (s, port)
            poll.register(s, select.POLLOUT)
        end = time.monotonic() + 2
        while pending and time.monotonic() < end:
            for fd, _ in poll.poll(100):
                s, port = pending.pop(fd)
                poll.unregister(fd)
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                opened += [port] if error == 0 else []
                refused += error == errno.ECONNREFUSED
                s.close()
        silent += len(pending)
        for s, _ in pending.values():
            s.close()
    return opened, refused, silent


def ping_answered():
    """Whether GIVEN answers an ICMP echo request within a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.settimeout(1)
        s.sendto(bytes([8, 0, 0xf7, 0xff, 0, 0, 0, 0]), (GIVEN, 0))
        with contextlib.suppress(TimeoutError):
            while True:
                packet, sender = s.recvfrom(2000)
                if sender[0] == GIVEN and packet[20] == 0:
                    return True
    return False


def test_ports(lab, client):
    """Nothing of uplink can be reached from outside."""
    client.order("connect " + Peer(echo).address)
    opened, refused, silent = scan()
    lab.equal("no TCP port of 65535 is open (%d refuse, %d are silent)" % (refused, silent),
              (opened, refused + silent), ([], 65535))
    lab.check("no echo is answered", not ping_answered())
    client.order("send unmoved")
    lab.equal("and the stream goes on meanwhile", client.order("next"), "data unmoved")


def test(lab):
    """All of the above on one server."""
    if not own_network() or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("skip uplink: no network namespace or no tap device here")
        return
    make_tap()
    threading.Thread(target=serve_dhcp, daemon=True).start()
    server = Hosted(lab, "server", manifest="tests/uplink/manifest.toml")
    server.start()
    server.wait(r"client: client is ready", 20)
    client = Client(server)
    test_streams(lab, client)
    test_bulk(lab, client)
    test_restarts(lab, server, client)
    test_loss(lab, server, client)
    test_ports(lab, client)


if __name__ == "__main__":
    run(test)
