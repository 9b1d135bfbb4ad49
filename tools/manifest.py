#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles a system manifest (TOML) to the binary form of services/root/manifest.h, or draws it.

    manifest.py compile SOURCE OUTPUT     binary manifest
    manifest.py parts SOURCE              boot parts it names, one a line, in start order
    manifest.py graph SOURCE              who may talk to whom, DOT
    manifest.py table SOURCE              the same, plain text, with memory and devices

SOURCE may be A+B: manifest A with the components of file B in place of those of the same name.
See docs/components.md for the fields.
"""
import struct
import sys
import tomllib

NONE = 0xFFFFFFFF
SOURCE_VERSION = 1
VERSION = 2     # of the binary form
COMPONENT = {"name": None, "image": None, "template": False, "parent": None, "restart": True, "prio": 100,
             "cpu": 0, "frames": 96, "stack_kib": 64, "heap_kib": 256, "mem_kib": 0, "mem_max_mib": 0,
             "kept_kib": 0, "threads": 1, "calls": [], "device": [], "roms": []}
DEVICE = {"name": None, "pci": None, "mmio": None, "ports": None, "dma_kib": 0, "optional": False}
PCI = {"vendor": NONE, "device": NONE, "class": NONE, "index": 0}
CALL = {"server": None, "proto": None, "kib": 16}  # server: one name, or a list of alternatives


class Wrong(Exception):
    """What is wrong in the source, in words."""


def fields(given, known, where):
    """`given` over the defaults `known`; a field nobody knows is an error."""
    for key in given:
        if key not in known:
            raise Wrong("%s: unknown field %r (known: %s)" % (where, key, ", ".join(known)))
    return {**known, **given}


def calls(component):
    """One channel per server; the second and later of a list of alternatives are marked."""
    rows = []
    for x in component["calls"]:
        x = fields(x, CALL, component["name"])
        servers = x["server"] if isinstance(x["server"], list) else [x["server"]]
        rows += [{**x, "server": server, "otherwise": n > 0} for n, server in enumerate(servers)]
    return rows


def read(path):
    """The source; "A+B": A with the components that B has under the same name instead."""
    path, _, overlay = path.partition("+")
    with open(path, "rb") as f:
        source = tomllib.load(f)
    if not overlay:
        return source
    with open(overlay, "rb") as f:
        instead = {c["name"]: c for c in fields(tomllib.load(f), {"component": []}, overlay)["component"]}
    source["component"] = [instead.pop(c["name"], c) for c in source["component"]]
    if instead:
        raise Wrong("%s: %s replaces nothing in %s" % (overlay, ", ".join(instead), path))
    return source


def load(path):
    """The manifest as dictionaries, all defaults filled in; component 0 is root."""
    source = read(path)
    source = fields(source, {"version": None, "lab": False, "log_kib": 16, "root": {}, "component": []}, path)
    if source["version"] != SOURCE_VERSION:
        raise Wrong("%s: version is not %d" % (path, SOURCE_VERSION))
    root = fields({"name": "root", **source["root"]}, COMPONENT, "root")
    components = [root] + [fields(c, COMPONENT, c.get("name", "component")) for c in source["component"]]
    names = [c["name"] for c in components]
    for c in components:
        c["image"] = c["image"] or c["name"]
        c["calls"] = calls(c)
        if c["name"] != "uart" and "uart" in names:
            c["calls"].append({"server": "uart", "proto": "log", "kib": source["log_kib"], "otherwise": False})
        c["device"] = [fields(d, DEVICE, c["name"]) for d in c["device"]]
        for x in c["calls"]:
            if x["server"] not in names:
                raise Wrong("%s calls %r, which is no component" % (c["name"], x["server"]))
        if c["parent"] and c["parent"] not in names:
            raise Wrong("%s: parent %r is no component" % (c["name"], c["parent"]))
    return {"lab": source["lab"], "components": components, "names": names}


def text(s, size):
    """NUL-padded name."""
    raw = s.encode()
    if not 0 < len(raw) < size:
        raise Wrong("name %r does not fit %d bytes" % (s, size))
    return raw.ljust(size, b"\0")


def pack_component(m, c):
    """struct manifest_component"""
    parent = m["names"].index(c["parent"]) if c["parent"] else NONE
    cpu = NONE if c["cpu"] == "any" else c["cpu"]
    return text(c["name"], 32) + text(c["image"], 32) + struct.pack(
        "<12I", c["template"] | c["restart"] << 1, parent, c["prio"], cpu, c["frames"], c["stack_kib"],
        c["heap_kib"], c["mem_kib"], c["mem_max_mib"], c["kept_kib"], c["threads"], 0)


def pack_device(i, c, d):
    """struct manifest_device"""
    pci = fields(d["pci"] or {}, PCI, c["name"] + "." + d["name"])
    kinds = [k for k in ("pci", "mmio", "ports") if d[k] is not None]
    if len(kinds) != 1:
        raise Wrong("%s.%s: needs one of pci, mmio, ports" % (c["name"], d["name"]))
    kind = {"pci": 1, "mmio": 2, "ports": 3}[kinds[0]]
    base, size = d[kinds[0]] if kind != 1 else (0, 0)
    return text(d["name"], 32) + struct.pack("<6I2Q2I", i, kind, pci["vendor"], pci["device"], pci["class"],
                                             pci["index"], base, size, d["dma_kib"], d["optional"])


def compile_manifest(m):
    """The bytes of services/root/manifest.h."""
    comps, devs, chans, roms = [], [], [], []
    for i, c in enumerate(m["components"]):
        comps.append(pack_component(m, c))
        devs += [pack_device(i, c, d) for d in c["device"]]
        chans += [struct.pack("<2I", i, m["names"].index(x["server"])) + text(x["proto"], 16) +
                  struct.pack("<2I", x["kib"], x["otherwise"]) for x in c["calls"]]
        roms += [struct.pack("<2I", i, r.endswith("?")) + text(r.rstrip("?"), 32) for r in c["roms"]]
    body = b"".join(comps + devs + chans + roms)
    return struct.pack("<8s8I", b"RMANIFES", VERSION, 40 + len(body), m["lab"], len(comps), len(devs),
                       len(chans), len(roms), 0) + body


def parts(m):
    """Boot parts that the manifest names: root first, then the images in start order."""
    seen = ["root"]
    for c in m["components"][1:]:
        if c["image"] not in seen:
            seen.append(c["image"])
    return seen


def graph(m):
    """DOT: an arrow points from client to server; templates are drawn double, devices as boxes."""
    lines = ["digraph manifest {", "\trankdir=LR;", "\tnode [shape=ellipse];"]
    for c in m["components"]:
        if c["template"]:
            lines.append('\t"%s" [peripheries=2];' % c["name"])
        for d in c["device"]:
            lines.append('\t"%s.%s" [shape=box];' % (c["name"], d["name"]))
            lines.append('\t"%s" -> "%s.%s" [arrowhead=none];' % (c["name"], c["name"], d["name"]))
        for x in c["calls"]:
            if x["proto"] != "log":
                lines.append('\t"%s" -> "%s" [label="%s"%s];' % (c["name"], x["server"], x["proto"],
                                                             ", style=dashed" if x["otherwise"] else ""))
    return "\n".join(lines + ["}"])


def table(m):
    """One line per component: what it holds and whom it may call."""
    row = "%-12s %4s %4s %8s %7s  %-34s %s"
    lines = [row % ("component", "prio", "cpu", "KiB", "frames", "devices", "may call (all: uart.log)")]
    for c in m["components"]:
        devices = ", ".join(d["name"] for d in c["device"]) or "-"
        may = ", ".join("%s%s.%s" % ("or " if x["otherwise"] else "", x["server"], x["proto"])
                        for x in c["calls"] if x["proto"] != "log") or "-"
        kib = c["stack_kib"] + c["heap_kib"] + c["mem_kib"] + c["kept_kib"] + sum(d["dma_kib"] for d in c["device"])
        name = c["name"] + ("*" if c["template"] else "")
        lines.append(row % (name, c["prio"], c["cpu"], kib, c["frames"], devices, may))
    return "\n".join(lines + ["* template: started on request of policy, one per TVD or VM"])


def main(argv):
    """Runs one subcommand."""
    shows = {"parts": lambda m: "\n".join(parts(m)), "graph": graph, "table": table}
    if len(argv) < 3 or argv[1] not in ("compile", *shows):
        sys.exit(__doc__)
    try:
        m = load(argv[2])
        if argv[1] != "compile":
            print(shows[argv[1]](m))
            return
        data = compile_manifest(m)
    except (Wrong, tomllib.TOMLDecodeError, struct.error, OSError) as error:
        sys.exit("manifest: %s" % error)
    with open(argv[3], "wb") as f:
        f.write(data)


if __name__ == "__main__":
    main(sys.argv)
