"""Peers that mean harm, on every socket that the house binds. What is asserted of each attack: the server cuts whoever goes
over a bound or bears it, its memory stays within the bound, another client is answered meanwhile, and afterwards all is as before.

The bounds are those of common/net/peers.h. Memory is the process's private one (RssAnon), read while the attack goes on; a
sanitizer's build keeps what is freed, so there only the rest is asserted.
"""

import contextlib
import http.client
import pathlib
import random
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness
import msgpack
import wire
import zmq
import zmtp
from attack import BATCH, MB, AttackTest, Bystander
from harness import wait_until

ENDLESS_MB = 24  # an endless message is cut at its socket's limit, a megabyte and a bit; the rest is libzmq's buffers


class HostileTest(AttackTest):
    # ---- messages

    def test_a_message_without_an_end(self):
        self.start(reconciler=True)
        bystander = Bystander(self.ipc)
        for label, endpoint, kind in self.sockets():
            for data, old in ((zmtp.frame(b"x" * 4000, more=True) * 16, False), (zmtp.frame(b"", more=True) * 30000, False),
                              (zmtp.frame(b"x" * 40, more=True) * 1000, False), (zmtp.frame(b"x" * 4000, more=True) * 16, True),
                              (zmtp.frame(b"", more=True) * 30000, True)):
                before = self.memory_kb(label)
                peer = self.peer(endpoint, kind=kind, old=old)
                sent = 0
                while sent < 256 * 1024 * 1024 and peer.send(data):
                    sent += len(data)
                    self.assert_memory(before, ENDLESS_MB * MB, label, endpoint)
                self.assertLess(sent, 64 * 1024 * 1024, f"{endpoint}: it is never cut")
                peer.close()
            self.wait_cut(label, "endless", 5)
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
            for n in range(60):
                peer = self.peer(endpoint, kind=kind, old=n % 3 == 0)
                peer.send(b"".join(zmtp.frame(seed.randbytes(seed.randrange(40)), seed.random() < .5, seed.random() < .3)
                                   for _ in range(seed.randrange(1, 60))))
                peer.close()
            for data in (zmtp.frame(b"i" * 256), zmtp.frame(b"id", more=True), zmtp.command(b"READY"), zmtp.frame(b"\0" * 5),
                         zmtp.frame(b"\1" + bytes(12)), zmtp.frame() + zmtp.ping(1), zmtp.frame() + zmtp.frame(size=2**63),
                         zmtp.frame() + zmtp.subscribe(b"x"), zmtp.frame() * 3 + b"\xff" * 64):
                s = zmtp.connect(endpoint)
                self.stack.on_close(s.close)
                with contextlib.suppress(OSError):  # who stood still is cut before it says anything
                    s.sendall(zmtp.greeting_2(kind) + data)
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
                self.peer((self.tcp, self.ipc)[i % 2], tries=1)
            except OSError:
                refused += 1
        # once it takes more than five seconds, who was silent for as long gives way to who comes
        wait_until(lambda: refused + self.cuts("query", "quiet") > 100, 60, "some are turned away, or gave way")
        self.assertGreater(len(self.peers), 1500)
        bystander.more()
        self.assert_memory(before, 96 * MB)
        wait_until(lambda: self.cuts("query", "full") + self.cuts("query", "quiet") >= 100, 60, "and counted")
        for peer in self.peers:
            peer.close()
        self.assertEqual(bystander.end(), [])
        wait_until(lambda: self.connections() < 200, 60, "the places are free again")
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
        wait_until(self.newcomer, 90, "a newcomer is let in")
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
            self.stack.on_close(s.close)
            with contextlib.suppress(OSError):  # who stood still is cut before it says anything
                s.sendall(zmtp.greeting_2()[:i % 13] if i % 3 == 0 else zmtp.GREETING[:i % 64])
            drips.append(s)
        with wire.Query(self.tcp) as client:  # there is room for somebody who ends it
            wait_until(client.ready, 60, "somebody who ends it is answered")
        self.wait_cut("query", "handshake")
        self.assert_memory(before, 64 * MB)
        # those who were not the oldest are cut by the clock: three seconds for all of it, however they drip
        for s in drips:
            s.settimeout(60)

        def over(s):
            try:
                s.sendall(b"\0")
                while s.recv(4096):
                    pass
                return True
            except TimeoutError:
                return False
            except OSError:
                return True
        for s in drips[-20:]:
            self.assertTrue(over(s))
        bystander.more()
        self.assertEqual(bystander.end(), [])
        self.assert_calm()

    def test_who_stood_still_believes_what_came_meanwhile(self):
        """A handshake that is late because query stood still, and the request behind it: none of it is lost."""
        self.start()
        ask = msgpack.packb({"op": "check", "id": 1, "sub": "somebody", "tier": "free"})
        for n in range(2):
            s = zmtp.connect((self.tcp, self.ipc)[n % 2])
            self.stack.on_close(s.close)
            s.sendall(zmtp.GREETING)
            got = b""
            while len(got) < len(zmtp.GREETING):
                got += s.recv(len(zmtp.GREETING) - len(got))
            began = time.monotonic()
            self.query.send_signal(signal.SIGSTOP)
            s.sendall(zmtp.ready() + zmtp.message(b"TG01", ask))
            wait_until(lambda: time.monotonic() > began + 4, 30, "longer than a handshake may take")
            self.query.send_signal(signal.SIGCONT)
            s.settimeout(60)
            while b"allowed" not in got:
                piece = s.recv(4096)
                self.assertTrue(piece, "it was cut")
                got += piece
        self.assert_calm()

    def test_old_peers_are_served_and_bounded(self):
        """ZMTP 2, as JeroMQ 0.3 speaks it: for longer than a handshake may take, and no identity is believed."""
        self.start(reconciler=True)
        ask = zmtp.message(b"", b"TG01", msgpack.packb({"op": "check", "id": 1, "sub": "somebody", "tier": "free"}))
        peers = [self.peer(at, kind=b"REQ", old=True) for at in (self.tcp, self.ipc)]
        began = time.monotonic()
        answers = 0
        while time.monotonic() < began + 4 or answers <= 100:
            for peer in peers:
                self.assertTrue(peer.send(ask))
                self.assertTrue(msgpack.unpackb(peer.read_message()[-1])["allowed"])
                answers += 1
        for endpoint in (self.feed_tcp, self.feed_ipc):
            sub = self.peer(endpoint, kind=b"SUB", old=True)
            sub.send(zmtp.frame(b"\1"))
            self.assertGreaterEqual(len(sub.read_message()), 2, endpoint)  # the heartbeat
        late = [zmtp.connect(endpoint) for _, endpoint, _ in self.sockets()]  # they never say who they are
        for s, (_, _, kind) in zip(late, self.sockets()):
            self.stack.on_close(s.close)
            s.sendall(zmtp.greeting_2(kind))
        for s in late:
            self.wait_hung_up(s)
        self.wait_cut("ingress", "handshake", 2)
        for old in (b"\x01", b"\x00"):  # ZMTP 1, with a version and without
            s = zmtp.connect(self.tcp)
            self.stack.on_close(s.close)
            s.sendall(zmtp.GREETING[:10] + b"\0\5" if old == b"\x01" else b"\1\0")
        self.wait_cut("query", "not_zmtp", 2)
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
            wait_until(lambda: self.turned_away(sockets), 60, f"{endpoint}: some are turned away")
            if label == "query":
                bystander.more()
            for s in sockets:
                s.close()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, was)
            self.assertTrue(self.stack.services[label].running(), endpoint)
            wait_until(lambda: self.cuts_or_none(label) not in (None, turned), 60, f"{label} counts them")
        self.assertEqual(bystander.end(), [])
        self.assert_calm()

    def cuts_or_none(self, label):
        """The admin port may have no file left for us, either."""
        try:
            return self.cuts(label, "full")
        except (OSError, http.client.HTTPException, AssertionError):
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
            for n in range(40):  # each of them at its limit, and all that at once
                peer = self.peer(endpoint, kind=kind, old=n % 4 == 3)
                alive = True
                for _ in range(1000):
                    topics = [random.randbytes(240) for _ in range(10)]
                    alive = alive and peer.send(b"".join(zmtp.frame(b"\1" + t) if n % 2 else zmtp.subscribe(t) for t in topics))
                    if not alive:
                        break
                wait_until(peer.hung_up, 60, f"{endpoint}: cut for 10,000 subscriptions")
            self.assert_memory(before, 32 * MB, label, endpoint)
            self.wait_cut(label, "subscribes", 20)
            # one who wants a few is served
            with wire.Subscriber(endpoint, b"", b"user_1", b"H") as sub:
                self.assertIsNotNone(sub.receive(30000), endpoint)
        self.assert_calm()


class KeysTest(AttackTest):
    """Where keys are asked for."""

    def setUp(self):
        super().setUp()
        self.keys = self.stack.dir / "keys"
        for words in (["keygen"], ["keygen", "api"]):
            subprocess.run([self.stack.bin / "tiergate", *words], cwd=self.stack.dir, timeout=60, check=True, capture_output=True,
                           env=harness.clean_environment({"TIERGATE_CURVE_DIR": str(self.keys)}))
        self.start(curve_dir=self.keys, query_bind="tcp://0.0.0.0:0;" + self.stack.ipc("query-tg01"), feed_bind="tcp://0.0.0.0:0")
        self.remote = "tcp://127.0.0.1:" + self.tcp.rsplit(":", 1)[1]

    def client_keys(self):
        def read(path):
            lines = (line.split() for line in path.read_text().splitlines() if not line.startswith("#"))
            return {line[0]: line[1] for line in lines if line[0] in ("public", "secret")}
        mine = read(self.keys / "clients" / "api" / "client.key")
        return mine["public"], mine["secret"], read(self.keys / "server.pub")["public"]

    def test_handshakes_of_strangers(self):
        """What is no handshake, or one that breaks off, for every length; then floods of them."""
        seed = harness.seed()
        bystander = Bystander(self.ipc)
        before = self.memory_kb()
        greeting = zmtp.GREETING.replace(b"NULL\0", b"CURVE")
        hello = zmtp.command(b"HELLO", b"\1\0" + bytes(72) + seed.randbytes(120))
        for n in range(400):
            with zmtp.connect(self.remote) as s, contextlib.suppress(OSError):  # it may hang up at any moment
                s.sendall(greeting)
                s.sendall((hello if n % 4 else zmtp.command(b"HELLO", seed.randbytes(seed.randrange(300))))[:n])
                if n % 3 == 0:
                    s.sendall(zmtp.command(b"INITIATE", seed.randbytes(seed.randrange(1, 400))) + zmtp.message(b"TG01", b"\x80"))
        bystander.more()
        self.assert_memory(before, 32 * MB)
        self.assertEqual(bystander.end(), [])
        with wire.Query(self.remote, keys=self.client_keys()) as client:
            self.assertTrue(client.ping()["ready"])

    def test_old_peers_have_no_keys(self):
        for kind in (b"REQ", b"DEALER"):
            with zmtp.connect(self.remote) as s:
                s.sendall(zmtp.greeting_2(kind) + zmtp.frame() + zmtp.message(b"TG01", b"\x80"))
                self.wait_hung_up(s)
        self.wait_cut("query", "not_zmtp", 2)

    def test_a_message_without_an_end_of_one_who_has_a_key(self):
        """Its frames cannot be told apart, but that none of it is ever whole can."""
        before = self.memory_kb()
        context = zmq.Context()
        s = context.socket(zmq.DEALER)
        s.setsockopt(zmq.LINGER, 0)
        wire._take_keys(s, self.client_keys())
        s.connect(self.remote)
        request = msgpack.packb({**BATCH, "id": 1, "pad": "x" * 50000})
        for _ in range(1000):  # fifty megabytes of what is right are no reason
            s.send_multipart([b"TG01", request])
            reply = msgpack.unpackb(s.recv_multipart()[-1])
            self.assertEqual(reply.get("err", {}).get("code", ""), "", reply)
        self.assertEqual(self.cuts("query", "flood"), 0)
        for i in range(2000):  # libzmq sends none of it before it is whole, so it does have an end
            s.send(b"x" * 50000, zmq.SNDMORE)
        s.send(b"")
        self.wait_cut("query", "flood")
        self.assert_memory(before, 64 * MB)
        s.close()
        context.term()
        with wire.Query(self.remote, keys=self.client_keys()) as client:
            self.assertTrue(client.ping()["ready"])


if __name__ == "__main__":
    harness.main()
