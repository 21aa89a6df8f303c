"""Billing and a simulated Stripe: a subject has one customer, whatever happens."""

import concurrent.futures
import hashlib
import threading

import billing_api
import billing_money
import harness
import stripe_proxy
from harness import wait_until


EMAIL = "someone@private.example"


class CustomersTest(billing_money.MoneyTest):
    def burst(self, clients, count, subject="alice"):
        """`count` checkouts of one subject at once: {status: how many}."""
        seen = {}
        lock = threading.Lock()
        token = self.token(subject)

        def work(n):
            client = billing_api.Client(clients[n % len(clients)], check=False)
            try:
                for _ in range(count // 40):
                    answer = self.call("POST", "create-checkout-session", token=token, body={"tier": "pro"}, client=client)
                    with lock:
                        seen[answer.status] = seen.get(answer.status, 0) + 1
            finally:
                client.close()

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            list(pool.map(work, range(40)))
        return seen

    def wait_one_open(self):
        """What could not be expired, which is said, is left to the next checkout."""
        def look():
            return sum(s["status"] == "open" for s in self.sim.table("checkout.session")) == 1
        try:
            wait_until(look, 60, "one is open")
        except harness.Late:
            said = [self.stack.services[label].find_log("sessions_left_open") for label in ("billing", "billing2")]
            self.assertTrue(any(said), "nothing was said of those that are left open")
            self.good(self.checkout("alice"))
            wait_until(look, 60, "one is open")

    def test_a_thousand_checkouts_make_one_customer(self):
        self.start_with_prices()
        self.start_billing("billing2", env=self.clock.env())
        both = [self.stack.services[label].ready["listen"] for label in ("billing", "billing2")]
        seen = self.burst(both, 1000)
        self.assertEqual(len(self.customers_of("alice")), 1, seen)
        self.assertGreater(seen.get(200, 0), 0, seen)
        self.assertEqual(sum(seen.values()), 1000)
        print("checkouts", seen, flush=True)
        # and one of them is left to be paid
        [customer] = self.customers_of("alice")
        self.wait_one_open()
        sessions = self.sim.table("checkout.session")
        self.assertEqual({s["customer"] for s in sessions}, {customer["id"]})
        left = next(s for s in sessions if s["status"] == "open")
        self.assertEqual(left["created"], max(s["created"] for s in sessions))
        # and while Stripe fails and limits
        for how in ({"fail_api": 0.3}, {"limit_rps": 40}, {"fail_api": 0.1, "limit_rps": 60}):
            subject = "alice-" + "-".join(how)
            self.sim.misbehave(**how)
            seen = self.burst(both, 200, subject)
            self.sim.misbehave()
            print("checkouts", how, seen, flush=True)
            self.assertLessEqual(len(self.customers_of(subject)), 1, seen)
            self.assertEqual(sum(seen.values()), 200)
            self.assertEqual(set(seen) - {200, 429, 502, 503, 504}, set())
            self.good(self.checkout(subject))
            self.assertEqual(len(self.customers_of(subject)), 1)

    def test_what_stripe_kept_under_the_key(self):
        """A 5xx that Stripe answers under the key for a day, and a customer that was deleted since."""
        self.start_with_prices(proxy=True)
        self.sim.misbehave(drop=1)  # query never hears of a customer
        kept = []

        def fault(method, path):
            key = self.proxy.requests[-1].key
            if (method, path) != ("POST", "/v1/customers") or key != self.key_of("gina", 0):
                return None
            kept.append(key)
            return stripe_proxy.answer(500, headers={"Idempotent-Replayed": "true"} if len(kept) > 1 else {})

        self.good(self.checkout("frank"))
        [first] = self.customers_of("frank")
        key = self.proxy.asked("POST", "/v1/customers")[0].key
        self.assertTrue(key.startswith("tiergate-customer-test-0-"), key)
        self.assertEqual(self.proxy.asked("POST", "/v1/customers")[0].fields, {"metadata[user_id]": ["frank"]})
        # the same customer again, found by the search or the key
        self.good(self.checkout("frank"))
        self.assertEqual(len(self.customers_of("frank")), 1)
        # deleted since: the key answers with it, and a new one is made under the next key
        self.api("DELETE", f"/v1/customers/{first['id']}")
        self.good(self.checkout("frank"))
        [second] = [c for c in self.sim.table("customer") if (c.get("metadata") or {}).get("user_id") == "frank"
                    and not c.get("deleted")]
        self.assertNotEqual(second["id"], first["id"])
        # a failure that was kept
        self.proxy.fault = fault
        self.proxy.forget()
        self.good(self.checkout("gina"))
        keys = [r.key for r in self.proxy.asked("POST", "/v1/customers")]
        self.assertEqual(keys, [self.key_of("gina", 0)] * 2 + [self.key_of("gina", 1)])
        self.assertEqual(len(self.customers_of("gina")), 1)

    def key_of(self, subject, n):
        return f"tiergate-customer-test-{n}-" + hashlib.sha256(b"user_id\0" + subject.encode()).hexdigest()

    def test_a_customer_of_long_ago_is_searched_for(self):
        """No event of it ever came, and its key is forgotten."""
        self.start_with_prices(proxy=True)
        self.sim.misbehave(drop=1)
        old = self.api("POST", "/v1/customers", metadata={"user_id": "o'neill \\ co"})
        session = self.session(self.good(self.checkout("o'neill \\ co"))["id"])
        self.assertEqual(session["customer"], old["id"])
        self.assertEqual(self.proxy.asked("POST", "/v1/customers"), [])
        # whose name differs in its case alone is somebody else, though the search finds both
        shout = self.session(self.good(self.checkout("O'NEILL \\ CO"))["id"])
        self.assertNotEqual(shout["customer"], old["id"])
        # where there is no search, a customer is made all the same
        self.proxy.fault = lambda method, path: stripe_proxy.answer(400) if path.endswith("/search") else None
        self.good(self.checkout("henry"))
        self.assertEqual(len(self.customers_of("henry")), 1)

    def test_an_answer_that_was_lost_makes_no_second_customer(self):
        self.start_with_prices(proxy=True)
        lost = []

        def fault(method, path):
            if (method, path) == ("POST", "/v1/customers") and len(lost) < 3:
                lost.append(path)
                return stripe_proxy.after(b"oops", 200 if len(lost) == 2 else 503)
            return None

        self.proxy.fault = fault
        self.good(self.checkout("ida"))
        self.assertEqual((len(lost), len(self.customers_of("ida"))), (3, 1))
        self.assertEqual(len({r.key for r in self.proxy.asked("POST", "/v1/customers")}), 1)

    def test_the_address_is_added_after(self):
        billing = self.start_with_prices(proxy=True)
        token = self.token("jane", email=EMAIL)
        self.good(self.call("POST", "create-checkout-session", token=token, body={"tier": "pro"}))
        [customer] = self.customers_of("jane")
        wait_until(lambda: self.customers_of("jane")[0].get("email") == EMAIL, 30, "the address is there")
        self.assertEqual(list(self.proxy.asked("POST", "/v1/customers")[0].fields), ["metadata[user_id]"])
        self.assertNotIn(EMAIL, "\n".join(billing.log()))

    def test_query_away_makes_nobody(self):
        self.start_with_prices()
        self.stack.services["query"].kill()
        answer = self.checkout("kate")
        self.assertEqual(answer.status, 503, answer.text)
        self.assertEqual(self.customers_of("kate"), [])


if __name__ == "__main__":
    harness.main()
