"""Billing and a simulated Stripe: from free to paying, confirmations, and addresses to return to."""

import time

import billing_money
import harness
from billing_api import PUBLIC


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
        self.assertLess(time.monotonic() - begun, 2.5)
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
