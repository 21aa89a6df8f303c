"""Peers that are slow on purpose, never read, or never end: they are cut, and hold up nobody else."""

import pathlib
import socket
import struct
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
from harness import wait_until

REQUEST_S = 10  # within which ingress wants a whole request
PROMPT_S = 2.0  # for everybody else meanwhile, on a busy machine


def zmtp_dealer(path):
    """A connection that has shaken hands by hand (ZMTP 3.0, RFC 23): libzmq's own client would die of what we do."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(str(path))
    s.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    with s.makefile("rb", buffering=0) as stream:
        greeting = b""
        while len(greeting) < 64:
            greeting += stream.read(64 - len(greeting))
    ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
    s.sendall(bytes([4, len(ready)]) + ready)
    return s


class SlowSenderTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.stack.ingress().start()
        self.address = self.stack.address()

    def drip(self, data, ends):
        """A byte each 100 ms until the server has had enough; when that was, and what it said."""
        began = time.monotonic()
        answer = b""
        with socket.create_connection(self.address, 20) as s:
            s.settimeout(0.1)
            for byte in data:
                try:
                    s.sendall(bytes([byte]))
                    piece = s.recv(4096)  # paces us: nothing comes within the timeout
                except TimeoutError:
                    continue
                except OSError:
                    break
                if not piece:
                    break
                answer += piece
        ends.append((time.monotonic() - began, answer))

    def test_slow_senders_are_cut_and_hold_up_nobody(self):
        body = webhook.encode(lives.hello(1, padding="x" * 1000))
        head = (f"POST {harness.WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Stripe-Signature: {webhook.signature(body)}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        ends = []
        drips = [threading.Thread(target=self.drip, args=(data, ends), daemon=True)
                 for data in [head + body] * 10 + [b"\r\n" * 500] * 2 + [b"GET / HTTP/1.1\r\nX: " + b"x" * 1000] * 10]
        for thread in drips:
            thread.start()
        worst = number = 0
        with webhook.Webhook(self.address) as hook:
            while any(thread.is_alive() for thread in drips):
                number += 1
                began = time.monotonic()
                self.assertEqual(hook.send(lives.hello(1000 + number))[0], 200)
                worst = max(worst, time.monotonic() - began)
        self.assertLess(worst, PROMPT_S)
        self.assertEqual(len(ends), len(drips))
        for seconds, answer in ends:
            self.assertLess(seconds, REQUEST_S + 5)
            self.assertNotIn(b" 200 ", answer)
        self.assertTrue(any(b" 408 " in answer for _, answer in ends), ends)

    def test_many_idle_connections(self):
        with webhook.Webhook(self.address) as hook:
            idle = [socket.create_connection(self.address, 20) for _ in range(300)]
            began = time.monotonic()
            self.assertEqual(hook.send(lives.hello(1))[0], 200)
            self.assertLess(time.monotonic() - began, PROMPT_S)
            for s in idle:
                s.close()

    def test_a_sender_that_never_reads_its_answers(self):
        body = webhook.encode(lives.hello(1))
        request = (f"POST {harness.WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   f"Stripe-Signature: {webhook.signature(body)}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
        with socket.create_connection(self.address, 20) as s, webhook.Webhook(self.address) as hook:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(0.5)
            sent = 0
            try:
                while sent < 16 * 1024 * 1024:
                    sent += s.send(request * 20)
            except OSError:  # the window is full, or it was cut
                pass
            began = time.monotonic()
            self.assertEqual(hook.send(lives.hello(2))[0], 200)
            self.assertLess(time.monotonic() - began, PROMPT_S)


class SlowClientTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.stack.start_all()
        self.endpoint = self.stack.ipc("query-tg01")
        self.client = wire.Query(self.endpoint)
        self.addCleanup(self.client.close)
        wait_until(self.answers, 20, "query is ready")

    def answers(self):
        try:
            return self.client.tier("nobody")
        except (wire.NoAnswer, wire.Refused):
            return None

    def dealer(self, endpoint=None):
        s = zmq.Context.instance().socket(zmq.DEALER)
        s.setsockopt(zmq.LINGER, 0)
        s.setsockopt(zmq.SNDHWM, 1000)
        s.setsockopt(zmq.RCVHWM, 1)
        s.connect(endpoint or self.endpoint)
        self.stack.on_close(s.close)
        return s

    def prompt(self, times=200):
        worst = 0
        for _ in range(times):
            began = time.monotonic()
            self.assertEqual(self.client.tier("nobody"), "free")
            worst = max(worst, time.monotonic() - began)
        self.assertLess(worst, PROMPT_S)

    def memory_kb(self, label):
        with open(f"/proc/{self.stack.services[label].pid()}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    def test_a_client_that_never_reads_its_replies(self):
        deaf = [self.dealer() for _ in range(4)]
        request = msgpack.packb({"op": "batch", "id": 1, "checks": [{"sub": "x" * 200, "tier": "pro"}] * 100})
        before = self.memory_kb("query")
        sent = 0
        for _ in range(30000):
            for s in deaf:
                try:
                    s.send_multipart([b"TG01", request], zmq.DONTWAIT)
                    sent += 1
                except zmq.Again:
                    pass
            if sent % 4000 < 4:
                self.prompt(1)
            if sent > 40000:
                break
        self.assertGreater(sent, 4000)
        self.prompt()
        if not self.stack.sanitized():
            # what the high-water mark lets wait for each of them, and no more
            self.assertLess(self.memory_kb("query") - before, len(deaf) * 12 * 1024, "replies that nobody reads pile up")

    def test_a_message_of_very_many_frames(self):
        """ZeroMQ's limits are per frame and per message: a long multipart message passes by both."""
        before = self.memory_kb("query")
        for name in ("query-tg01", "ingress-replay", "worker-control"):
            with zmtp_dealer(self.stack.dir / f"{name}.sock") as peer:
                try:
                    for _ in range(500):
                        peer.sendall(b"\x03" + struct.pack(">Q", 60000) + b"x" * 60000)
                    peer.sendall(b"\x00\x03end")
                except OSError:  # it may as well be cut off
                    pass
                self.prompt(20)
        if not self.stack.sanitized():
            wait_until(lambda: self.memory_kb("query") - before < 64 * 1024, 20, "what was refused is let go")
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            journal.head()
        self.assertTrue(all(s.running() for s in self.stack.services.values()))

    def test_messages_that_are_no_requests(self):
        s = self.dealer()
        for frames in ([b""], [b"", b""], [b"TG01"], [b"TG02", msgpack.packb({"op": "ping", "id": 1})], [b"x"] * 20,
                       [b"TG01", b""], [b"TG01", b"\xdf\xff\xff\xff\xff"], [b"TG01", b"\xdd\xff\xff\xff\xff"],
                       [b"TG01", b"\x81" * 5000], [b"TG01", msgpack.packb([1, 2])], [b"TG01", msgpack.packb({"op": 7, "id": 1})],
                       [b"TG01", msgpack.packb({"op": "ping", "id": 1}), b"more"],
                       [b"TG01", msgpack.packb({"op": "get", "id": 1, "sub": "x" * 256})],
                       [b"TG01", msgpack.packb({"op": "batch", "id": 1, "checks": [{"sub": "x", "tier": "pro"}] * 129})]):
            s.send_multipart(frames)
        self.prompt(20)
        self.assertTrue(self.stack.services["query"].running())
        while s.poll(500):
            reply = s.recv_multipart()
            self.assertIn("err", msgpack.unpackb(reply[-1]), reply)


if __name__ == "__main__":
    harness.main()
