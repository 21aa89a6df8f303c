"""One of proto/examples, held against the golden vectors by a server that the test plays, and against a real one. Run as
`FILE BUILD_DIR Go`: one class a language."""

import json

import examples
import harness
import lives
import msgpack
import webhook
import wire
import zmq

FEATURE = "live_trading"
ANSWER_MS = 20000


class Server:
    """A ROUTER that says what it is told to."""

    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.at = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"

    def receive(self):
        """(the envelope, the request's bytes)"""
        assert self.socket.poll(ANSWER_MS), "no request"
        *envelope, version, request = self.socket.recv_multipart()
        assert version == b"TG01", version
        return envelope, request

    def answer(self, envelope, reply):
        self.socket.send_multipart([*envelope, b"TG01", reply])

    def close(self):
        self.socket.close()


class ExampleTest:
    kind = ""

    def setUp(self):
        super().setUp()
        self.words = examples.command(harness.BUILD, self.kind, self.stack.dir)

    def example(self, at, feature=FEATURE):
        example = examples.Example(self.kind, self.words, at, feature)
        self.addCleanup(example.close)
        return example

    def expected(self, means):
        if "err" in means:
            return ["error", means["err"]["code"], *means["err"]["msg"].split()]
        return ["allowed" if means["allowed"] else "denied", means["reason"], means["tier"]]

    def test_vectors(self):
        """Each golden reply to a check is understood, and what is asked is what the vectors' codec would ask."""
        server = Server()
        self.addCleanup(server.close)
        example = self.example(server.at)
        vectors = json.loads((harness.ROOT / "proto" / "vectors" / "tg01.json").read_text())["vectors"]
        replies = [vector for vector in vectors if vector["what"] == "check"]
        self.assertGreater(len(replies), 10)
        for vector in replies:
            with self.subTest(reply=vector["name"]):
                subject = "näme_€" if vector["name"] == "allowed" else "user_42"
                example.send(subject)
                means = vector["means"]
                for _ in range(3 if means.get("err", {}).get("retry") else 1):
                    envelope, request = server.receive()
                    asked = msgpack.unpackb(request)
                    self.assertIn(asked.pop("id"), (1, "1"))
                    self.assertEqual(asked, {"op": "check", "sub": subject, "feat": FEATURE})
                    self.assertEqual(request, msgpack.packb(msgpack.unpackb(request)))  # each value in its shortest form
                    server.answer(envelope, bytes.fromhex(vector["hex"]))
                self.assertEqual(example.receive(30), self.expected(means))

    def test_silence_and_what_comes_late(self):
        server = Server()
        self.addCleanup(server.close)
        example = self.example(server.at)
        yes = msgpack.packb({"id": 1, "allowed": True, "reason": "active", "tier": "pro"})
        no = msgpack.packb({"id": 1, "allowed": False, "reason": "unknown_subject", "tier": "free"})
        example.send("alice")
        late, _ = server.receive()
        again, _ = server.receive()  # it asks again by itself
        server.answer(late, yes)     # what comes to the first question is nobody's
        server.answer(again, no)
        self.assertEqual(example.receive(30), ["denied", "unknown_subject", "free"])
        example.send("bob")
        for _ in range(3):
            server.receive()
        self.assertEqual(example.receive(30)[:2], ["error", "timeout"])
        example.send("carol")
        self.assertTrue(server.socket.poll(ANSWER_MS))
        envelope, _ = server.receive()
        server.answer(envelope, yes)
        self.assertEqual(example.receive(30), ["allowed", "active", "pro"])

    def test_a_server_that_is_killed_and_restarted(self):
        s = self.stack
        s.ingress().start()
        s.worker().start()
        query = s.query(query_bind="tcp://127.0.0.1:0").start()
        at = query.flags["query-bind"] = query.ready["listen"]
        hook = webhook.Webhook(s.address())
        self.addCleanup(hook.close)
        life = lives.plain(1)
        for event in life.events:
            self.assertEqual(hook.send(event)[0], 200)
        harness.applied(s)
        example = self.example(at)
        self.assertEqual(example.ask(life.subject)[::2], ["allowed", "pro"])
        self.assertEqual(example.ask("nobody"), ["denied", "unknown_subject", "free"])
        query.kill()
        self.assertEqual(example.ask(life.subject)[:2], ["error", "timeout"])
        example.send("nobody")
        query.start()
        self.assertEqual(example.receive(30)[1:2], ["unknown_subject"])
        self.assertEqual(example.ask(life.subject)[::2], ["allowed", "pro"])
        with wire.Query(at) as direct:
            self.assertEqual(direct.check(life.subject, feat=FEATURE)["tier"], "pro")
        typo = self.example(at, feature="no_such_feature")
        self.assertEqual(typo.ask(life.subject)[:2], ["error", "unknown_feature"])


for name in examples.KINDS:
    globals()[name.capitalize()] = type(name.capitalize(), (ExampleTest, harness.SystemTest), {"kind": name})


if __name__ == "__main__":
    harness.main()
