"""HUP reads secrets and catalog again; what is bad is refused with its place named, and the old stays."""

import harness
import lives
import webhook
import wire
from harness import TEST_SECRET, wait_until

NEW_SECRET = "whsec_harness_rolled_0123456789abcdef"


class SecretsTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.ingress = self.stack.ingress().start()
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)
        self.number = 0

    def status(self, secret):
        self.number += 1
        return self.hook.send(lives.hello(self.number), secret)[0]

    def test_a_roll_of_secrets(self):
        self.assertEqual((self.status(TEST_SECRET), self.status(NEW_SECRET)), (200, 400))
        self.stack.write_secrets(f"old test {TEST_SECRET}", f"new test {NEW_SECRET}")
        self.ingress.hup()
        wait_until(lambda: self.status(NEW_SECRET) == 200, 60, "the new secret is good")
        self.assertEqual(self.status(TEST_SECRET), 200)
        self.stack.write_secrets(f"new test {NEW_SECRET}")
        self.ingress.hup()
        wait_until(lambda: self.status(TEST_SECRET) == 400, 60, "the old secret is gone")
        self.assertEqual(self.status(NEW_SECRET), 200)
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            self.assertEqual({r["secret"] for r in journal.records()}, {"sandbox", "old", "new"})

    def test_bad_secrets_change_nothing(self):
        for lines in ((f"new test {NEW_SECRET}", "broken"), (), ("# nothing",), (f"a test {NEW_SECRET}", f"a test {NEW_SECRET}x"),
                      (f"new nonsense {NEW_SECRET}",), (f"new test {NEW_SECRET[6:]}",)):
            self.stack.write_secrets(*lines)
            before = self.ingress.log_size()
            self.ingress.hup()
            self.ingress.wait_complaint(before)
            self.assertEqual((self.status(TEST_SECRET), self.status(NEW_SECRET)), (200, 400), lines)
        self.stack.secrets.unlink()
        before = self.ingress.log_size()
        self.ingress.hup()
        self.ingress.wait_complaint(before)
        self.assertEqual((self.status(TEST_SECRET), self.status(NEW_SECRET)), (200, 400))

    def test_no_secret_is_ever_logged(self):
        self.status(TEST_SECRET), self.status(NEW_SECRET)
        self.stack.write_secrets(f"a test {NEW_SECRET} b c d")
        before = self.ingress.log_size()
        self.ingress.hup()
        self.ingress.wait_complaint(before)
        self.ingress.stop()
        log = "\n".join(self.ingress.log())
        self.assertNotIn(TEST_SECRET[6:], log)
        self.assertNotIn(NEW_SECRET[6:], log)


class CatalogTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        _, self.worker, self.query = self.stack.start_all()
        self.ask = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.ask.close)
        self.life = lives.plain(1)
        with webhook.Webhook(self.stack.address()) as hook:
            for event in self.life.events:
                self.assertEqual(hook.send(event)[0], 200)
        wait_until(lambda: self.tier() == "pro", 60, "pro")

    def tier(self):
        return self.ask.tier(self.life.customer)

    def hup(self):
        before = self.worker.log_size(), self.query.log_size()
        self.worker.hup()
        self.query.hup()
        return before

    def test_a_new_catalog_applies_without_an_event(self):
        text = self.stack.catalog.read_text()
        self.stack.catalog.write_text(text.replace("pro_", "prox_"))
        self.hup()
        wait_until(lambda: self.tier() == "free", 60, "the price is in no tier")
        profile = self.ask.get(self.life.customer)
        self.assertEqual((profile["reason"], profile["status"]), ("active", "active"))
        self.stack.catalog.write_text(text.replace("live_trading", "day_trading"))
        self.hup()
        wait_until(lambda: self.tier() == "pro", 60, "the price is back")
        self.assertTrue(self.ask.check(self.life.customer, feat="day_trading")["allowed"])
        with self.assertRaises(wire.Refused) as refused:
            self.ask.check(self.life.customer, feat="live_trading")
        self.assertEqual((refused.exception.code, refused.exception.retry), ("unknown_feature", False))

    def test_a_bad_catalog_changes_nothing(self):
        text = self.stack.catalog.read_text()
        for bad in ("", "version: 1\ntiers: 7\n", text + "\nsurprise: true\n", text.replace("version: 1", "version: 99"),
                    "\t- :"):
            self.stack.catalog.write_text(bad)
            before = self.hup()
            for service, since in zip((self.worker, self.query), before):
                self.assertIn("tiers.yaml:", service.wait_complaint(since))
            self.assertEqual(self.tier(), "pro")
        self.stack.catalog.unlink()
        before = self.hup()
        for service, since in zip((self.worker, self.query), before):
            self.assertIn("tiers.yaml", service.wait_complaint(since))
        self.assertTrue(self.ask.check(self.life.customer, feat="live_trading")["allowed"])

    def test_an_unmapped_price_is_noted_and_heals(self):
        life = lives.plain(2)
        created = next(e for e in life.events if e["type"] == "customer.subscription.created")
        price = created["data"]["object"]["items"]["data"][0]["price"]
        price.update(id="price_new", product="prod_new", lookup_key="new_plan")
        with webhook.Webhook(self.stack.address()) as hook:
            for event in life.events:
                self.assertEqual(hook.send(event)[0], 200)
        dump = harness.applied(self.stack)
        self.assertEqual((dump["quarantined"], dump["unmapped"]), (0, 1))
        self.assertEqual(self.ask.tier(life.customer), "free")
        self.assertEqual(self.worker.wait_log("price_unmapped")["price"], "price_new")
        text = self.stack.catalog.read_text()
        self.stack.catalog.write_text(text.replace("pro_monthly,", "pro_monthly, new_plan,"))
        self.assertIn("new_plan", self.stack.catalog.read_text())
        self.hup()
        wait_until(lambda: self.ask.tier(life.customer) == "pro", 60, "the new price is pro")
        wait_until(lambda: harness.store_dump(self.stack)["unmapped"] == 0, 60, "no price is missed any more")


if __name__ == "__main__":
    harness.main()
