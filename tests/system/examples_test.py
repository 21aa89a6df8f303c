"""One of proto/examples, held against the golden vectors by a server that the test plays, and against a real one. Run as
`FILE BUILD_DIR Go`: one class a language.

An example asks three times with a limit of a second each. Where somebody stood still for as long, it says `timeout`, or has asked
once more: then it is asked again, about somebody else, so that no request of before is taken for one of now."""

import json
import time

import examples
import harness
import lives
import msgpack
import webhook
import wire
import zmq

FEATURE = "live_trading"
ANSWER_S = 60
ON_ITS_WAY_MS = 3000  # for a request that was sent before the example spoke
TRIES = 12
TIMEOUT = ["error", "timeout", "no", "answer"]


class Server:
    """A ROUTER that says what it is told to."""

    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.at = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"

    def take(self, subject):
        """(the envelope, the request's bytes) of a request about that subject; None of one about another: it is late."""
        *envelope, version, request = self.socket.recv_multipart()
        assert version == b"TG01", version
        return (envelope, request) if msgpack.unpackb(request)["sub"] == subject else None

    def converse(self, example, subject, answer=lambda envelopes, request: None, wanted=0):
        """Has the example ask about a subject; answer(every envelope until now, the request) for each request.
        (What it says in the end, all envelopes); for the first `wanted` of them it waits a little."""
        said, envelopes, output = None, [], example.process.stdout.fileno()
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(output, zmq.POLLIN)
        example.send(subject)
        deadline = time.monotonic() + ANSWER_S
        while said is None or len(envelopes) < wanted:
            ready = dict(poller.poll(1000 if said is None else ON_ITS_WAY_MS))
            if self.socket in ready:
                got = self.take(subject)
                if got:
                    envelopes.append(got[0])
                    answer(envelopes, got[1])
            elif output in ready:
                said = example.receive(0)
            elif said is not None:
                break
            elif time.monotonic() > deadline:
                raise harness.Late(f"{example.kind} says nothing about {subject}")
        return said, envelopes

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

    def served(self):
        """A server and an example that asks it."""
        server = Server()
        self.addCleanup(server.close)
        return server, self.example(server.at)

    def expected(self, means):
        if "err" in means:
            return ["error", means["err"]["code"], *means["err"]["msg"].split()]
        return ["allowed" if means["allowed"] else "denied", means["reason"], means["tier"]]

    def insist(self, ask, said, requests=None):
        """ask(a number) → (what was said, its requests), until both are as wanted; what is said before that is so, or a timeout."""
        for number in range(TRIES):
            got, envelopes = ask(number)
            if got == said and requests in (None, len(envelopes)):
                return
            self.assertIn(got, (said, TIMEOUT))
        self.fail(f"asked {TRIES} times, {self.kind} said {got} after {len(envelopes)} requests, not {said} after {requests}")

    def test_vectors(self):
        """Each golden reply to a check is understood, and what is asked is what the vectors' codec would ask."""
        server, example = self.served()
        vectors = json.loads((harness.ROOT / "proto" / "vectors" / "tg01.json").read_text())["vectors"]
        replies = [vector for vector in vectors if vector["what"] == "check"]
        self.assertGreater(len(replies), 10)
        for vector in replies:
            with self.subTest(reply=vector["name"]):
                self.hold(server, example, vector)

    def hold(self, server, example, vector):
        means = vector["means"]

        def ask(number):
            subject = ("näme_€" if vector["name"] == "allowed" else "user_42") + vector["name"] + str(number)

            def answer(envelopes, request):
                asked = msgpack.unpackb(request)
                self.assertIn(asked.pop("id"), (1, "1"))
                self.assertEqual(asked, {"op": "check", "sub": subject, "feat": FEATURE})
                self.assertEqual(request, msgpack.packb(msgpack.unpackb(request)))  # each value in its shortest form
                server.answer(envelopes[-1], bytes.fromhex(vector["hex"]))
            return server.converse(example, subject, answer)
        self.insist(ask, self.expected(means), 3 if means.get("err", {}).get("retry") else 1)

    def test_silence_and_what_comes_late(self):
        server, example = self.served()
        yes = msgpack.packb({"id": 1, "allowed": True, "reason": "active", "tier": "pro"})
        no = msgpack.packb({"id": 1, "allowed": False, "reason": "unknown_subject", "tier": "free"})
        unanswered = []

        def the_first_is_late(envelopes, _):
            if len(envelopes) == 2:  # it asks again by itself
                server.answer(envelopes[0], yes)  # what comes to the first question is nobody's
            if len(envelopes) > 1:
                server.answer(envelopes[-1], no)

        def silence(number):
            said, envelopes = server.converse(example, f"bob_{number}", wanted=3)
            unanswered.extend(envelopes)
            return said, envelopes

        def all_of_before_is_late(envelopes, _):
            for envelope in unanswered:
                server.answer(envelope, no)
            server.answer(envelopes[-1], yes)
        self.insist(lambda n: server.converse(example, f"alice_{n}", the_first_is_late), ["denied", "unknown_subject", "free"])
        self.insist(silence, TIMEOUT, 3)
        self.insist(lambda n: server.converse(example, f"carol_{n}", all_of_before_is_late), ["allowed", "active", "pro"])

    def sure(self, example, subject, *said):
        self.assertEqual(examples.sure(example, subject)[:len(said)], list(said))

    def test_a_server_that_is_killed_and_restarted(self):
        s = self.stack
        s.ingress().start()
        s.worker().start()
        query = s.query(query_bind=f"tcp://{harness.own_host()}:0").start()
        at = query.flags["query-bind"] = query.ready["listen"]
        hook = webhook.Webhook(s.address())
        self.addCleanup(hook.close)
        life = lives.plain(1)
        for event in life.events:
            self.assertEqual(hook.send(event)[0], 200)
        harness.applied(s)
        example = self.example(at)
        self.sure(example, life.subject, "allowed", "active", "pro")
        self.sure(example, "nobody", "denied", "unknown_subject", "free")
        query.kill()
        self.assertEqual(example.ask(life.subject), TIMEOUT)
        example.send("nobody")
        query.start()
        said = example.receive(ANSWER_S)  # asked of nobody; it may have given up before there was somebody
        self.assertTrue(examples.excused(said) or said == ["denied", "unknown_subject", "free"], said)
        self.sure(example, "nobody", "denied", "unknown_subject", "free")
        self.sure(example, life.subject, "allowed", "active", "pro")
        with wire.Query(at) as direct:
            direct.wait_ready()
            self.assertEqual(direct.check(life.subject, feat=FEATURE)["tier"], "pro")
        self.sure(self.example(at, feature="no_such_feature"), life.subject, "error", "unknown_feature")


for name in examples.KINDS:
    globals()[name.capitalize()] = type(name.capitalize(), (ExampleTest, harness.SystemTest), {"kind": name})


if __name__ == "__main__":
    harness.main()
