#!/usr/bin/env python3
"""The example backends, proto/examples/backend, before real services: who may trade, who may not, and what without an answer.

    backend.py BUILD_DIR [unittest arguments]      skipped without Debian's python3-jwt, or npm's packages beside this file
"""

import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness
import lives
import webhook

try:
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError:
    jwt = None

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = harness.ROOT / "proto" / "examples" / "backend"


class Example:
    """One of the two as a process of its own."""

    def __init__(self, test, command):
        env = harness.clean_environment({"QUERY": test.endpoint, "JWT_KEYS": str(test.jwks)})
        self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command, "127.0.0.1:0"], env=env, text=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        test.addCleanup(self.close)
        self.lines = []
        threading.Thread(target=lambda: self.lines.extend(self.popen.stderr), daemon=True).start()

        def ready():
            test.assertIsNone(self.popen.poll(), self.lines)
            return next((harness.log_fields(line) for line in list(self.lines) if "ev=ready" in line), None)
        self.port = int(harness.wait_until(ready, 30, f"{command} is ready")["listen"].rpartition(":")[2])

    def close(self):
        self.popen.kill()
        self.popen.wait()
        self.popen.stderr.close()

    def get(self, path, token=None, scheme="Bearer"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request("GET", path, headers={"Authorization": f"{scheme} {token}"} if token is not None else {})
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            c.close()

    def trade(self, token=None, **how):
        status, headers, body = self.get("/api/live-trading", token, **how)
        return status, headers["Content-Type"], json.loads(body)


class BackendTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        if not jwt:
            self.skipTest("Debian's python3-jwt is not installed")
        self.rsa, self.ec = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
        keys = [dict(json.loads(algorithm.to_jwk(key.public_key())), kid=kid, use="sig")
                for kid, key, algorithm in (("r", self.rsa, jwt.algorithms.RSAAlgorithm),
                                            ("e", self.ec, jwt.algorithms.ECAlgorithm))]
        keys += [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "o", "use": "sig"},
                 {"kty": "new", "kid": "n"}]  # a platform may have more than what is used here
        self.jwks = self.stack.dir / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": keys}))
        self.endpoint = self.stack.ipc("query-tg01")
        self.stack.start_all()
        self.life = lives.plain(1)
        with webhook.Webhook(self.stack.address()) as hook:
            for event in self.life.events:
                self.assertEqual(hook.send(event)[0], 200)

    def token(self, subject, key="r", kid=None, algorithm=None, headers=None, **claims):
        now = int(time.time())
        body = {"sub": subject, "iss": "tiergate-dev", "aud": "tiergate", "iat": now, "exp": now + 600, **claims}
        body = {name: value for name, value in body.items() if value is not None}
        private, default = {"r": (self.rsa, "RS256"), "e": (self.ec, "ES256"), "none": (None, "none")}.get(key, (key, "HS256"))
        return jwt.encode(body, private, algorithm=algorithm or default, headers={"kid": kid or "r", **(headers or {})})

    def python(self):
        return Example(self, ["/usr/bin/python3", EXAMPLE / "backend.py"])

    def node(self):
        packages = HERE / "node_modules"
        if not (packages / "zeromq").is_dir() or not (packages / "jose").is_dir():
            self.skipTest("npm's packages are not installed")
        shutil.copytree(EXAMPLE, self.stack.dir / "backend")  # a module finds its packages beside itself
        os.symlink(packages, self.stack.dir / "backend" / "node_modules")
        return Example(self, ["node", self.stack.dir / "backend" / "backend.mjs"])

    def trade_known(self, backend, token):
        """The first answer that query has given: on a slow machine it may come too late for the backend, which says 503."""
        def answer():
            got = backend.trade(token)
            return got if got[0] != 503 else None
        return harness.wait_until(answer, harness.SETTLE_S, "query has answered")

    def let_in(self, backend):
        payer, other = self.token(self.life.subject), self.token("nobody")
        harness.wait_until(lambda: backend.trade(payer)[0] == 200, harness.SETTLE_S, "the payer is let in")
        self.assertEqual(self.trade_known(backend, payer)[2], {"order": "accepted", "subject": self.life.subject, "tier": "pro"})
        self.assertEqual(self.trade_known(backend, self.token(self.life.subject, key="e", kid="e"))[0], 200)
        status, kind, body = self.trade_known(backend, other)
        self.assertEqual((status, kind), (403, "application/problem+json"))
        self.assertEqual((body["code"], body["reason"], body["need"], body["tier"]),
                         ("tier_required", "unknown_subject", "pro", "free"))

    def refuse(self, backend):
        s = self.life.subject
        public = self.rsa.public_key()
        bad = {"none": None, "empty": "", "garbage": "a.b.c", "expired": self.token(s, exp=int(time.time()) - 3600),
               "no expiry": self.token(s, exp=None), "issuer": self.token(s, iss="other"),
               "audience": self.token(s, aud="other"), "no audience": self.token(s, aud=None),
               "not yet": self.token(s, nbf=int(time.time()) + 3600), "no subject": self.token(s, sub=None), "a customer": self.token("cus_1"), "a number": self.token(s, sub=7),
               "unknown key": self.token(s, kid="z"), "another's key": self.token(s, key="e", kid="r"),
               "algorithm none": self.token(s, key="none"),
               "RSA key as secret": forged_hs256(self.token(s), public)}
        for what, token in bad.items():
            status, kind, body = backend.trade(token)
            self.assertEqual((what, status, kind, body["code"]), (what, 401, "application/problem+json", "token_invalid"))
        self.assertEqual(backend.trade(self.token(s), scheme="Basic")[0], 401)

    def live_through(self, backend):
        """query is killed: 503, and in again without a restart of the backend once it is back."""
        payer = self.token(self.life.subject)
        query = self.stack.services["query"]
        for _ in range(2):
            query.kill()
            status, kind, body = backend.trade(payer)
            self.assertEqual((status, kind, body["code"]), (503, "application/problem+json", "unavailable"))
            query.start()
            harness.wait_until(lambda: backend.trade(payer)[0] == 200, harness.SETTLE_S, "the payer is let in again")

    def show(self, backend):
        status, headers, body = backend.get("/example/")
        self.assertEqual(status, 200)
        self.assertIn(b'<tier-guard feature="live_trading"', body)
        self.assertIn("script-src 'self'", headers["Content-Security-Policy"])
        self.assertEqual(backend.get("/example/example.js")[1]["Content-Type"], "text/javascript")
        self.assertEqual(backend.get("/")[0], 302)
        for path in ("/example/../backend.py", "/example/%2e%2e/backend.py", "/example/backend.py", "/example//etc/passwd", "/x"):
            self.assertEqual(backend.get(path)[0], 404, path)

    def all_of_it(self, backend):
        self.let_in(backend)
        self.refuse(backend)
        self.live_through(backend)
        self.show(backend)

    def test_python(self):
        self.all_of_it(self.python())

    def test_node(self):
        self.all_of_it(self.node())


def forged_hs256(token, public):
    """The same claims under HS256, with the public key's text as the secret."""
    import base64
    import hashlib
    import hmac
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def b64(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    head = b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "r"}).encode())
    signed = f"{head}.{token.split('.')[1]}"
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


if __name__ == "__main__":
    harness.main()
