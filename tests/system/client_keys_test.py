"""What libtiergate says of keys: a clear error within the call's time, and answers again when the key is right."""

import subprocess
import time

import client
import harness
import wire
from client import Client
from harness import wait_until

TIMEOUT_MS = 3000
SLOW_S = 30  # what the machine may add to it


class ClientKeysTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.keys = self.stack.dir / "keys"
        for words in ((), ("api",), ("gone",), ("other",)):
            self.tiergate("keygen", *words)
        (self.keys / "allowed" / "gone.pub").unlink()
        self.stack.ingress().start()
        self.stack.worker().start()
        self.query = self.stack.query(curve_dir=self.keys, query_bind="tcp://0.0.0.0:0;" + self.stack.ipc("query-tg01"),
                                      feed_bind="tcp://0.0.0.0:0").start()
        listening = self.query.wait_log("listening")
        self.at = listening["listen"].split(";")[0].rsplit(":", 1)[1]
        self.feed_at = listening["feed"].rsplit(":", 1)[1]
        with wire.Query(self.stack.ipc("query-tg01")) as local:
            local.wait_ready()

    def tiergate(self, *words):
        subprocess.run([self.stack.bin / "tiergate", *words], cwd=self.stack.dir, timeout=60, check=True, capture_output=True,
                       env=harness.clean_environment({"TIERGATE_CURVE_DIR": str(self.keys)}))

    def open(self, name, **more):
        """With the keys of that name. 0.0.0.0 is this machine, and not surely so: it counts as another."""
        c = Client(self.stack, query=f"tcp://0.0.0.0:{self.at}", curve_dir=self.keys / "clients" / name,
                   timeout_ms=TIMEOUT_MS, **more)
        self.assertEqual(c.opened["open"], 0, c.opened["why"])
        return c

    def denied(self, c):
        """One try: KEY_UNKNOWN, or that it did not hear from the server in time, and never a yes."""
        begun = time.monotonic()
        a = c.check("nobody", "live_trading")
        self.assertLess(time.monotonic() - begun, TIMEOUT_MS / 1000 + SLOW_S)
        self.assertEqual((a["status"], a["allowed"]), (client.FALLBACK, False), a)
        self.assertIn(a["error"], (client.KEY_UNKNOWN, client.TIMED_OUT, client.NO_SERVER), a)
        return a["error"] == client.KEY_UNKNOWN and a

    def assert_denied(self, c, says):
        a = wait_until(lambda: self.denied(c), 60, "denied")
        self.assertIn(says, a["why"])
        self.assertGreater(c.counts()["denied"], 0)

    def answered(self, c):
        wait_until(lambda: c.check("nobody", "live_trading")["status"] == client.OK, 60, "answered")

    def test_the_right_key_asks_and_follows(self):
        c = self.open("api", feed=f"tcp://0.0.0.0:{self.feed_at}")
        self.assertTrue(c.wait())
        self.answered(c)
        wait_until(lambda: c.check("nobody", "live_trading")["source"] == client.CACHE, 60, "a hit")

    def test_a_key_that_is_not_allowed(self):
        self.assert_denied(self.open("gone"), "does not know our key")

    def test_no_key_where_one_is_wanted(self):
        # 127.0.0.1 is asked without one
        c = Client(self.stack, query=f"tcp://127.0.0.1:{self.at}", timeout_ms=TIMEOUT_MS)
        self.assert_denied(c, "key")

    def test_another_server_than_was_named(self):
        pub = self.keys / "clients" / "api" / "server.pub"
        lines = [line for line in (self.keys / "allowed" / "other.pub").read_text().splitlines() if not line.startswith("may")]
        pub.unlink()
        pub.write_text("\n".join(lines) + "\n")
        self.assert_denied(self.open("api"), "server.pub")

    def test_a_key_that_is_removed_and_given_back(self):
        c = self.open("api")
        self.answered(c)
        allowed = self.keys / "allowed" / "api.pub"
        text = allowed.read_text()
        allowed.unlink()
        self.query.hup()
        self.query.wait_log("keys_loaded", taken_away="1")
        # for a moment it may still be connected, and is told so by the server
        a = wait_until(lambda: (lambda x: x["error"] == client.KEY_UNKNOWN and x)(c.check("nobody", "live_trading")), 60,
                       "denied")
        self.assertIn("does not know our key", a["why"])
        allowed.write_text(text)
        self.query.hup()
        self.answered(c)

    def test_what_is_not_local_needs_a_directory(self):
        c = Client(self.stack, query=f"tcp://0.0.0.0:{self.at}")
        self.assertNotEqual(c.opened["open"], 0)
        self.assertIn("curve_dir", c.opened["why"])
        c = Client(self.stack, query=f"tcp://0.0.0.0:{self.at}", curve_dir=self.stack.dir / "none")
        self.assertEqual(c.opened["open"], 2)


if __name__ == "__main__":
    harness.main()
