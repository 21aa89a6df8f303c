"""Who billing lets in: every bad token, keys that change, are away and come back, cookies, and calls of other origins."""

import http.client
import itertools
import socket
import time

import billing_api
import harness
import tokens
from billing_api import API, PUBLIC
from harness import wait_until

STATUS = "subscription-status"


class TokensTest(billing_api.BillingTest):
    def status_of(self, token, **how):
        return self.get(STATUS, token=token, **how)

    def test_every_bad_token_is_refused(self):
        self.start(feed=None)
        good = self.token("alice")
        for what, (token, code) in tokens.bad_tokens(self.key).items():
            with self.subTest(what):
                self.refused(self.status_of(token), 401, code)
                self.assertEqual(self.status_of(good).status, 200, "a good one beside it")
        self.refused(self.get(STATUS), 401, "token_missing")
        for header in ("Basic YTpi", "bearer", "Bearer", good, f"Token {good}"):
            with self.subTest(header[:10]):
                self.refused(self.get(STATUS, headers={"Authorization": header}), 401, "token_invalid")
        answer = self.get(STATUS)
        self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
        log = "\n".join(self.billing.log())
        self.assertNotIn(good[:40], log)
        self.assertIn("ev=token_refused", log)

    def test_two_authorizations_are_none(self):
        self.start()
        host, port = self.billing.ready["listen"].rsplit(":", 1)
        with socket.create_connection((host, int(port)), 10) as s:
            line = f"Authorization: Bearer {self.token('alice')}\r\n"
            s.sendall(f"GET {API}{STATUS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n".encode())
            self.assertIn(b" 401 ", s.makefile("rb").readline())

    def test_good_tokens(self):
        now = int(time.time())
        self.start(jwt_algorithms="RS256;PS256;ES256;ES384")
        curve, large = tokens.ec_key("two"), tokens.ec_key("three", "P-384")
        self.keys.write_text(tokens.jwks(self.key, curve, large))
        self.billing.hup()
        self.billing.wait_log("keys_loaded", keys="3")
        good = {
            "RS256": self.token("alice"), "PS256": self.token("alice", algorithm="PS256"),
            "ES256": tokens.token("alice", curve, "ES256"), "ES384": tokens.token("alice", large, "ES384"),
            "without a kid": self.token("alice", header={"kid": None}),
            "one of several audiences": self.token("alice", aud=["other", tokens.AUDIENCE]),
            "within the skew": self.token("alice", seconds=-30, nbf=now + 30),
            "a fraction": self.token("alice", exp=now + 100.5), "for ever": self.token("alice", exp=1e300),
        }
        for what, token in good.items():
            with self.subTest(what):
                for _ in range(2):
                    answer = self.status_of(token)
                    self.assertEqual((answer.status, answer.json["subject"]), (200, "alice"), answer.text)
        for subject in ("x" * 255, "Zoë & 名前", "a b/c'\"\\", "cus"):
            self.assertEqual(self.get(STATUS, subject).json["subject"], subject)
        self.assertEqual(self.metric("tokens_verified_total"), len(good) + 4)
        self.assertGreaterEqual(self.metric("tokens_cached_total"), len(good))

    def test_a_subject_that_is_a_customer(self):
        """It would be whoever that customer belongs to."""
        self.start()
        for _ in range(2):  # the second's token is known already
            for path in (STATUS, "entitlements", "invoices"):
                self.refused(self.get(path, "cus_123"), 403, "subject_not_allowed")
            self.refused(self.post("create-portal-session", "cus_123", {}), 403, "subject_not_allowed")
        self.billing.wait_log("token_refused")
        self.assertEqual(self.get(STATUS, "CUS_123").json["subject"], "CUS_123")
        self.start_billing("allowing", env={**self.clock.env(), "TIERGATE_SUBJECT_MAY_BE_CUSTOMER": "yes"})
        self.client = self.connect("allowing")
        self.assertEqual(self.get(STATUS, "cus_123").json["subject"], "cus_123")

    def test_a_cached_token_expires_and_goes_with_its_key(self):
        self.start()
        def taken(left):
            """A token of which so much of the skew is left, and that was taken: a machine that stood still lets it expire before."""
            token = self.token("alice", seconds=left - 60)
            return self.status_of(token).status == 200 and token
        left = itertools.count(2)
        short = wait_until(lambda: taken(next(left)), 30, "a token is taken")
        wait_until(lambda: self.status_of(short).status == 401, 60, "the token expires")
        self.refused(self.status_of(short), 401, "token_expired")
        token = self.token("alice")
        self.assertEqual(self.status_of(token).status, 200)
        self.key = tokens.rsa_key("other")
        self.keys.write_text(tokens.jwks(self.key))
        self.billing.hup()
        self.billing.wait_log("keys_loaded")
        self.refused(self.status_of(token), 401, "token_invalid")
        self.assertEqual(self.get(STATUS, "alice").status, 200)
        self.keys.write_text("{}")  # bad ones: the old stay
        self.billing.hup()
        self.billing.wait_log("keys_kept")
        self.assertEqual(self.get(STATUS, "alice").status, 200)

    def test_symmetric_keys_only_when_named_and_from_a_file(self):
        secret = tokens.secret_key("s")
        short = tokens.secret_key("short", b"0123456789")
        self.keys.write_text(tokens.jwks(secret, short, self.key))
        self.start(jwt_algorithms="HS256;RS256")
        self.assertEqual(self.status_of(tokens.token("alice", secret, "HS256")).status, 200)
        self.assertEqual(self.status_of(self.token("alice")).status, 200)
        self.refused(self.status_of(tokens.token("alice", short, "HS256")), 401, "token_invalid")
        # the public key as a secret, while HS256 is allowed
        bad = tokens.bad_tokens(self.key)
        for what in ("HS256 with the public key's PEM", "HS256 with the public key's modulus"):
            self.refused(self.status_of(bad[what][0]), 401, "token_invalid")

    def test_settings_that_stop_the_start(self):
        self.start_store(sim=False)
        empty = self.stack.dir / "empty.json"
        empty.write_text(tokens.jwks(tokens.rsa_key("small", 1024)))
        cases = [
            {"jwt-keys": self.stack.dir / "none.json"}, {"jwt-keys": empty}, {"jwt-keys": "http://example.com/jwks.json"},
            {"jwt-keys": "https://example.com/j", "jwt-algorithms": "HS256"}, {"jwt-algorithms": "none"},
            {"jwt-algorithms": "RS256;EdDSA"}, {"jwt-issuer": None}, {"jwt-audience": None}, {"origins": "*"},
            {"origins": "https://a.example/path"}, {"public-url": "ftp://x"}, {"return-urls": "javascript:alert(1)"},
            {"stripe-api-key": "pk_test_1"}, {"query": "tcp://198.51.100.1:1"}, {"rate-limit": "0"}, {"stripe-deadline": "20s"},
            *({"jwt-cookie": name} for name in ("a b", "a;b", "a=b", "a,b", ' a', 'a"', "ä", "a\tb")),
        ]
        for n, flags in enumerate(cases):
            with self.subTest(str(flags)):
                service = self.start_billing(f"bad{n}", api="http://127.0.0.1:9", wait=False,
                                             **{name.replace("-", "_"): value for name, value in flags.items()})
                self.assertEqual(service.wait_exit(), 78, service.log())
                self.assertIn(next(iter(flags)), "\n".join(service.log()))


class KeyServerTest(billing_api.BillingTest):
    def setUp(self):
        super().setUp()
        self.server = tokens.KeyServer()
        self.addCleanup(self.server.close)
        self.server.text = tokens.jwks(self.key)
        self.keys = self.server.url()

    def count(self, subject="alice", **more):
        return self.get(STATUS, subject, **more)

    def test_rotation_and_an_outage(self):
        self.start()
        self.billing.wait_log("keys_fetched")
        self.assertEqual(self.count().status, 200)
        self.assertEqual(self.server.asked, 1)
        old, self.key = self.key, tokens.rsa_key("two")
        self.server.text = tokens.jwks(old, self.key)
        self.assertEqual(self.count().status, 200, "an unknown key is fetched while the caller waits")
        self.assertEqual(self.server.asked, 2)
        # no more than once a minute, whoever asks
        for n in range(20):
            answer = self.get(STATUS, token=tokens.token("mallory", tokens.ec_key(f"no-{n}"), "ES256"))
            self.refused(answer, 401, "token_invalid")
        self.assertEqual(self.server.asked, 2)
        # an outage: what is known goes on
        self.server.status = 500
        self.billing.hup()
        self.billing.wait_log("keys_not_fetched")
        self.assertEqual(self.count().status, 200)
        self.assertEqual(self.get(STATUS, token=tokens.token("bob", old)).status, 200)
        # it says nonsense, or too much: the same
        for text in ("<html>", "{}", '{"keys": []}', tokens.jwks(tokens.secret_key("s")), '{"keys": [' + " " * 200000 + "]}"):
            asked, since = self.server.asked, self.billing.log_size()
            self.server.status, self.server.text = 200, text
            self.billing.hup()
            self.billing.wait_log("keys_not_fetched", since=since)
            self.assertGreater(self.server.asked, asked)
            self.assertEqual(self.count().status, 200)
        # back, and the old key is gone
        since = self.billing.log_size()
        self.server.text = tokens.jwks(self.key)
        self.billing.hup()
        self.billing.wait_log("keys_fetched", since=since)
        self.assertEqual(self.count().status, 200)
        self.refused(self.get(STATUS, token=tokens.token("bob", old)), 401, "token_invalid")

    def test_away_at_the_start(self):
        self.server.status = 503
        self.start()
        self.billing.wait_log("keys_not_fetched")
        self.refused(self.count(), 503, "unavailable")
        wait_until(lambda: self.stack.admin("billing")[0] == 503, 30, "it is not ready")
        self.assertEqual(self.get("plans").status, 200, "what needs no token is served")
        self.server.status = 200
        self.billing.wait_log("keys_fetched")
        self.assertEqual(self.count().status, 200)
        wait_until(lambda: self.stack.admin("billing")[0] == 200, 30, "it is ready")

    def test_slow(self):
        self.start()
        self.billing.wait_log("keys_fetched")
        self.assertEqual(self.count().status, 200)
        self.server.delay_s = 30
        began = time.monotonic()
        unknown = tokens.token("mallory", tokens.rsa_key("unknown"))
        self.refused(self.get(STATUS, token=unknown), 401, "token_invalid")
        self.assertLess(time.monotonic() - began, self.server.delay_s)  # a fetch may take five
        self.assertEqual(self.count().status, 200)


class OriginsTest(billing_api.BillingTest):
    def origin(self, origin, path=STATUS, **more):
        return self.get(path, "alice", headers={"Origin": origin, **more})

    def test_origins(self):
        self.start(origins="https://other.example;http://localhost:3000")
        for origin in (PUBLIC, "https://other.example", "http://localhost:3000"):
            answer = self.origin(origin)
            self.assertEqual((answer.status, answer.headers["Access-Control-Allow-Origin"]), (200, origin))
            self.assertNotIn("Access-Control-Allow-Credentials", answer.headers)
            self.assertEqual(answer.headers["Vary"], "Origin, Authorization, Cookie")
        bad = ["null", "https://app.example.com.evil.example", "https://app.example.com:8443", "http://app.example.com",
               "https://APP.example.com", "https://app.example.com/", "https://other.example, https://app.example.com", "*",
               "https://evil.example", ""]
        for origin in bad:
            with self.subTest(origin):
                for path in (STATUS, "entitlements", "plans"):
                    answer = self.refused(self.origin(origin, path), 403, "origin_not_allowed")
                    self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
                    self.assertEqual(answer.headers["Vary"], "Origin, Authorization, Cookie")
                answer = self.post("create-checkout-session", "alice", {"tier": "pro"}, headers={"Origin": origin})
                self.refused(answer, 403, "origin_not_allowed")

    def test_preflight(self):
        self.start(origins="https://other.example")
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
        answer = self.call("OPTIONS", "create-checkout-session", headers={"Origin": "https://other.example", **asks})
        self.assertEqual((answer.status, answer.text), (204, ""))
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://other.example")
        self.assertEqual(answer.headers["Access-Control-Allow-Methods"], "POST")
        for header in ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"):
            self.assertIn(header, answer.headers["Access-Control-Allow-Headers"])
        answer = self.call("OPTIONS", "create-checkout-session", headers={"Origin": "https://evil.example", **asks})
        self.refused(answer, 403, "origin_not_allowed")
        self.assertFalse([name for name in answer.headers if name.startswith("Access-Control")])
        self.assertEqual(self.call("OPTIONS", STATUS).status, 204)

    def test_cookies(self):
        self.start(jwt_cookie="session", origins="https://other.example")
        cookie = {"Cookie": f"a=b; session={self.token('alice')}; c=d"}
        body = {"tier": "nonsense"}
        answer = self.get(STATUS, headers=cookie)
        self.assertEqual((answer.status, answer.json["subject"]), (200, "alice"))
        post = lambda **more: self.call("POST", "create-checkout-session", None, body, headers={**cookie, **more})  # noqa: E731
        # a site that makes a browser send the cookie along gets nothing done
        self.refused(post(), 403, "origin_not_allowed")
        for more in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                     {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
                     {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}):
            with self.subTest(str(more)):
                self.refused(post(**more), 403, "origin_not_allowed")
        # nor is it told anything: an image's GET names no Origin, and no script can take this header away
        for more in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
                     {"Sec-Fetch-Site": ""}, {"Sec-Fetch-Site": "same-origin, cross-site"}, {"Origin": "https://evil.example"}):
            for path in (STATUS, "entitlements", "invoices"):
                self.refused(self.get(path, headers={**cookie, **more}), 403, "origin_not_allowed")
        for more in ({"Sec-Fetch-Site": site} for site in ("same-origin", "same-site", "none")):
            self.assertEqual(self.get(STATUS, headers={**cookie, **more}).status, 200)
        self.assertEqual(self.get(STATUS, headers={**cookie, "Sec-Fetch-Site": "cross-site", "Origin": "https://other.example"}).status,
                         200, "a page of an origin that is allowed")
        self.assertEqual(self.get(STATUS, "alice", headers={"Sec-Fetch-Site": "cross-site"}).status, 200, "a token needs none of it")
        for more in ({"Origin": PUBLIC}, {"Origin": "https://other.example"}, {"Sec-Fetch-Site": "same-origin"}):
            with self.subTest(str(more)):
                self.refused(post(**more), 400, "unknown_tier")
        self.refused(self.call("POST", "create-checkout-session", None, b'{"tier":"pro"}',
                               headers={**cookie, "Origin": PUBLIC, "Content-Type": "text/plain"}), 415, "unsupported_media_type")
        # the header counts when both are there, and other cookies are nobody
        both = {**cookie, "Authorization": "Bearer x"}
        self.refused(self.get(STATUS, headers=both), 401, "token_invalid")
        for other in ("xsession=" + self.token("bob"), "session=", "sessio", "", ";;=;session"):
            self.refused(self.get(STATUS, headers={"Cookie": other}), 401, "token_missing")
        answer = self.get(STATUS, headers={**cookie, "Origin": "https://other.example"})
        self.assertEqual(answer.headers["Access-Control-Allow-Credentials"], "true")

    def test_no_cookie_without_the_setting(self):
        self.start()
        self.refused(self.get(STATUS, headers={"Cookie": f"session={self.token('alice')}"}), 401, "token_missing")


class HugeTest(billing_api.BillingTest):
    def test_headers_beyond_all_bounds(self):
        self.start()
        host, port = self.billing.ready["listen"].rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", API + STATUS, headers={"Authorization": "Bearer " + "x" * 60000})
        self.assertIn(connection.getresponse().status, (413, 431))
        self.assertEqual(self.get(STATUS, "alice").status, 200)


if __name__ == "__main__":
    harness.main()
