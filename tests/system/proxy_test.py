#!/usr/bin/env python3
"""docker/nginx as a browser and Stripe meet it: a real nginx before three programs that say what reached them."""

import collections
import contextlib
import gzip
import http.client
import http.server
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import harness

CONFIG = harness.ROOT / "docker" / "nginx"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin")
WEBHOOK = harness.WEBHOOK_PATH


class Behind(http.server.ThreadingHTTPServer):
    """Answers every request with what it got; `seen` keeps it."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name):
        self.name, self.seen, self.accepted = name, [], 0
        self.goes_on = threading.Event()  # cleared: nothing is answered
        self.goes_on.set()
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        self.accepted += 1
        return super().get_request()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.seen.append({"path": self.path, "body": body, "headers": self.headers})
            self.server.goes_on.wait(60)
            if self.headers.get("Upgrade"):
                return self.switch()
            answer = self.server.name.encode()
            self.send_response(200)
            if self.path.endswith("/large.js"):
                answer *= 1000
                self.send_header("Content-Type", "text/javascript; charset=utf-8")
                self.send_header("ETag", '"1"')
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("X-Request-Id", self.headers.get("X-Request-Id", ""))
            self.end_headers()
            self.wfile.write(answer)

        def switch(self):
            """A WebSocket as the proxy sees it: what comes after it is sent back."""
            self.send_response(101)
            self.send_header("Upgrade", self.headers["Upgrade"])
            self.send_header("Connection", self.headers["Connection"])
            self.end_headers()
            self.wfile.write(self.rfile.read(4))
            self.close_connection = True

        do_GET = do_POST = do_DELETE = handle_any

        def log_message(self, *_):
            pass


def free_port(host):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


@unittest.skipUnless(NGINX, "nginx is not installed")
class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tg-proxy-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.behind = {name: Behind(name) for name in ("ingress", "billing", "app")}
        for server in self.behind.values():
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
        self.host = harness.own_host()
        self.port, self.tls_port = free_port(self.host), free_port(self.host)

    def start(self, site="plain.conf", **places):
        for name in ("nginx.conf", "routes.conf", "headers.conf"):
            shutil.copy(CONFIG / name, self.dir)
        config = self.dir / "nginx.conf"  # its limits are for peers that hang, and not for a machine that stands still
        config.write_text(re.sub(r"timeout (2|10|15|30)s;", "timeout 120s;", config.read_text()))
        text = (CONFIG / site).read_text()
        text = text.replace("listen 8080", f"listen {self.host}:{self.port}")
        text = text.replace("listen 8443", f"listen {self.host}:{self.tls_port}")
        (self.dir / "site.conf").write_text(text)
        (self.dir / "places.conf").write_text("".join(
            f"map $host ${name} {{ default {places.get(name, server.address)}; }}\n" for name, server in self.behind.items()))
        log = open(self.dir / "log", "wb")
        self.addCleanup(log.close)
        nginx = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", NGINX, "-p", f"{self.dir}/", "-c", self.dir / "nginx.conf", "-g", "daemon off;"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def stop():
            nginx.terminate()
            nginx.wait(30)
        self.addCleanup(stop)
        self.nginx = nginx

        def answers():
            self.assertIsNone(nginx.poll(), self.log())
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 1):
                return True
        harness.wait_until(answers, 60, "nginx listens")

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def ask(self, method, path, body=None, headers=None, connection=None):
        c = connection or http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            c.request(method, path, body, headers or {})
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            if not connection:
                c.close()

    def seen(self, name):
        return self.behind[name].seen

    def test_which_path_goes_where(self):
        self.start()
        for path, name in ((WEBHOOK, "ingress"), (WEBHOOK + "?x=1", "ingress"), (WEBHOOK + "/", "billing"),
                           ("/api/v1/billing/plans", "billing"), ("/settings/billing", "billing"),
                           ("/settings/billing?checkout=success", "billing"), ("/settings/billing/assets/x.js", "billing"),
                           ("/settings/billingx", "app"), ("/api/live-trading", "app"), ("/example/", "app"), ("/", "app"),
                           ("/api/v1/billing/../live-trading", "app")):
            status, _, body = self.ask("GET", path)
            self.assertEqual((status, body.decode()), (200, name), path)
            self.assertEqual(self.seen(name)[-1]["path"], path)

    def test_a_webhook_arrives_as_it_was_sent(self):
        self.start()
        body = bytes(range(256)) * 4096
        self.assertEqual(len(body), 1 << 20)
        status, _, _ = self.ask("POST", WEBHOOK, body, {"Stripe-Signature": "t=1,v1=00"})
        self.assertEqual(status, 200)
        got = self.seen("ingress")[-1]
        self.assertEqual(got["body"], body)
        self.assertEqual(got["headers"]["Stripe-Signature"], "t=1,v1=00")
        # ingress refuses any Transfer-Encoding: nginx has read the whole body and says how long it is
        status, _, _ = self.ask("POST", WEBHOOK, iter([b"a" * 1000, b"b" * 1000]))
        self.assertEqual(status, 200)
        got = self.seen("ingress")[-1]
        self.assertEqual((got["headers"]["Content-Length"], got["headers"]["Transfer-Encoding"]), ("2000", None))
        status, _, _ = self.ask("POST", WEBHOOK, body + b"x")
        self.assertEqual(status, 413)
        self.assertEqual(len(self.seen("ingress")), 2)

    def test_a_slow_client_does_not_reach_ingress(self):
        self.start()
        with socket.create_connection((self.host, self.port)) as s:
            s.sendall(f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{'a' * 999}".encode())
            self.assertEqual(self.ask("POST", WEBHOOK, b"{}")[0], 200)
            self.assertEqual(self.behind["ingress"].accepted, 1)
            s.sendall(b"a")
            self.assertIn(b" 200 ", s.recv(100))
        self.assertEqual(self.behind["ingress"].accepted, 2)

    def test_what_is_told_of_the_caller(self):
        self.start()
        sent = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Request-Id": "r_1-A"}
        never = {"Forwarded": "for=6.6.6.6;proto=https", "X-Forwarded-Port": "1", "X-Forwarded-Prefix": "/x", "Proxy": "http://6.6.6.6"}
        _, headers, _ = self.ask("GET", "/api/v1/billing/plans", headers={**sent, **never})
        got = self.seen("billing")[-1]["headers"]
        self.assertEqual([got[name] for name in sent], ["127.0.0.1", "127.0.0.1", "http", "r_1-A"])
        self.assertEqual([got[name] for name in never], [None] * len(never))
        self.assertEqual(got["Host"], f"{self.host}:{self.port}")
        self.assertEqual(headers.get_all("X-Request-Id"), ["r_1-A"])
        self.assertEqual(headers["Server"], "nginx")
        for bad in ("a b", "x" * 65, "a;b"):
            _, headers, _ = self.ask("GET", "/api/v1/billing/plans", headers={"X-Request-Id": bad})
            made = self.seen("billing")[-1]["headers"]["X-Request-Id"]
            self.assertRegex(made, "^[0-9a-f]{32}$")
            self.assertEqual(headers["X-Request-Id"], made)

    def upgrade(self, path, protocol):
        """The answer's first line, and what is sent back after a switch of protocols."""
        with socket.create_connection((self.host, self.port), 60) as s, s.makefile("rb") as answer:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n".encode())
            first = line = answer.readline()
            while line.strip():
                line = answer.readline()
            if b" 101 " not in first:
                return first.split()[1], None
            s.sendall(b"ping")
            return first.split()[1], answer.read(4)

    def test_a_websocket_is_opened_to_the_platform_alone(self):
        self.start()
        self.assertEqual(self.upgrade("/prices", "WebSocket"), (b"101", b"ping"))
        for path, protocol, name in (("/", "h2c", "app"), (WEBHOOK, "websocket", "ingress"), ("/settings/billing", "websocket", "billing"),
                                     ("/api/v1/billing/plans", "websocket", "billing")):
            self.assertEqual(self.upgrade(path, protocol), (b"200", None), path)
            self.assertEqual([self.seen(name)[-1]["headers"][each] for each in ("Upgrade", "Connection")], [None, None], path)

    def test_stopped_it_finishes_what_it_has(self):
        """By QUIT, as compose.yaml stops it. A webhook that is cut comes again after an hour or so."""
        self.start()
        ingress = self.behind["ingress"]
        ingress.goes_on.clear()
        self.addCleanup(ingress.goes_on.set)
        with socket.create_connection((self.host, self.port), 60) as s:
            s.sendall(f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            harness.wait_until(lambda: ingress.seen, 60, "it has reached ingress")
            self.nginx.send_signal(signal.SIGQUIT)

            def refuses():
                with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 1):
                    return False
                return True
            harness.wait_until(refuses, 60, "nginx listens no more")
            ingress.goes_on.set()
            self.assertIn(b" 200 ", s.recv(100))
        self.assertEqual(self.nginx.wait(60), 0)

    def test_its_own_errors_are_problems(self):
        nobody = socket.socket()  # that has the port, and does not listen
        self.addCleanup(nobody.close)
        nobody.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{nobody.getsockname()[1]}"
        self.start(billing=closed, ingress=closed)
        for method, path, body, expected in (("GET", "/api/v1/billing/plans", None, (503, "unavailable", True)),
                                             ("POST", WEBHOOK, b"{}", (503, "unavailable", True)),
                                             ("POST", "/api/v1/billing/x", b"a" * 20000, (413, "too_large", False))):
            status, headers, text = self.ask(method, path, body, {"X-Request-Id": "mine"})
            problem = json.loads(text)
            self.assertEqual((status, problem["code"], problem["retryable"]), expected)
            self.assertEqual((problem["status"], problem["request_id"]), (status, "mine"))
            self.assertEqual(headers["Content-Type"], "application/problem+json")
            self.assertEqual(headers["Retry-After"], "2" if status == 503 else None)
        status, headers, text = self.ask("GET", "/settings/billing")
        self.assertEqual((status, headers["Content-Type"], headers["Refresh"]), (503, "text/html; charset=utf-8", "5"))
        self.assertNotIn(b"nginx", text)

    def test_the_files_of_the_page_are_compressed_and_no_answer_is(self):
        self.start()
        status, headers, text = self.ask("GET", "/settings/billing/assets/large.js", headers={"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["Content-Encoding"], headers["Vary"], headers["ETag"]), (200, "gzip", "Accept-Encoding", 'W/"1"'))
        self.assertEqual(gzip.decompress(text), b"billing" * 1000)
        for path, accept in (("/settings/billing/assets/large.js", "identity"), ("/api/v1/billing/large.js", "gzip")):
            status, headers, text = self.ask("GET", path, headers={"Accept-Encoding": accept})
            self.assertEqual((status, headers["Content-Encoding"], text), (200, None, b"billing" * 1000), path)

    def test_too_many_calls_are_refused_but_never_webhooks_or_the_page(self):
        self.start()
        c = http.client.HTTPConnection(self.host, self.port, timeout=60)
        answers, refused = [], []
        for _ in range(5):  # a busy machine may not be quick enough for too many
            answers += [self.ask("GET", "/api/v1/billing/plans", connection=c) for _ in range(200)]
            refused = [(headers, text) for status, headers, text in answers if status == 429]
            if refused:
                break
        self.assertTrue(refused)
        self.assertEqual({status for status, _, _ in answers}, {200, 429})
        self.assertEqual(refused[0][0]["Retry-After"], "1")
        self.assertEqual(json.loads(refused[0][1])["code"], "too_many_requests")
        for method, path in (("POST", WEBHOOK), ("GET", "/settings/billing"), ("GET", "/settings/billing/assets/x.js"), ("GET", "/")):
            self.assertEqual({self.ask(method, path, connection=c)[0] for _ in range(200)}, {200}, path)
        c.close()

    def test_many_webhooks_of_one_address_may_wait_at_once(self):
        """All of Stripe's come from a few addresses. While ingress waits for its disk, none is sent back."""
        self.start()
        count, ingress = 160, self.behind["ingress"]
        ingress.goes_on.clear()
        self.addCleanup(ingress.goes_on.set)
        request = f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode()
        with contextlib.ExitStack() as stack:
            waiting = [stack.enter_context(socket.create_connection((self.host, self.port), 60)) for _ in range(count)]
            for s in waiting:
                s.sendall(request)
            harness.wait_until(lambda: len(ingress.seen) == count or " status=" in self.log(), 60, "all have reached ingress")
            ingress.goes_on.set()
            answers = collections.Counter(s.recv(12) for s in waiting)
        self.assertEqual(answers, {b"HTTP/1.1 200": count})

    def test_what_is_logged(self):
        self.start()
        self.ask("GET", "/settings/billing?session_id=cs_secret", headers={"Authorization": "Bearer secret", "X-Request-Id": "logged"})
        harness.wait_until(lambda: "request_id=logged" in self.log(), 30, "the request is logged")
        self.assertNotIn("secret", self.log())
        line = next(line for line in self.log().splitlines() if "request_id=logged" in line)
        fields = harness.log_fields(line)
        self.assertEqual((fields["svc"], fields["status"], fields["path"]), ("proxy", "200", "/settings/billing"))

    def test_tls(self):
        (self.dir / "tls").mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=billing.example.com", "-addext", "subjectAltName=DNS:billing.example.com", "-days", "2",
                        "-keyout", self.dir / "tls" / "privkey.pem", "-out", self.dir / "tls" / "fullchain.pem"],
                       check=True, capture_output=True)
        self.start("tls.conf")
        status, headers, _ = self.ask("POST", WEBHOOK + "?a=b", b"{}", {"Host": "billing.example.com"})
        self.assertEqual((status, headers["Location"]), (308, f"https://billing.example.com{WEBHOOK}?a=b"))
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.ask("GET", "/", headers={"Host": "elsewhere.example"})

        trust = ssl.create_default_context(cafile=self.dir / "tls" / "fullchain.pem")

        def tls(name):
            raw = socket.create_connection((self.host, self.tls_port), 60)
            return trust.wrap_socket(raw, server_hostname=name)
        c = http.client.HTTPConnection("billing.example.com")
        c.sock = tls("billing.example.com")
        status, headers, body = self.ask("POST", WEBHOOK, b"{}", connection=c)
        self.assertEqual((status, body, headers["Strict-Transport-Security"]), (200, b"ingress", "max-age=31536000"))
        self.assertEqual(self.seen("ingress")[-1]["headers"]["X-Forwarded-Proto"], "https")
        c.close()
        with self.assertRaises((ssl.SSLError, OSError)):
            tls("elsewhere.example")


if __name__ == "__main__":
    harness.main()
