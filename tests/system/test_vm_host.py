#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# time limit: 300
# cores: 0
"""A VM's whole life under the TOM's orders: domain, images, start, console, crash, reboot, stop (a toy vmm as the guest)."""
import os
import re
import socket
import time

from hosted import Hosted
from lab import LabError, run
from tom import Boot, Tom


class Console:
    """`tom vm console` as a test sees it."""

    def __init__(self, tom, server, vm, seconds=30):
        end = time.monotonic() + seconds
        while True:
            self.s = socket.socket(socket.AF_UNIX)
            try:
                self.s.connect(os.path.join(tom.home, "run", server + ".sock"))
                self.s.settimeout(seconds)
                self.s.sendall(("console %s\n" % vm).encode())
                answer = self.s.recv(11)
            except OSError as error:
                answer = str(error).encode()
            if answer == b"ok console\n":
                break
            if time.monotonic() > end:
                raise LabError("no console of %s: %r" % (vm, answer))
            time.sleep(0.2)
        self.text = b""

    def wait(self, text, seconds=20):
        self.s.settimeout(seconds)
        try:
            while text.encode() not in self.text:
                part = self.s.recv(4096)
                if not part:
                    return False
                self.text += part
        except TimeoutError:
            return False
        return True

    def ask(self, line, answer):
        self.text = b""
        self.s.sendall(line.encode() + b"\n")
        return self.wait(answer)


def bound(lab, **options):
    """A TOM and a hosted server that is bound to it."""
    tpm = lab.tpm()
    tom = Tom(lab, ek_ca=lab.authority().chain)
    boot = Boot()
    boot.add_to(tom)
    tom.start()
    tom("server", "add", "s1", "--release", "r1")
    tom("server", "bind", "s1")
    record = tom.record("s1")
    machine = Hosted(lab, "s1", tpm=tpm, measure=boot.measure(record), parts={"binding": record, "eventlog": boot.log(record)},
                     **options)
    machine.start()
    machine.wait(r"tmc: attested", 60)
    return tom, machine


def define(lab, tom, kernel_size=300000):
    for name, size in (("kernel", kernel_size), ("initrd", 50000)):
        with open(os.path.join(lab.dir, name), "wb") as f:
            f.write(os.urandom(size))
    tom("tvd", "create", "blue")
    tom("image", "add", "toy", os.path.join(lab.dir, "kernel"), os.path.join(lab.dir, "initrd"))
    create = ["vm", "create", "web", "--server", "s1", "--tvd", "blue", "--image", "toy", "--memory", "16", "--disk", "4"]
    done = tom.run(*create)
    lab.check("the TOM places no VM on a server that proved no IOMMU, and says what to do", done.returncode == 1 and
              "no IOMMU" in done.stderr and "tom server allow-no-iommu s1" in done.stderr, done.stderr + done.stdout)
    tom("server", "allow-no-iommu", "s1")
    lab.check("the operator's decision is kept and shown", tom.json("server", "show", "s1")["allow_no_iommu"])
    tom(*create)


def withdrawn(lab, tom, machine):
    """The server has no IOMMU; the operator takes back that VMs may run there all the same."""
    tom("server", "allow-no-iommu", "s1", "--withdraw")
    lab.check("a VM runs on when its permission is withdrawn", machine.pids("vmm/web"), machine.log())
    done = tom.run("config", "push", "s1", "--wait", "60")
    lab.check("the next configuration stops it, and it is said why", done.returncode == 0 and not machine.pids("vmm/web") and
              "its VMs do not run: no IOMMU" in done.stderr, (done.returncode, done.stderr, machine.log()))
    vm = tom.json("vm", "list")[0]
    lab.check("it waits, and says for what", vm["state"] == "waiting" and "no IOMMU" in vm["text"], vm)
    done = tom.run("vm", "start", "web")
    lab.check("nor can it be started", done.returncode == 1 and "no IOMMU" in done.stderr, done.stderr)
    tom("server", "allow-no-iommu", "s1")
    tom("config", "push", "s1", "--wait", "60")
    console = Console(tom, "s1", "web")
    lab.check("allowed again it comes back with its disk", console.ask("read", "treasure"), machine.log())
    words = ["may run without", "may no longer run without", "may run without"]
    told = [re.findall(r"VMs (.*) an IOMMU$", text, re.M) for text in
            ("\n".join(re.findall(r"s1: decided: .*", tom.log())), "\n".join(tom.json("server", "show", "s1")["decisions"]))]
    lab.equal("each decision is in tomd's log once, and kept", told, [words, words])


def test(lab):
    tom, machine = bound(lab)
    define(lab, tom, 12 << 20)
    done = tom.run("vm", "start", "web", "--wait", "60")
    shown = [int(p) for p in re.findall(r"^s1: image \d of 2: (\d+) %, [\d.]+ of [\d.]+ MiB$", done.stderr, re.M)]
    lab.check("whoever waits sees how far the images have come", len(set(shown)) > 1, done.stderr)
    lab.check("a VM starts", done.returncode == 0, done.stderr + machine.log() + tom.log() + tom("config", "show", "s1"))
    console = Console(tom, "s1", "web")
    lab.check("its console shows its past", console.wait("hosted guest is up"), console.text)
    lab.check("it hears what is typed", console.ask("hello", "you said: hello"), console.text)
    lab.check("it writes to its disk", console.ask("write treasure", "written 0 0"), console.text)
    lab.check("evidence with a running VM is good", tom.run("evidence", "verify", "s1").returncode == 0)
    for name in ("vault/blue", "policy", "tmc", "disk", "tpm"):
        machine.kill_component(name)
        machine.wait(r"root: %s started again" % name, 20)
        again = Console(tom, "s1", "web")
        lab.check("after %s died the console and the disk are there" % name, again.ask("read", "treasure"),
                  again.text.decode() + machine.log()[-1500:] + tom.log()[-1000:])
    machine.kill()
    machine.start()
    console = Console(tom, "s1", "web", 60)
    lab.check("after a reboot the VM comes back with its disk", console.ask("read", "treasure"), machine.log())
    console.ask("crash", "never")
    console = Console(tom, "s1", "web", 60)
    lab.check("a VM whose machine died is started again", console.ask("read", "treasure"), machine.log())
    tom("vm", "stop", "web", "--wait", "30")
    lab.check("a VM is stopped", not machine.pids("vmm/web"), machine.log())
    tom("vm", "start", "web", "--wait", "30")
    console = Console(tom, "s1", "web")
    lab.check("and started again", console.ask("read", "treasure"), machine.log())
    withdrawn(lab, tom, machine)
    console = Console(tom, "s1", "web")
    console.ask("off", "never")
    time.sleep(2)
    lab.equal("a guest that switches itself off stays off", tom.json("vm", "list")[0]["state"], "off")


if __name__ == "__main__":
    run(test)
