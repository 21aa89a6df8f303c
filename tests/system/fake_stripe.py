"""The part of Stripe's API that the reconciler reads, over tables that a test fills by hand. It is for what a simulator of
lives would not do: answers that fail when the test says so, pages as small as it likes, and a count of every request.

    stripe = fake_stripe.FakeStripe()
    stripe.put(subscription)          # an object with "object" and "id"; again: replaced
    stripe.events += life.events
    stripe.fail = lambda path: (429, {"Retry-After": "1"}) if … else None
"""

import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk_test_fake0123456789"
PATHS = {  # of lists: the object's name
    "/v1/customers": "customer", "/v1/subscriptions": "subscription", "/v1/subscription_schedules": "subscription_schedule",
    "/v1/checkout/sessions": "checkout.session", "/v1/refunds": "refund", "/v1/disputes": "dispute",
    "/v1/invoices": "invoice", "/v1/invoice_payments": "invoice_payment", "/v1/charges": "charge",
}


class FakeStripe:
    def __init__(self, page=100):
        self.page = page  # objects of one page at most
        self.inner_page = 1000  # and of a list inside an object
        self.tables = {name: {} for name in PATHS.values()}  # {account + id: object}
        self.events = []  # in the order in which they were made
        self.fail = lambda path: None
        self.key = KEY
        self.date_ahead = 0
        self.requests = []  # (monotonic seconds, path with query, headers)
        self.lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, headers, body = fake.answer(self.path, self.headers)
                text = json.dumps(body).encode()
                self.send_response_only(status)
                self.send_header("Date", self.date_time_string(time.time() + fake.date_ahead))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- what the test says

    def put(self, thing, account=""):
        with self.lock:
            self.tables[thing["object"]][account, thing["id"]] = thing

    def live(self, *lives):
        """The lives' last words, and their events."""
        for life in lives:
            for event in life.events:
                thing = event["data"]["object"]
                if thing["object"] in self.tables:
                    self.put(dict(thing, deleted=True) if event["type"] == "customer.deleted" else thing)
            self.events += life.events

    def count(self, prefix=""):
        with self.lock:
            return sum(path.startswith(prefix) for _, path, _ in self.requests)

    def busiest_second(self):
        """The most requests that came within one second."""
        with self.lock:
            times = [at for at, _, _ in self.requests]
        return max((sum(1 for t in times if at <= t < at + 1) for at in times), default=0)

    # ---- answers

    def answer(self, target, headers):
        with self.lock:
            self.requests.append((time.monotonic(), target, dict(headers)))
            if headers.get("Authorization") != "Bearer " + self.key:
                return 401, {}, {"error": {"type": "invalid_request_error", "code": "api_key_expired"}}
            failure = self.fail(target)
            if failure:
                return failure[0], failure[1], {"error": {"type": "api_error"}}
            url = urllib.parse.urlsplit(target)
            query = urllib.parse.parse_qs(url.query)
            account = headers.get("Stripe-Account", "")
            return self.route(url.path, query, account)

    def route(self, path, query, account):
        if path == "/v1/events":
            types = query["types[]"]
            assert len(types) <= 20, types
            found = [e for e in self.events if e["type"] in types and e.get("account", "") == account]
            return 200, {}, self.list(found, query)
        if path in PATHS:
            found = [o for (owner, _), o in self.tables[PATHS[path]].items() if owner == account and not o.get("deleted")]
            for key, wanted in (("customer", "customer"), ("payment[payment_intent]", "payment_intent")):
                if key in query:
                    found = [o for o in found if query[key][0] in (o.get(wanted), (o.get("payment") or {}).get(wanted))]
            return 200, {}, self.list([self.cut(o) for o in found], query)
        if path == "/v1/subscription_items":
            whole = self.tables["subscription"][account, query["subscription"][0]]
            return 200, {}, self.list(whole["items"]["data"][::-1], query)
        parent, _, name = path.rpartition("/")
        thing = self.tables.get(PATHS.get(parent), {}).get((account, name))
        if thing is None:
            return 404, {}, {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
        if thing.get("deleted"):
            return 200, {}, {"id": name, "object": thing["object"], "deleted": True}
        return 200, {}, self.cut(thing)

    def cut(self, thing):
        """With the lists inside it no longer than inner_page."""
        items = thing.get("items")
        if not isinstance(items, dict) or len(items["data"]) <= self.inner_page:
            return thing
        items = dict(items, data=items["data"][:self.inner_page], has_more=True,
                     url=f"/v1/subscription_items?subscription={thing['id']}")
        return dict(thing, items=items)

    def list(self, found, query):
        """Newest first, as Stripe does."""
        since = int(query.get("created[gte]", ["0"])[0])
        found = [o for o in reversed(found) if o.get("created", since) >= since]
        after = query.get("starting_after")
        if after:
            found = found[[o["id"] for o in found].index(after[0]) + 1:]
        size = min(int(query.get("limit", ["10"])[0]), self.page)
        return {"object": "list", "data": found[:size], "has_more": len(found) > size, "url": "/v1/x"}
