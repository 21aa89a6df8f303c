"""The worker against journals that go wrong: one that is played here, copies of one, and a store that vanishes."""

import shutil
import struct
import threading
import time
import zlib

import msgpack
import zmq

import harness
import lives
import webhook
import wire
from harness import store_dump, wait_until

ORIGIN = 0x1122334455667788


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def string(data):
    return varint(len(data)) + data


def record(seq, event, origin=ORIGIN):
    """As proto/record.h has it."""
    body = webhook.encode(event)
    data = b"TGR1" + struct.pack(">QQBB", origin, seq, 1, event["livemode"])
    data += zigzag(int(time.time() * 1000)) + zigzag(event["created"])
    for text in ("sandbox", "", event["id"], event["type"], event["api_version"]):
        data += string(text.encode())
    data += string(body)
    return data + struct.pack(">I", zlib.crc32(data))


class Journal:
    """A journal's two sockets, in the test's hands: nothing is sent unless the test says so, but heartbeats."""

    def __init__(self, stack, label="ingress"):
        context = zmq.Context.instance()
        self.pub, self.router = context.socket(zmq.PUB), context.socket(zmq.ROUTER)
        for socket, name in ((self.pub, "pub"), (self.router, "replay")):
            socket.setsockopt(zmq.LINGER, 0)
            socket.bind(stack.ipc(f"{label}-{name}"))
        self.head, self.lock, self.stopping = 0, threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)
        self.thread.start()

    def close(self):
        self.stopping.set()
        self.thread.join()
        self.pub.close()
        self.router.close()

    def _beat(self):
        while not self.stopping.wait(0.1):
            beat = {"origin": ORIGIN, "first": 1 if self.head else 0, "head": self.head, "now_ms": int(time.time() * 1000)}
            with self.lock:
                self.pub.send_multipart([b"H", msgpack.packb(beat)])

    def publish(self, data):
        with self.lock:
            self.pub.send_multipart([b"R", data])

    def next_request(self, wait_ms):
        """(envelope, map), or None."""
        if not self.router.poll(wait_ms):
            return None
        *envelope, version, message = self.router.recv_multipart()
        assert version == b"TGJ1"
        return envelope, msgpack.unpackb(message)

    def wait_request(self, op, seconds=60):
        """The next request of that kind, as (envelope, map); others get an answer without records."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            got = self.next_request(100)
            if got and got[1]["op"] == op:
                return got
            if got:
                self.answer(*got)
        raise harness.Late(f"no {op} came")

    def answer_again(self, records_from):
        """What has been asked since."""
        while got := self.next_request(0):
            self.answer(*got, records_from(got[1]["from"]) if got[1]["op"] == "replay" else ())

    def answer(self, envelope, request, frames=()):
        reply = {"id": request["id"], "origin": ORIGIN, "first": 1 if self.head else 0, "head": self.head}
        if frames:
            reply["count"] = len(frames)
        self.router.send_multipart([*envelope, b"TGJ1", msgpack.packb(reply), *frames])


class WorkerTest(harness.SystemTest):
    def dump(self):
        return store_dump(self.stack)

    def test_a_damaged_record_takes_no_other_with_it(self):
        """The first record comes whole over PUB and damaged in the reply that was asked for before."""
        journal = Journal(self.stack)
        self.stack.on_close(journal.close)
        events = [e for n in range(1, 6) for e in lives.plain(n).events]
        records = [record(n, event) for n, event in enumerate(events, 1)]
        damaged = records[0][:-1] + bytes([records[0][-1] ^ 1])
        self.stack.worker().start()
        journal.head = len(records)
        envelope, request = journal.wait_request("replay")
        self.assertEqual(request["from"], 1)
        for data in records[:3]:
            journal.publish(data)
        wait_until(lambda: self.dump()["cursors"].get(ORIGIN) == 3, 60, "three are applied")
        reply = [damaged, *records[1:]]
        journal.answer(envelope, request, reply)

        def all_applied():
            journal.answer_again(lambda first: reply[first - 1:])  # who waited for two seconds has asked once more
            return self.dump()["cursors"].get(ORIGIN) == len(records)
        wait_until(all_applied, 60, "all are applied")
        dump = self.dump()
        self.assertEqual(dump["quarantined"], 0)
        self.assertEqual(dump["subs"], len({e["data"]["object"]["id"] for e in events
                                            if e["data"]["object"]["object"] == "subscription"}))

    def test_two_journals_of_one_origin(self):
        """A copy of a journal counts on by itself: following both would drop what either has alone."""
        first = self.stack.ingress("left").start()
        self.pour(lives.plain(1).events, "left")
        self.assertEqual(first.stop(), 0)
        shutil.copytree(self.stack.dir / "left-journal", self.stack.dir / "right-journal")
        first.start()
        second = self.stack.ingress("right").start()
        worker = self.stack.worker("both", journals=("left", "right")).start()
        worker.wait_log("journal_twice")
        self.assertIn("same origin", wait_until(lambda: self.not_ready("both"), 60, "it is not ready"))
        # which of the two is followed is chance; when that one is gone, the other is
        chosen = worker.find_log("journal")["replay"]
        gone, left = (first, "right") if "left" in chosen else (second, "left")
        gone.kill()
        people = [lives.plain(n) for n in range(2, 5)]
        for life in people:
            self.pour(life.events, left)
        harness.applied(self.stack, "both", (left,))

    def test_a_store_that_is_removed_is_made_anew_by_a_restart(self):
        life = lives.plain(1)
        _, worker, _ = self.stack.start_all()
        self.pour(life.events)
        before = harness.applied(self.stack)
        with wire.Query(self.stack.ipc("query-tg01")) as client:
            epoch = client.get(life.customer)["epoch"]
        shutil.rmtree(self.stack.dir / "worker-store")
        self.assertEqual(worker.wait_exit(60), 74)
        worker.start()
        self.assertEqual(harness.applied(self.stack)["digest"], before["digest"])
        with wire.Query(self.stack.ipc("query-tg01")) as client:
            def answers():
                try:
                    answer = client.get(life.customer)
                except wire.Refused as refused:
                    self.assertEqual(refused.code, "not_ready")
                    return False
                return answer["epoch"] != epoch and answer["tier"] == "pro"
            wait_until(answers, 60, "it answers from the new one")

    def pour(self, events, label="ingress"):
        pourer = webhook.Pourer(lambda: self.stack.address(label))
        pourer.add(events)
        pourer.wait()
        pourer.close()

    def not_ready(self, label):
        status, text = self.stack.admin(label)
        return text if status == 503 and "origin" in text else None


if __name__ == "__main__":
    harness.main()
