"""More than can be served, and peers that never read: those who send too much are told so, what waits for the deaf is bounded,
and whoever has one request at a time is served all along. Bounds and memory as in hostile_test.py."""

import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness
import lives
import msgpack
import webhook
import wire
import zmq
import zmtp
from attack import BATCH, MB, AttackTest, Bystander
from harness import wait_until


class OverloadTest(AttackTest):
    def flood(self, endpoint, ends, replies):
        """One DEALER that sends batches as fast as they are taken."""
        s = zmq.Context.instance().socket(zmq.DEALER)
        s.setsockopt(zmq.LINGER, 0)
        s.connect(endpoint)
        number = 0
        while not ends.is_set():
            try:
                number += 1
                s.send_multipart([b"TG01", msgpack.packb({**BATCH, "id": number})], zmq.DONTWAIT)
            except zmq.Again:
                s.poll(50, zmq.POLLIN | zmq.POLLOUT)
            try:
                while True:
                    reply = msgpack.unpackb(s.recv_multipart(zmq.DONTWAIT)[-1])
                    code = reply.get("err", {}).get("code", "")
                    replies[code] = replies.get(code, 0) + 1
                    if code:
                        assert reply["id"] is not None and reply["err"]["retry"], reply
            except zmq.Again:
                pass
        s.close()

    def test_floods_are_told_to_come_again(self):
        self.start()
        bystander = Bystander(self.ipc)
        bystander.more()
        before = self.memory_kb()
        ends, replies = threading.Event(), {}
        floods = [threading.Thread(target=self.flood, args=((self.tcp, self.ipc)[i % 2], ends, replies), daemon=True)
                  for i in range(12)]
        for thread in floods:
            thread.start()
        try:
            wait_until(lambda: replies.get("overloaded", 0) > 200 and replies.get("", 0) > 200, 90, f"overloaded: {replies}")
            bystander.more(100)
            self.assert_memory(before, 160 * MB)
        finally:
            ends.set()
            for thread in floods:
                thread.join(20)
        self.assertLessEqual(set(replies), {"", "overloaded"})
        # who has one request at a time is served all along
        self.assertEqual(bystander.end(), [])
        with wire.Query(self.tcp) as client:
            client.call("batch", checks=BATCH["checks"])
        self.assert_calm()

    def test_clients_that_never_read(self):
        """What is not read is bounded in bytes for each, and for all of them."""
        self.start()
        bystander = Bystander(self.ipc)
        before = self.memory_kb()
        request = zmtp.message(b"TG01", msgpack.packb({**BATCH, "id": 1})) * 50
        deaf = [self.peer((self.tcp, self.ipc)[i % 2], receive_buffer=4096, old=i % 4 > 1) for i in range(12)]
        for _ in range(12):
            for peer in deaf:
                peer.send_some(request, 0.02)
            self.assert_memory(before, 128 * MB)
        bystander.more()
        self.assertEqual(bystander.end(), [])
        self.assert_calm()

    def test_replays_that_nobody_reads(self):
        self.start()
        hook = webhook.Webhook(self.stack.address())
        self.addCleanup(hook.close)
        for n in range(100):
            self.assertEqual(hook.send(lives.hello(n + 1, padding="x" * 60000))[0], 200)
        before = self.memory_kb("ingress")
        request = zmtp.message(b"TGJ1", msgpack.packb({"op": "replay", "id": 1, "from": 1, "max": 1024})) * 60
        deaf = [self.peer(self.stack.ipc("ingress-replay"), receive_buffer=4096, old=i % 2 == 0) for i in range(12)]
        for peer in deaf:
            peer.send_some(request, 0.1)
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            self.assertEqual(sum(1 for _ in journal.records()), 100)
        self.assert_memory(before, 112 * MB, "ingress")  # PEERS_UNREAD_MAX, and one reply each for who has nothing unread
        # who does not read for 15 s is let go, and with it what waited
        wait_until(lambda: self.cuts("ingress", "deaf") >= len(deaf), 90, "they are cut")
        self.assert_calm()

    def test_subscribers_that_never_read(self):
        self.start()
        deaf = [self.peer(self.stack.ipc("ingress-pub"), kind=b"SUB", receive_buffer=4096, old=i % 2 == 0) for i in range(60)]
        for peer in deaf:
            peer.send(zmtp.frame(b"\1"))
        hook = webhook.Webhook(self.stack.address())
        self.addCleanup(hook.close)
        before = self.memory_kb("ingress")
        n = 0
        deadline = time.monotonic() + 90
        while self.cuts("ingress", "deaf") < len(deaf) - 4:
            self.assertLess(time.monotonic(), deadline, "who is behind is cut when many are")
            n += 1
            self.assertEqual(hook.send(lives.hello(n, padding="x" * 30000))[0], 200)
        self.assert_memory(before, 160 * MB, "ingress")
        harness.applied(self.stack)
        self.assert_calm()


if __name__ == "__main__":
    harness.main()
