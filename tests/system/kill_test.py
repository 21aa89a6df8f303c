"""kill -9 of each service at random moments while events pour in.

What must hold: every event that got a 200 is in the journal, exactly once, with the sequence that the sender was told; an event
that got no answer is there once or not at all; the worker's state equals that of undisturbed runs over the same
events, in the same order and in another; and queries answer what the lives were.
"""

import collections
import os

import harness
import lives
import webhook
import wire
from harness import applied, wait_until

ROUNDS = int(os.environ.get("KILL_ROUNDS") or 50)
PEOPLE_A_ROUND = 12
CONNECTIONS = 6
GIVEN_UP = 0.1  # of the senders whose first try got no answer: Stripe too gives up at last


class KillTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()
        self.services = self.stack.start_all()
        self.given_up = set()
        self.pourer = webhook.Pourer(self.stack.address, CONNECTIONS, self.give_up, pace_s=0.01)
        self.stack.on_close(self.pourer.close)
        self.fate = lives.random.Random(self.rng.getrandbits(64))  # of the senders' threads
        self.events, self.people = {}, []

    def give_up(self, event_id, tries):
        if tries > 1 or self.fate.random() > GIVEN_UP:
            return False
        self.given_up.add(event_id)
        return True

    def round(self, number):
        people, events = lives.many(self.rng, PEOPLE_A_ROUND, name=f"r{number}p")
        self.people += people
        self.events.update((e["id"], e) for e in events)
        # redelivered and in another order, as Stripe may
        extra = self.rng.sample(events, len(events) // 10)
        order = events + extra if self.rng.random() < 0.5 else self.rng.sample(events + extra, len(events + extra))
        before = self.pourer.count()
        self.pourer.add(order)
        victims = self.rng.sample(self.services, self.rng.choice((1, 1, 1, 1, 2, 3)))
        moment = before + self.rng.randrange(len(events))
        wait_until(lambda: self.pourer.count() >= moment or self.pourer.left == 0, 60, f"round {number}: moment {moment}")
        for victim in victims:
            victim.kill()
        for victim in victims:
            victim.start(wait=False)
        for victim in victims:
            victim.wait_ready()
        return [victim.label for victim in victims]

    def check_journal(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            records = list(journal.records())
        self.assertEqual([r["seq"] for r in records], list(range(1, len(records) + 1)))
        seqs = {r["id"]: r["seq"] for r in records}
        self.assertEqual(len(seqs), len(records), "an event is in the journal twice")
        for event_id, answers in self.pourer.answered.items():
            self.assertEqual({seq for seq, _ in answers}, {seqs.get(event_id)}, f"{event_id} was told another sequence")
            self.assertLessEqual(sum(not duplicate for _, duplicate in answers), 1, f"{event_id} was new twice")
        self.assertLessEqual(seqs.keys(), self.events.keys())
        self.assertEqual(self.events.keys() - seqs.keys() - self.given_up, set(), "nobody gave these up")
        for record in records:
            self.assertEqual(record["body"], webhook.encode(self.events[record["id"]]))
        return records

    def tiers(self, label):
        with wire.Query(self.stack.ipc(f"{label}-tg01")) as client:
            return {life.customer: (lambda a: (a["tier"], a["reason"], a["status"], a["feats"], a["seats"]))(
                client.get(life.customer)) for life in self.people}

    def check_state(self, records):
        disturbed = applied(self.stack)
        self.stack.worker("again").start()  # the same journal, undisturbed
        self.assertEqual(applied(self.stack, "again")["digest"], disturbed["digest"])
        self.stack.ingress("other").start()  # the same events in another order
        self.stack.worker("calm", journals=("other",)).start()
        pourer = webhook.Pourer(lambda: self.stack.address("other"), CONNECTIONS)
        pourer.add(self.events[r["id"]] for r in self.rng.sample(records, len(records)))
        pourer.wait()
        pourer.close()
        calm = applied(self.stack, "calm", ("other",))
        self.assertEqual(calm["digest"], disturbed["digest"])
        self.stack.query("calm-query", worker="calm").start()
        answers = wait_until(lambda: self.answers("query"), 60, "query answers again")
        self.assertEqual(answers, self.tiers("calm-query"))
        here = {r["id"] for r in records}
        for life in self.people:
            if life.tier() is not None and all(e["id"] in here for e in life.events):
                self.assertEqual(answers[life.customer][0], life.tier(), [e["type"] for e in life.events])

    def answers(self, label):
        try:
            return self.tiers(label)
        except (wire.NoAnswer, wire.Refused):
            return None

    def test_rounds(self):
        killed = collections.Counter()
        for number in range(ROUNDS):
            killed.update(self.round(number))
        self.pourer.wait()
        records = self.check_journal()
        self.check_state(records)
        print(f"{ROUNDS} rounds, killed {dict(killed)}, {len(records)} records, {self.pourer.silent} tries without an "
              f"answer, {len(self.given_up)} events given up, refused {len(self.pourer.refused)}", flush=True)
        if ROUNDS >= 50:
            self.assertEqual(len(killed), 3, "each service was killed")
            self.assertGreater(self.pourer.silent, 0, "no request was ever cut off: the rounds prove little")


if __name__ == "__main__":
    harness.main()
