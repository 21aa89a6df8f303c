"""Billing and a simulated Stripe: the portal's flows."""

import json

import billing_money
import harness
import stripe_proxy
from billing_api import PUBLIC


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


if __name__ == "__main__":
    harness.main()
