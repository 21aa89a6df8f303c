"""stripe-sim as a process of a test's stack, and a plain client for it: Stripe's API and the simulator's controls.

    sim = simulator.start(stack, clock, webhook=("http://127.0.0.1:8701/…", secret))
    status, customer = sim.call("POST", "/v1/customers", {"metadata": {"user_id": "alice"}})
    sim.advance(3600)
"""

import http.client
import json
import time
import urllib.parse
from email.utils import parsedate_to_datetime

import harness

KEY = "sk_test_sim"
TIMEOUT_S = 120


def form(fields, prefix=""):
    """Nested dictionaries and lists as Stripe's form keys: items[0][price]=…"""
    pairs = []
    entries = fields.items() if isinstance(fields, dict) else enumerate(fields)
    for key, value in entries:
        name = f"{prefix}[{key}]" if prefix else str(key)
        if isinstance(value, (dict, list)) and value:
            pairs += form(value, name)
        elif isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        else:
            pairs.append((name, "" if value is None or value in ({}, []) else str(value)))
    return pairs


class Simulator:
    def __init__(self, service):
        self.service = service
        self.connection = None
        self.date = 0  # unix seconds of the last answer, by Stripe's clock

    def address(self):
        host, port = self.service.ready["listen"].rsplit(":", 1)
        return host, int(port)

    def url(self):
        return "http://{}:{}".format(*self.address())

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def _request(self, method, path, body, headers):
        if not self.connection:
            self.connection = http.client.HTTPConnection(*self.address(), timeout=TIMEOUT_S)
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except BaseException:
            self.close()
            raise
        if answer.headers.get("Date"):
            self.date = int(parsedate_to_datetime(answer.headers["Date"]).timestamp())
        return answer.status, text

    def call(self, method, path, fields=None, account=None):
        """(status, object) of Stripe's API."""
        headers = {"Authorization": f"Bearer {KEY}"}
        body = None
        if account:
            headers["Stripe-Account"] = account
        if fields and method == "GET":
            path += "?" + urllib.parse.urlencode(form(fields))
        elif method != "GET":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(form(fields or {}))
        status, text = self._request(method, path, body, headers)
        return status, json.loads(text)

    def control(self, method, path, fields=None):
        """The answer of a control endpoint; AssertionError unless it is 200."""
        body = None if fields is None else json.dumps(fields)
        status, text = self._request(method, "/_sim/" + path, body, {"Content-Type": "application/json"} if body else {})
        assert status == 200, (method, path, fields, status, text[:500])
        return json.loads(text)

    # ---- controls

    def now(self):
        return self.control("GET", "clock")["now"]

    def advance(self, seconds):
        return self.control("POST", "clock", {"advance": seconds})

    def misbehave(self, **how):
        self.control("POST", "misbehave", how)

    def table(self, kind, account=None):
        where = f"tables?kind={kind}" + (f"&account={account}" if account else "")
        return self.control("GET", where)["data"]

    def tables(self, kinds, account=None):
        return {kind: self.table(kind, account) for kind in kinds}

    def flush(self):
        """Delivers all that is pending."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            left = self.control("POST", "flush")
            pending = self.control("GET", "deliveries")["pending"]
            if not pending:
                return left
            assert time.monotonic() < deadline, f"{pending} deliveries are still pending"


def start(stack, clock, hook_url, secret, now=None, seed=1, label="sim", **flags):
    flags = {"listen": "127.0.0.1:0", "api-key": KEY, "webhook": hook_url, "webhook-secret": secret,
             "clock-file": clock.path, "seed": seed, **({"now": now} if now else {}), **flags}
    service = harness.Service(stack, label, "stripe-sim", flags)  # it makes the clock: it does not follow it
    stack.services[label] = service
    service.start()
    sim = Simulator(service)
    stack.on_close(sim.close)
    return sim
