"""Billing's API: bodies, fields, limits, Idempotency-Key, tags; what memory answers while Stripe is slow or dead and query is away;
and every answer against openapi.json."""

import contextlib
import json
import os
import re
import socket
import statistics
import threading
import time

import billing_api
import harness
import tokens
from billing_api import API, DOCUMENT
from harness import wait_until

STATUS = "subscription-status"
HOLDS = 5  # rounds of which one must be prompt


class Hole:
    """A Stripe that takes connections and never answers."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.taken, self.ended = [], False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return
            if self.ended:
                self.taken[-1].close()

    def url(self):
        return "http://127.0.0.1:{}".format(self.socket.getsockname()[1])

    def hang_up(self):
        """On all who are there, and on who comes."""
        self.ended = True
        for s in list(self.taken):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.socket.close()
        for s in self.taken:
            s.close()


class ApiTest(billing_api.BillingTest):
    def price(self, lookup_key, amount=1900, interval="month"):
        status, product = self.sim.call("POST", "/v1/products", {"name": lookup_key})
        status, price = self.sim.call("POST", "/v1/prices", {
            "product": product["id"], "currency": "usd", "unit_amount": amount, "recurring": {"interval": interval},
            "lookup_key": lookup_key})
        assert status == 200, price
        return price["id"]

    def subscribe(self, subject, lookup_key="pro_monthly", outcome="ok", **more):
        price = self.sim.call("GET", "/v1/prices", {"lookup_keys": [lookup_key]})[1]["data"][0]["id"]
        customer = self.sim.call("POST", "/v1/customers", {"metadata": {"user_id": subject}})[1]
        self.sim.control("POST", "card", {"customer": customer["id"], "outcome": outcome})
        status, sub = self.sim.call("POST", "/v1/subscriptions", {"customer": customer["id"], "items": [{"price": price}], **more})
        assert status == 200, sub
        self.sim.flush()
        return sub

    def wait_state(self, subject, state):
        def look():
            answer = self.get(STATUS, subject, headers={"Prefer": "wait=2"})
            return answer.status == 200 and answer.json["state"] == state and answer
        return wait_until(look, harness.SETTLE_S, f"{subject} is {state}").json

    # ---- requests

    def test_bodies_and_fields(self):
        self.start()
        self.price("pro_monthly")
        cases = [
            (b"", 400, "bad_request"), (b"[]", 400, "bad_request"), (b"{", 400, "bad_request"), (b"null", 400, "bad_request"),
            (b'{"tier":"pro","tier":"free"}', 400, "bad_request"), (b'{"tier":"pro\xff"}', 400, "bad_request"),
            ({"tier": 1}, 400, "bad_request"), ({"tier": ["pro"]}, 400, "bad_request"), ({}, 400, "bad_request"),
            ({"tier": "gold"}, 400, "unknown_tier"), ({"tier": "pro", "prize": "x"}, 400, "unknown_field"), ({"tier": "pro", "price": 1}, 400, "bad_request"),
            ({"tier": "pro", "price": "price_1"}, 400, "not_for_sale"),
            ({"tier": "pro", "subject": "bob"}, 400, "unknown_field"), ({"tier": "pro", "quantity": 0}, 400, "bad_request"),
            ({"tier": "pro", "quantity": 1.5}, 400, "bad_request"), ({"tier": "pro", "quantity": "2"}, 400, "bad_request"),
            ({"tier": "pro", "a" * 200: 1}, 400, "unknown_field"), ({"tier": "pro", "\n\u2028é": 1}, 400, "unknown_field"),
            (b"[" * 5000, 400, "bad_request"), (b'{"tier":"' + b"x" * 8192 + b'"}', 413, "too_large"),
        ]
        for body, status, code in cases:
            with self.subTest(str(body)[:60]):
                self.refused(self.post("create-checkout-session", "alice", body), status, code)
        answer = self.post("create-checkout-session", "alice", {"tier": "pro", "prize": "x"})
        self.assertEqual(answer.json["detail"], "'prize' is not known here")
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = self.post("create-checkout-session", "alice", b'{"tier":"pro"}', headers={"Content-Type": kind})
            self.refused(answer, 415, "unsupported_media_type")
        answer = self.post("create-checkout-session", "alice", {"tier": "pro"},
                           headers={"Content-Type": "application/json; charset=utf-8"})
        self.assertEqual((answer.status, answer.json["flow"]), (200, "checkout"), answer.text)
        for path in (STATUS + "?x=1", "entitlements?subject=bob", "invoices?limit=5&offset=1", "plans?a"):
            self.refused(self.get(path, "alice"), 400, "unknown_field")
        for path in ("invoices?limit=0", "invoices?limit=101", "invoices?limit=x", "invoices?limit=1&limit=2",
                     "invoices?limit=+1", "invoices?limit=%ff"):
            with self.subTest(path):
                self.refused(self.get(path, "alice"), 400, "bad_request")
        self.client.check = False
        self.refused(self.get("nothing", "alice"), 404, "not_found")
        self.refused(self.get("/", "alice"), 404, "not_found")
        self.client.check = True
        answer = self.refused(self.get("create-checkout-session", "alice"), 405, "method_not_allowed") \
            if documented_get("create-checkout-session") else self.unchecked("GET", "create-checkout-session")
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST, OPTIONS"))

    def unchecked(self, method, path):
        client = self.connect(check=False)
        return self.call(method, path, "alice", client=client)

    def test_request_ids_and_headers(self):
        self.start()
        for given in ("abc-DEF_123", "x" * 64):
            self.assertEqual(self.get(STATUS, "alice", headers={"X-Request-Id": given}).headers["X-Request-Id"], given)
        made = set()
        for given in ("", "x" * 65, "a b", "a\"b", "é".encode().decode("latin-1")):
            made.add(self.get(STATUS, "alice", headers={"X-Request-Id": given}).headers["X-Request-Id"])
        self.assertEqual(len(made), 5, "each gets its own")
        answer = self.get(STATUS, "alice")
        self.assertEqual(answer.headers["Cache-Control"], "private, no-store")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        head = self.call("HEAD", STATUS, "alice")
        self.assertEqual((head.status, head.text, head.headers["Content-Type"]), (200, "", "application/json"))
        self.refused(self.get(STATUS, headers={"X-Request-Id": "mine"}), 401, "token_missing")
        since = self.billing.log_size()
        self.refused(self.get(STATUS, token=tokens.token("a", tokens.rsa_key("z")), headers={"X-Request-Id": "find-me"}),
                     401, "token_invalid")
        wait_until(lambda: any("request=find-me" in line for line in self.billing.log()[since:]), 30, "its line")

    def test_tags(self):
        self.start()
        self.price("pro_monthly")
        self.assertEqual(self.get("entitlements", "alice").headers["Cache-Control"], "private, no-cache")
        for sent in ("{0}", '"x", {0}', "*", "{1}"):
            tag, answer = self.sent_with_tag(sent)
            self.assertEqual((answer.status, answer.text, answer.headers["ETag"]), (304, "", tag))
        for sent in ('"x"', "", "{2}"):
            tag, answer = self.sent_with_tag(sent)
            self.assertEqual(answer.status, 200)
        self.assertNotEqual(self.get("entitlements", "bob").headers["ETag"], tag)
        self.subscribe("alice")
        self.wait_state("alice", "active")
        answer = self.get("entitlements", "alice", headers={"If-None-Match": tag})
        self.assertEqual((answer.status, answer.json["tier"]), (200, "pro"))
        self.assertIn("live_trading", answer.json["features"])
        self.assertEqual([t["name"] for t in answer.json["tiers"]], ["free", "pro", "institutional"])

    def sent_with_tag(self, sent):
        """(the tag that the answer has now, the answer to `sent`): it had it before and after. {0}: the tag; {1}: as a strong one; {2}:
        without its last digit. A machine that stood still makes an answer that is old, which is another."""
        def look():
            tag = self.get("entitlements", "alice").headers["ETag"]
            headers = {"If-None-Match": sent.format(tag, tag.removeprefix("W/"), tag[:-2] + '"')}
            answer = self.get("entitlements", "alice", headers=headers)
            return self.get("entitlements", "alice").headers["ETag"] == tag and (tag, answer)
        return wait_until(look, 30, "the tag stays")

    def test_rate(self):
        self.start(rate_limit=60)
        def ask(subject):
            return self.get(STATUS, subject)
        subject, refused = self.until_refused(ask, 60)
        self.assertEqual(refused.headers["Retry-After"], "1")
        self.assertTrue(refused.json["retryable"])
        self.answered_at_once(ask, "another one's rate is another one's")
        wait_until(lambda: self.get(STATUS, subject).status == 200, 30, "a second later it may ask again")

    def test_who_needs_no_token_is_bounded_too(self):
        self.start(rate_limit=1)
        self.price("pro_monthly")
        self.patient = False
        told = []
        while len(told) < 100 and 429 not in told:
            told.append(self.get("plans").status)
        self.assertEqual(told[:6], [200] * 6, "a quarter of a minute's at once")
        self.assertIn(429, told)
        self.answered_at_once(lambda subject: self.get(STATUS, subject), "those with a token have rates of their own")

    # ---- Idempotency-Key

    def test_idempotency(self):
        self.start()
        self.price("pro_monthly")
        self.price("institutional_monthly")
        key = {"Idempotency-Key": "k-1"}
        buy = lambda subject="alice", tier="pro", headers=key: self.post(  # noqa: E731
            "create-checkout-session", subject, {"tier": tier}, headers=headers)
        first = buy()
        self.assertEqual(first.status, 200, first.text)
        again = buy()
        self.assertEqual((again.status, again.text), (200, first.text))
        self.assertNotEqual(again.headers["X-Request-Id"], first.headers["X-Request-Id"])
        self.assertEqual(self.metric("replayed_total"), 1)
        self.refused(buy(tier="institutional"), 422, "idempotency_key_reused")
        self.assertNotEqual(buy("bob").json["id"], first.json["id"], "another subject's key is another key")
        self.assertNotEqual(buy(headers={}).json["id"], first.json["id"])
        portal = self.post("create-portal-session", "alice", {}, headers=key)
        self.assertIn(portal.status, (200, 409), "another path's too")
        self.assertNotEqual(portal.text, first.text)
        bad = self.post("create-checkout-session", "alice", {"tier": "gold"}, headers={"Idempotency-Key": "k-2"})
        self.refused(bad, 400, "unknown_tier")
        self.assertEqual(self.post("create-checkout-session", "alice", {"tier": "gold"},
                                   headers={"Idempotency-Key": "k-2"}).json["code"], "unknown_tier")
        for odd in ("", " ", "a b", "x" * 256, "é".encode().decode("latin-1")):
            self.refused(buy(headers={"Idempotency-Key": odd}), 400, "bad_request")
        # a restart forgets, and Stripe does not: the same session
        self.billing.stop()
        self.billing.start()
        self.client = self.connect()
        self.assertEqual(buy().json["id"], first.json["id"])

    def test_one_under_way(self):
        hole = Hole()
        self.addCleanup(hole.close)
        self.start_store()
        self.start_billing(api=hole.url(), env=self.clock.env(), stripe_deadline="9s")
        got = []
        body, headers = {"tier": "pro"}, {"Idempotency-Key": "k"}

        def buy():
            got.append(self.post("create-checkout-session", "alice", body, headers=headers, client=self.connect()))
        thread = threading.Thread(target=buy)
        thread.start()
        wait_until(lambda: hole.taken, 30, "Stripe is asked")
        self.refused(self.post("create-checkout-session", "alice", body, headers=headers), 409, "in_progress")
        self.refused(self.post("create-checkout-session", "alice", {"tier": "free"}, headers=headers), 422,
                     "idempotency_key_reused")
        hole.hang_up()
        thread.join(90)
        self.failed(got[0])
        # it failed, so the key may do it once more
        self.failed(self.post("create-checkout-session", "alice", body, headers=headers))

    def failed(self, answer):
        self.assertIn((answer.status, answer.code), ((502, "stripe_failed"), (504, "stripe_timeout")), answer.text)
        self.assertTrue(answer.json["retryable"])

    # ---- what others do

    def load(self, seconds, subjects=4):
        """Statuses and entitlements of a few clients: (times in ms, answers that were not 200)."""
        times, bad, stop = [], [], time.monotonic() + seconds

        def one(n):
            client, token = self.connect(check=False), self.token(f"user-{n}")
            while time.monotonic() < stop:
                for path in (STATUS, "entitlements"):
                    began = time.monotonic()
                    answer = self.get(path, token=token, client=client)
                    times.append(1000 * (time.monotonic() - began))
                    if answer.status != 200:
                        bad.append(answer.text)
        threads = [threading.Thread(target=one, args=(n,)) for n in range(subjects)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return times, bad

    def hold(self, what, seconds=4):
        """Whether it was prompt: a machine that stood still may not have been, and then it is tried again."""
        times, bad = self.load(seconds)
        p99 = statistics.quantiles(times, n=100)[98]
        print(f"{what}: {len(times)} answers, p50 {statistics.median(times):.2f} ms, p99 {p99:.2f} ms, worst {max(times):.1f} ms",
              flush=True)
        self.assertEqual(bad, [])
        # far below anything that waits for Stripe; the figure itself is ./dev bench's, on a machine of its own
        return p99 < (5000 if self.stack.sanitized() else 250)

    def test_stripe_is_slow_and_then_dead(self):
        hole = Hole()
        self.start_store()
        self.price("pro_monthly")
        self.subscribe("alice")
        self.start_billing(api=hole.url(), env=self.clock.env(), stripe_deadline="8s")
        self.wait_state("alice", "active")
        self.assertTrue(any(self.hold_while_many_wait(hole) for _ in range(HOLDS)), "nobody waits for those who wait")
        hole.close()
        self.assertTrue(any(self.hold("Stripe is dead") for _ in range(HOLDS)))
        began = time.monotonic()
        self.failed(self.post("create-checkout-session", "alice", {"tier": "pro"}))
        self.assertLess(time.monotonic() - began, 30)  # ten, and what a busy machine makes of them
        self.assertEqual(self.get(STATUS, "user-0").status, 200)

    def hold_while_many_wait(self, hole):
        waiting, asked = [], len(hole.taken)

        def buy(n):
            waiting.append(self.post("create-checkout-session", f"buyer-{n}", {"tier": "pro"}, client=self.connect()).status)
        threads = [threading.Thread(target=buy, args=(n,)) for n in range(100)]
        for t in threads:
            t.start()
        wait_until(lambda: len(hole.taken) > asked, 30, "Stripe is asked")
        held = self.hold("Stripe takes for ever, 100 wait for it")
        answer = self.get(STATUS, "alice", headers={"Prefer": "wait=1"})
        self.assertEqual(answer.json["state"], "active")
        self.assertIn(answer.json["details_state"], ("pending", "unavailable"))
        for t in threads:
            t.join(120)
        self.assertEqual(len(waiting), 100)
        self.assertLessEqual(set(waiting), {502, 504})
        return held

    def test_query_dies_and_comes_back(self):
        self.start()
        self.price("pro_monthly")
        self.subscribe("alice")
        self.wait_state("alice", "active")
        query = self.stack.services["query"]
        query.kill()

        def last_known():
            answer = self.get("entitlements", "alice")
            return answer.status == 200 and answer.json["answered_from"] == "last_known" and answer.json
        said = wait_until(last_known, 60, "it is the last known")
        self.assertEqual((said["tier"], said["stale"]), ("pro", True))
        wait_until(lambda: self.get("entitlements", "alice").json["age_s"] >= 2, 60, "its age is told")
        self.assertEqual(self.get(STATUS, "alice").json["state"], "active")
        self.refused(self.get(STATUS, "nobody-knows"), 503, "unavailable")
        answer = self.post("create-checkout-session", "nobody-knows", {"tier": "pro"})
        self.assertIn(answer.status, (503, 504))
        query.start()
        wait_until(lambda: (lambda a: a.status == 200 and a.json["answered_from"] != "last_known" and not a.json["stale"])(
            self.get("entitlements", "alice")), 60, "it is asked again, and no answer is old any more")
        self.assertEqual(self.get(STATUS, "nobody-knows").json["state"], "free")
        wait_until(lambda: json.loads(self.stack.admin("billing")[1])["facts"]["asks"] == 0, 30, "nothing is kept")

    def test_without_a_key(self):
        self.start_store()
        self.start_billing(api=self.sim.url(), env=self.clock.env(), stripe_api_key=None)
        self.assertEqual(self.get(STATUS, "alice").json["state"], "free")
        self.assertEqual(self.get("entitlements", "alice").status, 200)
        for answer in (self.get("plans"), self.get("invoices", "alice"),
                       self.post("create-checkout-session", "alice", {"tier": "pro"})):
            self.refused(answer, 503, "unavailable")

    def test_a_stop_finishes_what_was_begun(self):
        hole = Hole()
        self.addCleanup(hole.close)
        self.start_store()
        self.start_billing(api=hole.url(), env=self.clock.env(), stripe_deadline="2s")
        got = []
        thread = threading.Thread(target=lambda: got.append(
            self.post("create-checkout-session", "alice", {"tier": "pro"}, client=self.connect())))
        thread.start()
        wait_until(lambda: hole.taken, 30, "Stripe is asked")
        self.assertEqual(self.billing.stop(), 0)
        thread.join(30)
        self.assertIn(got[0].status, (503, 504))

    # ---- the page

    def test_the_page_and_its_files(self):
        self.start(wait=True)
        directory = harness.ROOT / "services" / "billing" / "page"
        files = [f for f in sorted(directory.rglob("*")) if f.is_file() and f.suffix != ".md"]
        self.assertIn(directory / "index.html", files)
        for file in files:
            name = str(file.relative_to(directory))
            path = "/settings/billing" + ("" if name == "index.html" else f"/assets/{name}")
            with self.subTest(path):
                answer = self.get(path)
                self.assertEqual((answer.status, answer.text), (200, file.read_text()))
                for header, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                                      ("X-Frame-Options", "DENY"), ("Cache-Control", "no-cache")):
                    self.assertEqual(answer.headers[header], value)
                policy = answer.headers["Content-Security-Policy"]
                for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                             "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
                    self.assertIn(part, policy.split("; "))
                self.assertNotIn("unsafe", policy)
                tag = answer.headers["ETag"]
                for sent in (tag, f"W/{tag}"):
                    again = self.get(path, headers={"If-None-Match": sent})
                    self.assertEqual((again.status, again.text), (304, ""))
                head = self.call("HEAD", path)
                self.assertEqual((head.status, head.headers["Content-Length"]), (200, str(len(answer.text.encode()))))
        kinds = {"index.html": "text/html; charset=utf-8", "api.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8"}
        for name, kind in kinds.items():
            path = "/settings/billing" + ("" if name == "index.html" else f"/assets/{name}")
            self.assertEqual(self.get(path).headers["Content-Type"], kind)
        for path in ("/settings/billing/assets/", "/settings/billing/assets/README.md", "/settings/billing/assets/../index.html",
                     "/settings/billing/assets/%2e%2e/ask.h", "/settings/billing/assets/api.js/"):
            self.refused(self.get(path), 404, "not_found")
        self.refused(self.post("/settings/billing", "alice", {}), 405, "method_not_allowed")
        for query in ("", "?checkout=success&session_id=cs_%2F%0d%0a1"):
            moved = self.get("/settings/billing/" + query)
            self.assertEqual((moved.status, moved.text, moved.headers["Location"]), (308, "", "/settings/billing" + query))

    # ---- the document

    def test_the_document_is_served_and_true(self):
        self.start()
        self.price("pro_monthly")
        self.price("institutional_monthly", 49900)
        served = self.get("openapi.json")
        self.assertEqual(served.json, DOCUMENT)
        self.assertEqual(self.get("openapi.json", headers={"If-None-Match": served.headers["ETag"]}).status, 304) \
            if "304" in DOCUMENT["paths"][API + "openapi.json"]["get"]["responses"] else None
        self.subscribe("alice")
        self.subscribe("tom", trial_period_days=14)
        sub = self.subscribe("carol")
        self.sim.call("POST", f"/v1/subscriptions/{sub['id']}", {"cancel_at_period_end": True})
        self.sim.flush()
        self.wait_state("alice", "active")
        active = self.fresh_status("alice")
        self.assertEqual(active["next_billing"]["currency"], "usd", active)
        self.assertEqual(active["details"]["subscription"]["lookup_key"], "pro_monthly")
        trial = self.wait_state("tom", "trialing")
        self.assertIsNotNone(trial["trial"]["ends_at"])
        gone = self.wait_state("carol", "canceling")
        self.assertEqual(gone["next"], [{"at": gone["cancel_at"], "tier": "free"}])
        self.assertEqual(self.get("plans").json["tiers"][1]["prices"][0]["lookup_key"], "pro_monthly")
        self.assertEqual(len(self.get("invoices?limit=10", "alice").json["invoices"]), 1)
        self.assertEqual(self.post("create-checkout-session", "new", {"tier": "pro"}).json["flow"], "checkout")
        self.assertEqual(self.post("create-checkout-session", "alice", {"tier": "institutional"}).json["flow"], "portal")
        self.assertEqual(self.post("create-portal-session", "alice", {}).json["flow"], "manage")
        self.refreshed("nobody")
        self.refused(self.post("create-portal-session", "nobody", {}), 409, "no_customer")
        for method in ("GET", "HEAD"):
            self.refused(self.get(STATUS), 401, "token_missing")
            self.assertEqual(self.call(method, "entitlements", "alice").status, 200)
        answered = {(path, status) for path, _, status in self.client.seen}
        for path, item in DOCUMENT["paths"].items():
            if path in served_paths(self):
                self.assertIn((path, 200), answered | {(path, 200) for p in ("change-preview", "confirm-checkout-session")
                                                       if path.endswith(p)}, path)

    def test_the_codes_are_those_of_the_program(self):
        text = (harness.ROOT / "services" / "billing" / "ask.h").read_text().replace("\\\n", "")
        table = dict(re.findall(r'X\(REFUSAL_\w+, "(\w+)", (\d+),', text))
        self.assertEqual(sorted(table), sorted(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]))
        said = json.dumps(DOCUMENT["components"]["responses"])
        for code in table:
            self.assertIn(f"{code}:", said)


def documented_get(path):
    return "get" in DOCUMENT["paths"][API + path]


def served_paths(test):
    """Those that the program has, whatever it answers."""
    client = test.connect(check=False)
    return {path for path, item in DOCUMENT["paths"].items()
            if client.request("GET" if "get" in item else "POST", path, None if "get" in item else {}).status != 404}


if __name__ == "__main__":
    if billing_api.jsonschema is None:
        print("SKIPPED: python3-jsonschema is not installed")
        os._exit(77)
    harness.main()
