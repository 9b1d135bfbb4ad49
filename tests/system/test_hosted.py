#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The hosted runtime: root's logic, channels, stand-ins, restart of a component and of its servers."""
import socket
import threading

from hosted import Hosted
from lab import run


def pong(listener):
    """Answers every "ping" with "pong"."""
    while True:
        client, _ = listener.accept()
        while client.recv(5) == b"ping\n":
            client.sendall(b"pong\n")
        client.close()


def test(lab):
    """All of client's checks, then restarts."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=pong, args=(listener,), daemon=True).start()
    peer = b"127.0.0.1 %d\0" % listener.getsockname()[1]
    server = Hosted(lab, "server", tpm=lab.tpm(), manifest="tests/services/hosted.toml",
                    parts={"peer": peer})
    server.start()
    server.wait(r"client: client done, 0 restarts", 20)
    for line in server.log().splitlines():
        if "ok client: " in line:
            print(line.split(": ", 1)[1], flush=True)
            lab.failed += "not ok" in line
    server.kill_component("client")
    server.wait(r"client: client done, 1 restarts", 20)
    lab.check("a killed component is started again and works", "not ok" not in server.log(), server.log())
    for name in ("virtio_blk", "tpm_drv", "uplink", "uart"):
        server.kill_component(name)
        server.wait(r"root: %s started again" % name, 20)
    server.kill_component("client")
    server.wait(r"client: client done, 2 restarts", 20)
    lab.check("and so after its servers died", "not ok" not in server.log(), server.log())


if __name__ == "__main__":
    run(test)
