"""Billing as a process of a test's stack, and a client that holds every answer against openapi.json.

    class MyTest(billing_api.BillingTest):
        def test_it(self):
            self.start()
            answer = self.get("subscription-status", "alice")
"""

import http.client
import json
import pathlib
import sys
import time

import clock
import harness
import tokens

sys.path.insert(0, str(harness.ROOT / "tests" / "oracle"))
import simulator  # noqa: E402

try:
    import jsonschema
except ImportError:  # Debian's python3-jsonschema
    jsonschema = None

API = "/api/v1/billing/"
PUBLIC = "https://app.example.com"
DOCUMENT = json.loads((harness.ROOT / "services" / "billing" / "openapi.json").read_text())


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def code(self):
        return self.json["code"]


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        at = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        node = at
    return node


def documented(path, method, status):
    operation = DOCUMENT["paths"].get(path.split("?")[0], {}).get("get" if method == "HEAD" else method.lower())
    return resolve(operation["responses"].get(str(status))) if operation else None


def hold_against_document(path, method, answer):
    """AssertionError when the answer is not one that openapi.json has: its status, type, headers and body."""
    what = documented(path, method, answer.status)
    assert what, f"{method} {path}: {answer.status} is not documented: {answer.text[:300]}"
    for name in what.get("headers", {}):
        if name.startswith("Access-Control") or name == "Retry-After" and answer.status == 429 and not answer.headers[name]:
            continue
        assert answer.headers[name], f"{method} {path}: {answer.status} without {name}"
    for kind, content in what.get("content", {}).items():
        assert answer.headers["Content-Type"] == kind, (path, answer.headers["Content-Type"])
        if method != "HEAD" and jsonschema:
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            jsonschema.Draft202012Validator(schema).validate(answer.json)


class Client:
    def __init__(self, address, check=True):
        host, port = address.rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=60)
        self.check = check
        self.seen = set()
        self.used = time.monotonic()

    def close(self):
        self.connection.close()

    def request(self, method, path, body=None, headers=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        send = dict(headers or {})
        if data is not None and "Content-Type" not in send:
            send["Content-Type"] = "application/json"
        if time.monotonic() - self.used > harness.IDLE_S:
            self.connection.close()
        try:
            self.connection.request(method, path, data, {k: v for k, v in send.items() if v is not None})
            got = self.connection.getresponse()
            answer = Answer(got.status, got.headers, got.read().decode())
            self.used = time.monotonic()
        except BaseException:
            self.connection.close()
            raise
        self.seen.add((path.split("?")[0], method, answer.status))
        if self.check and path.startswith(API):
            hold_against_document(path, method, answer)
        return answer


class BillingTest(harness.SystemTest):
    """One key of the platform, and an identity for every subject. Query answers within two seconds or billing says that nothing is
    known now: where query is there, that was a machine that stood still, and a patient test asks again."""

    patient = True

    def setUp(self):
        super().setUp()
        self.key = tokens.rsa_key("one")
        self.keys = self.stack.dir / "jwks.json"
        self.keys.write_text(tokens.jwks(self.key))

    def start_store(self, sim=True, **sim_flags):
        self.clock = clock.Clock(self.stack)
        env = self.clock.env() if sim else None
        services = [self.stack.ingress(env=env), self.stack.worker(env=env), self.stack.query(env=env)]
        for service in services:
            service.start(wait=False)
        for service in services:
            service.wait_ready()
        if sim:
            host, port = self.stack.address()
            hook = f"http://{host}:{port}{harness.WEBHOOK_PATH}"
            self.sim = simulator.start(self.stack, self.clock, hook, harness.TEST_SECRET, **sim_flags)

    def start_billing(self, label="billing", api=None, wait=True, env=None, **flags):
        known = {"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "public-url": PUBLIC, "stripe-api-key": simulator.KEY,
                 "stripe-api-base": api or self.sim.url(), "query": self.stack.ipc("query-tg01"),
                 "feed": self.stack.ipc("query-feed"), "reconciler": self.stack.ipc("reconciler-requests"),
                 "catalog": self.stack.catalog, "jwt-issuer": tokens.ISSUER, "jwt-audience": tokens.AUDIENCE,
                 "jwt-keys": self.keys, "rate-limit": 1000000}
        service = self.stack._add(label, "tiergate-billing", known, flags, env=env)
        self.billing = service.start(wait)
        if wait:
            self.client = self.connect()
        return service

    def start(self, **flags):
        self.start_store()
        return self.start_billing(env=self.clock.env(), **flags)

    def connect(self, label="billing", check=True):
        client = Client(self.stack.services[label].ready["listen"], check)
        self.addCleanup(client.close)
        return client

    def token(self, subject, **more):
        return tokens.token(subject, self.key, **more)

    def call(self, method, path, subject=None, body=None, headers=None, token=None, client=None):
        send = dict(headers or {})
        if subject or token:
            send["Authorization"] = f"Bearer {token or self.token(subject)}"
        path = path if path.startswith("/") else API + path

        def ask():
            answer = (client or self.client).request(method, path, body, send)
            return None if self.patient and self.is_late(answer) else answer
        return harness.wait_until(ask, harness.SETTLE_S, f"{method} {path}: query is there, and is asked")

    def is_late(self, answer):
        """Nothing is known now, and query is not away: nor is it said that anything else is."""
        detail = answer.json.get("detail", "") if answer.status == 503 and answer.text else ""
        return answer.status == 503 and (not detail or detail.startswith("the tier service")) and \
            self.stack.services["query"].running()

    def get(self, path, subject=None, **how):
        return self.call("GET", path, subject, **how)

    def post(self, path, subject, body, **how):
        return self.call("POST", path, subject, body, **how)

    def refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.code), (status, code), answer.text)
        self.assertEqual(answer.json["request_id"], answer.headers["X-Request-Id"])
        return answer

    def metric(self, name, label="billing"):
        for line in self.stack.admin(label, "/metrics")[1].splitlines():
            if line.startswith(f"tiergate_billing_{name} "):
                return int(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name}")

    def refreshed(self, subject):
        """The answer of a refresh. Not always the first: billing may have been there before the reconciler and tries to reach it by
        and by, and a busy machine may need more than the two seconds."""
        def look():
            answer = self.post("refresh-subscription", subject, {})
            self.assertEqual(answer.status, 200, answer.text)
            return answer.json["state"] == "refreshed" and answer.json
        return harness.wait_until(look, 3 * harness.SETTLE_S, f"{subject} is refreshed")

    def fresh_status(self, subject, known=lambda status: True):
        """What is said of a subject once its details are fresh, and what is wanted is known."""
        def look():
            answer = self.get("subscription-status", subject, headers={"Prefer": "wait=5"})
            self.assertEqual(answer.status, 200, answer.text)
            return answer.json["details_state"] == "fresh" and known(answer.json) and answer.json
        return harness.wait_until(look, harness.SETTLE_S, f"{subject}'s details are fresh")

    # ---- rates: who is told to come again, since a machine stood still, counts as well, and the next one is asked

    def until_refused(self, ask, per_minute, at_once=None):
        """ask(subject) until that is too often: so many at once (a quarter of a minute's, else), and after that as many as time adds, and
        no more. (who it was, the refusal)"""
        self.patient = False
        at_once = per_minute // 4 if at_once is None else at_once
        for subject in (f"asker-{n}" for n in range(20)):
            begun, taken = time.monotonic(), 0
            while (answer := ask(subject)).status == 200:
                taken += 1
                self.assertLessEqual(taken, at_once + per_minute / 60 * (time.monotonic() - begun) + 1)
            if answer.status != 503:
                self.assertGreaterEqual(taken, at_once)
                return subject, self.refused(answer, 429, "too_many_requests")
        raise AssertionError("20 were told to come again")

    def answered_at_once(self, ask, why):
        """A first question is not too often."""
        told = []
        while not told or told[-1] == 503 and len(told) < 20:
            told.append(ask(f"other-{len(told)}").status)
        self.assertEqual((told[-1], set(told[:-1]) - {503}), (200, set()), why)
