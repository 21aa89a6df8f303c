"""What the tests of billing's actions that ask Stripe have in common: prices, a customer who buys, and calls of a simulated
Stripe."""

import time

import billing_api
import harness
import simulator
import stripe_proxy
from harness import wait_until

PRICES = {"pro_monthly": (1900, "month"), "pro_yearly": (19000, "year"), "institutional_monthly": (9900, "month"),
          "institutional_yearly": (99000, "year")}
DAY = 86400


class MoneyTest(billing_api.BillingTest):
    def start_with_prices(self, proxy=False, **flags):
        self.start_store()
        self.prices = {}
        for key, (amount, interval) in PRICES.items():
            product = self.api("POST", "/v1/products", name=key)["id"]
            self.prices[key] = self.api("POST", "/v1/prices", product=product, currency="usd", unit_amount=amount,
                                        recurring={"interval": interval}, lookup_key=key)["id"]
        if proxy:
            self.proxy = stripe_proxy.Proxy(self.sim.address())
            self.addCleanup(self.proxy.close)
            flags["api"] = self.proxy.url()
        return self.start_billing(env=self.clock.env(), **flags)

    def token(self, subject, **more):
        """Good for years: these tests move the clock."""
        return super().token(subject, **{"exp": int(time.time()) + 9 * 365 * DAY, **more})

    def start_reconciler(self, api=None):
        service = self.stack.reconciler(api=api or self.sim.url(), key=simulator.KEY, env=self.clock.env(), rate=100,
                                        events_every="9000h", sweep_every="9000h").start()
        service.wait_log("pass", seconds=120)

    def api(self, method, path, **fields):
        status, answer = self.sim.call(method, path, fields)
        self.assertEqual(status, 200, (path, answer))
        return answer

    def customers_of(self, subject):
        return [c for c in self.sim.table("customer") if c.get("metadata", {}).get("user_id") == subject]

    def good(self, answer):
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json

    def confirmed(self, subject, session):
        """What is said once it is known. Two seconds may not be enough for a busy machine, which says `activating` then."""
        def look():
            answer = self.good(self.post("confirm-checkout-session", subject, {"session_id": session}))
            return answer["state"] != "activating" and answer
        return wait_until(look, 3 * harness.SETTLE_S, f"the session of {subject} is confirmed")

    def checkout(self, subject, tier="pro", **more):
        return self.post("create-checkout-session", subject, {"tier": tier, **more})

    def portal(self, subject, **body):
        return self.post("create-portal-session", subject, body)

    def buy(self, subject, tier="pro", **more):
        """A subscription, as the subject's events tell it."""
        session = self.good(self.checkout(subject, tier, **more))
        self.assertEqual(session["flow"], "checkout")
        self.sim.control("POST", "pay", {"session": session["id"]})
        self.sim.flush()
        self.wait_tier(subject, tier)
        return session["id"]

    def wait_tier(self, subject, tier):
        wait_until(lambda: self.get("entitlements", subject).json["tier"] == tier, harness.SETTLE_S, f"{subject} has {tier}")

    def session(self, id):
        return self.api("GET", f"/v1/checkout/sessions/{id}")

    def portal_session(self, id):
        return next(s for s in self.sim.table("billing_portal.session") if s["id"] == id)
