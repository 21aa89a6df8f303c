"""Between a service and stripe-sim: notes every request, and answers some of them itself, as badly as a test says.

    proxy = stripe_proxy.Proxy(sim.address())
    proxy.fault = lambda method, path: stripe_proxy.answer(500) if path == "/v1/customers" else None
"""

import http.client
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.headers = method, headers
        self.path, _, query = target.partition("?")
        self.fields = urllib.parse.parse_qs(body.decode() or query, keep_blank_values=True)
        self.key = headers.get("Idempotency-Key")

    def field(self, name):
        return self.fields.get(name, [None])[0]


def answer(status, body=None, headers=None):
    """A fault: this instead of Stripe's answer."""
    error = {"error": {"type": "api_error", "message": "SECRET WORDS of Stripe"}}
    return status, json.dumps(error).encode() if body is None else body, headers or {}


def hang(seconds):
    """A fault: nothing for so long, and then the connection ends."""
    return seconds


def slow(seconds):
    """A fault: Stripe's own answer, so much later."""
    return "slow", seconds


def after(body=b"", status=500, headers=None):
    """A fault: Stripe does what it is asked, and this is heard of it."""
    return "after", (status, body, headers or {})


class Proxy:
    def __init__(self, target):
        self.target = target
        self.fault = lambda method, path: None
        self.requests = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, dict(self.headers), body)
                with proxy.lock:
                    proxy.requests.append(request)
                    fault = proxy.fault(request.method, request.path)
                if isinstance(fault, (int, float)):
                    proxy.ended.wait(fault)
                    self.close_connection = True
                    return
                if fault and fault[0] == "slow":
                    proxy.ended.wait(fault[1])
                    fault = None
                if not fault or fault[0] == "after":
                    real = proxy.forward(self.command, self.path, self.headers, body)
                status, text, headers = real if not fault else fault[1] if fault[0] == "after" else fault
                self.send_response_only(status)
                for name, value in {"Date": self.date_time_string(time.time()), "Content-Type": "application/json",
                                    **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = handle_one

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass  # a peer that has left

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection(*self.target, timeout=60)
        try:
            sent = {k: v for k, v in headers.items() if k.lower() not in ("host", "content-length", "connection")}
            connection.request(method, path, body or None, sent)
            got = connection.getresponse()
            kept = {k: v for k, v in got.headers.items() if k in ("Date", "Request-Id", "Idempotent-Replayed", "Retry-After")}
            return got.status, got.read(), kept
        finally:
            connection.close()

    def asked(self, method, path):
        with self.lock:
            return [r for r in self.requests if (r.method, r.path) == (method, path)]

    def forget(self):
        with self.lock:
            self.requests.clear()
