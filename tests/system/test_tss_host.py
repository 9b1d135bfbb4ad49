#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lib/tss against swtpm, with tpm2-tools and an independent Python program as the other side."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
import tomkeys  # noqa: E402

SERVER = bytes(range(16))
TVD = bytes(range(16, 32))


class Chip:
    """tsscheck on one TPM."""

    def __init__(self, tpm):
        self.tpm = tpm

    def run(self, command, *arguments):
        """({name: bytes}, error text or "") of one command."""
        out = subprocess.run([laboratory.build("host/tsscheck"), self.tpm.command_path, command,
                              *[a.hex() for a in arguments]], stdout=subprocess.PIPE, text=True,
                             check=False).stdout
        result = {}
        for line in out.splitlines():
            name, _, value = line.partition(" ")
            result[name] = value if name in ("error", "explain") else bytes.fromhex(value)
        return result, result.get("error", "")

    def measure(self, words):
        for pcr, word in words.items():
            self.tpm.tool("tpm2_pcrextend", "%d:sha256=%s" % (pcr, tomkeys.sha256(word.encode()).hex()))

    def pcrs(self):
        return {n: bytes.fromhex(v) for n, v in self.tpm.pcrs(tomkeys.PCRS).items()}

    def free_slots(self):
        kept = self.tpm.tool("tpm2_getcap", "handles-transient") + \
            self.tpm.tool("tpm2_getcap", "handles-loaded-session")
        return kept.strip() == ""


BOOT = {4: "loader", 7: "secure boot off", 11: "kernel", 12: "unbound"}


def keys(lab, chip):
    error = chip.run("seal", b"\1", bytes(64), SERVER, bytes(32))[1]
    lab.check("without a storage root key nothing is sealed", "not in this TPM" in error, error)
    srk, error = chip.run("srk", b"\1")
    lab.check("storage root key is made", not error, error)
    lab.equal("storage root key is found again", chip.run("srk")[0], srk)
    public = chip.tpm.tool("tpm2_readpublic", "-c", "0x81000001")
    lab.check("tpm2_readpublic names it the same", srk["name"].hex() in public, public)
    ak, error = chip.run("ak")
    lab.check("attestation key is made", not error, error)
    lab.equal("attestation key is found again", chip.run("ak")[0], ak)
    return srk, ak


def endorsement(lab, chip, ak):
    ek, error = chip.run("ek")
    lab.check("endorsement key and certificate are read", not error, error)
    path = os.path.join(lab.dir, "ek.der")
    with open(path, "wb") as f:
        f.write(ek["certificate"])
    root, issuer = lab.authority().chain
    chain = subprocess.run(["openssl", "verify", "-CAfile", root, "-untrusted", issuer, path],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    lab.check("openssl verifies the certificate's chain", chain.returncode == 0, chain.stdout)
    modulus = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-modulus"], text=True,
                             stdout=subprocess.PIPE, check=True).stdout.strip().split("=")[1].lower()
    lab.check("the certificate is of that key", modulus in ek["public"].hex())
    secret = os.urandom(32)
    for name, data in (("secret", secret), ("ek.tpmt", ek["public"])):
        with open(os.path.join(lab.dir, name), "wb") as f:
            f.write(data)
    public = os.path.join(lab.dir, "ek.pem")
    with open(public, "w") as f:
        f.write(subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], text=True,
                               stdout=subprocess.PIPE, check=True).stdout)
    blob = os.path.join(lab.dir, "cred")
    subprocess.run(["tpm2_makecredential", "-T", "none", "-u", public, "-G", "rsa", "-s",
                    os.path.join(lab.dir, "secret"), "-n", ak["name"].hex(), "-o", blob], check=True,
                   stdout=subprocess.PIPE)
    with open(blob, "rb") as f:
        f.read(8)  # tpm2-tools' magic and version
        id_object = f.read(int.from_bytes(f.read(2), "big"))
        wrapped = f.read(int.from_bytes(f.read(2), "big"))
    got, error = chip.run("activate", id_object, wrapped)
    lab.equal("a credential of tpm2_makecredential is activated", (got.get("secret"), error), (secret, ""))
    wrong = bytearray(id_object)
    wrong[40] ^= 1
    lab.check("a changed credential is refused", chip.run("activate", bytes(wrong), wrapped)[1] != "")


def quote(lab, chip, ak):
    extra = os.urandom(32)
    got, error = chip.run("quote", extra)
    lab.check("a quote is made", not error, error)
    files = {"ak.tpmt": ak["public"], "quote.msg": got["attest"], "quote.sig": got["signature"]}
    for name, data in files.items():
        with open(os.path.join(lab.dir, name), "wb") as f:
            f.write(data)
    path = lambda name: os.path.join(lab.dir, name)  # noqa: E731
    with open(path("ak.pub"), "wb") as f:
        f.write(len(ak["public"]).to_bytes(2, "big") + ak["public"])
    checked = subprocess.run(["tpm2_checkquote", "-u", path("ak.pub"), "-m", path("quote.msg"), "-s",
                              path("quote.sig"), "-q", extra.hex()], text=True, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lab.check("tpm2_checkquote accepts it", checked.returncode == 0, checked.stdout)


def binding(lab, chip):
    one, other = os.urandom(32), os.urandom(32)
    lab.check("an unbound TPM says so", "never bound" in chip.run("bound")[1])
    lab.equal("a TOM is bound", chip.run("bind", one)[1], "")
    lab.equal("and read back", chip.run("bound")[0].get("hash"), one)
    lab.equal("binding it again is no error", chip.run("bind", one)[1], "")
    error = chip.run("bind", other)[1]
    lab.check("another TOM is refused", "another value" in error, error)
    path = os.path.join(lab.dir, "other")
    with open(path, "wb") as f:
        f.write(other)
    try:
        chip.tpm.tool("tpm2_nvwrite", "0x01800100", "-C", "o", "-i", path)
        lab.check("tpm2_nvwrite cannot change it", False)
    except subprocess.CalledProcessError:
        lab.check("tpm2_nvwrite cannot change it", True)


def sealing(lab, chip, srk):
    tom, secret = tomkeys.PolicyKey(), os.urandom(32)
    kind = bytes([tomkeys.DISK])
    unmeasured = tom.approve(tomkeys.DISK, SERVER, "zero", chip.pcrs())
    blob, error = chip.run("seal", kind, tom.xy, SERVER, secret)
    lab.check("a secret is sealed", not error, error)

    def unseal(approvals, policy=tom, server=SERVER):
        return chip.run("unseal", kind, policy.xy, server, approvals, blob["public"], blob["private"])

    got, error = unseal(unmeasured)
    lab.check("PCRs that read zero are refused", "all-00" in error and "PCR 4" in got["explain"], got)
    chip.measure(BOOT)
    good = tom.approve(tomkeys.DISK, SERVER, "r1", chip.pcrs())
    stranger = tomkeys.PolicyKey().approve(tomkeys.DISK, SERVER, "r1", chip.pcrs())
    old = tom.approve(tomkeys.DISK, SERVER, "r0", {**chip.pcrs(), 11: bytes([7] * 32)})
    lab.equal("it is unsealed with the approval that fits", unseal(old + good)[0].get("secret"), secret)
    got, error = unseal(old)
    lab.equal("the PCR that differs is named", got.get("explain"), "release r0: PCR 11 differs")
    lab.check("another policy key's approval is refused", unseal(stranger)[1] != "")
    lab.check("its key does not help either", unseal(stranger, tomkeys.PolicyKey())[1] != "")
    lab.check("another server's name does not help", unseal(good, tom, TVD)[1] != "")
    forged = good[:48] + chip.pcrs()[4] + good[80:-1] + bytes([good[-1] ^ 1])
    lab.check("a changed signature is refused", unseal(forged)[1] != "")
    tvd_key(lab, chip, srk, tom)
    chip.measure({11: "disk-open"})
    got, error = unseal(good)
    lab.check("after PCR 11 moved on it stays sealed", "PCR 11" in got.get("explain", ""), got)


def tvd_key(lab, chip, srk, tom):
    key = os.urandom(32)
    kind = bytes([tomkeys.TVD])
    wrapped = tomkeys.wrap(tom, TVD, key, srk["public"][-66:-34] + srk["public"][-32:])
    good = tom.approve(tomkeys.TVD, TVD, "r1", chip.pcrs())
    got, error = chip.run("unwrap", kind, tom.xy, TVD, good, wrapped)
    lab.equal("a TVD key wrapped in Python is imported and unsealed", (got.get("secret"), error), (key, ""))
    changed = wrapped[:150] + bytes([wrapped[150] ^ 1]) + wrapped[151:]
    lab.check("a changed one is refused", chip.run("unwrap", kind, tom.xy, TVD, good, changed)[1] != "")
    disk = tom.approve(tomkeys.DISK, TVD, "r1", chip.pcrs())
    lab.check("an approval for a disk does not open it", chip.run("unwrap", kind, tom.xy, TVD, disk, wrapped)[1] != "")


def test(lab):
    tpm = lab.tpm()
    tpm.powered_alone()
    chip = Chip(tpm)
    srk, ak = keys(lab, chip)
    endorsement(lab, chip, ak)
    quote(lab, chip, ak)
    binding(lab, chip)
    sealing(lab, chip, srk)
    lab.check("no object or session is left in the TPM", chip.free_slots())
    other = lab.tpm("second")
    other.powered_alone()
    other_chip = Chip(other)
    other_chip.run("srk", b"\1")
    lab.check("another TPM has another storage root key", other_chip.run("srk")[0] != srk)


laboratory.run(test)
