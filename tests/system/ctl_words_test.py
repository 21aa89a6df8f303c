"""tiergate, the real binary, against services that this test plays: what it asks, what it prints, how it exits.

    ctl_words_test.py BUILD_DIR
"""

import hashlib
import hmac
import http.server
import json
import os
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib

import msgpack
import zmq

TIERGATE = ""
SECRET = "whsec_0123456789abcdef0123456789abcdef"


def tiergate(*words, stdin=None, **environment):
    """(exit code, standard output, standard error); settings of the caller's shell do not count."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TIERGATE_")}
    clean["TIERGATE_TIMEOUT"] = "30s"
    clean.update({"TIERGATE_" + k: v for k, v in environment.items()})
    run = subprocess.run([TIERGATE, *words], input=stdin, capture_output=True, text=True, env=clean, timeout=120)
    return run.returncode, run.stdout, run.stderr


# verbs that may exit with 1, and what that says
NO = {"check": "denied", "quarantine retry": "something is left", "reconcile": "something is left to be done", "revoke": "nothing to revoke",
      "send": "refused"}


class Router:
    """A service behind a ROUTER: answer(version, request) gives the reply's frames, or None to keep silent."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.endpoint = "tcp://127.0.0.1:%d" % self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        self.socket.close()
        self.context.term()

    ended = False

    def serve(self):
        while not self.ended:
            if not self.socket.poll(20):
                continue
            frames = self.socket.recv_multipart()
            envelope, version, body = frames[:-2], frames[-2], msgpack.unpackb(frames[-1])
            self.asked.append(body)
            reply = self.answer(version, body)
            if reply is not None:
                self.socket.send_multipart(envelope + reply)


def tg01(**reply):
    return lambda version, request: [b"TG01", msgpack.packb({"id": request["id"], **reply})]


ANSWER = {"allowed": True, "reason": "active", "tier": "pro", "status": "active", "until": None, "ttl": 60,
          "epoch": "%016x" % 7, "ver": 5, "as_of": 1700000000000}


class Usage(unittest.TestCase):
    def expect(self, words, code, says, **environment):
        got, out, err = tiergate(*words, **environment)
        self.assertEqual(got, code, (words, out, err))
        self.assertIn(says, out + err)
        return out, err

    def test_help(self):
        out, err = self.expect(["--help"], 0, "quarantine retry")
        self.assertEqual(err, "")
        self.expect(["help"], 0, "usage: tiergate VERB")
        self.expect(["--version"], 0, "tiergate ")
        for verb in ("get", "explain", "status", "journal list", "journal show", "quarantine list",
                     "quarantine show", *NO):
            self.assertIn("  " + verb + " ", out)
            text, _ = self.expect([*verb.split(), "--help"], 0, "usage: tiergate " + verb)
            self.assertIn("--json", text)
            self.assertIn("Exit codes: 0 ok, 64 usage" if verb not in NO else f"Exit codes: 0 ok, 1 {NO[verb]}, 64 usage", text)

    def test_mistakes(self):
        for words, code, says in (
            ([], 64, "usage: tiergate VERB"),
            (["chek", "alice"], 64, "'chek' is no verb; did you mean check?"),
            (["journal"], 64, "'journal' needs one word more; there are"),
            (["journal", "lst"], 64, "'journal lst' is no verb"),
            (["qarantine", "list"], 64, "did you mean quarantine?"),
            (["check"], 64, "an argument is missing: tiergate check SUBJECT"),
            (["check", "alice"], 64, "give one of --tier and --feature"),
            (["check", "alice", "--tier", "a", "--feature", "b"], 64, "give one of"),
            (["check", "alice", "--teir", "pro"], 64, "--teir: no such flag; did you mean --tier?"),
            (["check", "alice", "bob", "--tier", "pro"], 64, "'bob' is an argument too many"),
            (["check", "x" * 256, "--tier", "pro"], 64, "a subject has 1 to 255 bytes"),
            (["check", "", "--tier", "pro"], 64, "a subject has 1 to 255 bytes"),
            (["check", "alice", "--tier", "pro", "--at", "noon"], 64, "--at: 'noon' is neither"),
            (["check", "alice", "--tier", "pro", "--timeout", "1h"], 78, "--timeout: 1h is out of range"),
            (["get", "alice", "--query", "tcp://8.8.8.8:1"], 78, "is not loopback"),
            (["journal", "list", "--max", "0"], 64, "--max: 0 is not in 1 to 10000"),
            (["journal", "list", "--from", "-1"], 64, "--from: '-1' is not a whole number"),
            (["quarantine", "show", "nonsense"], 64, "'nonsense' is no entry"),
            (["quarantine", "retry", "0000000000000001/0"], 64, "is no entry"),
            (["status", "--only", "biling"], 64, "--only: 'biling' is none of all|ingress|entitlement|query|reconciler|billing"),
            (["send", "/no/such/event.json", "--webhook-secrets", "x"], 64, "cannot open /no/such/event.json"),
            (["send", "x.json"], 78, "--webhook-secrets or TIERGATE_WEBHOOK_SECRETS (or its _FILE) is missing"),
            (["explain", "alice", "--catalog", "/no/such/tiers.yaml"], 78, "there is no catalog at /no/such/tiers.yaml"),
            (["quarantine", "list", "--store-dir", "/no/such/store"], 78, "there is no entitlement store at /no/such/store"),
        ):
            with self.subTest(words=words):
                _, err = self.expect(words, code, says)
                self.assertTrue(err.startswith("tiergate") or words == [], err)

    def test_environment(self):
        self.expect(["status"], 78, "TIERGATE_STORE_DRI: no service has such a setting; did you mean", STORE_DRI="x")
        self.expect(["get", "a", "--timeout", "50ms"], 69, "tcp://127.0.0.1:9 (TIERGATE_QUERY)", QUERY="tcp://127.0.0.1:9")
        self.expect(["get", "a"], 78, "TIERGATE_TIMEOUT: 'soon' is not a duration", TIMEOUT="soon")

    def test_errors_as_json(self):
        code, out, err = tiergate("get", "a", "--json", "--timeout", "50ms", "--query", "tcp://127.0.0.1:9")
        self.assertEqual(code, 69)
        self.assertEqual(json.loads(out)["err"]["code"], "unavailable")
        self.assertIn("is tiergate-query running?", err)


class Query(unittest.TestCase):
    def test_check(self):
        with Router(tg01(**ANSWER)) as query:
            at = ["--query", query.endpoint]
            code, out, _ = tiergate("check", "alice", "--feature", "live_trading", *at)
            self.assertEqual((code, query.asked[0]["sub"], query.asked[0]["feat"]), (0, "alice", "live_trading"))
            self.assertIn("allowed: alice may use live_trading: active", out)
            # flags before the verb, JSON, a moment and an account
            code, out, _ = tiergate(*at, "--json", "check", "--tier", "pro", "alice", "--account", "acct_1", "--min-ver", "3",
                                    "--at", "2026-11-22T10:45:18Z")
            self.assertEqual(code, 0)
            asked = query.asked[1]
            self.assertEqual((asked["tier"], asked["acct"], asked["min_ver"], asked["at"]), ("pro", "acct_1", 3, 1795344318))
            got = json.loads(out)
            self.assertEqual((got["allowed"], got["reason"], got["ver"], got["epoch"]), (True, "active", 5, "%016x" % 7))
            code, _, _ = tiergate("check", "--tier", "pro", *at, "--", "--odd")
            self.assertEqual((code, query.asked[2]["sub"]), (0, "--odd"))

    def test_denied(self):
        with Router(tg01(**{**ANSWER, "allowed": False, "reason": "tier_too_low", "need": "pro", "until": 1800000000})) as query:
            code, out, _ = tiergate("check", "alice", "--tier", "pro", "--query", query.endpoint)
            self.assertEqual(code, 1)
            self.assertIn("denied: alice may not use pro: tier_too_low", out)
            self.assertIn("needs: tier pro", out)
            self.assertIn("until: 2027-01-15T08:00:00Z", out)

    def test_refused(self):
        for code, wanted in (("unknown_tier", 64), ("unknown_feature", 64), ("bad_request", 64), ("not_ready", 69),
                             ("behind", 69), ("overloaded", 69), ("internal", 74), ("from_the_future", 74)):
            with self.subTest(code=code), Router(tg01(err={"code": code, "msg": "because", "retry": False})) as query:
                got, _, err = tiergate("check", "alice", "--tier", "gold", "--query", query.endpoint)
                self.assertEqual(got, wanted)
                self.assertIn(code + ": because", err)

    def test_get(self):
        profile = {**ANSWER, "feats": ["live_trading", "tutorial_mode"], "seats": 3, "next_billing": 1800000000}
        del profile["allowed"]
        with Router(tg01(**profile)) as query:
            code, out, _ = tiergate("get", "alice", "--query", query.endpoint)
            self.assertEqual(code, 0)
            self.assertIn("live_trading tutorial_mode", out)
            self.assertIn("2027-01-15T08:00:00Z", out)
            code, out, _ = tiergate("get", "alice", "--query", query.endpoint, "--json")
            got = json.loads(out)
            self.assertEqual((got["tier"], got["seats"], got["feats"]), ("pro", 3, ["live_trading", "tutorial_mode"]))

    def test_hostile_answers(self):
        for frames, wanted in (([b"TG01", b"\xc1"], 74), ([b"TG01", b""], 74), ([b"TG02", b"\x80"], 74), ([b"TG01"], 74),
                               ([b"TG01", b"\x80", b"\x80"], 74), ([b"TG01", b"\xdd\xff\xff\xff\xff"], 74)):
            with self.subTest(frames=frames), Router(lambda v, r, f=frames: f) as query:
                got, out, err = tiergate("get", "alice", "--query", query.endpoint)
                self.assertEqual(got, wanted, err)
                self.assertEqual(out, "")
        with Router(lambda v, r: None) as query:
            got, _, err = tiergate("get", "alice", "--query", query.endpoint, "--timeout", "100ms")
            self.assertEqual(got, 69)

    def test_a_terminal_is_not_driven(self):
        with Router(tg01(**{**ANSWER, "reason": "\x1b[2J\nallowed\u009b"})) as query:
            _, out, _ = tiergate("check", "alice", "--tier", "pro", "--query", query.endpoint)
            self.assertEqual(out.count("\n"), 1)
            self.assertNotIn("\x1b", out)
            self.assertNotIn("\u009b", out)
            _, out, _ = tiergate("check", "alice", "--tier", "pro", "--query", query.endpoint, "--json")
            self.assertEqual(json.loads(out)["reason"], "\x1b[2J\nallowed\u009b")


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def record(seq, event, kind="customer.updated", body=b'{"a": "\\u001b"}'):
    """proto/record.h, written from its description."""
    def string(b):
        return varint(len(b)) + b
    head = b"TGR1" + struct.pack(">QQBB", 9, seq, 1, 0) + varint(2 * (1700000000000 + seq)) + varint(2 * 1700000000)
    text = head + b"".join(string(s) for s in (b"dev", b"", event.encode(), kind.encode(), b"2025-03-31.basil", body))
    return text + struct.pack(">I", zlib.crc32(text))


class Journal(unittest.TestCase):
    def play(self, first=1, head=2500):
        def answer(version, r):
            base = {"id": r["id"], "origin": 9, "first": first, "head": head}
            more = []
            if r["op"] == "replay":
                start = max(r["from"], first)
                seqs = range(start, min(head, start + min(r["max"], 700) - 1) + 1)
                more = [record(n, "evt_%d" % n, "invoice.paid" if n % 100 == 0 else "customer.updated") for n in seqs]
                base["count"] = len(more)
            if r["op"] == "find":
                if r["mode"] != "test" or r["event"] != "evt_42":
                    base = {"id": r["id"], "err": {"code": "not_found", "msg": "no such event", "retry": False}}
                base["seq"] = 42
            return [b"TGJ1", msgpack.packb(base), *more]
        return Router(answer)

    def listed(self, journal, *words):
        code, out, err = tiergate("journal", "list", "--json", "--journal-replay", journal.endpoint, *words)
        self.assertEqual(code, 0, err)
        return [r["seq"] for r in json.loads(out)["records"]]

    def test_list(self):
        with self.play() as journal:
            self.assertEqual(self.listed(journal), list(range(2451, 2501)))
            self.assertEqual(self.listed(journal, "--max", "3"), [2498, 2499, 2500])
            self.assertEqual(self.listed(journal, "--from", "7", "--max", "2"), [7, 8])
            self.assertEqual(self.listed(journal, "--from", "1", "--max", "10000"), list(range(1, 2501)))
            self.assertEqual(self.listed(journal, "--type", "invoice.paid", "--max", "2"), [2400, 2500])
            self.assertEqual(self.listed(journal, "--type", "invoice.*", "--from", "150", "--max", "3"), [200, 300, 400])
            self.assertEqual(self.listed(journal, "--from", "2501"), [])
            code, out, _ = tiergate("journal", "list", "--max", "1", "--journal-replay", journal.endpoint)
            self.assertIn("test  invoice.paid", out)
        with self.play(first=2400, head=2410) as journal:
            self.assertEqual(self.listed(journal), list(range(2400, 2411)))
            self.assertEqual(self.listed(journal, "--from", "5", "--max", "2"), [2400, 2401])
        with self.play(first=0, head=0) as journal:
            code, out, _ = tiergate("journal", "list", "--journal-replay", journal.endpoint)
            self.assertEqual((code, out), (0, "no such records; the journal's head is 0\n"))

    def test_show(self):
        with self.play() as journal:
            at = ["--journal-replay", journal.endpoint]
            for name in ("42", "evt_42"):
                code, out, err = tiergate("journal", "show", name, *at)
                self.assertEqual(code, 0, err)
                self.assertIn("evt_42", out)
                self.assertNotIn("\x1b", out)
            code, out, _ = tiergate("journal", "show", "42", *at, "--json")
            self.assertEqual(json.loads(out)["body"], {"a": "\x1b"})
            code, _, err = tiergate("journal", "show", "evt_43", *at)
            self.assertEqual(code, 69)
            self.assertIn("the journal has no event 'evt_43'", err)
            code, _, err = tiergate("journal", "show", "2501", *at)
            self.assertEqual(code, 69)
            self.assertIn("it holds 1 to 2500", err)

    def test_damage(self):
        def damaged(version, r):
            bad = bytearray(record(1, "evt_1"))
            bad[-1] ^= 1
            records = [bytes(bad)] if r["op"] == "replay" else []
            return [b"TGJ1", msgpack.packb({"id": r["id"], "origin": 9, "first": 1, "head": 1, "count": len(records)})] + records
        with Router(damaged) as journal:
            code, _, err = tiergate("journal", "list", "--journal-replay", journal.endpoint)
            self.assertEqual(code, 74)
            self.assertIn("checksum", err)


class Retry(unittest.TestCase):
    def test_retry(self):
        def answer(version, r):
            if r.get("seq") == 5:
                return [b"TGC1", msgpack.packb({"id": r["id"], "err": {"code": "not_found", "msg": "x", "retry": False}})]
            return [b"TGC1", msgpack.packb({"id": r["id"], "retried": 3, "healed": 3 - ("seq" in r), "still": 0 + ("seq" in r)})]
        with Router(answer) as worker:
            at = ["--control", worker.endpoint]
            code, out, err = tiergate("quarantine", "retry", *at)
            self.assertEqual((code, out), (0, "tried 3: 3 healed, 0 still in quarantine\n"), err)
            code, _, _ = tiergate("quarantine", "retry", "all", *at)
            self.assertEqual(code, 0)
            code, out, _ = tiergate("quarantine", "retry", "00000000000000ff/7", *at, "--json")
            self.assertEqual((code, json.loads(out)["still"]), (1, 1))
            self.assertEqual((worker.asked[-1]["origin"], worker.asked[-1]["seq"]), (255, 7))
            tiergate("quarantine", "retry", "255/7", *at)
            self.assertEqual((worker.asked[-1]["origin"], worker.asked[-1]["seq"]), (255, 7))
            code, _, err = tiergate("quarantine", "retry", "00000000000000ff/5", *at)
            self.assertEqual(code, 69)
            self.assertIn("not_found", err)


class Http:
    """An HTTP server that answers everything with one status and body, and keeps what it was sent."""

    def __init__(self, status, body):
        outer = self
        self.sent = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                data = self.rfile.read(int(self.headers["Content-Length"]))
                outer.sent.append((self.path, dict(self.headers), data))
                self.do_GET()

            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        # not HTTPServer, which asks the DNS for its own name
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Send(unittest.TestCase):
    def post(self, server, event, *words):
        return tiergate("send", "-", "--webhook-url", "http://%s/hook" % server.address, *words, stdin=event,
                        WEBHOOK_SECRETS="dev test %s" % SECRET)

    def test_answers(self):
        for status, body, code, words in (
                (200, '{"seq": 7, "duplicate": true}', 0, "200 a duplicate of record 7 of the journal"),
                (400, '{"code": "not_an_event", "detail": "no event"}', 1, "400 not_an_event: no event"),
                (400, '{"code": "bad_signature", "detail": "no match"}', 1,
                 "400 bad_signature: no match; has the ingress the same secret?"),
                (503, '{"code": "overloaded", "detail": "busy"}', 69, "503 overloaded: busy"),
                (200, '{"other": 1}', 0, '200 {"other": 1}'), (502, "plain", 69, "502 plain")):
            with Http(status, body.encode()) as server:
                self.assertEqual(self.post(server, '{"id": "evt_1"}')[:2], (code, words + "\n"))

    def test_signature(self):
        event = '{"id": "evt_1",  "created": 5}\n'
        with Http(200, b'{"seq": 1}') as server:
            code, out, err = self.post(server, event)
            self.assertEqual((code, out), (0, "200 accepted: record 1 of the journal\n"), err)
            path, headers, body = server.sent[0]
            self.assertEqual((path, body.decode()), ("/hook", event))
            self.assertEqual(headers["Content-Type"], "application/json")
            t, v1 = headers["Stripe-Signature"].split(",")
            mac = hmac.new(SECRET.encode(), t[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
            self.assertEqual(v1, "v1=" + mac)
            code, out, _ = self.post(server, event, "--set-created-now", "--json")
            self.assertEqual((code, json.loads(out)["status"], json.loads(out)["body"]), (0, 200, {"seq": 1}))
            self.assertGreater(json.loads(server.sent[1][2])["created"], 1700000000)

    def test_file(self):
        with Http(200, b"{}") as server, tempfile.NamedTemporaryFile("w+") as event, tempfile.NamedTemporaryFile("w+") as secrets:
            event.write("{}")
            event.flush()
            secrets.write("a live whsec_aaaaaaaaaaaaaaaaaaaa\nb test %s\n" % SECRET)
            secrets.flush()
            code, _, err = tiergate("send", event.name, "--webhook-secrets-file", secrets.name, "--label", "b",
                                    "--webhook-url", "http://%s/" % server.address)
            self.assertEqual(code, 0, err)
            t, v1 = server.sent[0][1]["Stripe-Signature"].split(",")
            self.assertEqual(v1[3:], hmac.new(SECRET.encode(), t[2:].encode() + b".{}", hashlib.sha256).hexdigest())
            code, _, err = tiergate("send", event.name, "--webhook-secrets-file", secrets.name, "--label", "c")
            self.assertEqual(code, 64)
            self.assertNotIn("whsec", err)

    def test_refusals(self):
        for status, wanted in ((400, 1), (413, 1), (302, 1), (500, 69), (503, 69)):
            with self.subTest(status=status), Http(status, b"\x1b[2Jno \xff") as server:
                code, out, _ = self.post(server, "{}")
                self.assertEqual(code, wanted)
                self.assertTrue(out.startswith("%d " % status))
                self.assertNotIn("\x1b", out)

    def test_mistakes(self):
        with Http(200, b"{}") as server:
            for event, words, wanted, says in (("", [], 64, "is empty"), ("no", ["--set-created-now"], 64, "not a JSON event"),
                                               ("[]", ["--set-created-now"], 64, "it is no object"),
                                               ("x" * (1024 * 1024 + 1), [], 69, "over 1048576 bytes")):
                code, _, err = self.post(server, event, *words)
                self.assertEqual(code, wanted, err)
                self.assertIn(says, err)
            self.assertEqual(server.sent, [])
        code, _, err = self.post(server, "{}")
        self.assertEqual(code, 69)
        self.assertIn("is tiergate-ingress running there?", err)
        code, _, err = tiergate("send", "-", "--webhook-url", "file:///etc/passwd", stdin="{}",
                                WEBHOOK_SECRETS="dev test %s" % SECRET)
        self.assertEqual(code, 64)


class Status(unittest.TestCase):
    def test_status(self):
        ready = {"ready": True, "why": [], "facts": {"head": 7, "backlog": 2, "last_event_ms": 1, "mode": "test",
                                                     "map_used": 1 << 30, "map_size": 4 << 30}}
        broken = {"ready": False, "why": ["journal: disk full"], "facts": {}}
        with Http(200, json.dumps(ready).encode()) as a, Http(503, json.dumps(broken).encode()) as b, \
                Http(200, b"<html>") as other:
            words = ["status", "--ingress-admin", a.address, "--entitlement-admin", b.address,
                     "--reconciler-admin", "127.0.0.1:9", "--billing-admin", "127.0.0.1:9"]
            code, out, _ = tiergate(*words, "--query-admin", "127.0.0.1:9")
            self.assertEqual(code, 69)
            ingress, entitlement, why, query, _, reconciler, _, billing, _ = out.splitlines()
            self.assertIn("ready ", ingress)
            for part in ("mode test", "head 7", "backlog 2", "last event", "map 25.0 % of 4.0 GiB"):
                self.assertIn(part, ingress)
            self.assertIn("not ready", entitlement)
            self.assertIn("journal: disk full", why)
            self.assertIn("down", query)
            self.assertIn("down", reconciler)
            self.assertIn("down", billing)
            code, out, _ = tiergate(*words, "--query-admin", other.address, "--json")
            got = json.loads(out)
            self.assertEqual((code, got["ready"]), (69, False))
            self.assertEqual([s["up"] for s in got["services"]], [True, True, False, False, False])
            self.assertIn("no service of Tiergate", got["services"][2]["why"][0])
            code, out, _ = tiergate(*words, "--only", "ingress")
            self.assertEqual((code, len(out.splitlines())), (0, 1))


if __name__ == "__main__":
    TIERGATE = os.path.join(sys.argv.pop(1), "bin", "tiergate")
    unittest.main(verbosity=0)
