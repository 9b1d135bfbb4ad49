#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 280
# cores: 0
"""policy with the real disk, TPM broker and vault: signed states made by python3-cbor2, deaths, power cuts."""
import os
import random
import struct
import sys
import threading
import time

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hosted  # noqa: E402
import lab as laboratory  # noqa: E402
import puppet  # noqa: E402
import tomkeys  # noqa: E402
from puppet import OK  # noqa: E402

CONF_STATE, CONF_STATUS, CONF_TIME, CONF_CHANGED = 1, 2, 3, 16
MANIFEST = "tests/system/policy/manifest.toml"
CUTS = int(os.environ.get("CUTS", "20"))


class Operator:
    """Who makes and signs desired states, written from docs/tmc.md alone."""

    def __init__(self):
        self.server = os.urandom(16)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.tom = tomkeys.PolicyKey()

    def binding(self):
        return cbor2.dumps({1: 1, 2: self.server, 3: "s1", 4: b"\x7f\0\0\1", 5: 7443, 6: b"spki", 7: b"cert",
                            8: b"\4" + tomkeys.point(self.key.public_key()), 9: b"\4" + self.tom.xy, 10: bytes(32)},
                           canonical=True)

    def sign(self, document, key=None):
        der = (key or self.key).sign(b"redoubt-state/1" + document, ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(der)
        return cbor2.dumps({1: document, 2: r.to_bytes(32, "big") + s.to_bytes(32, "big")}, canonical=True)

    def document(self, epoch, tvds=(), images=(), vms=(), **changed):
        fields = {1: 2, 2: self.server, 3: epoch, 4: list(tvds), 5: list(images), 6: list(vms), 7: 1}
        fields.update({int(k[1:]): v for k, v in changed.items()})
        return cbor2.dumps(fields, canonical=True)


class Server(puppet.Server):
    """The policy under test, with a puppet for its tmc."""

    def __init__(self, lab, name, tpm, **options):
        options.setdefault("measure", list(puppet.BOOT.items()))
        hosted.Hosted.__init__(self, lab, name, tpm=tpm, manifest=MANIFEST, **options)

    def push(self, signed):
        """(status, words)"""
        status, text = self.tmc.call("policy", "conf", CONF_STATE, signed)
        return status, text.decode()

    def state(self):
        """(epoch, {(kind, name): (state, text)})"""
        status = cbor2.loads(self.tmc.call("policy", "conf", CONF_STATUS)[1])
        return status[1], {(i[1], i[2]): (i[3], i[4]) for i in status[3]}

    def reach(self, what, state, text=None, seconds=30):
        """Waits for (kind, name) to be in that state, with that text; what it is in the end."""
        end = time.monotonic() + seconds
        while True:
            got = self.state()[1].get(what, ("unknown", ""))
            if got[0] == state and text in (None, got[1]) or time.monotonic() > end:
                return got
            time.sleep(0.05)

    def reach_pcr(self, number, want, seconds=30):
        """Waits for that value; what it is in the end. Nothing but a VM's start waits for the measurement."""
        end = time.monotonic() + seconds
        while (got := self.pcr(number)) != want and time.monotonic() < end:
            time.sleep(0.1)
        return got


class Tenant:
    """A TVD with two images and two VMs."""

    def __init__(self, operator, server, name="blue"):
        self.id, self.key, self.name = os.urandom(16), os.urandom(32), name
        self.server = server
        values = puppet.measured(puppet.BOOT)
        after = {**values, 11: tomkeys.extended(values[11], "disk-open")}
        self.tvd = {1: self.id, 2: name, 3: tomkeys.wrap(operator.tom, self.id, self.key, server.srk()),
                    4: operator.tom.approve(tomkeys.TVD, self.id, "r1", after)}
        self.kernel, self.initrd = os.urandom(70000), os.urandom(40000)
        self.ids = {"web": os.urandom(16), "db": os.urandom(16)}
        self.volumes = {"web": os.urandom(16), "db": os.urandom(16)}

    def images(self):
        return [{1: self.id, 2: tomkeys.sha256(i), 3: len(i)} for i in (self.kernel, self.initrd)]

    def vm(self, name, run=1, cmdline="console=ttyS0", mem=16):
        return {1: self.ids[name], 2: name, 3: self.id, 4: mem, 5: 1, 6: tomkeys.sha256(self.kernel),
                7: tomkeys.sha256(self.initrd), 8: cmdline, 9: self.volumes[name], 10: 256, 11: run}

    def sealed(self, kind, payload=b"", arg=0):
        return self.server.tmc.call("vault/" + self.name, "sealed", kind, payload, arg)

    def upload(self):
        for image in (self.kernel, self.initrd):
            name = tomkeys.sha256(image) + struct.pack("<Q", len(image))
            for i, chunk in enumerate(tomkeys.image_chunks(self.key, self.id, image)):
                code = self.sealed(puppet.IMAGE_CHUNK, name + chunk, i)[0]
                if code != OK:
                    return code
        return OK

    def switch_off(self, vm):
        """Types "off" on the toy guest's console."""
        number = struct.unpack("<Q", self.ids[vm][:8])[0]
        nonce = os.urandom(16)
        session = self.sealed(puppet.CONSOLE_OPEN, nonce, number)[1]
        console = tomkeys.Console(self.key, self.id, self.ids[vm], session, nonce)
        return self.sealed(puppet.CONSOLE_SEALED, console.seal(b"off\n"), number)[0]

    def event(self, vm):
        """Data of the PCR 10 record "vm-start"."""
        return vm[1] + vm[6] + vm[7] + tomkeys.sha256(vm[8].encode())


def epoch_event(epoch, document):
    return struct.pack("<Q", epoch) + tomkeys.sha256(document)


def refusals(lab, server, operator):
    good = operator.document(3)

    def refused(what, signed, code, words):
        got, text = server.push(signed)
        lab.check("refused: " + what, got == code and words in text, "%d %s" % (got, text))

    stranger = ec.generate_private_key(ec.SECP256R1())
    refused("another key's signature", operator.sign(good, stranger), puppet.DENIED, "not signed by the operator key")
    refused("a changed document", operator.sign(good)[:20] + b"\xff" + operator.sign(good)[21:], puppet.DENIED, "not signed")
    refused("half of it", operator.sign(good)[:-70], puppet.BAD_REQUEST, "signed_state")
    refused("another server's", operator.sign(operator.document(3, k2=bytes(16))), puppet.DENIED, "another server")
    refused("an unknown field", operator.sign(operator.document(3, k8=1)), puppet.BAD_REQUEST, "unknown or repeated key")
    refused("an unknown version", operator.sign(operator.document(3, k1=3)), puppet.BAD_REQUEST, "version")
    refused("a VM of no TVD", operator.sign(operator.document(3, vms=[{
        1: b"v" * 16, 2: "web", 3: bytes(16), 4: 16, 5: 1, 6: bytes(32), 7: bytes(32), 8: "", 9: bytes(16), 10: 0, 11: 1}])),
            puppet.BAD_REQUEST, "VM of an unknown TVD")
    lab.equal("a good one is committed", server.push(operator.sign(good)), (OK, "epoch 3 committed"))
    refused("an older epoch", operator.sign(operator.document(2)), puppet.DENIED, "epoch 2 is refused: epoch 3")
    refused("the same epoch with other content", operator.sign(operator.document(3, k129=1)), puppet.DENIED, "epoch 3 is refused")


def run_vms(lab, server, operator, tenant):
    web, db = tenant.vm("web"), tenant.vm("db", run=0)
    document = operator.document(4, [tenant.tvd], tenant.images(), [web, db])
    before = server.pcr(10)
    lab.equal("a TVD and its VMs", server.push(operator.sign(document))[0], OK)
    lab.equal("its vault opens", server.reach(("tvd", "blue"), "open")[0], "open")
    status, text = server.reach(("vm", "web"), "waiting")
    lab.check("the VM waits for its images", status == "waiting" and "kernel image" in text, text)
    lab.check("and is not measured before", server.pcr(10) == tomkeys.extended(before, "epoch", epoch_event(4, document)))
    lab.equal("images are uploaded", tenant.upload(), OK)
    lab.equal("the VM runs", server.reach(("vm", "web"), "running")[0], "running")
    want = tomkeys.extended(tomkeys.extended(before, "epoch", epoch_event(4, document)), "vm-start", tenant.event(web))
    lab.equal("PCR 10 is what the epoch and the VM give", server.pcr(10), want)
    lab.equal("the other one is stopped", server.state()[1][("vm", "db")][0], "stopped")
    lab.check("root has one vmm", len(server.pids("vmm/web")) == 1 and not server.pids("vmm/db"))


def deaths(lab, server, tenant):
    vmm = server.pids("vmm/web")
    for name in ("policy", "disk", "tpm", "vault/blue", "policy", "virtio_blk"):
        server.kill_component(name)
        server.wait(r"root: %s started again" % name, 20)
        lab.equal("%s dies: the same VM runs on" % name,
                  (server.reach(("vm", "web"), "running", ""), server.pids("vmm/web")), (("running", ""), vmm))
    server.kill_component("vmm/web")
    server.wait(r"VM web: its machine died", 20)
    lab.equal("a dead vmm is started again", server.reach(("vm", "web"), "running")[0], "running")
    lab.check("as another process", server.pids("vmm/web") not in (vmm, []))
    server.kill_component("vault/blue")
    server.kill_component("policy")
    lab.equal("vault and policy die at once", server.reach(("vm", "web"), "running", ""), ("running", ""))


def changes(lab, server, operator, tenant):
    def push(epoch, *vms):
        code, text = server.push(operator.sign(operator.document(epoch, [tenant.tvd], tenant.images(), vms)))
        return text if code == OK else (code, text)

    lab.equal("the guest is told to switch itself off", tenant.switch_off("web"), OK)
    lab.equal("it is off", server.reach(("vm", "web"), "off")[0], "off")
    server.kill_component("policy")
    server.wait(r"policy started again", 20)
    lab.equal("and stays off when policy dies", server.reach(("vm", "web"), "off")[0], "off")
    lab.equal("the next epoch", push(5, tenant.vm("web"), tenant.vm("db")), "epoch 5 committed")
    lab.equal("starts it again", server.reach(("vm", "web"), "running")[0], "running")
    lab.equal("with the other one", server.reach(("vm", "db"), "running")[0], "running")
    vmm, other = server.pids("vmm/web"), server.pids("vmm/db")
    lab.equal("a changed command line", push(6, tenant.vm("web", cmdline="debug"), tenant.vm("db")), "epoch 6 committed")
    server.wait(r"root: vmm/web started", 20, server.wait(r"epoch 6 committed", 20).end())
    lab.equal("restarts that VM", server.reach(("vm", "web"), "running")[0], "running")
    lab.check("and only that", server.pids("vmm/web") != vmm and server.pids("vmm/db") == other)
    lab.equal("no VMs, no TVD", server.push(operator.sign(operator.document(7)))[0], OK)
    server.wait(r"root: vault/blue stopped", 20)
    lab.check("all is stopped", not server.pids("vmm/web") + server.pids("vmm/db") + server.pids("vault/blue"))
    lab.equal("back again", push(8, tenant.vm("web"), tenant.vm("db", run=0)), "epoch 8 committed")
    lab.equal("it runs; images and volume had stayed", server.reach(("vm", "web"), "running")[0], "running")


def reboot(lab, server):
    server.restart()
    server.wait(r"root: vmm/web started", 30)
    lab.check("after a power cut all comes back without the TOM", "stored state: epoch 8" in server.log(), server.log())
    lab.equal("epoch and VM", (server.reach(("vm", "web"), "running", ""), server.state()[0]), (("running", ""), 8))


class Pusher:
    """Pushes one epoch after the other from a thread of its own; remembers what was begun and what was acknowledged."""

    def __init__(self, server, operator, tenant, epoch):
        self.begun = self.done = epoch
        self.documents = {}
        self.wrong = []
        self.stop = False
        self.server, self.operator, self.tenant = server, operator, tenant

    def work(self):
        try:
            while not self.stop:
                epoch = self.begun + 1
                vms = [self.tenant.vm("db", run=0, cmdline="%d " % epoch * random.randrange(1, 80))]
                document = self.operator.document(epoch, [self.tenant.tvd], self.tenant.images(), vms)
                self.documents[epoch] = document
                self.begun = epoch
                answer = self.server.push(self.operator.sign(document))
                if answer not in ((OK, "epoch %d committed" % epoch), (OK, "epoch %d is committed already" % epoch)):
                    self.wrong.append(answer)
                    return
                self.done = epoch
        except (EOFError, OSError):
            pass

    def while_doing(self, action):
        self.stop = False
        thread = threading.Thread(target=self.work)
        thread.start()
        action()
        self.stop = True
        thread.join(60)


def kills(lab, server, pusher):
    def killing():
        for _ in range(CUTS):
            time.sleep(random.uniform(0, 0.3))
            for name in random.choice((("policy",), ("disk",), ("policy", "disk"), ("virtio_blk",), ("disk", "tpm"))):
                server.kill_component(name)

    first = pusher.done
    pusher.while_doing(killing)
    lab.check("%d deaths of policy and disk under %d commits: each is taken once" % (CUTS, pusher.done - first),
              not pusher.wrong and pusher.done > first, pusher.wrong)


def cuts(lab, server, pusher):
    """The disk's write cache loses what was not flushed."""
    server.options["volatile"] = True
    wrong, first = list(pusher.wrong), pusher.done
    for _ in range(CUTS // 2):
        server.restart()
        server.wait(r"policy: stored state: epoch (\d+)", 20)
        pusher.begun = pusher.done = server.state()[0]
        pusher.while_doing(lambda: (time.sleep(random.uniform(0.02, 0.4)), server.kill()))
        server.start()
        there = int(server.wait(r"policy: stored state: epoch (\d+)", 20).group(1))
        if not pusher.done <= there <= pusher.begun:
            wrong.append("acknowledged %d, begun %d, there %d" % (pusher.done, pusher.begun, there))
        server.reach(("tvd", "blue"), "open")
        if there in pusher.documents:
            want = tomkeys.extended(bytes(32), "epoch", epoch_event(there, pusher.documents[there]))
            if server.reach_pcr(10, want) != want:
                wrong.append("epoch %d is not what was signed, PCR 10 is %s" % (there, server.pcr(10).hex()))
    lab.check("%d power cuts under %d commits: each acknowledged epoch is there, whole" % (CUTS // 2, pusher.done - first),
              not wrong and pusher.done > first, wrong + pusher.wrong)


def test(lab):
    operator = Operator()
    server = Server(lab, "server", lab.tpm(), parts={"binding": operator.binding()})
    server.start()
    values = operator.tom.approve(tomkeys.DISK, operator.server, "r1", puppet.measured(puppet.BOOT))
    code, text = server.push(operator.sign(operator.document(1)))
    lab.check("before the disk is open nothing is taken, and it is said why", code == puppet.STATE and "disk" in text, text)
    lab.equal("the disk is formatted", server.format(operator.tom, operator.server, values)[0], OK)
    refusals(lab, server, operator)
    tenant = Tenant(operator, server)
    run_vms(lab, server, operator, tenant)
    deaths(lab, server, tenant)
    changes(lab, server, operator, tenant)
    reboot(lab, server)
    pusher = Pusher(server, operator, tenant, 8)
    kills(lab, server, pusher)
    cuts(lab, server, pusher)


if __name__ == "__main__":
    laboratory.run(test)
