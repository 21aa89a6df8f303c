#!/usr/bin/env python3
"""The golden vectors as a library reads them that has nothing of this project: Debian's msgpack, and what PROTOCOL.md
says. vectors.py ROOT. Exit code 77 without its libraries."""
import json
import re
import struct
import sys
import zlib
from pathlib import Path

try:
    import msgpack
    import zmq  # noqa: F401
except ImportError:
    sys.exit(77)

root = Path(sys.argv[1])
sys.path.insert(0, str(root / "tests" / "system"))
import line  # noqa: E402  what a cache does, written from the text as well

seen = 0


def load(name):
    return json.loads((root / "proto" / "vectors" / name).read_text())


def check(name, got, wanted):
    global seen
    seen += 1
    if got != wanted:
        sys.exit(f"{name}\n  says   {got}\n  wanted {wanted}")


def plain(value):
    """As the vectors write it: bytes as text, and numbers as text that many a JSON reader would round."""
    if isinstance(value, dict):
        return {key: plain(x) for key, x in value.items()}
    if isinstance(value, list):
        return [plain(x) for x in value]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2**63:
        return str(value)
    return value


def read(v):
    return msgpack.unpackb(bytes.fromhex(v["hex"]), raw=False, strict_map_key=True)


# ---- messages

for file in ("tg01.json", "stream.json", "reconcile.json"):
    for v in load(file)["vectors"]:
        check(f"{file}: {v['name']}", plain(read(v)), v["means"])

# what is refused for its meaning is still msgpack to others, and its id is what goes back
for v in load("tg01_refused.json")["vectors"]:
    try:
        message = read(v)
    except (ValueError, msgpack.UnpackException):
        continue
    if isinstance(message, dict) and v["id"] is not None:
        check(v["name"], message.get("id"), v["id"])

# ---- nothing that the text names is without a vector

text = (root / "proto" / "PROTOCOL.md").read_text()
tg01 = load("tg01.json")["vectors"]
errors = {v["means"]["err"]["code"]: v["means"]["err"]["retry"] for v in tg01 if "err" in v["means"]}
table = text.split("| code | retry | when |")[1].split("\n\n")[0]
for code, retry in re.findall(r"^\| `(\w+)` \| (yes|no) \|", table, re.M):
    check(f"error {code}", errors.pop(code, None), retry == "yes")
check("errors that the text does not have", errors, {})
ops = re.findall(r"`(\w+)`", re.search(r"^\| `op` \| MUST \|(.*)\|$", text, re.M).group(1))
for op in ops:
    check(f"a request for {op}", any(v["what"] == "request" and v["means"]["op"] == op for v in tg01), True)
    check(f"a reply to {op}", any(v["what"] == op and "err" not in v["means"] for v in tg01), True)

# ---- records (record.h): numbers big-endian or LEB128, texts with their length

KINDS = {1: "webhook", 2: "event", 3: "snapshot", 4: "override", 5: "mark"}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        return self.data[self.at - n : self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def zigzag(self):
        n = self.varint()
        return n >> 1 ^ -(n & 1)

    def string(self):
        return self.take(self.varint()).decode()


def record(data):
    r = Reader(data)
    magic, origin, seq = struct.unpack(">4sQQ", r.take(20))
    kind, livemode = r.take(2)
    got = {"origin": f"{origin:016x}", "seq": seq, "kind": KINDS[kind], "livemode": bool(livemode)}
    got["received_ms"], got["created"] = r.zigzag(), r.zigzag()
    for key in ("secret", "account", "id", "type", "api_version", "body"):
        got[key] = r.string()
    check("magic", magic, b"TGR1")
    check("checksum", struct.unpack(">I", r.take(4))[0], zlib.crc32(data[:-4]))
    check("length", r.at, len(data))
    return got


kinds = set()
for v in load("record.json")["vectors"]:
    check(f"record {v['name']}", record(bytes.fromhex(v["hex"])), v["means"])
    kinds.add(v["means"]["kind"])
check("kinds of records", kinds, set(KINDS.values()))

# ---- lines

lines = load("line.json")
catalog = read(lines["catalog"])
check("the lines' catalog", catalog, lines["catalog"]["means"])
for v in lines["vectors"]:
    change = read(v)
    check(v["name"], change, v["means"])
    for case in v["checks"]:
        what = dict(case["ask"])
        step = line.step_at(change["line"], change["line_until"], what.pop("at"))
        got = step and line.answer(step, catalog["tiers"], catalog["feats"], **what)
        check(f"{v['name']} {case['ask']}", got, case["answer"])

print(f"{seen} comparisons")
