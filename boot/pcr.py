# SPDX-License-Identifier: Apache-2.0
"""The PCR values a boot of given bytes must lead to (docs/boot.md), SHA-256 bank."""
import hashlib

UNBOUND = b"unbound"
DISK_OPEN = b"disk-open\0"
# What firmware extends into PCR 4 before the first boot application (TCG PFP 1.06, sections 3.3.4.5, 10.4).
CALLING = b"Calling EFI Application from Boot Option"
SEPARATOR = bytes(4)
# The laboratory's loader in place of such firmware (boot/loader/lab/tcg2.c).
LAB_CALLING = b"Redoubt laboratory: the loader measures itself"


def sha256(data):
    return hashlib.sha256(data).digest()


def replay(digests):
    """PCR value after extending zeros with each digest in turn."""
    value = bytes(32)
    for digest in digests:
        value = sha256(value + digest)
    return value


def pcr4(authenticode, calling=CALLING):
    """Firmware events, then the image started from the first boot option."""
    return replay([sha256(calling), sha256(SEPARATOR), authenticode])


def pcr11(parts):
    """Parts as contents, in bundle order; the value the loader leaves."""
    return replay([sha256(part) for part in parts])


def pcr11_disk_open(loaded):
    """PCR 11 after the disk service has the disk key."""
    return sha256(loaded + sha256(DISK_OPEN))


def pcr12(binding=UNBOUND, cmdline=b""):
    """Content of the binding file (an empty one counts as none), then the command line."""
    return replay([sha256(binding or UNBOUND), sha256(cmdline)])
