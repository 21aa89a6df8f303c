"""The protocols' other side, written from PROTOCOL.md with Debian's python3-zmq and python3-msgpack: TG01, the feed and
the journal's stream. Nothing here shares code with the services."""

import struct
import time
import zlib

import msgpack
import zmq

ANSWER_MS = 30000
READY_S = 60
REPLAY_CHUNK = 500


class NoAnswer(Exception):
    pass


class Refused(Exception):
    """An error reply: .code, .retry and .message."""

    def __init__(self, err):
        super().__init__(err)
        self.code, self.message, self.retry = err["code"], err["msg"], err["retry"]


def _take_keys(socket, keys):
    """CURVE: (this side's public key, its secret, the server's public key), or None."""
    if keys:
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = (key.encode() for key in keys)


class _Caller:
    """A REQ that survives its server's death: relaxed, correlated, and given up after ANSWER_MS."""

    version = b""

    def __init__(self, endpoint, timeout_ms=ANSWER_MS, keys=None):
        self.socket = zmq.Context.instance().socket(zmq.REQ)
        _take_keys(self.socket, keys)
        self.socket.setsockopt(zmq.REQ_RELAXED, 1)
        self.socket.setsockopt(zmq.REQ_CORRELATE, 1)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        self.socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        self.socket.setsockopt(zmq.SNDTIMEO, timeout_ms)
        self.socket.connect(endpoint)
        self.next_id = 0
        self.last_error = None  # the whole reply of the last error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def call(self, op, **fields):
        """(the reply's map, the frames after it); Refused, NoAnswer."""
        self.next_id += 1
        request = {"op": op, "id": self.next_id, **fields}
        try:
            self.socket.send_multipart([self.version, msgpack.packb(request)])
            version, answer, *more = self.socket.recv_multipart()
        except zmq.Again:
            raise NoAnswer(f"{op}: no answer") from None
        reply = msgpack.unpackb(answer)
        assert version == self.version and reply["id"] == self.next_id, (version, reply)
        if "err" in reply:
            assert "allowed" not in reply, reply
            self.last_error = reply
            raise Refused(reply["err"])
        return reply, more


class Query(_Caller):
    """TG01."""

    version = b"TG01"

    def check(self, subject, **what):
        return self.call("check", sub=subject, **what)[0]

    def get(self, subject, **more):
        return self.call("get", sub=subject, **more)[0]

    def ping(self):
        return self.call("ping")[0]

    def since(self, ver, **more):
        return self.call("since", ver=ver, **more)[0]

    def tier(self, subject):
        return self.get(subject)["tier"]

    def ready(self):
        try:
            return self.ping()["ready"]
        except NoAnswer:
            return False

    def wait_ready(self, seconds=READY_S):
        """Until the service answers checks; it may be starting, or waiting for its worker."""
        deadline = time.monotonic() + seconds
        while not self.ready():
            assert time.monotonic() < deadline, "query does not become ready"
            time.sleep(0.02)


class Journal(_Caller):
    """The replay socket of an ingress."""

    version = b"TGJ1"

    def head(self):
        return self.call("head")[0]

    def find(self, event_id, mode="test", acct=""):
        return self.call("find", mode=mode, acct=acct, event=event_id)[0]["seq"]

    def raw(self, seq):
        """One record's bytes."""
        frame, = self.call("replay", **{"from": seq, "max": 1})[1]
        return frame

    def records(self, first=1):
        """Every record from `first` to the head, in order."""
        while True:
            reply, frames = self.call("replay", **{"from": first, "max": REPLAY_CHUNK})
            assert reply.get("count", 0) == len(frames), reply
            for frame in frames:
                record = read_record(frame)
                assert record["origin"] == reply["origin"] and record["seq"] >= first, record
                first = record["seq"] + 1
                yield record
            if not frames or first > reply["head"]:
                return


class Control(_Caller):
    """The worker's control socket."""

    version = b"TGC1"


class Reconciler(_Caller):
    """The reconciler's socket, but for passes, which have several replies."""

    version = b"TGR1"

    def status(self):
        return self.call("status")[0]["status"]

    def session(self, session, mode="test", acct=""):
        return self.call("session", mode=mode, acct=acct, session=session)[0]["done"]

    def customer(self, customer, mode="test", acct=""):
        return self.call("customer", mode=mode, acct=acct, customer=customer)[0]["done"]

    def fetch(self, kind, of, mode="test", acct=""):
        return self.call("fetch", mode=mode, acct=acct, fetch=kind, of=of)[0]["done"]


def read_keys(path):
    """{"public": …, "secret": …} of a key file."""
    with open(path, encoding="ascii") as file:
        lines = (line.split() for line in file if not line.startswith("#"))
        return {line[0]: line[1] for line in lines if line and line[0] in ("public", "secret")}


def reconcile_pass(endpoint, seconds=60, **how):
    """(what was found, what was done) of a pass; Refused, NoAnswer."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    try:
        socket.send_multipart([b"TGR1", msgpack.packb({"op": "pass", "id": 7, **how})])
        found = []
        while socket.poll(seconds * 1000):
            version, message = socket.recv_multipart()
            reply = msgpack.unpackb(message)
            assert version == b"TGR1" and reply["id"] == 7, reply
            if "err" in reply:
                raise Refused(reply["err"])
            if "done" in reply:
                return found, reply["done"]
            found.append(reply["found"])
        raise NoAnswer("pass: no answer")
    finally:
        socket.close()


class Subscriber:
    """A SUB: pairs of topic and map. Topics: bytes; none: everything."""

    def __init__(self, endpoint, *topics, keys=None):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        _take_keys(self.socket, keys)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        for topic in topics or (b"",):
            self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        self.socket.connect(endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive(self, timeout_ms=ANSWER_MS):
        """(topic, map); None when nothing came in time."""
        if not self.socket.poll(timeout_ms):
            return None
        topic, message = self.socket.recv_multipart()
        return topic, msgpack.unpackb(message)


# ---- journal records: proto/record.h ---------------------------------------------------------------


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, n):
        piece = self.data[self.at:self.at + n]
        assert len(piece) == n, "truncated"
        self.at += n
        return piece

    def unpack(self, form):
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.bytes(1)[0]
            value |= (byte & 0x7f) << shift
            if not byte & 0x80:
                return value
            shift += 7

    def zigzag(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def string(self):
        return self.bytes(self.varint())


def read_record(data):
    """A record as a dict; its checksum is proved."""
    assert zlib.crc32(data[:-4]) == struct.unpack(">I", data[-4:])[0], "a record's checksum is wrong"
    r = _Reader(data[:-4])
    assert r.bytes(4) == b"TGR1"
    record = {"origin": r.unpack(">Q"), "seq": r.unpack(">Q"), "kind": r.unpack("B"), "livemode": bool(r.unpack("B")),
              "received_ms": r.zigzag(), "created": r.zigzag()}
    for name in ("secret", "account", "id", "type", "api_version"):
        record[name] = r.string().decode()
    record["body"] = r.string()
    assert r.at == len(r.data), "bytes after the record"
    return record
