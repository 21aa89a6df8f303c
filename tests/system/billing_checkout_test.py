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
        begun = time.monotonic()
        done = self.good(self.post("confirm-checkout-session", "alice", confirm))
        self.assertEqual((done["state"], done["tier"]), ("activated", "pro"))
        self.assertLess(time.monotonic() - begun, 10)  # two seconds, and what a busy machine makes of them
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
        self.assertTrue(1.5 < took < 4, took)

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
        wait_until(lambda: self.open_sessions(customer["id"]) == [new], 10, "the old one is expired")
        self.assertEqual(self.good(self.post("confirm-checkout-session", "alice", {"session_id": old}))["state"], "expired")
        self.assertFalse(self.pay(old), "Stripe says that it is over")
        self.assertTrue(self.pay(new))
        self.assertEqual(len(self.api("GET", "/v1/subscriptions", customer=customer["id"], status="all")["data"]), 1)
        answer = self.good(self.post("confirm-checkout-session", "alice", {"session_id": new}))
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
        answer = self.good(self.post("confirm-checkout-session", "alice", {"session_id": old}))
        self.assertEqual(answer["state"], "activated")
        wait_until(lambda: self.open_sessions(customer["id"]) == [], 10, "nothing is left to be paid twice")
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
        wait_until(lambda: first not in self.open_sessions(customer["id"]), 10, "the first is expired")
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
