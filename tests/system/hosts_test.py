"""An installation on two hosts: the second is a network namespace of its own, so that nothing reaches it but by the wire
between them. Needs root and iproute2; where those are missing it is skipped."""

import json
import os
import random
import shutil
import subprocess

import harness
import lives
import webhook
import wire
import zmq
from harness import wait_until
from wire import read_keys


def run(*words):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)


class HostsTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.make_hosts()
        self.first, self.second = self.stack.dir / "first", self.stack.dir / "second"
        self.tiergate("keygen", "--curve-dir", self.first)

    def make_hosts(self):
        if os.geteuid() != 0 or not shutil.which("ip"):
            self.skipTest("needs root and iproute2 for a second host")
        tag = f"tg{os.getpid() % 100000}{random.randrange(100)}"
        net = f"10.{random.randrange(64, 250)}.{random.randrange(1, 250)}"
        self.here, self.there, self.namespace = f"{net}.1", f"{net}.2", tag
        for words in (["netns", "add", tag], ["link", "add", f"{tag}a", "type", "veth", "peer", "name", f"{tag}b", "netns", tag],
                      ["addr", "add", f"{self.here}/30", "dev", f"{tag}a"], ["link", "set", f"{tag}a", "up"],
                      ["-n", tag, "addr", "add", f"{self.there}/30", "dev", f"{tag}b"], ["-n", tag, "link", "set", f"{tag}b", "up"],
                      ["-n", tag, "link", "set", "lo", "up"]):
            done = run("ip", *words)
            if words[:2] == ["netns", "add"]:
                if done.returncode:
                    self.skipTest(f"no network namespace: {done.stderr.strip()}")
                self.stack.on_unmount(lambda: run("ip", "netns", "del", tag))
            elif done.returncode:
                self.skipTest(f"no second host: ip {' '.join(words)}: {done.stderr.strip()}")
        self.on_second = ["ip", "netns", "exec", tag]

    def tiergate(self, *words, code=0, second=False):
        done = subprocess.run([*(self.on_second if second else []), self.stack.bin / "tiergate", *map(str, words)],
                              cwd=self.stack.dir, timeout=120, text=True, capture_output=True,
                              env=harness.clean_environment({"TIERGATE_TIMEOUT": "30s"}))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def start_first(self):
        """Ingress, and a worker of its own, which is local."""
        s = self.stack
        ingress = s.ingress(curve_dir=self.first, journal_pub=f"{s.ipc('ingress-pub')};tcp://{self.here}:0",
                            journal_replay=f"{s.ipc('ingress-replay')};tcp://{self.here}:0").start()
        self.pub, self.replay = (ingress.ready[name].split(";")[1] for name in ("pub", "replay"))
        s.worker().start()
        self.hook = webhook.Webhook(s.address())
        self.addCleanup(self.hook.close)
        return ingress

    def start_second(self):
        """A worker that follows the first's journal; a reconciler that appends to it; a query, for clients on the first."""
        s = self.stack
        self.tiergate("keygen", "second", "--may", "journal,append", "--curve-dir", self.first)
        since = self.stack.services["ingress"].log_size()
        self.stack.services["ingress"].hup()
        self.stack.services["ingress"].wait_log("keys_loaded", since=since, clients="2")
        shutil.copytree(self.first / "clients" / "second", self.second)
        # it binds, too: a server with keys of its own, which expects the first's under its address
        (self.second / "servers").mkdir()
        (self.second / "server.pub").rename(self.second / "servers" / f"{self.here}.pub")
        self.tiergate("keygen", "--if-missing", "--curve-dir", self.second)
        far = {"curve_dir": self.second, "wrap": self.on_second}
        worker = s.worker("far", control=f"tcp://{self.there}:0", **far)
        worker.flags["journals"] = f"{self.pub},{self.replay}"
        worker.start()
        reconciler = s.reconciler("far-reconciler", worker="far", reconciler=f"tcp://{self.there}:0", **far)
        reconciler.flags["journal-replay"] = self.replay
        reconciler.start()
        self.tiergate("keygen", "api", "--curve-dir", self.second)
        return s.query("far-query", worker="far", query_bind=f"tcp://{self.there}:0", feed_bind=f"tcp://{self.there}:0", **far).start()

    def check(self, at, server, subject):
        mine = read_keys(self.second / "clients" / "api" / "client.key")
        with wire.Query(at, keys=(mine["public"], mine["secret"], server)) as query:
            return query.check(subject, feat="live_trading")

    def test_two_hosts(self):
        s = self.stack
        ingress = self.start_first()
        query = self.start_second()
        life = lives.plain(1)
        for event in life.events:
            self.assertEqual(self.hook.send(event)[0], 200)
        near, far = harness.applied(s), harness.applied(s, "far")
        self.assertEqual(near["digest"], far["digest"])
        server = read_keys(self.second / "server.pub")["public"]
        self.assertEqual((self.check(query.ready["listen"], server, life.subject)["allowed"],
                          self.check(query.ready["listen"], server, "alice")["reason"]), (True, "unknown_subject"))
        # the first host's command asks the second's services, with a key that the second gave
        self.tiergate("keygen", "operator", "--may", "check,control,reconcile", "--curve-dir", self.second)
        operator = self.second / "clients" / "operator"
        for label in ("far", "far-query"):
            s.services[label].hup()
            s.services[label].wait_log("keys_loaded", clients="2")
        asked = json.loads(self.tiergate("get", life.subject, "--query", query.ready["listen"], "--curve-dir", operator, "--json"))
        self.assertEqual(asked["tier"], "pro")
        self.tiergate("quarantine", "retry", "--control", s.services["far"].ready["control"], "--curve-dir", operator)
        # and the wire is cut, as far as the second's key goes
        (self.first / "allowed" / "second.pub").unlink()
        ingress.hup()
        ingress.wait_log("keys_loaded", taken_away="1")
        for at in (self.pub, self.replay):
            s.services["far"].wait_log("key_turned_away", at=at)
        self.assertEqual(self.hook.send(lives.hello(77))[0], 200)
        harness.applied(s)
        self.assertEqual(harness.store_dump(s, "far")["cursors"], far["cursors"])
        # until it is let in again: nothing was lost
        self.tiergate("keygen", "second", "--may", "journal,append", "--curve-dir", self.first, "--public",
                      read_keys(self.second / "client.key")["public"])
        ingress.hup()
        self.assertEqual(harness.applied(s, "far")["digest"], harness.store_dump(s)["digest"])

    def test_without_keys_nothing_comes_over_the_wire(self):
        self.start_first()
        context = zmq.Context.instance()
        heard = context.socket(zmq.SUB)
        heard.setsockopt(zmq.LINGER, 0)
        heard.setsockopt(zmq.SUBSCRIBE, b"")
        heard.connect(self.pub)
        self.addCleanup(heard.close)
        self.assertFalse(heard.poll(2500))
        self.assertIn("that needs keys", self.tiergate("journal", "list", "--journal-replay", self.replay, code=78, second=True))
        self.stack.services["ingress"].wait_log("key_refused", key="")
        wait_until(lambda: "tiergate_ingress_denied_total 0" not in self.stack.admin("ingress", "/metrics")[1], 60, "it is counted")


if __name__ == "__main__":
    harness.main()
