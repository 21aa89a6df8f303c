"""Billing and a simulated Stripe: plans, invoices, previews and details."""

import concurrent.futures
import threading
import time

import billing_money
import harness
import stripe_proxy
from billing_money import DAY
from harness import wait_until


PAUSE_S = 5  # after a failure nobody asks Stripe for prices


class ShownTest(billing_money.MoneyTest):
    def test_plans(self):
        self.start_with_prices(proxy=True)
        plans = self.good(self.get("plans"))
        self.assertFalse(plans["stale"])
        by_name = {tier["name"]: tier for tier in plans["tiers"]}
        self.assertEqual(list(by_name), ["free", "pro", "institutional"])
        self.assertEqual(by_name["free"]["prices"], [])
        self.assertEqual([(p["lookup_key"], p["amount"], p["interval"]) for p in by_name["pro"]["prices"]],
                         [("pro_monthly", 1900, "month"), ("pro_yearly", 19000, "year")])
        self.assertIn("live_trading", by_name["institutional"]["features"])
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda _: self.good(self.get("plans", client=self.connect())), range(40)))
        self.assertEqual(len(self.proxy.asked("GET", "/v1/prices")), 1)
        self.proxy.fault = lambda method, path: stripe_proxy.answer(500)
        self.assertEqual(self.good(self.get("plans")), plans)

    def test_plans_are_asked_for_once_at_a_time(self):
        self.start_with_prices(proxy=True)
        gate = threading.Event()

        def fault(method, path):
            if path == "/v1/prices" and not gate.is_set():
                return stripe_proxy.hang(0.5)
            return None

        self.proxy.fault = fault
        clients = [self.connect() for _ in range(20)]
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda c: self.get("plans", client=c).status, clients))
        self.assertEqual(set(answers), {504})
        self.refused(self.get("plans"), 504, "stripe_timeout")  # nobody asks again so soon, and what is said stays the same
        asked = len(self.proxy.asked("GET", "/v1/prices"))
        self.assertTrue(1 <= asked <= 1 + (time.monotonic() - begun) // PAUSE_S, asked)
        gate.set()
        wait_until(lambda: self.get("plans").status == 200, 30, "plans again")

    def test_invoices(self):
        self.start_with_prices()
        self.assertEqual(self.good(self.get("invoices", "lena")), {"invoices": [], "next_cursor": None})
        self.buy("lena")
        for _ in range(5):
            self.sim.advance(31 * DAY)
        self.sim.flush()
        page = self.good(self.get("invoices?limit=100", "lena"))
        ids = [i["id"] for i in page["invoices"]]
        self.assertGreaterEqual(len(ids), 5)
        self.assertIsNone(page["next_cursor"])
        self.assertEqual(sorted((i["created"] for i in page["invoices"]), reverse=True),
                         [i["created"] for i in page["invoices"]])
        for invoice in page["invoices"]:
            self.assertEqual(invoice["status"], "paid")
            self.assertEqual((invoice["total"], invoice["currency"], invoice["refunded"]), (1900, "usd", 0))
            self.assertTrue(invoice["hosted_url"] and invoice["pdf_url"] and invoice["number"], invoice)
        # in pages of two, the same ones
        seen, cursor, pages = [], "", 0
        while cursor is not None:
            part = self.good(self.get("invoices?limit=2" + (f"&cursor={cursor}" if cursor else ""), "lena"))
            seen += [i["id"] for i in part["invoices"]]
            cursor, pages = part["next_cursor"], pages + 1
            if pages == 2:
                self.refused(self.get(f"invoices?cursor={cursor}", "mallory"), 400, "bad_request")
        self.assertEqual(seen, ids)
        for odd in ("0", "zz", "01" + "0" * 30, "f" * 5000):
            self.refused(self.get(f"invoices?cursor={odd}", "lena"), 400, "bad_request")
        # what went back
        [charge] = [c for c in self.sim.table("charge")][:1]
        self.api("POST", "/v1/refunds", charge=charge["id"])
        refunded = [i for i in self.good(self.get("invoices?limit=100", "lena"))["invoices"] if i["refunded"]]
        self.assertEqual([i["refunded"] for i in refunded], [1900])

    # ---- what one subject may cost Stripe

    def test_years_of_invoices_are_no_too_many_requests(self):
        self.start_with_prices(**{"rate-limit": 240})
        def ask(subject):
            return self.get("invoices", subject)
        subject, refused = self.until_refused(ask, 30, at_once=30)
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.answered_at_once(ask, "another one's share is another one's")
        back = self.post("confirm-checkout-session", subject, {"session_id": "cs_test_nobodys"})
        self.assertIn(back.status, (404, 503), "it was looked for: who paid is not kept waiting for what was listed")
        self.assertIn(self.post("refresh-subscription", subject, {}).status, (200, 503))
        wait_until(lambda: ask(subject).status == 200, 60, "after a while it may ask again")

    def test_one_subject_costs_stripe_no_more_than_its_share(self):
        """Also one with several customers, each of which is looked at and has lists of its own."""
        self.start_with_prices(proxy=True)
        self.buy("rosa")
        for _ in range(2):
            self.api("POST", "/v1/customers", metadata={"user_id": "rosa"})
        self.sim.flush()
        self.buy("tora")  # what comes before that is in the store
        self.billing.stop()
        self.start_billing("limited", api=self.proxy.url(), env=self.clock.env(), **{"rate-limit": 240})
        self.client = self.connect("limited")
        self.proxy.requests.clear()
        begun, told = time.monotonic(), {"invoices?limit=1": [], "change-preview?tier=institutional": []}
        for _ in range(50):
            for path, answers in told.items():
                answers.append(self.get(path, "rosa").status)
        asked = len(self.proxy.requests)
        # and the prices, and what the last one cost more than it counted on
        self.assertLessEqual(asked, 60 + (time.monotonic() - begun) + 1 + 12)
        for path, answers in told.items():
            self.assertLessEqual({200, 429}, set(answers), path)
        self.assertGreaterEqual(asked, 10, "and it had its share")
        wait_until(lambda: self.get("entitlements", "rosa").status == 200, 60, "memory is asked for nothing of it")

    def test_what_is_answered_again_costs_nothing(self):
        self.start_with_prices(**{"rate-limit": 240})
        first = self.good(self.post("create-checkout-session", "sven", {"tier": "pro"}, headers={"Idempotency-Key": "k"}))
        for _ in range(20):
            again = self.post("create-checkout-session", "sven", {"tier": "pro"}, headers={"Idempotency-Key": "k"})
            self.assertEqual(self.good(again), first)

    def test_a_preview_is_what_is_charged(self):
        self.start_with_prices()
        first = self.good(self.get("change-preview?tier=pro&quantity=3", "mona"))
        self.assertEqual((first["effective"], first["now"]["amount"], first["next"]["amount"]), ("now", 5700, 5700))
        self.buy("mona")
        self.sim.advance(10 * DAY)
        self.sim.flush()
        self.refused(self.get("change-preview?tier=pro", "mona"), 409, "no_change")
        shown = self.good(self.get("change-preview?tier=institutional", "mona"))
        self.assertEqual((shown["effective"], shown["price"]), ("now", self.prices["institutional_monthly"]))
        self.assertEqual(shown["next"]["amount"], 9900)
        self.assertTrue(all(line["proration"] for line in shown["lines"]), shown)
        [sub] = self.api("GET", "/v1/subscriptions")["data"]
        self.api("POST", f"/v1/subscriptions/{sub['id']}", proration_behavior="always_invoice",
                 items=[{"id": sub["items"]["data"][0]["id"], "price": self.prices["institutional_monthly"]}])
        invoice = self.good(self.get("invoices?limit=1", "mona"))["invoices"][0]
        self.assertLess(abs(invoice["total"] - shown["now"]["amount"]), 10, (invoice, shown))  # by the second
        self.sim.flush()
        # cheaper at the period's end, where the portal does it so
        settings = self.api("GET", "/v1/billing_portal/configurations", is_default=True)["data"][0]
        self.api("POST", f"/v1/billing_portal/configurations/{settings['id']}", features={"subscription_update": {
            "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]}}})
        shown = self.good(self.get("change-preview?tier=pro", "mona"))
        self.assertEqual((shown["effective"], shown["now"]["amount"], shown["next"]["amount"]), ("period_end", 0, 1900))
        self.refused(self.get("change-preview?tier=gold", "mona"), 400, "unknown_tier")
        self.refused(self.get("change-preview?tier=free", "mona"), 400, "not_for_sale")
        self.refused(self.get("change-preview", "mona"), 400, "bad_request")
        self.refused(self.get("change-preview?tier=pro&interval=eon", "mona"), 400, "bad_request")

    def test_details(self):
        self.start_with_prices(proxy=True)

        def details(subject, wait=5):
            answer = self.good(self.get("subscription-status", subject, headers={"Prefer": f"wait={wait}"}))
            return answer["details_state"], answer["details"]

        self.assertEqual(details("nora"), ("none", None))
        self.buy("nora", quantity=2)
        known = self.fresh_status("nora")["details"]
        sub = known["subscription"]
        self.assertEqual((sub["tier"], sub["price"], sub["lookup_key"], sub["quantity"], sub["amount"], sub["status"]),
                         ("pro", self.prices["pro_monthly"], "pro_monthly", 2, 3800, "active"))
        self.assertEqual((known["payment_method"]["type"], known["open_invoice"], known["schedule"]), ("card", None, None))
        self.assertEqual((known["upcoming"]["amount"], known["upcoming"]["at"]), (3800, sub["current_period_end"]))
        # within a minute Stripe is not asked again

        def nobody_is_asked():
            asked = len(self.proxy.requests)
            return all(details("nora", 0)[0] == "fresh" for _ in range(50)) and len(self.proxy.requests) == asked
        wait_until(nobody_is_asked, 30, "the last event of all is heard of, and Stripe is left alone")
        # a change of the subject is seen: the bank wants the payer
        [customer] = self.customers_of("nora")
        self.sim.control("POST", "card", {"customer": customer["id"], "outcome": "requires_action"})
        self.sim.advance(31 * DAY)
        self.sim.advance(2 * 3600)
        self.sim.flush()
        shown = self.fresh_status("nora", lambda s: (s["details"]["open_invoice"] or {}).get("needs_confirmation"))
        self.assertEqual(shown["details"]["open_invoice"]["amount_due"], 3800)
        # Stripe dies: what is known is served, and a status waits for nobody
        self.proxy.fault = lambda method, path: stripe_proxy.hang(30)
        self.sim.control("POST", "card", {"customer": customer["id"], "outcome": "ok"})
        begun = time.monotonic()
        for n in range(20):
            self.assertEqual(details(f"somebody{n}", 0)[1], None)
        self.assertLess(time.monotonic() - begun, 30)  # one alone that waits for Stripe waits for eight
        self.assertIn(details("nora", 0)[0], ("fresh", "stale"))

    def test_what_comes_next(self):
        """The next amount is what will be charged, and what Stripe changes alone is not old for long."""
        self.start_with_prices(proxy=True)
        # a lower plan comes by itself: its price comes next
        self.buy("pia", "institutional")
        [sub] = self.api("GET", "/v1/subscriptions")["data"]
        self.assertEqual(self.fresh_status("pia")["next_billing"]["amount"], 9900)
        self.good(self.portal("pia"))  # where it is changed: from here on nothing is old for long
        plan = self.api("POST", "/v1/subscription_schedules", from_subscription=sub["id"])
        now = {"items": [{"price": self.prices["institutional_monthly"]}],
               "start_date": plan["phases"][0]["start_date"], "end_date": plan["phases"][0]["end_date"]}
        self.api("POST", f"/v1/subscription_schedules/{plan['id']}", end_behavior="release",
                 phases=[now, {"items": [{"price": self.prices["pro_monthly"]}], "iterations": 1}])
        self.sim.flush()
        shown = self.fresh_status("pia", lambda s: s["state"] == "downgrade_scheduled" and s["details"]["schedule"])
        self.assertEqual(shown["next_billing"]["amount"], 1900, shown)
        self.assertEqual((shown["details"]["upcoming"]["amount"], shown["details"]["subscription"]["amount"]), (1900, 9900))
        self.sim.advance(31 * DAY)
        self.sim.flush()
        self.wait_tier("pia", "pro")
        self.assertEqual(self.good(self.get("invoices?limit=1", "pia"))["invoices"][0]["total"], 1900)
        # what was refunded is billed again
        self.buy("quin")
        [customer] = self.customers_of("quin")
        [charge] = self.api("GET", "/v1/charges", customer=customer["id"])["data"]
        self.api("POST", "/v1/refunds", charge=charge["id"])
        self.sim.flush()
        shown = self.fresh_status("quin", lambda s: s["state"] == "refunded" and s["next_billing"])
        self.assertEqual(shown["next_billing"], {"at": shown["details"]["subscription"]["current_period_end"], "amount": 1900,
                                                 "currency": "usd"})


if __name__ == "__main__":
    harness.main()
