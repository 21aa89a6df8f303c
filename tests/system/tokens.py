"""The platform's side of billing: keys, JWK sets, a server of them, and tokens, good ones and every bad one.

    platform = tokens.Platform()
    key = platform.rsa("one")
    path.write_text(platform.jwks())
    token = platform.token("alice", key)
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER, AUDIENCE = "https://platform.example", "tiergate"
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVES = {"P-256": (ec.SECP256R1, 32), "P-384": (ec.SECP384R1, 48), "P-521": (ec.SECP521R1, 66)}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n):
    return b64(n.to_bytes((n.bit_length() + 7) // 8, "big"))


class Key:
    def __init__(self, kid, private, jwk):
        self.kid, self.private, self.jwk = kid, private, {**jwk, "kid": kid}

    def public_pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)


def rsa_key(kid, bits=2048, **more):
    private = rsa.generate_private_key(65537, bits)
    numbers = private.public_key().public_numbers()
    return Key(kid, private, {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more})


def ec_key(kid, curve="P-256", **more):
    kind, size = CURVES[curve]
    private = ec.generate_private_key(kind())
    numbers = private.public_key().public_numbers()
    return Key(kid, private, {"kty": "EC", "crv": curve, "x": b64(numbers.x.to_bytes(size, "big")),
                              "y": b64(numbers.y.to_bytes(size, "big")), **more})


def secret_key(kid, secret=b"0123456789abcdef0123456789abcdef", **more):
    return Key(kid, secret, {"kty": "oct", "k": b64(secret), **more})


def jwks(*keys):
    return json.dumps({"keys": [key.jwk for key in keys]})


def sign(algorithm, key, data):
    kind, size = algorithm[:2], algorithm[2:]
    digest = HASHES[size]()
    if kind == "HS":
        return hmac.new(key, data, f"sha{size}").digest()
    if kind == "RS":
        return key.sign(data, padding.PKCS1v15(), digest)
    if kind == "PS":
        return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    width = {"256": 32, "384": 48, "512": 66}[size]
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def compact(header, claims, signer):
    head = b64(json.dumps(header).encode()) if isinstance(header, dict) else b64(header)
    body = b64(json.dumps(claims).encode()) if isinstance(claims, dict) else b64(claims)
    return f"{head}.{body}.{b64(signer(f'{head}.{body}'.encode()))}"


def claims(subject, seconds=600, **more):
    now = int(time.time())
    c = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + seconds, **more}
    return {name: value for name, value in c.items() if value is not None}


def token(subject, key, algorithm="RS256", seconds=600, header=None, **more):
    head = {"alg": algorithm, "typ": "JWT", "kid": key.kid, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    return compact(head, claims(subject, seconds, **more), lambda data: sign(algorithm, key.private, data))


def bad_tokens(key):
    """{what is wrong: (token, the code that it is refused with)}; `key` is an RSA key that is known."""
    good = token("mallory", key)
    head, body, signature = good.split(".")
    other = rsa_key(key.kid)
    rs = lambda data: sign("RS256", key.private, data)  # noqa: E731
    forged = b64(json.dumps(claims("admin")).encode())
    flipped = signature[:-6] + ("A" if signature[-6] != "A" else "B") + signature[-5:]
    none = lambda data: b""  # noqa: E731
    bad = {
        "empty": " ", "no token": "x", "two parts": f"{head}.{body}", "four parts": good + ".x", "empty signature": f"{head}.{body}.",
        "no base64": f"{head}!.{body}.{signature}",
        "no JSON in the header": compact(b"{", claims("mallory"), rs),
        "a header that is a list": compact(b"[]", claims("mallory"), rs),
        "no JSON in the claims": compact({"alg": "RS256", "kid": key.kid}, b"{", rs),
        "claims that are a list": compact({"alg": "RS256", "kid": key.kid}, b"[1]", rs),
        "a claim twice": compact({"alg": "RS256", "kid": key.kid},
                                 json.dumps(claims("mallory")).replace("{", '{"sub":"admin",', 1).encode(), rs),
        "alg none": compact({"alg": "none"}, claims("admin"), none),
        "alg none with a signature": compact({"alg": "none", "kid": key.kid}, claims("admin"), rs),
        "alg NONE": compact({"alg": "NONE", "kid": key.kid}, claims("admin"), rs),
        "no alg": compact({"kid": key.kid}, claims("admin"), rs),
        "an alg that is no text": compact({"alg": 1, "kid": key.kid}, claims("admin"), rs),
        "HS256 with the public key's PEM": compact({"alg": "HS256", "kid": key.kid}, claims("admin"),
                                                   lambda data: sign("HS256", key.public_pem(), data)),
        "HS256 with the public key's modulus": compact(
            {"alg": "HS256", "kid": key.kid}, claims("admin"), lambda data: sign("HS256", key.jwk["n"].encode(), data)),
        "an allowed alg of another kind of key": compact({"alg": "ES256", "kid": key.kid}, claims("admin"), rs),
        "an alg that is not allowed": token("admin", key, "RS512"),
        "PS256, which is not allowed": token("admin", key, "PS256"),
        "another key of the same name": token("admin", other),
        "another key, brought along": token("admin", other, header={"jwk": other.jwk}),
        "another key, and where it is": token("admin", other, header={"jku": "http://127.0.0.1:9/jwks"}),
        "an unknown key": token("admin", rsa_key("unknown")),
        "a kid that is no text": token("mallory", key, header={"kid": 7}),
        "critical headers": token("mallory", key, header={"crit": ["exp"]}),
        "another body": f"{head}.{forged}.{signature}", "another signature": f"{head}.{body}.{flipped}",
        "no signature of ours": f"{head}.{body}.{b64(hashlib.sha256(body.encode()).digest())}",
        "another issuer": token("mallory", key, iss=ISSUER + "/"), "no issuer": token("mallory", key, iss=None),
        "another audience": token("mallory", key, aud="tiergate2"), "no audience": token("mallory", key, aud=None),
        "other audiences": token("mallory", key, aud=["a", "b"]), "an audience that is a map": token("mallory", key, aud={"a": 1}),
        "no expiry": token("mallory", key, exp=None), "an expiry that is a text": token("mallory", key, exp="9999999999"),
        "not valid yet": token("mallory", key, nbf=int(time.time()) + 300), "nbf a text": token("mallory", key, nbf="now"),
        "no subject": token(None, key), "an empty subject": token("", key), "a subject that is a number": token(7, key),
        "a subject of 256 bytes": token("s" * 256, key), "huge": token("mallory", key, padding="x" * 9000),
        "a NUL in the subject": token("a\0b", key),
    }
    found = {what: (t, "token_invalid") for what, t in bad.items()}
    found["expired"] = (token("mallory", key, seconds=-120), "token_expired")
    found["expired long ago"] = (token("mallory", key, exp=1), "token_expired")
    return found


class KeyServer:
    """Serves a JWK set at url(); counts who asks; may fail, be slow, or say too much."""

    def __init__(self):
        self.text, self.status, self.delay_s, self.asked = "{}", 200, 0, 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked += 1
                if server.delay_s:
                    time.sleep(server.delay_s)
                body = server.text.encode()
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/jwks.json"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
