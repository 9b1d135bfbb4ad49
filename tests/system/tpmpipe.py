#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Joins stdin and stdout to the command socket of a lab TPM, for the "cmd" TCTI of tpm2-tss."""
import os
import socket
import sys
import threading


def main():
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(sys.argv[1])

    def answers():
        while True:
            data = sock.recv(65536)
            if not data:
                os._exit(0)
            os.write(1, data)

    threading.Thread(target=answers, daemon=True).start()
    while True:
        data = os.read(0, 65536)
        if not data:
            return
        sock.sendall(data)


main()
