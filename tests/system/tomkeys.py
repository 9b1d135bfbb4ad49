# SPDX-License-Identifier: Apache-2.0
"""What the TOM makes (docs/formats.md), written from that page alone: approvals, wrapped TVD keys,
image chunks, console frames. The oracle for lib/tss, disk and vault; shares no code with them."""
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

DISK, TVD = 1, 2
PCRS = (4, 7, 11, 12)
CHUNK = 32768


def sha256(data):
    return hashlib.sha256(data).digest()


def point(public):
    numbers = public.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def reference(kind, identity):
    return (b"disk:" if kind == DISK else b"tvd:") + identity


def extended(pcr, word, data=b""):
    """The PCR after the broker's TPM_EXTEND."""
    return sha256(pcr + sha256(word.encode() + b"\0" + data))


class PolicyKey:
    """The TOM's policy key."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.xy = point(self.key.public_key())
        area = bytes.fromhex("0023000b0004004000000010001000030010") + b"\0\x20" + self.xy[:32] + \
            b"\0\x20" + self.xy[32:]
        self.name = b"\0\x0b" + sha256(area)

    def policy(self, kind, identity):
        """authPolicy of an object."""
        inner = sha256(bytes(32) + bytes.fromhex("0000016a") + self.name)
        return sha256(inner + reference(kind, identity))

    def approve(self, kind, identity, release, pcrs):
        """struct approval for the values pcrs = {4: bytes, 7: ..., 11: ..., 12: ...}."""
        values = b"".join(pcrs[n] for n in PCRS)
        approved = sha256(bytes(32) + bytes.fromhex("0000017f00000001000b03901800") + sha256(values))
        digest = sha256(approved + reference(kind, identity))
        r, s = utils.decode_dss_signature(
            self.key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
        return struct.pack("<4sHHII32s", b"RDAP", 1, kind, 0x1890, 0, release.encode()) + values + \
            r.to_bytes(32, "big") + s.to_bytes(32, "big")


def kdfa(key, label, context, bits):
    """KDFa of TPM 2.0 Part 1, 11.4.10.2, for at most one SHA-256 block."""
    block = hmac.new(key, struct.pack(">I", 1) + label + b"\0" + context + struct.pack(">I", bits),
                     hashlib.sha256).digest()
    return block[:bits // 8]


def wrap(policy_key, tvd_id, key, srk_xy):
    """struct wrapped_key for the server whose SRK has the point srk_xy."""
    seed_value = os.urandom(32)
    public = bytes.fromhex("0008000b000004800020") + policy_key.policy(TVD, tvd_id) + \
        bytes.fromhex("00100020") + sha256(seed_value + key)
    name = b"\0\x0b" + sha256(public)
    sensitive = bytes.fromhex("000800000020") + seed_value + bytes.fromhex("0020") + key
    sensitive = struct.pack(">H", len(sensitive)) + sensitive
    srk = ec.EllipticCurvePublicNumbers(int.from_bytes(srk_xy[:32], "big"),
                                        int.from_bytes(srk_xy[32:], "big"),
                                        ec.SECP256R1()).public_key()
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    ours = point(ephemeral.public_key())
    z = ephemeral.exchange(ec.ECDH(), srk)
    seed = sha256(struct.pack(">I", 1) + z + b"DUPLICATE\0" + ours[:32] + srk_xy[:32])
    aes = kdfa(seed, b"STORAGE", name, 128)
    cfb = Cipher(algorithms.AES(aes), modes.CFB(bytes(16))).encryptor()
    encrypted = cfb.update(sensitive) + cfb.finalize()
    mac = hmac.new(kdfa(seed, b"INTEGRITY", b"", 256), encrypted + name, hashlib.sha256).digest()
    duplicate = b"\0\x20" + mac + encrypted
    secret = b"\0\x20" + ours[:32] + b"\0\x20" + ours[32:]
    return struct.pack("<4sHH16sHHHH", b"RDWK", 1, 0, tvd_id, len(public), len(duplicate),
                       len(secret), 0) + public + duplicate + secret


def derive(key, tvd_id, info, length):
    return HKDF(hashes.SHA256(), length, tvd_id, info).derive(key)


def volume_key(key, tvd_id, uuid):
    """AES-256-XTS key pair of a volume."""
    return derive(key, tvd_id, b"redoubt/1 volume" + uuid, 64)


def xts(key, block, data, encrypt=True):
    cipher = Cipher(algorithms.AES(key), modes.XTS(struct.pack("<QQ", block, 0)))
    operation = cipher.encryptor() if encrypt else cipher.decryptor()
    return operation.update(data) + operation.finalize()


def image_chunks(key, tvd_id, image):
    """All sealed chunks of an image."""
    digest = sha256(image)
    aead = AESGCM(derive(key, tvd_id, b"redoubt/1 image" + digest, 32))
    count = (len(image) + CHUNK - 1) // CHUNK
    return [aead.encrypt(struct.pack("<IQ", 0, i), image[i * CHUNK:(i + 1) * CHUNK],
                         b"redoubt/1 image\0" + digest + struct.pack("<QII", len(image), i, count))
            for i in range(count)]


class Console:
    """One console session, the TOM's end."""

    def __init__(self, key, tvd_id, vm_id, session, nonce):
        keys = derive(key, tvd_id, b"redoubt/1 console" + vm_id + session + nonce, 64)
        self.aead = AESGCM(keys[:32]), AESGCM(keys[32:])
        self.identity = vm_id + session
        self.sent = self.received = 0

    def _parameters(self, direction, counter):
        return struct.pack("<IQ", direction, counter), \
            self.identity + struct.pack("<QQ", direction, counter)

    def seal(self, text):
        nonce, aad = self._parameters(1, self.sent)
        frame = struct.pack("<Q", self.sent) + self.aead[1].encrypt(nonce, text, aad)
        self.sent += 1
        return frame

    def open(self, frame):
        counter = struct.unpack("<Q", frame[:8])[0]
        if counter < self.received:
            raise ValueError("console frame %d came again" % counter)
        nonce, aad = self._parameters(0, counter)
        text = self.aead[0].decrypt(nonce, frame[8:], aad)
        self.received = counter + 1
        return text
