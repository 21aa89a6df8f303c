"""libtiergate against real services: asking, the cache and what keeps it true."""

import json
import shutil
import subprocess
import time

import client
import harness
import lives
import webhook
from client import Client
from harness import applied, wait_until


def bound(number, **more):
    """A life that only begins, whose customer is known to be its subject's: of a cus_… alone no line is given."""
    life = lives.plain(number, **more)
    for event in life.events:
        event["data"]["object"]["metadata"] = {"user_id": life.subject}
        event["data"].pop("previous_attributes", None)
    life.subscription["metadata"] = {"user_id": life.subject}
    return life


class ClientTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        _, self.worker, self.query = self.stack.start_all()
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)

    def send(self, events):
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)

    def open(self, *policies, cached=True, **options):
        """Unless it says otherwise it waits long, and a feed is silent after long: what stands still for seconds changes nothing."""
        options = {"timeout_ms": 60000, "max_age_ms": 120000, **options}
        if cached:
            options["feed"] = self.stack.ipc("query-feed")
        c = Client(self.stack, *policies, query=self.stack.ipc("query-tg01"), **options)
        self.assertEqual(c.opened["open"], 0, c.opened["why"])
        self.assertTrue(c.wait())
        return c

    def cancel(self, life):
        gone = dict(life.subscription, status="canceled", ended_at=int(time.time()))
        return lives.event(f"evt_cancel_{life.customer}", "customer.subscription.deleted", int(time.time()), gone)

    def test_asking(self):
        life = bound(1)
        self.send(life.events)
        applied(self.stack)
        c = self.open(cached=False)
        a = c.check(life.customer, "live_trading")
        self.assertEqual((a["status"], a["allowed"], a["source"], a["tier"]), (client.OK, True, client.SERVER, "pro"))
        a = c.check("nobody", "live_trading")
        self.assertEqual((a["allowed"], a["reason"], a["need"]), (False, "unknown_subject", "pro"))
        a = c.check("nobody", "live_tradin")
        self.assertEqual((a["status"], a["error"]), (client.REFUSED, client.WRONG_QUESTION))
        self.assertIn("unknown_feature", a["why"])
        p = c.get(life.subject, now=True)
        self.assertEqual(p["customers"], [life.customer])
        k = c.say("catalog")
        self.assertEqual(list(k["tiers"]), ["free", "pro", "institutional"])
        self.assertIn("basic_scanner", k["tiers"]["pro"])
        self.assertEqual(c.close(), 0)

    def test_a_change_reaches_the_cache(self):
        life = bound(1)
        self.send(life.events)
        applied(self.stack)
        subject = life.subject
        c = self.open()
        self.assertTrue(c.check(subject, "live_trading")["allowed"])
        a = wait_until(lambda: (lambda x: x["source"] == client.CACHE and x)(c.check(subject, "live_trading")), 60, "a hit")
        self.assertEqual((a["allowed"], a["reason"], a["tier"]), (True, "active", "pro"))
        asked = c.counts()["asked"]
        for _ in range(100):
            self.assertEqual(c.check(subject, "live_trading")["source"], client.CACHE)
        self.assertEqual(c.counts()["asked"], asked)
        self.send([self.cancel(life)])
        a = wait_until(lambda: (lambda x: not x["allowed"] and x)(c.check(subject, "live_trading")), 60, "a denial")
        self.assertEqual((a["status"], a["source"], a["reason"]), (client.OK, client.CACHE, "no_subscription"))
        self.assertEqual(c.counts()["asked"], asked)

    def test_preload_knows_everybody_and_the_new(self):
        rng = harness.seed()
        people, events = lives.many(rng, 60)
        self.send(events)
        applied(self.stack)
        c = self.open(preload=1)
        n = c.counts()
        asked = n["asked"]
        self.assertGreaterEqual(n["subjects"], 60)
        for life in people:
            a = c.check(life.customer, "basic_scanner")
            self.assertEqual(a["status"], client.OK)
            if life.tier():
                self.assertEqual(a["tier"], life.tier())
        new = bound(7)
        self.send(new.events)
        wait_until(lambda: c.check(new.subject, "live_trading")["allowed"], 60, "the new one")
        self.assertLessEqual(c.counts()["asked"] - asked, 60)

    def test_another_catalog_and_another_store(self):
        life = bound(1)
        self.send(life.events)
        applied(self.stack)
        c = self.open(preload=1)
        self.assertEqual(c.check(life.subject, "live_trading")["source"], client.CACHE)
        text = self.stack.catalog.read_text()
        self.assertIn("[live_trading, sentiment_analysis, advanced_charts]", text)
        self.stack.catalog.write_text(text.replace("[live_trading, ", "[").replace("[fix_connectivity,",
                                                                                    "[fix_connectivity, live_trading,"))
        self.query.hup()
        a = wait_until(lambda: (lambda x: not x["allowed"] and x)(c.check(life.subject, "live_trading")), 60, "a denial")
        self.assertEqual(a["need"], "institutional")
        wait_until(lambda: c.check(life.subject, "live_trading")["source"] == client.CACHE, 60, "a hit by the new catalog")
        # the store is made anew: another epoch, whose versions begin again
        self.worker.stop()
        shutil.rmtree(self.worker.flags["store-dir"])
        self.worker.start()
        wait_until(lambda: c.counts()["restarts"] == 1 and c.counts()["live"], 60, "the new store is followed")
        a = wait_until(lambda: (lambda x: x["source"] == client.CACHE and x)(c.check(life.subject, "sentiment_analysis")), 60,
                       "a hit")
        self.assertTrue(a["allowed"])

    def test_outages(self):
        life = bound(1)
        self.send(life.events)
        applied(self.stack)
        policies = ("live_trading:last_known", "sentiment_analysis:last_known:1", "advanced_charts:allow",
                    "fix_connectivity:last_known", "-:deny")
        clients = [self.open(*policies, cached=cached, timeout_ms=500, max_age_ms=1500) for cached in (False, True)]
        for c in clients:
            for feature in ("live_trading", "fix_connectivity"):
                wait_until(lambda: c.check(life.subject, feature)["status"] == client.OK, 60, f"an answer about {feature}")
            wait_until(lambda: c.counts()["subjects"] == 1, 60, "it is remembered")
        self.query.kill()
        for c in clients:
            wait_until(lambda: c.check(life.subject, "live_trading")["status"] == client.FALLBACK, 60, "a fallback")
            a = c.check(life.subject, "live_trading")
            self.assertEqual((a["allowed"], a["source"], a["stale"], a["tier"]), (True, client.LAST_KNOWN, True, "pro"))
            self.assertGreater(a["age_ms"], 1)
            self.assertIn(a["error"], (client.NO_SERVER, client.TIMED_OUT))
            self.assertTrue(a["why"])
            a = c.check(life.subject, "fix_connectivity")
            self.assertEqual((a["allowed"], a["source"]), (False, client.LAST_KNOWN))
            a = c.check(life.subject, "sentiment_analysis")  # older than was declared
            self.assertEqual((a["allowed"], a["source"]), (False, client.POLICY))
            a = c.check("stranger", "live_trading")  # of whom nothing is known
            self.assertEqual((a["allowed"], a["source"]), (False, client.POLICY))
            self.assertTrue(c.check("stranger", "advanced_charts")["allowed"])
            self.assertFalse(c.check(life.subject, "basic_scanner")["allowed"])
            self.assertEqual(c.say("many", life.subject, "stranger")["allowed"], [True, False])
            p = c.get(life.subject)
            self.assertEqual((p["status"], p["allowed"], p["source"]), (client.FALLBACK, False, client.POLICY))
            self.assertGreater(c.counts()["fallbacks"], 5)
        self.query.start()
        for c in clients:
            wait_until(lambda: c.check(life.subject, "basic_scanner")["status"] == client.OK, 60, "answers again")

    def cached_until(self, c, life, seconds):
        """The moment at which a life ends, so many seconds from now, when the client has it and query was killed well before that;
        None: that took too long."""
        self.send(life.events)
        at = int(time.time()) + seconds
        soon = dict(life.subscription, cancel_at=at)
        self.send([lives.event(f"evt_soon{seconds}", "customer.subscription.updated", int(time.time()), soon, {"cancel_at": None})])
        applied(self.stack)
        wait_until(lambda: c.check(life.subject, "live_trading")["source"] == client.CACHE or time.time() > at, 60, "a hit")
        a = c.check(life.subject, "live_trading")
        if time.time() < at:
            self.assertEqual((a["allowed"], a["reason"], a["until"]), (True, "canceling", at))
        self.query.kill()
        if time.time() < at - 2:
            return at
        self.query.start()
        return None

    def test_a_cancellation_takes_effect_with_nobody_there(self):
        c = self.open("live_trading:last_known", timeout_ms=300, max_age_ms=600)
        for number, seconds in enumerate((5, 10, 20, 40)):
            life = bound(number)
            at = self.cached_until(c, life, seconds)
            if at:
                break
        self.assertIsNotNone(at, "the machine is too slow to have query killed 2 s before a moment that is 40 s away")
        a = wait_until(lambda: (lambda x: not x["allowed"] and x)(c.check(life.subject, "live_trading")), 60, "it ends")
        self.assertGreaterEqual(time.time(), at)
        self.assertEqual((a["source"], a["reason"], a["tier"]), (client.LAST_KNOWN, "no_subscription", "free"))

    def test_watch(self):
        c = self.open()
        log = self.stack.dir / "watched"
        self.assertTrue(c.say("watch", log))
        command = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", self.stack.bin / "tiergate", "watch", "--json", "--query",
             self.stack.ipc("query-tg01"), "--feed", self.stack.ipc("query-feed"), "--timeout", "60s"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=harness.clean_environment())
        self.addCleanup(command.stderr.close)
        self.addCleanup(command.stdout.close)
        self.addCleanup(command.wait)
        self.addCleanup(command.kill)
        self.assertIn("watching", command.stderr.readline())
        rng = harness.seed()
        _, events = lives.many(rng, 30)
        for part in range(3):
            self.send(events[part * len(events) // 3:(part + 1) * len(events) // 3])
            self.query.kill()
            self.query.start()
        version = applied(self.stack)["version"]
        seen = []
        while not seen or seen[-1]["ver"] < version:
            seen.append(json.loads(command.stdout.readline()))
        self.assertEqual([s["ver"] for s in seen], list(range(1, version + 1)))
        self.assertEqual({s["event"] for s in seen} - {e["id"] for e in events}, set())
        wait_until(lambda: len(log.read_text().splitlines()) >= version, 60, "the library's watcher too")
        self.assertEqual([int(line.split()[0]) for line in log.read_text().splitlines()], list(range(1, version + 1)))
        command.send_signal(2)
        self.assertEqual(command.wait(60), 0)
        one = seen[-1]["sub"]
        only = subprocess.run([self.stack.bin / "tiergate", "watch", one, "--query", "ipc:///nonexistent/q", "--feed",
                               "ipc:///nonexistent/f", "--timeout", "300ms"], capture_output=True, text=True, timeout=60,
                              env=harness.clean_environment())
        self.assertEqual(only.returncode, 69)
        self.assertIn("is tiergate-query running?", only.stderr)


if __name__ == "__main__":
    harness.main()
