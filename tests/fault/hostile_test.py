"""Peers that mean harm, on every socket that the house binds. What is asserted of each attack: the server cuts whoever goes
over a bound or bears it, its memory stays within the bound, another client is answered meanwhile, and afterwards all is as before.

The bounds are those of common/net/peers.h. Memory is the process's private one (RssAnon), read while the attack goes on; a
sanitizer's build keeps what is freed, so there only the rest is asserted.
"""

import pathlib
import random
import resource
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
from harness import wait_until

MB = 1024
ENDLESS_MB = 24     # an endless message is cut at its socket's limit, a megabyte and a bit; the rest is libzmq's buffers
BATCH = {"op": "batch", "checks": [{"sub": f"user_{i}", "tier": "pro"} for i in range(128)]}


class Bystander:
    """A client that asks all the time; every answer must be one."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.answers = 0
        self.slowest = 0
        self.refused = []
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with wire.Query(self.endpoint) as client:
            while not self.ends.is_set():
                began = time.monotonic()
                try:
                    client.check("somebody", tier="free")
                    self.answers += 1
                except (wire.Refused, wire.NoAnswer) as e:
                    self.refused.append(repr(e))
                self.slowest = max(self.slowest, time.monotonic() - began)

    def more(self, n=20, seconds=30):
        """Waits until it has had that many more answers."""
        wanted = self.answers + n
        wait_until(lambda: self.answers >= wanted, seconds, "somebody else is answered")

    def end(self):
        self.ends.set()
        self.thread.join(30)
        return self.refused


class HostileTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.peers = []

    def start(self, reconciler=False, **flags):
        self.stack.ingress().start(wait=False)
        self.stack.worker().start(wait=False)
        self.stack.query(query_bind="tcp://127.0.0.1:0;" + self.stack.ipc("query-tg01"),
                         feed_bind="tcp://127.0.0.1:0;" + self.stack.ipc("query-feed"), **flags).start(wait=False)
        if reconciler:
            self.stack.reconciler().start(wait=False)
        for service in self.stack.services.values():
            service.wait_ready()
        self.query = self.stack.services["query"]
        listening = self.query.wait_log("listening")
        self.tcp, self.ipc = listening["listen"].split(";")
        self.feed_tcp, self.feed_ipc = listening["feed"].split(";")
        with wire.Query(self.ipc) as client:
            client.wait_ready()

    def peer(self, endpoint, **how):
        peer = zmtp.Peer(endpoint, **how)
        self.peers.append(peer)
        self.stack.on_close(peer.close)
        return peer

    def memory_kb(self, label="query"):
        with open(f"/proc/{self.stack.services[label].pid()}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    def assert_memory(self, before, most_kb, label="query", what=""):
        if not self.stack.sanitized():
            self.assertLess(self.memory_kb(label) - before, most_kb, what)

    def assert_calm(self):
        """A newcomer is answered, and nobody has died."""
        with wire.Query(self.tcp) as client:
            wait_until(client.ready, 20, "query answers")
            self.assertTrue(client.check("somebody", tier="free")["allowed"])
        self.assertTrue(all(s.running() for s in self.stack.services.values()))

    def cuts(self, label, cause):
        """Connections cut for that cause, as the metrics say."""
        service = {"query": "query", "ingress": "ingress", "worker": "entitlement", "reconciler": "reconciler"}[label]
        name = f'tiergate_{service}_peers_cut_total{{cause="{cause}"}}'
        for line in self.stack.admin(label, "/metrics")[1].splitlines():
            if line.startswith(name):
                return int(float(line.split()[-1]))
        raise AssertionError(f"{label} has no metric {name}")

    def wait_cut(self, label, cause, n=1):
        wait_until(lambda: self.cuts(label, cause) >= n, 20, f"{label} cuts for {cause}")

    def sockets(self):
        """Every socket that something binds: (service, endpoint, what the peer says it is)."""
        return [("query", self.tcp, b"DEALER"), ("query", self.ipc, b"DEALER"), ("query", self.feed_tcp, b"SUB"),
                ("query", self.feed_ipc, b"SUB"), ("ingress", self.stack.ipc("ingress-replay"), b"DEALER"),
                ("ingress", self.stack.ipc("ingress-pub"), b"SUB"), ("worker", self.stack.ipc("worker-changes"), b"SUB"),
                ("worker", self.stack.ipc("worker-control"), b"DEALER"),
                ("reconciler", self.stack.ipc("reconciler-requests"), b"DEALER")]

    # ---- messages

    def test_a_message_without_an_end(self):
        self.start(reconciler=True)
        bystander = Bystander(self.ipc)
        for label, endpoint, kind in self.sockets():
            for data in (zmtp.frame(b"x" * 4000, more=True) * 16, zmtp.frame(b"", more=True) * 30000,
                         zmtp.frame(b"x" * 40, more=True) * 1000):
                before = self.memory_kb(label)
                peer = self.peer(endpoint, kind=kind)
                sent = 0
                while sent < 256 * 1024 * 1024 and peer.send(data):
                    sent += len(data)
                    self.assert_memory(before, ENDLESS_MB * MB, label, endpoint)
                self.assertLess(sent, 64 * 1024 * 1024, f"{endpoint}: it is never cut")
                peer.close()
            self.wait_cut(label, "endless", 3)
        bystander.more()
        self.assertEqual(bystander.end(), [])
        self.assert_calm()
        self.query.wait_log("peer_cut", cause="endless")

    def test_frames_that_lie(self):
        """Sizes that never come, commands that are none, reserved flags: cut or ignored, and never believed."""
        self.start(reconciler=True)
        seed = harness.seed()
        for label, endpoint, kind in self.sockets():
            before = self.memory_kb(label)
            for data in (zmtp.frame(b"", size=2**63), zmtp.frame(b"x", size=2**32), b"\xff" * 64,
                         zmtp.frame(b"", command=True), zmtp.frame(b"\xffPING", command=True), zmtp.ready() * 3,
                         zmtp.command(b"ERROR", b"\xffno"), zmtp.command(b"PING"), zmtp.ping(1) + zmtp.ping(0xffff, b"x" * 200),
                         zmtp.command(b"SUBSCRIBE"), zmtp.command(b"CANCEL", b"never was"),
                         zmtp.frame(b"\x09SUBSCRIBE", more=True, command=True) * 200):
                self.peer(endpoint, kind=kind).send(data)
            for _ in range(60):
                peer = self.peer(endpoint, kind=kind)
                peer.send(b"".join(zmtp.frame(seed.randbytes(seed.randrange(40)), seed.random() < .5, seed.random() < .3)
                                   for _ in range(seed.randrange(1, 60))))
                peer.close()
            self.assert_memory(before, ENDLESS_MB * MB, label, endpoint)
        self.assert_calm()

    def test_half_messages_and_churn(self):
        self.start()
        bystander = Bystander(self.ipc)
        before = self.memory_kb()
        half = zmtp.frame(b"TG01", more=True) + zmtp.frame(b"x" * 30000, size=60000)
        for round_ in range(600):
            endpoint = (self.tcp, self.ipc)[round_ % 2]
            peer = zmtp.Peer(endpoint)
            peer.send(half)
            peer.close()
            zmtp.connect(endpoint).close()
        bystander.more()
        self.assert_memory(before, 32 * MB)
        self.assertEqual(bystander.end(), [])
        self.assert_calm()

    # ---- connections

    def test_thousands_of_connections(self):
        """More than a socket takes: the newest are turned away, or the quietest; those who talk stay."""
        self.start()
        bystander = Bystander(self.tcp)
        bystander.more()
        before = self.memory_kb()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        refused = 0
        for i in range(2400):
            try:
                self.peer((self.tcp, self.ipc)[i % 2])
            except (OSError, ConnectionResetError):
                refused += 1
        self.assertGreater(refused, 100)
        self.assertGreater(len(self.peers), 1500)
        bystander.more()
        self.assert_memory(before, 96 * MB)
        self.wait_cut("query", "full", 100)
        for peer in self.peers:
            peer.close()
        self.assertEqual(bystander.end(), [])
        wait_until(lambda: self.connections() < 200, 20, "the places are free again")
        self.assert_calm()

    def connections(self):
        text = self.stack.admin("query", "/metrics")[1]
        return next(int(float(line.split()[-1])) for line in text.splitlines() if line.startswith("tiergate_query_peers "))

    def test_the_quietest_makes_room(self):
        """A ROUTER that is full of silent ones lets a newcomer in."""
        self.start()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        for _ in range(2048):
            self.peer(self.ipc)
        wait_until(self.newcomer, 30, "a newcomer is let in")
        self.wait_cut("query", "quiet")

    def newcomer(self):
        try:
            with wire.Query(self.tcp, timeout_ms=1000) as client:
                return client.ready()
        except wire.NoAnswer:
            return False

    def test_handshakes_that_never_end(self):
        self.start()
        before = self.memory_kb()
        bystander = Bystander(self.ipc)
        drips = []
        for i in range(1500):
            s = zmtp.connect((self.tcp, self.ipc)[i % 2])
            s.sendall(zmtp.GREETING[:i % 64])
            drips.append(s)
            self.stack.on_close(s.close)
        with wire.Query(self.tcp) as client:  # there is room for somebody who ends it
            self.assertTrue(client.ready())
        self.wait_cut("query", "handshake")
        self.assert_memory(before, 64 * MB)
        # those who were not the oldest are cut by the clock: three seconds for all of it, however they drip
        for s in drips:
            s.settimeout(20)

        def over(s):
            try:
                s.sendall(b"\0")
                while s.recv(4096):
                    pass
                return True
            except OSError:
                return True
        for s in drips[-20:]:
            self.assertTrue(over(s))
        bystander.more()
        self.assertEqual(bystander.end(), [])
        self.assert_calm()

    def test_no_file_numbers(self):
        """libzmq aborts over ipc, and spins over tcp, when it cannot accept for want of a file."""
        self.start(reconciler=True)
        bystander = Bystander(self.ipc)
        bystander.more()
        for label, endpoint, _ in self.sockets():
            pid = self.stack.services[label].pid()
            was = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (48, was[1]))
            sockets = []
            turned = self.cuts_or_none(label)
            for _ in range(200):
                try:
                    sockets.append(zmtp.connect(endpoint, 5))
                except OSError:
                    pass
            wait_until(lambda: self.turned_away(sockets), 20, f"{endpoint}: some are turned away")
            if label == "query":
                bystander.more()
            for s in sockets:
                s.close()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, was)
            self.assertTrue(self.stack.services[label].running(), endpoint)
            wait_until(lambda: self.cuts_or_none(label) not in (None, turned), 20, f"{label} counts them")
        self.assertEqual(bystander.end(), [])
        self.assert_calm()

    def cuts_or_none(self, label):
        """The admin port may have no file left for us, either."""
        try:
            return self.cuts(label, "full")
        except (OSError, AssertionError):
            return None

    def turned_away(self, sockets):
        for s in sockets:
            s.settimeout(0)
            try:
                if s.recv(64) == b"":
                    return True
            except BlockingIOError:
                pass
            except OSError:
                return True
        return False

    # ---- subscriptions

    def test_subscriptions_without_end(self):
        self.start()
        for label, endpoint, kind in self.sockets()[:-1]:
            if kind != b"SUB":
                continue
            before = self.memory_kb(label)
            for old in (False, True):
                for _ in range(20):  # each of them at its limit, and all that at once
                    peer = self.peer(endpoint, kind=kind)
                    alive = True
                    for _ in range(200):
                        topics = [random.randbytes(240) for _ in range(50)]
                        alive = alive and peer.send(b"".join(zmtp.frame(b"\1" + t) if old else zmtp.subscribe(t) for t in topics))
                    wait_until(peer.hung_up, 20, f"{endpoint}: cut for 10,000 subscriptions")
            self.assert_memory(before, 32 * MB, label, endpoint)
            self.wait_cut(label, "subscribes", 20)
            # one who wants a few is served
            with wire.Subscriber(endpoint, b"", b"user_1", b"H") as sub:
                self.assertIsNotNone(sub.receive(5000))
        self.assert_calm()


class OverloadTest(HostileTest):
    def flood(self, endpoint, ends, replies, deaf=False):
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
                while not deaf:
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
            wait_until(lambda: replies.get("overloaded", 0) > 200 and replies.get("", 0) > 200, 40, f"overloaded: {replies}")
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
        deaf = [self.peer((self.tcp, self.ipc)[i % 2], receive_buffer=4096) for i in range(12)]
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
        deaf = [self.peer(self.stack.ipc("ingress-replay"), receive_buffer=4096) for _ in range(12)]
        for peer in deaf:
            peer.send_some(request, 0.1)
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            self.assertEqual(sum(1 for _ in journal.records()), 100)
        self.assert_memory(before, 112 * MB, "ingress")  # PEERS_UNREAD_MAX, and one reply each for who has nothing unread
        # who does not read for 15 s is let go, and with it what waited
        wait_until(lambda: self.cuts("ingress", "deaf") >= len(deaf), 40, "they are cut")
        self.assert_memory(before, 64 * MB, "ingress")
        self.assert_calm()

    def test_subscribers_that_never_read(self):
        self.start()
        deaf = [self.peer(self.stack.ipc("ingress-pub"), kind=b"SUB", receive_buffer=4096) for _ in range(60)]
        for peer in deaf:
            peer.send(zmtp.subscribe(b""))
        hook = webhook.Webhook(self.stack.address())
        self.addCleanup(hook.close)
        before = self.memory_kb("ingress")
        n = 0
        deadline = time.monotonic() + 40
        while self.cuts("ingress", "deaf") < len(deaf) - 32:
            self.assertLess(time.monotonic(), deadline, "who is behind is cut when many are")
            n += 1
            self.assertEqual(hook.send(lives.hello(n, padding="x" * 30000))[0], 200)
        self.assert_memory(before, 160 * MB, "ingress")
        harness.applied(self.stack)
        self.assert_calm()


if __name__ == "__main__":
    harness.main()
