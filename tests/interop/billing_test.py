"""Billing's requests, looked at with Stripe's own library: real services, a simulated Stripe, a subject who buys and switches.

    billing_test.py BUILD_DIR
"""

import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

if not (HERE / "node_modules" / "stripe").is_dir():
    sys.exit(77)

import billing_api  # noqa: E402
import harness  # noqa: E402
import simulator  # noqa: E402


class BillingAskedTest(billing_api.BillingTest):
    def test_what_was_asked(self):
        self.start_store()
        prices = {}
        for key, amount in {"pro_monthly": 1900, "institutional_monthly": 9900}.items():
            product = self.sim.call("POST", "/v1/products", {"name": key})[1]["id"]
            prices[key] = self.sim.call("POST", "/v1/prices", {
                "product": product, "currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"},
                "lookup_key": key})[1]["id"]
        self.start_billing(env=self.clock.env())
        session = self.post("create-checkout-session", "alice", {"tier": "pro", "quantity": 2})
        self.assertEqual(session.status, 200, session.text)
        self.sim.control("POST", "pay", {"session": session.json["id"]})
        self.sim.flush()
        harness.wait_until(lambda: self.get("entitlements", "alice").json["tier"] == "pro", 30, "alice has pro")
        preview = self.get("change-preview?tier=institutional", "alice")
        self.assertEqual(preview.status, 200, preview.text)
        switch = self.post("create-checkout-session", "alice", {"tier": "institutional"})
        self.assertEqual((switch.status, switch.json["flow"]), (200, "portal"), switch.text)
        told = {"subject": "alice", "session": session.json["id"], "portal": switch.json["id"], "prices": prices,
                "public": billing_api.PUBLIC, "preview": {"at": int(time.time()), "amount": preview.json["now"]["amount"]}}
        subprocess.run(["node", str(HERE / "billing_asked.mjs"), self.sim.url(), simulator.KEY, json.dumps(told)], check=True,
                       timeout=120)


if __name__ == "__main__":
    harness.main()
