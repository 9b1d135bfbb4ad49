#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 200
"""The vault of a TVD on swtpm: its key, its volumes as ciphertext, sealed images, sealed consoles."""
import os
import random
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
import puppet  # noqa: E402
import tomkeys  # noqa: E402
from puppet import BOOT, OK  # noqa: E402

SERVER = bytes(range(16))
BLOCK = 4096
ZERO_NAME = bytes(40)


def tag(identity):
    return struct.unpack("<Q", identity[:8])[0]


def name(image):
    return tomkeys.sha256(image) + struct.pack("<Q", len(image))


class Tvd:
    """One TVD: its key in the TOM's hands, its vault on the server."""

    def __init__(self, server, tom, label):
        self.server, self.tom, self.label = server, tom, label
        self.id, self.key = os.urandom(16), os.urandom(32)
        self.tag = tag(self.id)

    def argument(self, approvals=None, wrapped=None):
        values = puppet.measured(BOOT)
        after = {**values, 11: tomkeys.extended(values[11], "disk-open")}
        approvals = approvals or self.tom.approve(tomkeys.TVD, self.id, "r1", after)
        wrapped = wrapped or tomkeys.wrap(self.tom, self.id, self.key, self.server.srk())
        return struct.pack("<II", 1, len(approvals) // 240) + self.id + self.tom.xy + approvals + wrapped

    def start(self, **argument):
        return self.server.start_instance("vault", self.tag, self.label, 0, self.argument(**argument))

    def stop(self):
        return self.server.stop_instance("vault", self.tag)

    def call(self, kind, payload=b""):
        """As policy."""
        return self.server.policy.call("vault/" + self.label, "vault", kind, payload)

    def sealed(self, kind, payload=b"", arg=0):
        """As tmc."""
        return self.server.tmc.call("vault/" + self.label, "sealed", kind, payload, arg)

    def status(self):
        """(state, text); waits until the vault is there."""
        end = time.monotonic() + 20
        while True:
            code, data = self.call(puppet.VAULT_STATUS)
            if code == OK or time.monotonic() > end:
                break
            time.sleep(0.02)
        state, _, _, text = struct.unpack("<II16s256s", data)
        return state, text.split(b"\0")[0].decode()

    def image(self, image):
        """(progress, next) of an image."""
        return struct.unpack("<III", self.sealed(puppet.IMAGE_STATE, name(image))[1][:12])[:2]

    def send(self, image, chunks, first, last):
        """Chunks first..last-1; the last answer's status."""
        code = OK
        for i in range(first, last):
            code, _ = self.sealed(puppet.IMAGE_CHUNK, name(image) + chunks[i], i)
        return code

    def wait_present(self, image):
        end = time.monotonic() + 20
        while self.image(image)[0] != puppet.PRESENT and time.monotonic() < end:
            time.sleep(0.02)
        return self.image(image)[0] == puppet.PRESENT


class Guest:
    """The vmm of one VM, played by the test."""

    def __init__(self, tvd, number, label):
        self.tvd, self.number, self.label = tvd, number, label
        self.puppet = puppet.Puppet(tvd.server, "vmm" + label)

    def start(self):
        return self.tvd.server.start_instance("vmm", self.number, self.label, self.tvd.tag)

    def blk(self, kind, volume, block, count=0, data=b""):
        return self.puppet.call("vault", "blk", kind, struct.pack("<II", volume, count) + data, block)


def key(lab, tvd):
    code = tvd.start(approvals=tvd.tom.approve(tomkeys.TVD, tvd.id, "early", puppet.measured(BOOT)))
    state, text = tvd.status()
    lab.check("an approval for the PCRs before \"disk-open\" does not open the TVD key",
              code == OK and state == 2 and "early: PCR 11 differs" in text, text)
    lab.equal("a refused vault does nothing", tvd.call(puppet.VOLUME_ENSURE, bytes(24))[0], puppet.STATE)
    tvd.stop()
    tvd.start(wrapped=tomkeys.wrap(tomkeys.PolicyKey(), tvd.id, tvd.key, tvd.server.srk()))
    state, text = tvd.status()
    lab.check("a key under another policy stays closed", state == 2, text)
    tvd.stop()
    tvd.start(wrapped=tomkeys.wrap(tvd.tom, bytes(16), tvd.key, tvd.server.srk()))
    lab.check("a key of another TVD is refused", tvd.status() == (2, "the start argument is malformed"))
    tvd.stop()
    lab.equal("with its approval the vault opens", (tvd.start(), tvd.status()), (OK, (1, "open")))


def images(lab, tvd, image):
    chunks = tomkeys.image_chunks(tvd.key, tvd.id, image)
    lab.equal("an image nobody wants is not taken", tvd.send(image, chunks, 0, 1), puppet.DENIED)
    lab.equal("policy wants it", tvd.call(puppet.IMAGE_WANT, name(image))[0], OK)
    lab.equal("nothing is there", tvd.image(image), (puppet.PARTIAL, 0))
    lab.equal("a chunk out of order is refused", tvd.send(image, chunks, 2, 3), puppet.STATE)
    forged = [bytes([chunks[0][0] ^ 1]) + chunks[0][1:]]
    lab.equal("a forged chunk is refused", tvd.send(image, forged, 0, 1), puppet.CORRUPT)
    lab.equal("a chunk at another place is refused", tvd.sealed(puppet.IMAGE_CHUNK, name(image) + chunks[1], 0)[0],
              puppet.CORRUPT)
    lab.equal("a short chunk is refused", tvd.sealed(puppet.IMAGE_CHUNK, name(image) + chunks[0][:-1], 0)[0],
              puppet.BAD_REQUEST)
    lab.equal("70 chunks in order", tvd.send(image, chunks, 0, 70), OK)
    tvd.server.kill_component("vault/" + tvd.label)
    tvd.server.wait("vault/%s started again" % tvd.label, 20)
    tvd.call(puppet.IMAGE_WANT, name(image))
    progress, following = tvd.image(image)
    lab.check("after the vault died it goes on where it was safe", progress == puppet.PARTIAL and following == 64, following)
    lab.equal("the rest", tvd.send(image, chunks, following, len(chunks)), OK)
    lab.check("the whole digest is verified, then it is present", tvd.wait_present(image))


def volume(lab, tvd, guest, image):
    uuid = os.urandom(16)
    attach = struct.pack("<Q", guest.number) + b"vm id of 16 byte" + uuid + name(image) + ZERO_NAME
    lab.equal("a volume that does not exist is not attached", tvd.call(puppet.VM_ATTACH, attach)[0], puppet.NOT_FOUND)
    want = uuid + struct.pack("<Q", 1000)
    lab.equal("a volume is made", tvd.call(puppet.VOLUME_ENSURE, want)[0], OK)
    lab.equal("the same again", tvd.call(puppet.VOLUME_ENSURE, want)[0], OK)
    lab.equal("with another size", tvd.call(puppet.VOLUME_ENSURE, uuid + struct.pack("<Q", 1001))[0], puppet.EXISTS)
    lab.equal("too large", tvd.call(puppet.VOLUME_ENSURE, os.urandom(16) + struct.pack("<Q", 1 << 40))[0], puppet.NO_SPACE)
    lab.equal("the VM is attached", tvd.call(puppet.VM_ATTACH, attach)[0], OK)
    lab.equal("not to another VM too", tvd.call(puppet.VM_ATTACH, bytes(8).replace(b"\0", b"\7", 1) + attach[8:])[0], puppet.BUSY)
    lab.equal("its volume is not dropped meanwhile", tvd.call(puppet.VOLUME_DROP, want)[0], puppet.BUSY)
    lab.equal("its vmm starts", guest.start(), OK)
    info = guest.blk(puppet.BLK_INFO, 1, 0)
    lab.equal("its disk", (info[0], struct.unpack("<QII", info[1][:16])), (OK, (1000, 32, 0)))
    for place in (0, 224, 999 - 31):
        lab.check("a new disk reads zero at block %d" % place, guest.blk(puppet.BLK_READ, 1, place, 32) == (OK, bytes(32 * BLOCK)))
    text = b"".join(bytes([i]) * BLOCK for i in range(1, 33))
    lab.equal("32 blocks across two units are written", guest.blk(puppet.BLK_WRITE, 1, 240, 32, text)[0], OK)
    lab.equal("and flushed", guest.blk(puppet.BLK_FLUSH, 0 + 1, 0)[0], OK)
    lab.check("and read", guest.blk(puppet.BLK_READ, 1, 240, 32) == (OK, text))
    with open(tvd.server.disk, "rb") as f:
        disk = f.read()
    xts = tomkeys.volume_key(tvd.key, tvd.id, uuid)
    cipher = [tomkeys.xts(xts, 240 + i, text[i * BLOCK:(i + 1) * BLOCK]) for i in range(32)]
    at = [disk.find(c) // BLOCK for c in cipher]
    lab.check("on the disk they are what an independent AES-XTS makes of them", min(at) >= 1024, at)
    lab.check("and never plaintext", text[:BLOCK] not in disk and image[:64] not in disk)
    for what, request, want in (
            ("behind the end", (puppet.BLK_READ, 1, 999, 2), puppet.BAD_REQUEST),
            ("far behind the end", (puppet.BLK_READ, 1, (1 << 64) - 1, 2), puppet.BAD_REQUEST),
            ("no block", (puppet.BLK_READ, 1, 0, 0), puppet.BAD_REQUEST),
            ("too many blocks", (puppet.BLK_READ, 1, 0, 33), puppet.BAD_REQUEST),
            ("less data than told", (puppet.BLK_WRITE, 1, 0, 2, bytes(BLOCK)), puppet.BAD_REQUEST),
            ("an initramfs it has not", (puppet.BLK_READ, 3, 0, 1), puppet.DENIED),
            ("a volume number of its own choice", (puppet.BLK_READ, 77, 0, 1), puppet.DENIED),
            ("writing the kernel image", (puppet.BLK_WRITE, 2, 0, 1, bytes(BLOCK)), puppet.DENIED),
            ("discarding the kernel image", (puppet.BLK_DISCARD, 2, 0, 1), puppet.DENIED)):
        lab.equal("refused: " + what, guest.blk(*request)[0], want)
    code, data = guest.blk(puppet.BLK_READ, 2, 0, 32)
    lab.check("the kernel image is read", code == OK and data == image[:32 * BLOCK])
    last = (len(image) - 1) // BLOCK
    code, data = guest.blk(puppet.BLK_READ, 2, last, 1)
    lab.check("its end too", code == OK and data.startswith(image[last * BLOCK:]))
    return uuid, attach, text


def console(lab, tvd, guest):
    vmm, tmc = guest.puppet, tvd.server.tmc
    where = "vault/" + tvd.label

    def begin():
        nonce = os.urandom(16)
        code, session = tvd.sealed(puppet.CONSOLE_OPEN, nonce, guest.number)
        lab.equal("a console session", (code, len(session)), (OK, 16))
        return tomkeys.Console(tvd.key, tvd.id, b"vm id of 16 byte", session, nonce)

    def heard(session, wanted):
        text = b""
        while len(text) < len(wanted):
            message = tmc.receive(where, "sealed")
            if not message or message[:2] != (puppet.CONSOLE_SEALED, guest.number):
                return message
            text += session.open(message[2])
        return text

    vmm.send("vault", "console", puppet.CONSOLE_OUT, b"booting\n" * 100)
    time.sleep(0.1)
    session = begin()
    lab.equal("a session begins with what was said before", heard(session, b"x" * 800), b"booting\n" * 100)
    vmm.send("vault", "console", puppet.CONSOLE_OUT, b"login: ")
    lab.equal("what the VM says comes sealed", heard(session, b"login: "), b"login: ")
    frame = session.seal(b"root\n")
    lab.equal("what the TOM types", tvd.sealed(puppet.CONSOLE_SEALED, frame, guest.number)[0], OK)
    lab.equal("reaches the VM", vmm.receive("vault", "console"), (puppet.CONSOLE_IN, 0, b"root\n"))
    lab.equal("but not twice", tvd.sealed(puppet.CONSOLE_SEALED, frame, guest.number)[0], puppet.CORRUPT)
    forged = session.seal(b"reboot\n")
    forged = forged[:10] + bytes([forged[10] ^ 1]) + forged[11:]
    lab.equal("nor forged", tvd.sealed(puppet.CONSOLE_SEALED, forged, guest.number)[0], puppet.CORRUPT)
    old = session
    session = begin()
    lab.equal("a frame of an older session is refused", tvd.sealed(puppet.CONSOLE_SEALED, old.seal(b"x"), guest.number)[0],
              puppet.CORRUPT)
    lab.equal("of no VM", tvd.sealed(puppet.CONSOLE_SEALED, b"x" * 40, 12345)[0], puppet.NOT_FOUND)
    lab.equal("the power button", tvd.call(puppet.VM_BUTTON, struct.pack("<Q", guest.number) + bytes(112))[0], OK)
    lab.equal("is felt", vmm.receive("vault", "console"), (puppet.CONSOLE_BUTTON, 0, b""))


def crashes(lab, tvd, guest, image, attach, text):
    server = tvd.server
    for component in ("disk", "virtio_blk", "tpm"):
        server.kill_component(component)
        lab.check("%s dies: the VM's disk goes on" % component, guest.blk(puppet.BLK_READ, 1, 240, 32) == (OK, text))
        server.wait("root: %s started again" % component, 20)
    server.kill_component("vault/" + tvd.label)
    server.wait("vault/%s started again" % tvd.label, 20)
    lab.equal("the vault dies and opens again", tvd.status(), (1, "open"))
    tvd.call(puppet.IMAGE_WANT, name(image))
    lab.equal("policy attaches again", tvd.call(puppet.VM_ATTACH, attach)[0], OK)
    lab.check("the VM's disk goes on", guest.blk(puppet.BLK_READ, 1, 240, 32) == (OK, text))
    code, data = guest.blk(puppet.BLK_READ, 2, 0, 1)
    lab.check("its image is read once it has been verified again", code == OK and data == image[:BLOCK])


def storm(lab, tvd, guest, image, attach):
    """The guest writes and reads back without a pause while the components under it die."""
    server = tvd.server
    wrong = []
    stop = threading.Event()

    def work():
        turn = 0
        while not stop.is_set():
            turn += 1
            data = turn.to_bytes(8, "little").ljust(BLOCK, b"s") * 8
            place = 600 + turn % 20 * 8
            if guest.blk(puppet.BLK_WRITE, 1, place, 8, data)[0] != OK or \
                    guest.blk(puppet.BLK_READ, 1, place, 8) != (OK, data):
                wrong.append(turn)
        wrong.append(-turn)

    worker = threading.Thread(target=work)
    worker.start()
    for component in ("disk", "virtio_blk", "vault/" + tvd.label, "disk", "vault/" + tvd.label, "virtio_blk", "tpm", "disk"):
        time.sleep(0.1)
        count = server.log().count(component + " started again")
        server.kill_component(component)
        end = time.monotonic() + 20
        while server.log().count(component + " started again") == count and time.monotonic() < end:
            time.sleep(0.01)
        if component.startswith("vault"):
            tvd.status()
            tvd.call(puppet.IMAGE_WANT, name(image))
            tvd.call(puppet.VM_ATTACH, attach)
    time.sleep(0.1)
    stop.set()
    worker.join(30)
    lab.check("8 components die under a busy guest: %d writes, each read back as written" % -wrong[-1],
              len(wrong) == 1 and wrong[-1] < -8, wrong)


def reboot(lab, tvd, guest, image, attach, text):
    server = tvd.server
    server.restart()
    lab.equal("after a power cut the vault opens again", (server.status().state, tvd.start(), tvd.status()),
              (puppet.OPEN, OK, (1, "open")))
    code, status = tvd.call(puppet.IMAGE_WANT, name(image))
    lab.check("the image need not be sent again", code == OK and tvd.wait_present(image), status)
    tvd.call(puppet.VM_ATTACH, attach)
    guest.puppet = puppet.Puppet(server, "vmm" + guest.label)
    guest.start()
    lab.check("what the VM wrote is there", guest.blk(puppet.BLK_READ, 1, 240, 32) == (OK, text))


def apart(lab, server, tom, tvd, uuid):
    other = Tvd(server, tom, "tvd-b")
    lab.equal("another TVD's vault", (other.start(), other.status()), (OK, (1, "open")))
    attach = struct.pack("<Q", 99) + bytes(16) + uuid + ZERO_NAME + ZERO_NAME
    lab.equal("does not find the volume", other.call(puppet.VM_ATTACH, attach)[0], puppet.NOT_FOUND)
    lab.equal("and cannot take its name", other.call(puppet.VOLUME_ENSURE, uuid + struct.pack("<Q", 1000))[0], puppet.EXISTS)
    image = b"a small image"
    other.call(puppet.IMAGE_WANT, name(image))
    foreign = tomkeys.image_chunks(tvd.key, tvd.id, image)
    lab.equal("and takes no image under the first one's key", other.send(image, foreign, 0, 1), puppet.CORRUPT)
    lab.equal("a PCR 10 extension by tmc is refused", server.tmc.call("tpm", "tpm", 4, b"x\0", 10)[0], puppet.DENIED)
    lab.equal("one of PCR 11 by policy too", server.policy.call("tpm", "tpm", 4, b"x\0", 11)[0], puppet.DENIED)


def cuts(lab, tvd, guest, attach):
    """The power goes at random moments of a guest's writes; the disk has a write cache that loses what was not flushed.

    Block 0 counts rounds, blocks 1..20 hold the round's number; each round is written and flushed before the next.
    """
    server = tvd.server
    server.options["volatile"] = True
    random.seed(11)
    flushed = 0
    good = True
    for _ in range(25):
        server.restart()
        server.status()
        tvd.start()
        tvd.status()
        tvd.call(puppet.VM_ATTACH, attach[:40] + ZERO_NAME + ZERO_NAME)
        guest.puppet = puppet.Puppet(server, "vmm" + guest.label)
        guest.start()
        data = guest.blk(puppet.BLK_READ, 1, 500, 20)[1]
        found = [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), BLOCK)]
        good &= not flushed or (len(found) == 20 and all(f in (flushed, flushed + 1) for f in found))
        for _ in range(random.randrange(1, 8)):
            block = (flushed + 1).to_bytes(8, "little").ljust(BLOCK, b"=")
            good &= guest.blk(puppet.BLK_WRITE, 1, 500, 20, block * 20)[0] == OK
            good &= guest.blk(puppet.BLK_FLUSH, 1, 0)[0] == OK
            flushed += 1
        guest.blk(puppet.BLK_WRITE, 1, 500, 20, (flushed + 1).to_bytes(8, "little").ljust(BLOCK, b"=") * 20)
        if not good:
            break
    server.options["volatile"] = False
    lab.check("25 power cuts amid a guest's writes: what was flushed is there", good, (flushed, found))


def secrets(lab, tvd, trace):
    bus = b"".join(a + b for a, b in trace)
    lab.check("the TVD key never crossed the bus in clear (%d bytes recorded)" % len(bus),
              len(bus) > 10000 and tvd.key not in bus)


def damaged(lab, tvd, image):
    """Someone changes the image on the disk while the server is off."""
    server = tvd.server
    server.kill()
    with open(server.disk, "rb") as f:
        disk = bytearray(f.read())
    uuid = tomkeys.sha256(b"redoubt/1 image volume" + tomkeys.sha256(image))[:16]
    at = disk.find(tomkeys.xts(tomkeys.volume_key(tvd.key, tvd.id, uuid), 3, image[2 * BLOCK:3 * BLOCK]))
    disk[at + 5] ^= 1
    with open(server.disk, "wb") as f:
        f.write(disk)
    server.start()
    server.status()
    tvd.start()
    tvd.status()
    tvd.call(puppet.IMAGE_WANT, name(image))
    end = time.monotonic() + 20
    while tvd.image(image)[0] == puppet.VERIFYING and time.monotonic() < end:
        time.sleep(0.02)
    lab.check("an image changed on the disk is found and asked for again", at > 0 and tvd.image(image) == (puppet.PARTIAL, 0))


def test(lab):
    tom = tomkeys.PolicyKey()
    tpm = lab.tpm()
    tpm.trace = trace = []
    server = puppet.Server(lab, "server", tpm)
    server.start()
    good = tom.approve(tomkeys.DISK, SERVER, "r1", puppet.measured(BOOT))
    lab.equal("the disk is formatted", server.format(tom, SERVER, good)[0], OK)
    tvd = Tvd(server, tom, "tvd-a")
    guest = Guest(tvd, 4711, "vm-web")
    image = os.urandom(2500000)
    key(lab, tvd)
    images(lab, tvd, image)
    uuid, attach, text = volume(lab, tvd, guest, image)
    console(lab, tvd, guest)
    crashes(lab, tvd, guest, image, attach, text)
    storm(lab, tvd, guest, image, attach)
    apart(lab, server, tom, tvd, uuid)
    reboot(lab, tvd, guest, image, attach, text)
    cuts(lab, tvd, guest, attach)
    secrets(lab, tvd, trace)
    damaged(lab, tvd, image)


laboratory.run(test)
