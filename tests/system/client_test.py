"""libtiergate against real services: asking, the cache and what keeps it true."""

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
        a = wait_until(lambda: (lambda x: x["source"] == client.CACHE and x)(c.check(subject, "live_trading")), 10, "a hit")
        self.assertEqual((a["allowed"], a["reason"], a["tier"]), (True, "active", "pro"))
        asked = c.counts()["asked"]
        for _ in range(100):
            self.assertEqual(c.check(subject, "live_trading")["source"], client.CACHE)
        self.assertEqual(c.counts()["asked"], asked)
        self.send([self.cancel(life)])
        a = wait_until(lambda: (lambda x: not x["allowed"] and x)(c.check(subject, "live_trading")), 10, "a denial")
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
        wait_until(lambda: c.check(new.subject, "live_trading")["allowed"], 10, "the new one")
        self.assertLessEqual(c.counts()["asked"] - asked, 60)


if __name__ == "__main__":
    harness.main()
