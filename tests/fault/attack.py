"""What tests of hostile peers share: a house, its sockets, its memory, and somebody who only wants an answer."""

import threading
import time

import harness
import wire
import zmtp
from harness import wait_until

MB = 1024
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

    def more(self, n=20, seconds=90):
        """Waits until it has had that many more answers."""
        wanted = self.answers + n
        wait_until(lambda: self.answers >= wanted, seconds, "somebody else is answered")

    def end(self):
        self.ends.set()
        self.thread.join(60)
        return self.refused


class AttackTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.peers = []

    def start(self, reconciler=False, **flags):
        self.stack.ingress().start(wait=False)
        self.stack.worker().start(wait=False)
        self.stack.query(**{"query_bind": "tcp://127.0.0.1:0;" + self.stack.ipc("query-tg01"),
                            "feed_bind": "tcp://127.0.0.1:0;" + self.stack.ipc("query-feed"), **flags}).start(wait=False)
        if reconciler:
            self.stack.reconciler().start(wait=False)
        for service in self.stack.services.values():
            service.wait_ready()
        self.query = self.stack.services["query"]
        listening = self.query.wait_log("listening")
        self.tcp, self.ipc = listening["listen"].split(";")
        self.feed_tcp, _, self.feed_ipc = listening["feed"].partition(";")
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
            wait_until(client.ready, 60, "query answers")
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
        wait_until(lambda: self.cuts(label, cause) >= n, 60, f"{label} cuts for {cause}")

    def wait_hung_up(self, s):
        """TimeoutError: the server keeps it."""
        s.settimeout(60)
        try:
            while s.recv(4096):
                pass
        except ConnectionError:
            pass

    def sockets(self):
        """Every socket that something binds: (service, endpoint, what the peer says it is)."""
        return [("query", self.tcp, b"DEALER"), ("query", self.ipc, b"DEALER"), ("query", self.feed_tcp, b"SUB"),
                ("query", self.feed_ipc, b"SUB"), ("ingress", self.stack.ipc("ingress-replay"), b"DEALER"),
                ("ingress", self.stack.ipc("ingress-pub"), b"SUB"), ("worker", self.stack.ipc("worker-changes"), b"SUB"),
                ("worker", self.stack.ipc("worker-control"), b"DEALER"),
                ("reconciler", self.stack.ipc("reconciler-requests"), b"DEALER")]
