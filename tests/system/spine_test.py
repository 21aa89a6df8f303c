"""A signed webhook changes the answer of a tier check, once, and lives come out as they were lived."""

import harness
import lives
import webhook
import wire
from harness import applied, wait_until


class SpineTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.stack.start_all()
        self.hook = webhook.Webhook(self.stack.address())
        self.query = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.hook.close)
        self.addCleanup(self.query.close)

    def expect_tier(self, subject, tier):
        wait_until(lambda: self.query.tier(subject) == tier, harness.SETTLE_S, f"{subject} has {tier}")

    def test_a_webhook_changes_the_answer(self):
        life = lives.plain(1)
        before = self.query.check(life.subject, feat="live_trading")
        self.assertEqual((before["allowed"], before["reason"], before["tier"]), (False, "unknown_subject", "free"))
        self.assertEqual(before["need"], "pro")
        self.assertTrue(self.query.check(life.subject, feat="basic_scanner")["allowed"])

        for number, event in enumerate(life.events, 1):
            status, _, answer = self.hook.send(event)
            self.assertEqual((status, answer["seq"], answer["duplicate"]), (200, number, False))
        self.expect_tier(life.subject, "pro")

        after = self.query.check(life.subject, feat="live_trading")
        self.assertEqual((after["allowed"], after["reason"], after["status"]), (True, "active", "active"))
        self.assertGreater(after["ver"], before["ver"])
        self.assertEqual(after["epoch"], before["epoch"])
        self.assertTrue(self.query.check(life.subject, tier="pro")["allowed"])
        denied = self.query.check(life.subject, tier="institutional")
        self.assertEqual((denied["allowed"], denied["reason"], denied["need"]), (False, "tier_too_low", "institutional"))
        self.assertTrue(self.query.check(life.customer, tier="pro")["allowed"], "a Stripe customer is a subject too")

    def test_a_duplicate_is_answered_with_the_first_sequence(self):
        life = lives.plain(1)
        first = [self.hook.send(event)[2]["seq"] for event in life.events]
        with_pending = [dict(event, pending_webhooks=7) for event in life.events]
        for events in (life.events, with_pending):
            for seq, event in zip(first, events):
                status, _, answer = self.hook.send(event)
                self.assertEqual((status, answer["seq"], answer["duplicate"]), (200, seq, True))
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            records = list(journal.records())
            self.assertEqual([r["id"] for r in records], [e["id"] for e in life.events])
            self.assertEqual([r["body"] for r in records], [webhook.encode(e) for e in life.events])
            self.assertEqual(journal.find(life.events[1]["id"]), 2)
            with self.assertRaises(wire.Refused) as refused:
                journal.find("evt_never_seen")
            self.assertEqual(refused.exception.code, "not_found")

    def test_random_lives_end_as_they_were_lived(self):
        rng = harness.seed()
        people, events = lives.many(rng, 60)
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)
        dump = applied(self.stack)
        self.assertEqual(dump["quarantined"], 0)
        known = 0
        for life in people:
            if life.tier() is not None:
                known += 1
                self.assertEqual(self.query.tier(life.customer), life.tier(), [e["type"] for e in life.events])
        self.assertGreater(known, 40)

    def test_what_cannot_be_decoded_is_set_aside_and_the_stream_goes_on(self):
        life = lives.plain(1)
        broken = lives.event("evt_broken", "customer.subscription.updated", life.now - 50,
                             {"id": "sub_x", "object": "subscription", "customer": "cus_x", "status": "no_such_status",
                              "items": {"object": "list", "data": [], "has_more": False}})
        unused = lives.event("evt_unused", "tax_rate.created", life.now - 50, {"id": "txr_1", "object": "tax_rate"})
        for event in (broken, unused, *life.events):
            self.assertEqual(self.hook.send(event)[0], 200)
        self.expect_tier(life.subject, "pro")
        dump = applied(self.stack)
        self.assertEqual(dump["quarantined"], 1)
        self.assertEqual(dump["counters"].get("type:tax_rate.created"), 1, dump["counters"])

    def test_min_ver_asks_for_what_the_store_does_not_have_yet(self):
        life = lives.plain(1)
        for event in life.events:
            self.hook.send(event)
        applied(self.stack)
        self.assertEqual(self.query.tier(life.subject), "pro")
        ver = self.query.get(life.subject)["ver"]
        self.assertTrue(self.query.check(life.subject, tier="pro", min_ver=ver)["allowed"])
        with self.assertRaises(wire.Refused) as refused:
            self.query.check(life.subject, tier="pro", min_ver=ver + 1)
        self.assertEqual((refused.exception.code, refused.exception.retry), ("behind", True))


if __name__ == "__main__":
    harness.main()
