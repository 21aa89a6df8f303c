"""Keys: who comes in over an endpoint that is not local, and what those see who do not. The clients are pyzmq's."""

import json
import re
import subprocess

import harness
import lives
import webhook
import wire
import zmq
from harness import wait_until
from wire import read_keys

ANSWER_MS = 30000
REFUSED_MS = 600


class KeysTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.keys = self.stack.dir / "keys"
        self.tiergate("keygen")

    def tiergate(self, *words, code=0):
        done = subprocess.run([self.stack.bin / "tiergate", *map(str, words)], cwd=self.stack.dir, timeout=harness.SETTLE_S, text=True,
                              capture_output=True, env=harness.clean_environment({"TIERGATE_CURVE_DIR": str(self.keys)}))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def start(self):
        self.stack.ingress().start()
        self.stack.worker().start()
        self.query = self.stack.query(curve_dir=self.keys, query_bind="tcp://0.0.0.0:0;" + self.stack.ipc("query-tg01"),
                                      feed_bind="tcp://0.0.0.0:0").start()
        listening = self.query.wait_log("listening")
        self.at = listening["listen"].split(";")[0].rsplit(":", 1)[1]
        self.feed_at = listening["feed"].rsplit(":", 1)[1]
        with wire.Query(self.stack.ipc("query-tg01")) as local:
            local.wait_ready()
        hook = webhook.Webhook(self.stack.address())
        self.addCleanup(hook.close)
        self.assertEqual(hook.send(lives.hello(1))[0], 200)
        harness.applied(self.stack)

    def client(self, name, **more):
        """A caller with the keys of clients/NAME; keys given as arguments win."""
        mine = read_keys(self.keys / "clients" / name / "client.key") if name else {}
        server = read_keys(self.keys / "server.pub")["public"]
        keys = (mine["public"], mine["secret"], more.get("server", server)) if name else None
        caller = wire.Query(f"tcp://127.0.0.1:{self.at}", keys=keys)
        self.addCleanup(caller.close)
        return caller

    def listener(self, name):
        mine = read_keys(self.keys / "clients" / name / "client.key")
        keys = (mine["public"], mine["secret"], read_keys(self.keys / "server.pub")["public"])
        s = wire.Subscriber(f"tcp://127.0.0.1:{self.feed_at}", b"", keys=keys)
        self.addCleanup(s.socket.close)
        return s

    def assert_silence(self, caller):
        caller.socket.setsockopt(zmq.RCVTIMEO, REFUSED_MS)
        caller.socket.setsockopt(zmq.SNDTIMEO, REFUSED_MS)
        with self.assertRaises(wire.NoAnswer):
            caller.ping()

    def wait_metric(self, pattern):
        def look():
            status, text = self.stack.admin("query", "/metrics")
            self.assertEqual(status, 200)
            return re.search(pattern, text)
        wait_until(look, 30, pattern)

    def test_an_allowed_client_is_answered_and_others_are_not(self):
        self.tiergate("keygen", "api")
        self.tiergate("keygen", "mirror", "--may", "journal")
        self.start()
        self.assertTrue(self.client("api").ping()["ready"])
        since = self.query.log_size()
        self.assert_silence(self.client("mirror"))
        refusal = self.query.wait_log("key_refused", since=since, name="mirror")
        self.assertEqual(refusal["wanted"], "check,feed")
        self.assertEqual(refusal["key"], read_keys(self.keys / "allowed" / "mirror.pub")["public"])
        self.assert_silence(self.client(None))  # without a key
        self.query.wait_log("key_refused", since=since, name="", key="")
        since = self.query.log_size()
        self.assert_silence(self.client("api", server=read_keys(self.keys / "allowed" / "mirror.pub")["public"]))
        self.query.wait_log("key_refused", since=since, key="")
        self.wait_metric(r"tiergate_query_denied_total [1-9]")
        log = "\n".join(self.query.log())
        for file in self.keys.rglob("*.key"):
            self.assertNotIn(read_keys(file)["secret"], log)

    def test_a_key_that_is_removed_loses_its_connection(self):
        self.tiergate("keygen", "api")
        self.tiergate("keygen", "other")
        self.start()
        api, other = self.client("api"), self.client("other")
        self.assertTrue(api.ping()["ready"] and other.ping()["ready"])
        (self.keys / "allowed" / "api.pub").unlink()
        monitor = other.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.addCleanup(monitor.close)
        self.addCleanup(other.socket.disable_monitor)  # before that: libzmq waits for ever for room where nobody listens any more
        feed = self.listener("other")
        self.query.hup()
        self.query.wait_log("keys_loaded", taken_away="1")
        self.assertTrue(other.ping()["ready"])
        self.assert_silence(api)
        self.assertTrue(other.ping()["ready"])
        self.assertFalse(monitor.poll(0), "who is still allowed keeps the connection")
        self.assertTrue(feed.receive(ANSWER_MS))  # a subscriber comes back by itself
        self.query.wait_log("peer_cut", cause="key")
        self.query.wait_log("key_refused", key=read_keys(self.keys / "clients" / "api" / "client.key")["public"])

    def test_a_new_key_comes_in_without_a_new_start(self):
        self.tiergate("keygen", "api")
        self.start()
        api = self.client("api")
        self.assertTrue(api.ping()["ready"])
        self.tiergate("keygen", "late")
        self.query.hup()
        self.query.wait_log("keys_loaded", taken_away="0")
        self.assertTrue(self.client("late").ping()["ready"])
        self.assertTrue(api.ping()["ready"])

    def test_a_bad_file_keeps_nobody_else_in(self):
        """What one file says wrongly keeps its own name's key as it was, and all else is done."""
        for name in ("api", "broken", "gone"):
            self.tiergate("keygen", name)
        self.start()
        api, broken, gone = (self.client(name) for name in ("api", "broken", "gone"))
        self.assertTrue(all(client.ping()["ready"] for client in (api, broken, gone)))
        (self.keys / "allowed" / "broken.pub").write_text("public nonsense\nmay check\n")
        (self.keys / "allowed" / "gone.pub").unlink()
        self.tiergate("keygen", "late")
        self.query.hup()
        self.assertIn("broken.pub:1: 'public' takes one key", self.query.wait_log("key_file_bad")["why"])
        self.query.wait_log("keys_loaded", taken_away="1", bad_files="1", clients="4")  # and our own
        self.wait_metric("tiergate_query_bad_key_files 1")
        self.assert_silence(gone)
        for client in (api, broken, self.client("broken"), self.client("late")):
            self.assertTrue(client.ping()["ready"])
        (self.keys / "allowed" / "broken.pub").unlink()
        self.query.hup()
        self.query.wait_log("keys_loaded", taken_away="1", bad_files="0", clients="3")
        self.assert_silence(broken)

    def test_a_bad_file_lets_nobody_start(self):
        self.stack.ingress().start()
        self.stack.worker().start()
        (self.keys / "allowed").mkdir(exist_ok=True)
        (self.keys / "allowed" / "bad.pub").write_text("public nonsense\nmay check\n")
        query = self.stack.query(curve_dir=self.keys, query_bind="tcp://0.0.0.0:0").start(wait=False)
        self.assertEqual(query.wait_exit(), 78)
        self.assertIn("bad.pub:1: 'public' takes one key", "\n".join(query.log()))

    def test_rights_of_one_connection(self):
        self.tiergate("keygen", "checker", "--may", "check")
        self.start()
        checker = self.client("checker")
        self.assertTrue(checker.ping()["ready"])
        with self.assertRaises(wire.Refused) as refused:
            checker.since(0)
        self.assertEqual((refused.exception.code, refused.exception.retry), ("forbidden", False))

    def test_the_feed_wants_its_own_right(self):
        self.tiergate("keygen", "listener", "--may", "feed")
        self.tiergate("keygen", "checker", "--may", "check")
        self.start()
        self.assertTrue(self.listener("listener").receive(ANSWER_MS))
        self.assertIsNone(self.listener("checker").receive(1500))  # longer than the second between two heartbeats
        self.query.wait_log("key_refused", name="checker", wanted="feed")

    def test_the_command_has_keys_of_its_own(self):
        self.start()
        # 0.0.0.0 is this machine, and not surely so: it counts as another
        out = self.tiergate("get", "nobody", "--query", f"tcp://0.0.0.0:{self.at}", "--timeout", "30s", "--json")
        self.assertEqual(json.loads(out)["reason"], "unknown_subject")
        no_keys = subprocess.run([self.stack.bin / "tiergate", "get", "nobody", "--query", f"tcp://0.0.0.0:{self.at}"],
                                 cwd=self.stack.dir, text=True, capture_output=True, env=harness.clean_environment())
        self.assertEqual(no_keys.returncode, 78)
        self.assertIn("is not loopback: that needs keys (CURVE_DIR", no_keys.stderr)
        # one that the server turns away says so within its timeout, unless a machine stood still for all of that
        self.tiergate("keygen", "other", "--may", "journal")
        self.query.hup()
        self.query.wait_log("keys_loaded", clients="2")
        other = self.keys / "clients" / "other"

        def refused(words):
            wait_until(lambda: words in self.tiergate("get", "nobody", "--query", f"tcp://0.0.0.0:{self.at}", "--timeout", "3s",
                                                      "--curve-dir", other, code=69), 60, words)
        refused("does not know our key, or it may not do this")
        (other / "server.pub").write_text((self.keys / "allowed" / "other.pub").read_text().split("may")[0])
        refused("another server than server.pub says")
        (other / "servers").mkdir()  # this host's own
        (other / "servers" / "0.0.0.0.pub").write_text((self.keys / "server.pub").read_text())
        refused("does not know our key, or it may not do this")

    def test_no_service_binds_to_others_without_keys(self):
        self.stack.ingress().start()
        self.stack.worker().start()
        query = self.stack.query(query_bind="tcp://0.0.0.0:0").start(wait=False)
        self.assertEqual(query.wait_exit(), 78)
        self.assertIn("is not loopback: that needs keys", "\n".join(query.log()))
        missing = self.stack.query("second", curve_dir=self.stack.dir / "none", query_bind="tcp://0.0.0.0:0").start(wait=False)
        self.assertEqual(missing.wait_exit(), 78)
        self.assertIn("`tiergate keygen` makes it", "\n".join(missing.log()))

    def test_keygen_overwrites_nothing(self):
        before = {p: p.read_bytes() for p in self.keys.rglob("*") if p.is_file()}
        self.assertIn("File exists", self.tiergate("keygen", code=69))
        self.tiergate("keygen", "api")
        self.assertIn("File exists", self.tiergate("keygen", "api", code=69))
        for words in (["keygen", "../x"], ["keygen", ".x"], ["keygen", "x" * 65], ["keygen", "y", "--may", "fly"]):
            self.tiergate(*words, code=64)
        self.assertEqual(before, {p: p.read_bytes() for p in before})
        for path in self.keys.rglob("*.key"):
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    harness.main()
