"""Billing and a simulated Stripe: the portal's flows."""

import concurrent.futures
import json
import threading
import time

import billing_money
import harness
import stripe_proxy
from billing_api import PUBLIC
from harness import wait_until


class PortalTest(billing_money.MoneyTest):
    def test_the_portals_flows(self):
        self.start_with_prices()
        self.refused(self.portal("dora"), 409, "no_customer")
        self.refused(self.portal("dora", flow="subscription_cancel"), 409, "no_customer")
        self.buy("dora", interval="year")
        expected = {None: None, "manage": None, "payment_method_update": "payment_method_update",
                    "subscription_cancel": "subscription_cancel", "subscription_update": "subscription_update"}
        for flow, stripes in expected.items():
            answer = self.good(self.portal("dora", **({"flow": flow} if flow else {}),
                                           return_url=PUBLIC + "/settings/billing?back"))
            self.assertEqual(answer["flow"], flow or "manage")
            made = self.portal_session(answer["id"])
            self.assertEqual(made["return_url"], PUBLIC + "/settings/billing?back")
            self.assertEqual((made["flow"] or {}).get("type"), stripes)
            if flow in ("subscription_cancel", "subscription_update"):
                self.assertTrue(made["flow"][stripes]["subscription"].startswith("sub_"))
        # without an interval the one that there is
        made = self.portal_session(self.good(self.portal("dora", flow="subscription_update", tier="institutional"))["id"])
        confirm = made["flow"]["subscription_update_confirm"]
        self.assertEqual(confirm["items"][0]["price"], self.prices["institutional_yearly"])
        self.refused(self.portal("dora", flow="subscription_update", tier="pro"), 409, "no_change")
        self.refused(self.portal("dora", flow="subscription_update", tier="gold"), 400, "unknown_tier")
        self.refused(self.portal("dora", flow="subscription_update", tier="free"), 400, "not_for_sale")
        self.refused(self.portal("dora", flow="cancel"), 400, "bad_request")
        self.refused(self.portal("dora", tier="pro"), 400, "bad_request")

    def test_a_flow_that_stripe_refuses(self):
        billing = self.start_with_prices(proxy=True)
        self.buy("dora")
        refusal = {"error": {"type": "invalid_request_error", "message": "SECRET WORDS: no such feature"}}

        def fault(method, path):
            sent = self.proxy.requests[-1]
            if path.endswith("portal/sessions") and sent.field("flow_data[type]"):
                return stripe_proxy.answer(400, json.dumps(refusal).encode())
            return None

        self.proxy.fault = fault
        answer = self.good(self.portal("dora", flow="subscription_cancel"))
        self.assertEqual(answer["flow"], "manage")
        self.assertIsNone(self.portal_session(answer["id"])["flow"])
        self.assertEqual(billing.wait_log("portal_flow_refused")["flow"], "subscription_cancel")
        self.assertNotIn("SECRET WORDS", "\n".join(billing.log()))

    def test_canceling_is_resumed_in_the_portal(self):
        self.start_with_prices()
        self.buy("dora")
        [sub] = self.api("GET", "/v1/subscriptions")["data"]
        self.api("POST", f"/v1/subscriptions/{sub['id']}", cancel_at_period_end=True)
        answer = self.good(self.checkout("dora"))
        self.assertEqual(answer["flow"], "portal")
        self.assertIsNone(self.portal_session(answer["id"])["flow"])

    # ---- back from it

    def refresh(self, subject, **how):
        return self.post("refresh-subscription", subject, {}, **how)

    def subscription(self):
        [sub] = self.api("GET", "/v1/subscriptions")["data"]
        return sub["id"]

    def reason(self, subject):
        """What the store says: entitlements know nothing of details."""
        return self.get("entitlements", subject).json["reason"]

    def test_what_was_done_in_the_portal_is_known_without_a_webhook(self):
        self.start_with_prices(proxy=True)
        self.start_reconciler()
        self.refreshed("dora")  # there is nothing to ask
        self.buy("dora")
        self.refreshed("dora")
        self.details_are_known("dora")
        self.sim.misbehave(drop=1)
        sub = self.subscription()
        for cancel, reason, state in ((True, "canceling", "canceling"), (False, "active", "active"), (True, "canceling", "canceling")):
            self.sim.advance(2)  # nobody does all this within one second, in which Stripe tells no order
            self.api("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end=cancel)
            answer = self.refreshed("dora")
            self.assertEqual(answer["tier"], "pro")
            self.assertEqual(self.reason("dora"), reason)
            status = self.fresh_status("dora")
            self.assertEqual(status["state"], state)
            self.assertGreaterEqual(status["ver"], answer["ver"])
        # another plan
        self.sim.advance(2)
        item = self.api("GET", f"/v1/subscriptions/{sub}")["items"]["data"][0]["id"]
        self.api("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end=False,
                 items=[{"id": item, "price": self.prices["institutional_monthly"]}])
        self.assertEqual(self.refreshed("dora")["tier"], "institutional")
        self.assertEqual(self.get("entitlements", "dora").json["tier"], "institutional")
        # another card, which only Stripe knows
        self.assertEqual(self.details_are_known("dora")["payment_method"]["brand"], "visa")
        [customer] = self.customers_of("dora")
        card = self.api("POST", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer["id"])["id"]
        self.api("POST", f"/v1/subscriptions/{sub}", default_payment_method=card)
        self.refreshed("dora")
        self.assertEqual(self.details_are_known("dora")["payment_method"]["brand"], "mastercard")

    def details_are_known(self, subject):
        return self.fresh_status(subject)["details"]

    def test_nobody_can_refresh(self):
        billing = self.start_with_prices()
        self.buy("dora")
        self.api("POST", f"/v1/subscriptions/{self.subscription()}", cancel_at_period_end=True)
        answer = self.good(self.refresh("dora"))  # no reconciler is there
        self.assertEqual((answer["state"], answer["tier"]), ("refreshing", "pro"))
        self.start_reconciler()
        self.refreshed("dora")
        self.stack.services["worker"].kill()
        self.api("POST", f"/v1/subscriptions/{self.subscription()}", cancel_at_period_end=False)
        begun = time.monotonic()
        self.assertEqual(self.good(self.refresh("dora"))["state"], "refreshing")
        self.assertGreater(time.monotonic() - begun, 1.5)
        self.stack.services["worker"].start()
        self.refreshed("dora")
        self.stack.services["query"].kill()
        self.refused(self.refresh("dora"), 503, "unavailable")
        for body, code in (({"x": 1}, "unknown_field"), ({"subject": "mallory"}, "unknown_field"), (b"[]", "bad_request")):
            self.refused(self.post("refresh-subscription", "dora", body), 400, code)
        self.refused(self.post("refresh-subscription", None, {}), 401, "token_missing")
        self.assertTrue(billing.running())

    def test_who_asks_meanwhile_shares_one_more(self):
        self.start_with_prices()
        self.buy("dora")
        self.buy("emma")
        self.proxy = stripe_proxy.Proxy(self.sim.address())
        self.addCleanup(self.proxy.close)
        self.start_reconciler(api=self.proxy.url())
        self.refreshed("dora")
        self.patient = False
        wait_until(self.many_at_once, 60, "all of them were there at once, and each was answered")
        asked = self.asked_for("dora")
        self.assertTrue(1 <= asked < 12, asked)  # each would ask by itself
        self.assertEqual(self.asked_for("emma"), 1)

    def asked_for(self, subject):
        return len(self.proxy.asked("GET", f"/v1/customers/{self.customers_of(subject)[0]['id']}"))

    def many_at_once(self):
        """Stripe says nothing of a customer before all have come, if they do so in time. Were they all there, and answered?"""
        self.proxy.forget()
        come = threading.Event()

        def fault(method, path):
            if path.startswith("/v1/customers/"):
                come.wait(1.5)

        self.proxy.fault = fault
        clients = [self.connect() for _ in range(24)]
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            asks = [pool.submit(self.refresh, "emma" if n == 0 else "dora", client=c) for n, c in enumerate(clients)]
            together = False
            while not together and not any(ask.done() for ask in asks):
                together = self.metric("asks") == len(clients)
            come.set()
        for client in clients:
            client.close()
        return together and {ask.result().status for ask in asks} == {200}

    def test_one_subject_may_do_so_now_and_then(self):
        self.start_with_prices(**{"rate-limit": 240})
        self.until_refused(self.refresh, 20)
        self.answered_at_once(self.refresh, "another one's rate is another one's")


if __name__ == "__main__":
    harness.main()
