"""What operators grant by hand: it goes through the journal, counts when it gives more, and ends by itself."""

import json
import subprocess
import time

import clock
import harness
import lives
import webhook
import wire
from harness import applied, wait_until

YES, NO, USAGE, UNAVAILABLE = 0, 1, 64, 69


class OverridesTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.clock = clock.Clock(self.stack)
        self.ingress = self.stack.ingress(env=self.clock.env()).start()
        self.worker = self.stack.worker(env=self.clock.env()).start()
        self.query = self.stack.query(env=self.clock.env()).start()
        self.ask = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.ask.close)
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)
        self.flags = {
            "grant": ["--mode", "test", "--by", "ops", "--store-dir", self.worker.flags["store-dir"], "--catalog",
                      self.stack.catalog, "--journal-replay", self.stack.ipc("ingress-replay"), "--timeout", "20s"],
            "overrides": ["--store-dir", self.worker.flags["store-dir"]],
            "explain": ["--store-dir", self.worker.flags["store-dir"], "--catalog", self.stack.catalog, "--mode", "test"],
        }
        self.flags["revoke"] = self.flags["grant"]

    def ctl(self, *words, code=YES, flags=()):
        """Runs it with --json; what it printed."""
        where = self.flags[words[0]]
        done = subprocess.run([self.stack.bin / "tiergate", *map(str, words), *map(str, where), *map(str, flags), "--json"],
                              capture_output=True, text=True, timeout=harness.SETTLE_S,
                              env=harness.clean_environment(self.clock.env()))
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return json.loads(done.stdout) if done.stdout.strip() else done.stderr

    def grant(self, subject, tier, *more, code=YES, why="a gift"):
        return self.ctl("grant", subject, tier, *more, "--why", why, code=code)

    def answer(self, subject):
        profile = self.ask.get(subject)
        return profile["tier"], profile["reason"]

    def head(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            return journal.head()["head"]

    def send(self, life):
        for event in life.events:
            self.assertEqual(self.hook.send(event)[0], 200)
        applied(self.stack)

    def test_a_gift_to_somebody_unknown(self):
        self.ask.wait_ready()
        said = self.grant("alice", "pro")
        self.assertEqual((said["applied"], said["tier"], said["reason"], said["sub"]), (True, "pro", "override", "alice"))
        self.assertEqual(self.answer("alice"), ("pro", "override"))
        check = self.ask.check("alice", feat="live_trading")
        self.assertEqual((check["allowed"], check["reason"], check["status"]), (True, "override", "none"))
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            record = list(journal.records())[-1]
        self.assertEqual((record["kind"], record["type"], record["livemode"]), (4, "tiergate.override", False))
        listed, = self.ctl("overrides", "alice")["overrides"]
        self.assertEqual((listed["id"], listed["state"], listed["tier"], listed["why"], listed["by"], listed["until"]),
                         (said["id"], "standing", "pro", "a gift", "ops", None))
        self.assertEqual(self.ctl("overrides")["overrides"], [listed])
        self.assertEqual(self.ctl("overrides", "bob")["overrides"], [])
        self.assertEqual(self.ctl("explain", "alice")["overrides"], [listed])

        ended = self.ctl("revoke", "alice", "--why", "enough")
        self.assertEqual((ended["revoked"], ended["tier"]), ([said["id"]], "free"))
        self.assertEqual(self.answer("alice")[0], "free")
        listed, = self.ctl("overrides", "alice")["overrides"]
        self.assertEqual((listed["state"], listed["revoked_why"]), ("revoked", "enough"))
        self.assertEqual(self.ctl("revoke", "alice", "--why", "again", code=NO)["revoked"], [])

    def test_it_counts_when_it_gives_more(self):
        life = lives.plain(1)
        self.send(life)
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        self.grant(life.subject, "pro")
        self.assertEqual(self.answer(life.subject), ("pro", "active"))  # no more than what is paid for
        first = self.grant(life.subject, "institutional")
        self.assertEqual(self.answer(life.subject), ("institutional", "override"))
        self.assertEqual(self.answer(life.customer), ("institutional", "override"))
        self.ctl("revoke", first["id"], "--why", "one of the two")
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        self.assertEqual(len(self.ctl("revoke", life.subject, "--why", "the other")["revoked"]), 1)

    def test_it_ends_by_itself(self):
        self.ask.wait_ready()
        with wire.Subscriber(self.stack.ipc("query-feed")) as feed:
            wait_until(lambda: (feed.receive() or (b"",))[0] == b"\0", 60, "the feed's heartbeat")
            said = self.grant("carol", "pro", "--until", "2h")
            until = said["until"]
            self.assertAlmostEqual(until, time.time() + 7200, delta=60)
            self.assertEqual(self.ask.check("carol", tier="pro")["until"], until)
            self.assertEqual(self.ask.check("carol", tier="pro", at=until + 1)["allowed"], False)
            self.clock.set(until - 30)
            self.assertEqual(self.answer("carol"), ("pro", "override"))
            self.clock.set(until)
            self.assertEqual(self.answer("carol")[0], "free")
            seen = []
            wait_until(lambda: seen.append(feed.receive()) or seen[-1] and seen[-1][1].get("after") == "free", 60,
                       "the feed tells")
            change = seen[-1][1]
            self.assertEqual((change["sub"], change["before"], change["event"]), ("carol", "pro", ""))
            self.assertEqual(change["at_ms"], until * 1000)
        listed, = self.ctl("overrides", "carol")["overrides"]
        self.assertEqual(listed["state"], "over")
        self.assertEqual(self.ctl("revoke", "carol", "--why", "late", code=NO)["revoked"], [])

    def test_mistakes_are_refused(self):
        life = lives.plain(2)
        self.send(life)
        head = self.head()
        self.assertIn("free, pro, institutional", self.grant("dave", "gold", code=USAGE)["err"]["msg"])
        self.assertIn(life.subject, self.grant(life.customer, "pro", code=USAGE)["err"]["msg"])
        self.grant("dave", "pro", why="", code=USAGE)
        self.grant("dave", "pro", why="two\nlines", code=USAGE)
        self.grant("", "pro", code=USAGE)
        self.grant("dave", "pro", "--until", "soon", code=USAGE)
        self.grant("dave", "pro", "--until", "2001-01-01T00:00:00Z", code=USAGE)
        self.ctl("grant", "dave", "pro", code=USAGE)  # no --why
        self.ctl("revoke", "ovr_0123456789abcdef", "--why", "x", code=UNAVAILABLE)
        self.assertEqual(self.head(), head)
        # of the other mode: nobody's
        self.ctl("grant", "erin", "pro", "--why", "x", flags=["--mode", "live"])
        self.assertEqual(self.answer("erin")[0], "free")

    def test_it_is_durable_before_it_is_said(self):
        self.ask.wait_ready()
        self.worker.stop()
        # as long as a journal may need that stands still
        said = self.ctl("grant", "frank", "pro", "--why", "x", code=UNAVAILABLE, flags=["--timeout", "10s"])
        self.assertEqual((said["applied"], said["seq"]), (False, 1))
        self.ingress.kill()
        self.ingress.start()
        self.worker.start()
        wait_until(lambda: self.answer("frank") == ("pro", "override"), 60, "it is applied")
        self.ingress.kill()
        refused = self.ctl("grant", "gina", "pro", "--why", "x", code=UNAVAILABLE, flags=["--timeout", "300ms"])
        self.assertIn("tiergate-ingress", refused["err"]["msg"])

    def test_a_binding_takes_it_along(self):
        life = lives.plain(3)
        customer = next(e for e in life.events if e["type"] == "customer.created")
        bare = json.loads(json.dumps(customer))
        bare["data"]["object"]["metadata"] = {}
        bare["id"] += "bare"
        self.assertEqual(self.hook.send(bare)[0], 200)
        applied(self.stack)
        self.grant(life.customer, "institutional")
        self.assertEqual(self.answer(life.customer), ("institutional", "override"))
        self.send(life)
        self.assertEqual(self.answer(life.subject), ("institutional", "override"))
        self.assertEqual(len(self.ctl("revoke", life.subject, "--why", "x")["revoked"]), 1)
        self.assertEqual(self.answer(life.subject), ("pro", "active"))


if __name__ == "__main__":
    harness.main()
