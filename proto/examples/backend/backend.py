#!/usr/bin/env python3
"""A platform's backend that lets only pro customers trade: /api/live-trading.

    backend.py [HOST:PORT]        Debian: python3-zmq python3-msgpack python3-jwt python3-cryptography

    QUERY         tcp://127.0.0.1:8721   where tiergate-query is asked
    CURVE_DIR     none                   for a query on another host: server.pub and client.key of `tiergate keygen`
    JWT_KEYS      data/jwt/jwks.json     a JWKS file; JWT_ISSUER (tiergate-dev) and JWT_AUDIENCE (tiergate)

<tier-guard> in a page only hides what a customer would be refused. This check is what refuses it.
"""
import http.server
import json
import os
import pathlib
import secrets
import signal
import sys
import threading

import jwt
import msgpack
import zmq

ISSUER = os.environ.get("JWT_ISSUER", "tiergate-dev")
AUDIENCE = os.environ.get("JWT_AUDIENCE", "tiergate")
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}  # what each kind of key signs with; never what the token says
PAGE = pathlib.Path(__file__).resolve().parent / "page"
PAGE_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


class Query:
    """Asks tiergate-query. One socket a thread; it survives query's restarts, and says None when nobody answers."""

    def __init__(self, endpoint, curve_dir=None, timeout_ms=1000):
        self.endpoint, self.timeout_ms = endpoint, timeout_ms
        self.curve = read_curve(pathlib.Path(curve_dir)) if curve_dir else None
        self.local = threading.local()

    def socket(self):
        s = zmq.Context.instance().socket(zmq.REQ)
        s.setsockopt(zmq.REQ_RELAXED, 1)  # may ask again without an answer …
        s.setsockopt(zmq.REQ_CORRELATE, 1)  # … and an old answer is not taken for a new one
        s.setsockopt(zmq.RCVTIMEO, self.timeout_ms)
        s.setsockopt(zmq.SNDTIMEO, self.timeout_ms)
        s.setsockopt(zmq.IMMEDIATE, 1)
        s.setsockopt(zmq.LINGER, 0)
        if self.curve:
            s.curve_serverkey, s.curve_publickey, s.curve_secretkey = self.curve
        s.connect(self.endpoint)
        return s

    def check(self, subject, feature):
        s = getattr(self.local, "socket", None) or self.socket()
        self.local.socket = s
        try:
            s.send_multipart([b"TG01", msgpack.packb({"op": "check", "id": 1, "sub": subject, "feat": feature})])
            answer = msgpack.unpackb(s.recv_multipart()[1])
        except zmq.ZMQError:
            s.close()
            self.local.socket = None
            return None
        return None if "err" in answer else answer


def read_curve(directory):
    """The files that `tiergate keygen NAME` made: lines of `public KEY` and `secret KEY`."""

    def field(path, name):
        lines = (line.split() for line in path.read_text().splitlines())
        return next(words[1].encode() for words in lines if words and words[0] == name)

    client = directory / "client.key"
    return field(directory / "server.pub", "public"), field(client, "public"), field(client, "secret")


class Keys:
    """The platform's public keys, read again when the file has changed."""

    def __init__(self, path):
        self.path, self.read_at, self.keys = path, None, {}

    def subject(self, token):
        """Who the token says that its bearer is. Raises jwt.PyJWTError."""
        modified = self.path.stat().st_mtime_ns
        if modified != self.read_at:
            usable = [one for one in json.loads(self.path.read_text())["keys"] if one.get("kty") in ALGORITHMS]
            found = [jwt.PyJWK.from_dict(one) for one in usable]
            self.keys, self.read_at = {key.key_id: (key.key, ALGORITHMS[key.key_type]) for key in found}, modified
        kid = jwt.get_unverified_header(token).get("kid")
        if kid not in self.keys:
            raise jwt.InvalidTokenError("unknown key")
        key, algorithm = self.keys[kid]
        claims = jwt.decode(token, key, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE, leeway=60,
                            options={"require": ["exp", "iss", "aud", "sub"]})
        if not isinstance(claims["sub"], str) or claims["sub"].startswith("cus_"):  # a customer of Stripe: somebody else, for who chose such an id
            raise jwt.InvalidTokenError("no subject of ours")
        return claims["sub"]


class Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "example", ""
    protocol_version = "HTTP/1.1"
    timeout = 30
    query = keys = None  # of the server

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/api/live-trading":
            self.live_trading()
        elif path == "/":
            self.answer(302, b"", {"Location": "/example/"})
        elif path.startswith("/example/"):
            self.page(path.removeprefix("/example/") or "index.html")
        else:
            self.problem(404, "not_found", "There is no such thing")

    def live_trading(self):
        """What pro pays for."""
        try:
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise jwt.InvalidTokenError("no token")
            subject = self.keys.subject(token.strip())
        except (jwt.PyJWTError, OSError, ValueError, KeyError, TypeError):
            return self.problem(401, "token_invalid", "The token is not accepted", headers={"WWW-Authenticate": "Bearer"})
        answer = self.query.check(subject, "live_trading")
        if answer is None:  # not known is not allowed
            return self.problem(503, "unavailable", "This cannot be answered now", headers={"Retry-After": "1"})
        if not answer["allowed"]:
            return self.problem(403, "tier_required", "Your plan does not include this",
                                reason=answer["reason"], need=answer.get("need"), tier=answer["tier"])
        return self.json(200, {"order": "accepted", "subject": subject, "tier": answer["tier"]})

    def page(self, name):
        file = PAGE / name
        if file.parent != PAGE or file.suffix not in PAGE_TYPES or not file.is_file():
            return self.problem(404, "not_found", "There is no such thing")
        return self.answer(200, file.read_bytes(), {"Content-Type": PAGE_TYPES[file.suffix], "Cache-Control": "no-cache",
                                                    "Content-Security-Policy": CSP})

    def problem(self, status, code, title, headers=None, **more):
        """RFC 9457, as billing's errors are."""
        request = self.headers.get("X-Request-Id") or secrets.token_hex(8)
        self.json(status, {"type": "about:blank", "title": title, "status": status, "code": code, "request_id": request,
                           **more}, "application/problem+json", headers)

    def json(self, status, body, kind="application/json", headers=None):
        self.answer(status, json.dumps(body).encode(),
                    {"Content-Type": kind, "Cache-Control": "private, no-store", **(headers or {})})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "X-Content-Type-Options": "nosniff", "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


def main():
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8780").rpartition(":")
    Handler.query = Query(os.environ.get("QUERY", "tcp://127.0.0.1:8721"), os.environ.get("CURVE_DIR"))
    Handler.keys = Keys(pathlib.Path(os.environ.get("JWT_KEYS", "data/jwt/jwks.json")))
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    print(f"ev=ready listen={server.server_address[0]}:{server.server_address[1]}", file=sys.stderr, flush=True)
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: os._exit(0))  # at once: nothing here needs to be finished
    server.serve_forever()


if __name__ == "__main__":
    main()
