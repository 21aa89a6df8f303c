"""Unknown is not free: what Tiergate does not know yet leaves the last known tier standing, is shown with what to do about
it, and heals by itself once the catalog or the program knows it."""

import copy
import json
import subprocess
import time

import harness
import lives
import webhook
import wire
from harness import applied, wait_until

YES, NO = 0, 1


class UnknownTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.ingress, self.worker, self.query = self.stack.start_all()
        self.ask = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.ask.close)
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)
        self.number = 0

    def ctl(self, *words, code=YES, flags=()):
        done = subprocess.run([self.stack.bin / "tiergate", *map(str, words), *map(str, flags), "--json"],
                              capture_output=True, text=True, timeout=harness.READY_S, env=harness.clean_environment())
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return json.loads(done.stdout)

    def listed(self):
        return self.ctl("quarantine", "list", flags=["--store-dir", self.worker.flags["store-dir"]])

    def send(self, *events):
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)
        return applied(self.stack)

    def changed(self, life, **changes):
        """The life's subscription changes; always later than what was before."""
        self.number += 1
        before = copy.deepcopy(life.subscription)
        life.subscription.update(changes)
        previous = lives.previous_attributes(before, life.subscription)
        return lives.event(f"evt_more{self.number}_{life.number}", "customer.subscription.updated", life.now + self.number,
                           life.subscription, previous)

    def items(self, life, *prices):
        """The life's items with these (price, product, lookup key) instead."""
        items = copy.deepcopy(life.subscription["items"])
        first = items["data"][0]
        items["data"] = []
        for n, (price, product, lookup_key) in enumerate(prices):
            item = copy.deepcopy(first)
            item["id"] += f"n{n}"
            item["price"].update(id=price, product=product, lookup_key=lookup_key)
            items["data"].append(item)
        items["total_count"] = len(prices)
        return items

    def answer(self, subject):
        profile = self.ask.get(subject)
        return profile["tier"], profile["reason"]

    def hup(self):
        mark = self.worker.log_size(), self.query.log_size()
        for service, since in zip((self.worker, self.query), mark):
            service.hup()
            service.wait_log("catalog_loaded", since=since)

    def catalog(self, old, new):
        text = self.stack.catalog.read_text()
        self.assertIn(old, text)
        self.stack.catalog.write_text(text.replace(old, new))

    # ---- prices

    def test_an_unmapped_price_keeps_the_last_known_tier(self):
        life = lives.plain(1)
        self.send(*life.events)
        dump = self.send(self.changed(life, items=self.items(life, ("price_2027", "prod_2027", "pro_2027"))))
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        self.assertTrue(self.ask.check(life.subject, feat="live_trading")["allowed"])
        self.assertEqual((dump["quarantined"], dump["unmapped"]), (0, 1))
        line = self.worker.wait_log("price_unmapped")
        self.assertEqual((line["price"], line["lookup_key"]), ("price_2027", "pro_2027"))
        self.assertIn("HUP", line["todo"])
        price, = self.listed()["unmapped"]
        self.assertEqual((price["price"], price["product"], price["lookup_key"], price["seen"]),
                         ("price_2027", "prod_2027", "pro_2027", 1))
        # once more is no news
        mark = self.worker.log_size()
        self.send(self.changed(life, cancel_at=life.now + 40 * lives.DAY))
        self.assertIsNone(self.worker.find_log("price_unmapped", since=mark))
        self.catalog("institutional_monthly,", "institutional_monthly, pro_2027,")
        self.hup()
        self.assertEqual(self.answer(life.subject), ("institutional", "canceling"))
        self.assertEqual(self.listed()["unmapped"], [])

    def test_of_a_set_every_unmapped_item_is_named(self):
        life = lives.plain(1)
        self.send(*life.events, self.changed(life, items=self.items(
            life, ("price_pro_monthly", "prod_pro", "pro_monthly"), ("price_a", "prod_a", None), ("price_b", "prod_b", None))))
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        self.assertEqual({u["price"] for u in self.listed()["unmapped"]}, {"price_a", "price_b"})
        # one that grants nothing is named under the lowest tier; the other turns out to be the best of the three
        self.catalog("- name: free\n", "- name: free\n    stripe: {prices: [price_a]}\n")
        self.catalog("price_institutional_monthly", "price_institutional_monthly, price_b")
        self.hup()
        self.assertEqual(self.listed()["unmapped"], [])
        self.assertEqual(self.answer(life.subject), ("institutional", "active"))

    def test_a_price_is_healed_at_a_start(self):
        life = lives.plain(1)
        self.send(*life.events, self.changed(life, items=self.items(life, ("price_new", "prod_new", "new_plan"))))
        self.worker.kill()
        self.catalog("institutional_monthly,", "institutional_monthly, new_plan,")
        self.worker.start()
        self.worker.wait_log("prices_mapped")
        self.assertEqual(self.listed()["unmapped"], [])
        self.query.stop()
        self.query.start()
        self.ask.wait_ready()
        self.assertEqual(self.answer(life.subject), ("institutional", "active"))

    # ---- customers

    def test_a_customer_that_nobody_claims_is_a_subject_of_its_own(self):
        life = lives.plain(1)
        bare = copy.deepcopy(next(e for e in life.events if e["type"] == "customer.subscription.created"))
        bare["data"]["object"]["metadata"] = {}
        self.send(bare)
        self.assertEqual(self.answer(life.customer), ("pro", "active"))
        self.assertEqual(self.answer(life.subject), ("free", "unknown_subject"))
        self.send(*(e for e in life.events if e["type"] != "customer.subscription.created"))
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        self.assertEqual(self.answer(life.customer), ("pro", "active"))

    def test_money_before_its_customer(self):
        """An invoice, and a payment, of a customer and a subscription that were never heard of."""
        life = lives.plain(1)
        invoice = next(e for e in life.events if e["type"] == "invoice.paid")
        dump = self.send(invoice)
        self.assertEqual(dump["quarantined"], 0)
        self.send(*(e for e in life.events if e is not invoice))
        self.assertEqual(self.answer(life.subject), ("pro", "active"))

    # ---- what this program does not know

    def tries(self):
        return {e["event"]: e["tries"] for e in self.listed()["entries"]}

    def stands_and_is_tried_again(self, life, event, words):
        self.send(*life.events)
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        dump = self.send(event)
        self.assertEqual(dump["quarantined"], 1)
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        entry, = self.listed()["entries"]
        self.assertEqual((entry["event"], entry["type"]), (event["id"], event["type"]))
        self.assertIn(words, entry["reason"])
        self.assertIn("upgrade Tiergate", entry["todo"])
        line = self.worker.wait_log("quarantined")
        self.assertEqual(line["event"], event["id"])
        wait_until(lambda: json.loads(self.stack.admin("worker")[1])["facts"]["quarantine"] == 1, 30, "it is a fact")
        self.hup()
        self.assertEqual(self.tries(), {event["id"]: 2})
        self.worker.stop()
        self.worker.start()
        self.assertEqual(self.tries(), {event["id"]: 3})
        # the stream went on
        other = lives.plain(2)
        self.send(*other.events)
        self.assertEqual(self.answer(other.subject), ("pro", "active"))

    def test_a_new_status(self):
        life = lives.plain(1)
        self.stands_and_is_tried_again(life, self.changed(life, status="frozen"), "status")

    def test_an_undecodable_object(self):
        life = lives.plain(1)
        broken = self.changed(life, cancel_at=life.now + lives.DAY)
        broken["data"]["object"]["items"] = 7
        self.stands_and_is_tried_again(life, broken, "items")

    def test_it_heals_when_the_program_knows_it(self):
        """An older program did not know this status, and put the event aside. This one does."""
        life = lives.plain(1)
        self.send(*life.events)
        self.worker.stop()
        end = life.now + 40 * lives.DAY
        self.assertEqual(self.hook.send(self.changed(life, cancel_at=end))[0], 200)
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            last = journal.head()["head"]
            harness.store_forge(self.stack, "aside", data=journal.raw(last))
        self.assertEqual(len(self.listed()["entries"]), 1)
        self.assertEqual(self.answer(life.subject), ("pro", "active"))
        self.worker.start()
        retried = self.worker.wait_log("quarantine_retried")
        self.assertEqual((retried["tried"], retried["still"]), ("1", "0"))
        self.assertEqual(self.listed()["entries"], [])
        self.assertEqual(self.answer(life.subject), ("pro", "canceling"))
        self.assertEqual(self.ask.get(life.subject)["until"], end)

    def test_a_new_event_type_is_counted_and_passed_over(self):
        life = lives.plain(1)
        self.send(*life.events)
        new = lives.event("evt_new", "customer.subscription.teleported", int(time.time()), life.subscription)
        dump = self.send(new)
        self.assertEqual((dump["quarantined"], dump["counters"]["type:customer.subscription.teleported"]), (0, 1))
        self.assertEqual(self.answer(life.subject), ("pro", "active"))


if __name__ == "__main__":
    harness.main()
