#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 200
"""The sealed disk on swtpm: format, unseal at every boot, and every way in which it must refuse."""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
import puppet  # noqa: E402
import tomkeys  # noqa: E402
from puppet import BOOT, OK  # noqa: E402

SERVER = bytes(range(16))


def approval(tom, release="r1", **changed):
    digests = {**BOOT, **{int(n[1:]): digest for n, digest in changed.items()}}
    return tom.approve(tomkeys.DISK, SERVER, release, puppet.measured(digests))


def formatting(lab, server, tom):
    status = server.status()
    lab.check("a new disk is blank", status.state == puppet.BLANK, status)
    lab.equal("nothing is stored before", server.put(server.policy, x=b"1"), puppet.STATE)
    good = approval(tom)
    code = server.policy.call("disk", "store", puppet.DISK_FORMAT, b"")[0]
    lab.equal("policy may not format", code, puppet.DENIED)
    code, text = server.format(tom, SERVER, approval(tom, p11=bytes([9] * 32)))
    lab.check("a format that could not be opened again is refused", code != OK and b"PCR 11" in text, text)
    code, text = server.format(tom, SERVER, approval(tomkeys.PolicyKey()))
    lab.check("an approval signed by another key is refused", code != OK and b"not signed" in text, text)
    lab.equal("it is still blank", server.status().state, puppet.BLANK)
    code, data = server.format(tom, SERVER, good)
    if not lab.check("the TOM formats it", code == OK, data):
        raise laboratory.LabError(server.log())
    status = puppet.Status(data)
    lab.check("then it is open", status.state == puppet.OPEN and status.release == "r1", status)
    lab.equal("PCR 11 has moved on by \"disk-open\"", server.pcr(11), tomkeys.extended(puppet.measured(BOOT)[11], "disk-open"))
    lab.check("PCR 15 names server and disk", server.pcr(15) != bytes(32))
    lab.check("a second format is refused", server.format(tom, SERVER, good)[0] != OK)


def records(lab, server):
    lab.equal("two records at once", server.put(server.policy, epoch=b"7", state=b"x" * 100000), OK)
    lab.check("read back", server.get(server.policy, "state") == (OK, b"x" * 100000))
    lab.equal("another client does not see them", server.get(server.tmc, "state")[0], puppet.NOT_FOUND)
    lab.equal("nor by a longer name", server.get(server.tmc, "../policy/state")[0], puppet.NOT_FOUND)
    lab.equal("tmc has its own", (server.put(server.tmc, seq=b"1"), server.get(server.tmc, "seq")), (OK, (OK, b"1")))
    names = server.policy.call("disk", "store", puppet.STORE_LIST)[1]
    lab.check("list names one's own", b"epoch" in names and b"seq" not in names, names)
    for payload in (b"", b"\1", b"\1\0\0\0\1\0\0\0", b"\xfe\xff\xff\xff\1\0\0\0x", b"\1\0\0\0\xff\xff\xff\xffx"):
        code = server.policy.call("disk", "store", puppet.STORE_PUT, payload)[0]
        lab.equal("malformed put %r" % payload[:9], code, puppet.BAD_REQUEST)


def component_restart(lab, server):
    before = server.pcr(11), server.pcr(15)
    for name in ("disk", "tpm", "disk", "virtio_blk", "tpm_drv"):
        server.kill_component(name)
        server.wait(r"root: %s started again" % name, 20)
        status = server.status()
        lab.check("%s dies: the disk is open again" % name, status.state == puppet.OPEN, status)
    lab.equal("no PCR was extended twice", (server.pcr(11), server.pcr(15)), before)
    lab.equal("what was stored is there", server.get(server.policy, "epoch"), (OK, b"7"))


def reboot(lab, server):
    identity = server.pcr(15)
    server.restart()
    status = server.status()
    lab.check("the next boot opens it by itself", status.state == puppet.OPEN, status)
    lab.equal("what was stored is there after the power was cut", server.get(server.policy, "epoch"), (OK, b"7"))
    lab.equal("PCR 15 is the same", server.pcr(15), identity)


def refusals(lab, server):
    server.kill()
    for number in (4, 7, 11, 12):
        server.options["measure"] = list({**BOOT, number: tomkeys.sha256(b"changed")}.items())
        server.restart()
        status = server.status()
        lab.check("another PCR %d: sealed, and named" % number,
                  status.reason == "not approved" and "PCR %d" % number in status.text, status)
    server.options["measure"] = list({n: BOOT[n] for n in (4, 7, 12)}.items())
    server.restart()
    status = server.status()
    lab.check("PCR 11 without a measurement: refused", status.reason == "pcr invalid" and "PCR 11 reads all-00" in status.text, status)
    lab.equal("a sealed disk stores nothing", server.put(server.policy, x=b"1"), puppet.STATE)
    server.options["measure"] = list(BOOT.items())
    server.restart()
    server.status()
    lab.check("the disk's log line tells", "disk: open with release r1" in server.log(), server.log())


def updates(lab, server, tom):
    new = tomkeys.sha256(b"kernel 2")
    both = approval(tom) + approval(tom, "r2", p11=new)
    code, text = server.tmc.call("disk", "store", puppet.DISK_APPROVE, approval(tomkeys.PolicyKey()))
    lab.check("a foreign approval is not taken", code != OK and b"not signed" in text, text)
    lab.equal("the TOM approves a second release", server.tmc.call("disk", "store", puppet.DISK_APPROVE, both)[0], OK)
    server.options["measure"] = list({**BOOT, 11: new}.items())
    server.restart()
    status = server.status()
    lab.check("the new release opens the disk without a new seal", status.release == "r2", status)
    only = approval(tom, "r2", p11=new)
    lab.equal("the old one is withdrawn", server.tmc.call("disk", "store", puppet.DISK_APPROVE, only)[0], OK)
    server.options["measure"] = list(BOOT.items())
    server.restart()
    status = server.status()
    lab.check("and stays out", status.reason == "not approved" and "release r2: PCR 11" in status.text, status)
    server.options["measure"] = list({**BOOT, 11: new}.items())


def other_machine(lab, server):
    server.kill()
    stranger = puppet.Server(lab, "stranger", lab.tpm("stranger-tpm"), measure=server.options["measure"])
    with open(server.disk, "rb") as source, open(stranger.disk, "wb") as copy:
        copy.write(source.read())
    stranger.start()
    status = stranger.status()
    lab.check("in another server the disk stays closed", status.reason == "other tpm" and "cleared or is another one" in status.text, status)
    lab.equal("its server's name is told", status.server, SERVER)
    stranger.kill()
    server.tpm.powered_alone()
    server.tpm.tool("tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", os.path.join(lab.dir, "x.ctx"))
    server.restart()
    lab.check("in its own it opens", server.status().state == puppet.OPEN)


def tampering(lab, server):
    server.kill()
    with open(server.disk, "rb") as f:
        image = f.read()

    def boot(change):
        data = bytearray(image)
        change(data)
        with open(server.disk, "wb") as f:
            f.write(data)
        server.start()
        status = server.status()
        server.kill()
        return status

    def flip(*offsets):
        def change(data):
            for offset in offsets:
                data[offset] ^= 1
        return change

    def rewritten(data):
        """Another server id in both copies, with a fitting sum: what an attacker can compute."""
        for at in (0, 8 * 4096):
            data[at + 48] ^= 1
            data[at + 4064:at + 4096] = tomkeys.sha256(bytes(data[at:at + 4064]))

    def larger(data):
        """Another uuid with a fitting sum: the policy is still satisfied, the MAC is not."""
        for at in (0, 8 * 4096):
            data[at + 32] ^= 1
            data[at + 4064:at + 4096] = tomkeys.sha256(bytes(data[at:at + 4064]))

    lab.check("one damaged header copy does not matter", boot(flip(100)).state == puppet.OPEN)
    status = boot(flip(100, 8 * 4096 + 100))
    lab.check("two damaged copies: told, not formatted over", status.reason == "header", status)
    status = boot(rewritten)
    lab.check("a header of another server: the TPM refuses", status.reason == "tpm", status)
    status = boot(larger)
    lab.check("a header with a changed field: tampered", status.reason == "tampered", status)
    status = boot(flip(16 * 4096 + 130))
    lab.check("one damaged store slot: the other one is taken", status.state == puppet.OPEN, status)
    status = boot(flip(16 * 4096 + 130, 336 * 4096 + 130))
    lab.check("both: told", status.reason == "store", status)
    with open(server.disk, "wb") as f:
        f.write(image)


def secrets(lab, server, trace):
    """With the disk key in hand (from the component's kept memory) look for it on the bus and on the disk."""
    server.start()
    server.status()
    with open(os.path.join(server.dir, "hosted.mem"), "rb") as f:
        memory = f.read(64 << 20)
    at = memory.find(b"DISKKEPT")
    key = memory[at + 16:at + 48]
    bus = b"".join(a + b for a, b in trace)
    with open(server.disk, "rb") as f:
        disk = f.read()
    server.kill()
    lab.check("the key is found where it is kept", at > 0 and key != bytes(32))
    lab.check("it never crossed the bus in clear (%d bytes recorded)" % len(bus), len(bus) > 5000 and key not in bus)
    lab.check("it is not on the disk", key not in disk)


def cuts(lab, server):
    """The power goes at random moments of commits; the disk has a write cache that loses what was not flushed."""
    server.options["volatile"] = True
    random.seed(5)
    server.start()
    acknowledged = 0
    good = True
    lab.equal("the first commit", server.put(server.policy, a=b"0" * 9000, b=b"0"), OK)
    for _ in range(25):
        for _ in range(random.randrange(1, 6)):
            value = str(acknowledged + 1).encode()
            if server.put(server.policy, a=value * (9000 // len(value)), b=value) == OK:
                acknowledged += 1
        value = str(acknowledged + 1).encode() * 2
        payload = b"".join(len(v).to_bytes(4, "little") + b"\1\0\0\0" + n + v
                           for n, v in ((b"a", value * 3000), (b"b", value)))
        server.policy.send("disk", "store", puppet.STORE_PUT, payload)
        server.restart()
        found = server.get(server.policy, "b")[1]
        a = server.get(server.policy, "a")[1]
        good &= found in (str(acknowledged).encode(), value) and a.startswith(found) and a.endswith(found)
        if not good:
            break
    server.kill()
    lab.check("25 power cuts amid commits: nothing acknowledged is lost, nothing half-done shows", good,
              "acknowledged %d, found %r" % (acknowledged, found))


def cleared(lab, server):
    server.tpm.powered_alone()
    server.tpm.tool("tpm2_clear", "-c", "p")
    server.restart()
    status = server.status()
    lab.check("after TPM2_Clear: refused, and why", status.reason == "other tpm" and "cleared" in status.text, status)


def test(lab):
    tom = tomkeys.PolicyKey()
    tpm = lab.tpm()
    tpm.trace = trace = []
    server = puppet.Server(lab, "server", tpm)
    server.start()
    formatting(lab, server, tom)
    records(lab, server)
    component_restart(lab, server)
    reboot(lab, server)
    refusals(lab, server)
    updates(lab, server, tom)
    other_machine(lab, server)
    tampering(lab, server)
    secrets(lab, server, trace)
    cuts(lab, server)
    cleared(lab, server)


laboratory.run(test)
