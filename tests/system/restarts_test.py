"""A client of each kind through random kills and restarts of query and worker, while customers come and go: every answer is right
or an error, and no `allowed` is ever wrong. KILL_ROUNDS=N: N kills (100)."""

import os
import threading
import time
import unittest

import examples
import harness
import lives
import webhook
import wire

FEATURE = "live_trading"
KILLS = int(os.environ.get("KILL_ROUNDS") or 100)
SUBJECTS = 12  # of each sort
ANSWER_S = 60  # several tries of a second each, on a machine that is busy


class Asker(threading.Thread):
    """Asks one example about anybody, again and again, and judges what it says."""

    def __init__(self, example, facts, rng):
        super().__init__(daemon=True)
        self.example, self.facts, self.rng = example, facts, rng
        self.stopping = threading.Event()
        self.right, self.errors, self.wrong, self.failure = 0, 0, [], None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.ask(self.rng.choice(list(self.facts.sure) + list(self.facts.coming)))
                self.stopping.wait(0.002)
        except BaseException as failure:  # told by the main thread
            self.failure = failure

    def ask(self, subject):
        before = self.facts.may(subject)
        said = self.example.ask(subject, ANSWER_S)
        after = self.facts.may(subject)
        if said[0] == "error":
            self.errors += 1
        elif (said[0] == "allowed") in before | after:
            self.right += 1
        else:
            self.wrong.append((subject, said, before, after))


class Facts:
    """What may be answered about whom. A customer who pays is allowed from some moment after the webhook was sent."""

    def __init__(self):
        self.sure = {}    # subject → is it allowed
        self.coming = {}  # subject → "not yet", "sent"

    def may(self, subject):
        if subject in self.sure:
            return {self.sure[subject]}
        return {False} if self.coming[subject] == "not yet" else {False, True}


class RestartsTest(harness.SystemTest):
    def start(self):
        s = self.stack
        s.ingress().start()
        self.worker = s.worker().start()
        self.query = s.query(query_bind=f"tcp://{harness.own_host()}:0").start()
        self.at = self.query.flags["query-bind"] = self.query.ready["listen"]
        self.hook = webhook.Webhook(s.address())
        self.addCleanup(self.hook.close)

    def tell(self, life):
        for event in life.events:
            self.assertEqual(self.hook.send(event)[0], 200)

    def make_facts(self):
        facts = Facts()
        for n in range(SUBJECTS):
            paid, ended = lives.plain(n), lives.plain(1000 + n, status="trialing")
            self.tell(paid)
            facts.sure[paid.subject] = True
            facts.sure[f"nobody_{n}"] = False
            self.tell(ended)
            facts.sure[ended.subject] = True
        self.coming = [lives.plain(2000 + n) for n in range(KILLS)]
        facts.coming = {life.subject: "not yet" for life in self.coming}
        harness.applied(self.stack)
        return facts

    def commands(self):
        """How each kind is run; the first time they are built, which takes longer than an idle connection may last."""
        for kind in examples.KINDS:
            place = self.stack.dir / f"example-{kind}"
            place.mkdir()
            try:
                yield kind, examples.command(harness.BUILD, kind, place)
            except unittest.SkipTest as reason:
                print(f"without {kind}: {reason}", flush=True)  # its own test is skipped, and says so, too

    def askers(self, commands, facts, rng):
        for kind, words in commands:
            example = examples.Example(kind, words, self.at, FEATURE)
            self.addCleanup(example.close)
            yield Asker(example, facts, type(rng)(rng.getrandbits(64)))

    def test_kills_and_restarts(self):
        rng = harness.seed()
        commands = list(self.commands())
        self.start()
        facts = self.make_facts()
        askers = list(self.askers(commands, facts, rng))
        self.assertGreaterEqual(len(askers), 2)
        for asker in askers:
            asker.start()
        for n in range(KILLS):
            life = self.coming[n]
            facts.coming[life.subject] = "sent"
            victim = self.query if rng.random() < 0.6 else self.worker
            before, time_off = rng.random() * 0.2, rng.random() * 0.15
            time.sleep(before)
            victim.kill()
            self.tell(life)
            time.sleep(time_off)
            victim.start(wait=victim is self.worker)
        self.query.wait_log("ready")
        harness.applied(self.stack)
        for asker in askers:
            harness.wait_until(lambda a=asker: a.right > KILLS or a.failure, ANSWER_S, f"{asker.example.kind} is answered often enough")
            asker.stopping.set()
        for asker in askers:
            asker.join(ANSWER_S)
            kind = asker.example.kind
            print(f"{kind}: {asker.right} right, {asker.errors} errors, {len(asker.wrong)} wrong", flush=True)
            self.assertFalse(asker.is_alive() or asker.failure, f"{kind}: {asker.failure}")
            self.assertEqual(asker.wrong, [], kind)
            self.assertGreater(asker.right, KILLS, kind)
        with wire.Query(self.at) as query:
            query.wait_ready()
            for subject, allowed in [*facts.sure.items(), *((life.subject, True) for life in self.coming)]:
                self.assertEqual(query.check(subject, feat=FEATURE)["allowed"], allowed, subject)
                for asker in askers if subject in (self.coming[-1].subject, "nobody_0") else ():
                    self.assertEqual(examples.sure(asker.example, subject)[0], "allowed" if allowed else "denied", asker.example.kind)


if __name__ == "__main__":
    harness.main()
