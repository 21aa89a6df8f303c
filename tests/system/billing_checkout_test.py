"""Billing and a simulated Stripe: from free to paying, confirmations, and addresses to return to."""

import time

import billing_money
import harness
import stripe_proxy
from billing_api import PUBLIC
from harness import wait_until


class CheckoutTest(billing_money.MoneyTest):
    def test_from_free_to_paying(self):
        self.start_with_prices()
        self.start_reconciler()
        answer = self.good(self.checkout("alice", interval="month", quantity=2))
        session = self.session(answer["id"])
        [customer] = self.customers_of("alice")
        self.assertEqual((session["customer"], session["client_reference_id"], session["metadata"]),
                         (customer["id"], "alice", {"user_id": "alice"}))
        self.assertEqual(session["url"], answer["url"])
        self.assertEqual(session["success_url"],
                         PUBLIC + "/settings/billing?checkout=success&session_id={CHECKOUT_SESSION_ID}")
        self.assertEqual(session["cancel_url"], PUBLIC + "/settings/billing?checkout=cancelled")
        item = self.api("GET", f"/v1/checkout/sessions/{session['id']}/line_items")["data"][0]
        self.assertEqual((item["price"]["id"], item["quantity"]), (self.prices["pro_monthly"], 2))
        confirm = {"session_id": session["id"]}
        self.assertEqual(self.good(self.post("confirm-checkout-session", "alice", confirm))["state"], "unpaid")
        # paid, and no webhook comes: the reconciler fetches it
        self.sim.misbehave(drop=1)
        self.sim.control("POST", "pay", {"session": session["id"]})
        done = self.confirmed("alice", session["id"])
        self.assertEqual((done["state"], done["tier"]), ("activated", "pro"))
        self.assertEqual(self.api("GET", "/v1/subscriptions")["data"][0]["metadata"], {"user_id": "alice"})
        # who pays already changes in the portal
        self.refused(self.checkout("alice", quantity=2), 409, "no_change")
        switch = self.good(self.checkout("alice", "institutional"))
        self.assertEqual(switch["flow"], "portal")
        flow = self.portal_session(switch["id"])["flow"]
        self.assertEqual(flow["type"], "subscription_update_confirm")
        update = flow["subscription_update_confirm"]["items"][0]
        self.assertEqual((update["price"], update["quantity"]), (self.prices["institutional_monthly"], "2"))
        self.assertEqual(len(self.customers_of("alice")), 1)
        # the page of a session that somebody else has paid is nobody else's
        self.refused(self.post("confirm-checkout-session", "mallory", confirm), 404, "not_found")
        for odd in ("", "cs_", "cs_none", "sub_1", "cs_a/../../customers", "cs_" + "x" * 200):
            status = self.post("confirm-checkout-session", "alice", {"session_id": odd}).status
            self.assertIn(status, (400, 404), odd)

    def test_confirming(self):
        self.start_with_prices()
        gone = self.good(self.checkout("carol"))["id"]
        self.api("POST", f"/v1/checkout/sessions/{gone}/expire")
        self.assertEqual(self.good(self.post("confirm-checkout-session", "carol", {"session_id": gone}))["state"], "expired")
        # nobody can fetch it, and no webhook comes: the answer says so in time
        self.sim.misbehave(drop=1)
        late = self.good(self.checkout("carol"))["id"]
        self.sim.control("POST", "pay", {"session": late})
        begun = time.monotonic()
        answer = self.good(self.post("confirm-checkout-session", "carol", {"session_id": late}))
        took = time.monotonic() - begun
        self.assertEqual((answer["state"], answer["tier"]), ("activating", "free"))
        # two seconds, and what a busy machine makes of them: who waits for ever is told something else after ten
        self.assertTrue(1.5 < took < 30, took)

    def test_one_subject_may_confirm_now_and_then(self):
        """Each goes before all else at the reconciler, which serves few at a time: also of who has long left."""
        self.start_with_prices(**{"rate-limit": 240})
        gone = {name: self.good(self.checkout(name))["id"] for name in [f"{who}-{n}" for who in ("asker", "other") for n in range(20)]}

        def confirm(subject):
            return self.post("confirm-checkout-session", subject, {"session_id": gone[subject]})

        self.until_refused(confirm, per_minute=240 // 12)
        self.answered_at_once(confirm, "what one has asked is not held against another")

    # ---- prices by name, and in several currencies

    def sold(self, answer):
        """The price that a checkout sells."""
        [item] = self.api("GET", f"/v1/checkout/sessions/{self.good(answer)['id']}/line_items")["data"]
        return item["price"]["id"]

    def start_with_more_prices(self):
        text = self.stack.catalog.read_text()
        text = text.replace("lookup_keys: [pro_monthly", "lookup_keys: [pro_quarterly, pro_eur, pro_monthly")
        self.stack.catalog.write_text(text.replace("lookup_keys: [institutional_monthly",
                                                     "lookup_keys: [institutional_eur, institutional_monthly"))
        self.start_store()
        self.prices = {}
        products = {tier: self.api("POST", "/v1/products", name=tier)["id"] for tier in ("pro", "institutional")}
        rows = (("pro_monthly", "pro", 1900, "usd", "month", 1), ("pro_quarterly", "pro", 5400, "usd", "month", 3),
                ("pro_eur", "pro", 1800, "eur", "month", 1), ("institutional_monthly", "institutional", 9900, "usd", "month", 1),
                ("institutional_eur", "institutional", 9500, "eur", "month", 1))
        for key, tier, amount, currency, interval, count in rows:
            self.prices[key] = self.api("POST", "/v1/prices", product=products[tier], currency=currency, unit_amount=amount,
                                        recurring={"interval": interval, "interval_count": count}, lookup_key=key)["id"]
        self.start_billing(env=self.clock.env())

    def test_a_price_by_name(self):
        self.start_with_more_prices()
        shown = [p for tier in self.good(self.get("plans"))["tiers"] for p in tier["prices"]]
        quarterly = next(p for p in shown if p["lookup_key"] == "pro_quarterly")
        self.assertEqual((quarterly["interval"], quarterly["interval_count"], quarterly["amount"]), ("month", 3, 5400))
        buy = lambda **body: self.post("create-checkout-session", "alice", body)  # noqa: E731
        for body in ({"price": quarterly["id"]}, {"price": "pro_quarterly"}, {"tier": "pro", "price": quarterly["id"]},
                     {"tier": "pro", "interval": "month", "price": "pro_quarterly"}):
            self.assertEqual(self.sold(buy(**body)), quarterly["id"], body)
        self.assertEqual(self.sold(buy(tier="pro")), self.prices["pro_monthly"])
        # no other, whatever Stripe has
        hidden = self.api("POST", "/v1/prices", product=self.api("POST", "/v1/products", name="staff")["id"], currency="usd",
                          unit_amount=1, recurring={"interval": "month"}, lookup_key="staff")["id"]
        for name in (hidden, "staff", "", "price_none", "x" * 300, "PRO_QUARTERLY"):
            self.refused(buy(price=name), 400, "not_for_sale")
            self.refused(self.get(f"change-preview?price={name}", "alice"), 400, "not_for_sale")
        self.refused(buy(tier="institutional", price="pro_quarterly"), 400, "bad_request")
        self.refused(buy(interval="year", price="pro_quarterly"), 400, "bad_request")
        self.refused(buy(tier="gold", price="pro_quarterly"), 400, "unknown_tier")
        self.refused(buy(quantity=1), 400, "bad_request")
        preview = self.good(self.get("change-preview?price=pro_quarterly", "alice"))
        self.assertEqual((preview["tier"], preview["price"], preview["now"]["amount"]), ("pro", quarterly["id"], 5400))
        # who has it changes from it
        session = self.good(buy(price=quarterly["id"]))["id"]
        self.assertTrue(self.pay(session))
        self.sim.flush()
        self.wait_tier("alice", "pro")
        self.refused(self.get("change-preview?price=pro_quarterly", "alice"), 409, "no_change")
        flow = self.portal_session(self.good(self.portal("alice", flow="subscription_update", price="pro_monthly"))["id"])["flow"]
        self.assertEqual(flow["subscription_update_confirm"]["items"][0]["price"], self.prices["pro_monthly"])
        self.refused(self.portal("alice", price="pro_monthly"), 400, "bad_request")

    def test_currencies(self):
        self.start_with_more_prices()
        self.assertEqual(self.good(self.get("plans"))["currency"], "usd")
        self.assertEqual(self.sold(self.checkout("alice")), self.prices["pro_monthly"], "the default")
        session = self.good(self.post("create-checkout-session", "eva", {"price": "pro_eur"}))["id"]
        self.assertTrue(self.pay(session))
        self.sim.flush()
        self.wait_tier("eva", "pro")
        # who pays in euros goes on so
        preview = self.good(self.get("change-preview?tier=institutional", "eva"))
        self.assertEqual((preview["price"], preview["next"]["currency"]), (self.prices["institutional_eur"], "eur"))
        flow = self.portal_session(self.good(self.checkout("eva", "institutional"))["id"])["flow"]
        self.assertEqual(flow["subscription_update_confirm"]["items"][0]["price"], self.prices["institutional_eur"])
        for body in ({"price": "institutional_monthly"}, {"price": "pro_quarterly"}):
            self.refused(self.post("create-checkout-session", "eva", body), 400, "not_for_sale")
        self.refused(self.get("change-preview?tier=pro&interval=year", "eva"), 400, "not_for_sale")
        # and a customer who did, once it is over
        [customer] = self.customers_of("eva")
        [sub] = self.api("GET", "/v1/subscriptions", customer=customer["id"])["data"]
        self.api("DELETE", f"/v1/subscriptions/{sub['id']}")
        self.assertEqual(self.sold(self.checkout("eva", "institutional")), self.prices["institutional_eur"])
        self.assertEqual(self.sold(self.post("create-checkout-session", "eva", {"price": "institutional_monthly"})),
                         self.prices["institutional_monthly"], "what is named is what is sold")

    # ---- two tabs

    def open_sessions(self, customer):
        return [s["id"] for s in self.api("GET", "/v1/checkout/sessions", customer=customer, status="open")["data"]]

    def pay(self, session):
        """False: Stripe refuses it."""
        try:
            return bool(self.sim.control("POST", "pay", {"session": session}))
        except AssertionError:
            return False

    def test_two_tabs_that_are_both_paid_make_one_subscription(self):
        self.start_with_prices(proxy=True)
        self.start_reconciler()
        old = self.good(self.checkout("alice"))["id"]
        new = self.good(self.checkout("alice", "institutional"))["id"]
        [customer] = self.customers_of("alice")
        wait_until(lambda: self.open_sessions(customer["id"]) == [new], 30, "the old one is expired")
        self.assertEqual(self.good(self.post("confirm-checkout-session", "alice", {"session_id": old}))["state"], "expired")
        self.assertFalse(self.pay(old), "Stripe says that it is over")
        self.assertTrue(self.pay(new))
        self.assertEqual(len(self.api("GET", "/v1/subscriptions", customer=customer["id"], status="all")["data"]), 1)
        answer = self.confirmed("alice", new)
        self.assertEqual((answer["state"], answer["tier"]), ("activated", "institutional"))

    def test_one_that_was_left_open_ends_when_the_other_is_confirmed(self):
        billing = self.start_with_prices(proxy=True)
        self.start_reconciler()
        self.proxy.fault = lambda method, path: stripe_proxy.answer(500) if path.endswith("/expire") else None
        old = self.good(self.checkout("alice"))["id"]
        new = self.good(self.checkout("alice"))["id"]
        billing.wait_log("sessions_left_open")
        [customer] = self.customers_of("alice")
        self.assertEqual(sorted(self.open_sessions(customer["id"])), sorted([old, new]), "which fails no request")
        self.proxy.fault = lambda method, path: None
        self.assertTrue(self.pay(old))
        self.assertEqual(self.confirmed("alice", old)["state"], "activated")
        wait_until(lambda: self.open_sessions(customer["id"]) == [], 30, "nothing is left to be paid twice")
        self.assertFalse(self.pay(new))

    def test_only_what_billing_made_is_expired(self):
        self.start_with_prices()
        first = self.good(self.checkout("alice"))["id"]
        [customer] = self.customers_of("alice")
        own = {"mode": "subscription", "customer": customer["id"], "success_url": PUBLIC,
               "line_items": [{"price": self.prices["pro_monthly"], "quantity": 1}]}
        others = [self.api("POST", "/v1/checkout/sessions", **own)["id"],
                  self.api("POST", "/v1/checkout/sessions", **own, metadata={"user_id": "bob"})["id"],
                  self.api("POST", "/v1/checkout/sessions", **own, metadata={"user_id": "alice"}, client_reference_id="bob")["id"],
                  self.api("POST", "/v1/checkout/sessions", mode="setup", customer=customer["id"], success_url=PUBLIC,
                           metadata={"user_id": "alice"})["id"]]
        last = self.good(self.checkout("alice"))["id"]
        wait_until(lambda: first not in self.open_sessions(customer["id"]), 30, "the first is expired")
        self.assertEqual(sorted(self.open_sessions(customer["id"])), sorted(others + [last]))

    def test_addresses_to_return_to(self):
        self.start_with_prices(**{"return-urls": "https://other.example/account"})
        good = [PUBLIC, PUBLIC + "/a?b=c#d", "https://other.example/account/x"]
        bad = ["", "/a", "//app.example.com/", "javascript:alert(1)", "http://app.example.com/", PUBLIC + ".evil.example/",
               PUBLIC + "@evil.example/", "https://evil.example/?" + PUBLIC, PUBLIC + ":444/", PUBLIC + "\\@evil.example/",
               "https://user@app.example.com/", PUBLIC + "/a\r\nX: y", PUBLIC + "/%0d%0aX:%20y", PUBLIC + "//evil.example",
               "https://other.example/accounts", "https://other.example/account/../admin",
               "https://other.example/account/%2e%2e/admin", "https://\uff41pp.example.com/", PUBLIC + "/" + "a" * 2000]
        for field in ("success_url", "cancel_url"):
            for url in good:
                self.assertEqual(self.session(self.good(self.checkout("eve", **{field: url}))["id"])[field], url)
            for url in bad:
                self.refused(self.checkout("eve", **{field: url}), 400, "url_not_allowed")
        for url in bad:
            self.refused(self.portal("eve", return_url=url), 400, "url_not_allowed")


if __name__ == "__main__":
    harness.main()
