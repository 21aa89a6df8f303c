"""Every answer that an ingress gives to a sender, and that nothing but a 200 leaves a record."""

import re
import socket
import time

import harness
import lives
import webhook
import wire
from harness import LIVE_SECRET, TEST_SECRET

BODY_MAX = 1024 * 1024
TOLERANCE_S = 300


class AnswersTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.stack.ingress().start()
        self.address = self.stack.address()
        self.hook = webhook.Webhook(self.address)
        self.addCleanup(self.hook.close)

    def records(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            return list(journal.records())

    def assertProblem(self, got, status, code):
        got_status, headers, answer = got
        self.assertEqual((got_status, answer.get("code")), (status, code))
        self.assertEqual(headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer["status"], status)

    def refuse(self, status, code, body, header=None, **headers):
        self.assertProblem(self.hook.post(body, header, **headers), status, code)
        self.assertEqual(self.records(), [], "a refused request left a record")

    def raw_status(self, data):
        answer = webhook.raw(self.address, data)
        return int(re.match(rb"HTTP/1\.1 (\d{3}) ", answer).group(1)), answer

    # ---- signatures

    def test_bad_signatures(self):
        body = webhook.encode(lives.hello(1))
        now = int(time.time())
        good = webhook.signature(body)
        mac = good.split("v1=")[1]
        self.refuse(400, "missing_signature", body, "")
        self.refuse(400, "bad_signature", body, webhook.signature(body, "whsec_some_other_secret_of_nobody"))
        self.refuse(400, "bad_signature", body, webhook.signature(body + b" "))
        self.refuse(400, "bad_signature", body, f"t={now - 1},v1={mac}")
        self.refuse(400, "bad_signature", body, f"t={now},v1={'0' * 64}")
        for header in ("x", "t=", f"t={now}", f"v1={mac}", f"t={now},v0={mac}", f"t={now}, v1={mac}",
                       f"t=0{now},v1={mac}", f"t={now},t={now},v1={mac}", f"t={now},v1={mac[:-1]}", "," * 5000):
            self.refuse(400, "malformed_signature", body, header)

    def test_old_and_future_timestamps(self):
        body = webhook.encode(lives.hello(1))
        now = int(time.time())
        for t in (now - TOLERANCE_S - 5, 1, now - 86400):
            self.refuse(400, "stale_timestamp", body, webhook.signature(body, t=t))
        for ahead in (TOLERANCE_S + 30, 10 * 365 * 86400):
            self.refuse(400, "future_timestamp", body, webhook.signature(body, t=int(time.time()) + ahead))
        self.refuse(400, "bad_signature", body, f"t={now - 86400},v1={'0' * 64}")
        self.assertEqual(self.hook.post(body, webhook.signature(body, t=int(time.time()) - TOLERANCE_S + 30))[0], 200)

    def test_one_good_signature_among_bad_ones_will_do(self):
        body = webhook.encode(lives.hello(1))
        t, mac = webhook.signature(body).split(",")
        status, _, answer = self.hook.post(body, f"{t},v1={'0' * 64},v1=zz,v0=00,{mac.upper().replace('V1', 'v1')},")
        self.assertEqual((status, answer["duplicate"]), (200, False))

    # ---- bodies

    def test_what_is_not_an_event(self):
        whole = webhook.encode(lives.hello(1))
        missing = []
        for field in ("id", "object", "type", "created", "livemode"):
            event = lives.hello(1)
            del event[field]
            missing.append(webhook.encode(event))
        for body in (b"", b"{}", b"[]", b"null", b"not json", b"\xff\xfe", b"\xef\xbb\xbf" + whole, whole[:-1],
                     whole + b"x", b"[" * 1000, webhook.encode({"object": "list"}), webhook.encode(lives.hello(1, id=7)),
                     webhook.encode(lives.hello(1, created="soon")), webhook.encode(lives.hello(1, id="evt_" + "x" * 200)),
                     whole.replace(b'"id":"evt', b'"id":"evt_a","id":"evt', 1), *missing):
            self.refuse(400, "not_an_event", body)

    def test_modes(self):
        live = lives.hello(1, livemode=True)
        self.assertProblem(self.hook.send(live, TEST_SECRET), 400, "wrong_mode")
        self.assertEqual(self.records(), [])
        self.assertEqual(self.hook.send(live, LIVE_SECRET)[0], 200)
        # Connect endpoints in live mode get test events too: accepted, and kept apart
        status, _, answer = self.hook.send(lives.hello(1), LIVE_SECRET)
        self.assertEqual((status, answer["duplicate"]), (200, False), "the same id in the other mode is another event")
        self.assertEqual([(r["livemode"], r["secret"]) for r in self.records()], [(True, "main"), (False, "main")])

    def test_accounts(self):
        connect = lives.hello(1, account="acct_1")
        self.assertProblem(self.hook.send(connect, TEST_SECRET), 400, "wrong_account")
        self.assertEqual(self.hook.send(connect, LIVE_SECRET)[0], 200)
        self.assertEqual(self.hook.send(dict(connect, account="acct_2"), LIVE_SECRET)[2]["duplicate"], False)
        self.assertEqual([r["account"] for r in self.records()], ["acct_1", "acct_2"])

    # ---- HTTP

    def test_paths_and_methods(self):
        for path in ("/", "/livez", "/metrics", harness.WEBHOOK_PATH + "/", harness.WEBHOOK_PATH + "x", "/../etc/passwd"):
            self.assertEqual(self.hook.request("GET", path)[0], 404, path)
        for method in ("GET", "PUT", "DELETE", "OPTIONS"):
            status, headers, _ = self.hook.request(method, harness.WEBHOOK_PATH)
            self.assertEqual((status, headers["Allow"]), (405, "POST"), method)

    def test_media_types(self):
        body = webhook.encode(lives.hello(1))
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
            self.assertProblem(self.hook.post(body, Content_Type=kind), 415, "unsupported_media_type")
        self.assertEqual(self.hook.post(body, Content_Type="application/json; charset=utf-8")[0], 200)

    def test_framing(self):
        body = webhook.encode(lives.hello(1))
        head = (f"POST {harness.WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Stripe-Signature: {webhook.signature(body)}\r\n").encode()
        length = b"Content-Length: %d\r\n" % len(body)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        for lines, rest in ((b"", b""), (b"Transfer-Encoding: chunked\r\n", chunked), (length + length, body),
                            (length + b"Transfer-Encoding: chunked\r\n", chunked),
                            (length + b"Content-Length: 1\r\n", body)):
            status, answer = self.raw_status(head + lines + b"Connection: close\r\n\r\n" + rest)
            self.assertEqual(status, 411, (lines, answer))
        self.assertEqual(self.records(), [])
        status, answer = self.raw_status(head + length + b"Connection: close\r\n\r\n" + body)
        self.assertEqual(status, 200, answer)

    def test_bodies_have_a_limit(self):
        largest = webhook.encode(lives.hello(1, padding="x" * (BODY_MAX - len(webhook.encode(lives.hello(1, padding=""))))))
        self.assertEqual(len(largest), BODY_MAX)
        self.assertProblem(self.hook.post(largest + b" "), 413, "too_large")
        self.assertEqual(self.records(), [])
        self.assertEqual(self.hook.post(largest)[0], 200)
        # refused by its length alone, before a byte of it is sent
        head = (f"POST {harness.WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Content-Length: 9999999999\r\n\r\n").encode()
        self.assertEqual(self.raw_status(head)[0], 413)

    def test_bytes_that_are_no_request(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\r\n" * 100,
                     b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000 + b"\r\n"):
            with socket.create_connection(self.address, 60) as s:
                s.settimeout(0.5)
                try:
                    s.sendall(data)
                    answer = s.recv(100)
                except OSError:  # it was cut off, or is still waited for
                    answer = b""
                self.assertNotIn(b" 200 ", answer)
        self.assertEqual(self.hook.send(lives.hello(1))[0], 200)


if __name__ == "__main__":
    harness.main()
