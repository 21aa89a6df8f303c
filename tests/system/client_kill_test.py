"""libtiergate through a hundred kills of query and worker, while subscriptions come and go.

Three clients ask without pause: one asks the servers, two have a cache, of which one is filled beforehand. Afterwards each
`allowed` that came with the word of a server or a cache is held against the store: it must have been so at a moment
between the call's return and its beginning less the age that the answer itself declares. What is marked as a fallback must
be what was declared for that feature, and one of TG_LAST_KNOWN must have been so once. And no answer may be of another version than
it says.
"""

import bisect
import collections
import os
import threading
import time

import client
import harness
import lives
import webhook
import wire
from client import Client
from harness import applied, wait_until

ROUNDS = int(os.environ.get("KILL_ROUNDS") or 100)
PEOPLE = 80
PACE_S = 0.01
# a change counts from its commit; what a busy machine takes to bring it from there to a client, without a message lost
DELAY_MS = 5000
CLOCK_MS = 2  # two clocks that are read in whole milliseconds
# features and what is declared for them (client_probe.c asks about these)
POLICIES = {"live_trading": "deny", "fix_connectivity": "deny", "sentiment_analysis": "allow", "basic_scanner": "deny",
            "advanced_charts": "last_known"}
NEEDS = {"basic_scanner": ("free", "pro", "institutional"), "live_trading": ("pro", "institutional"),
         "sentiment_analysis": ("pro", "institutional"), "advanced_charts": ("pro", "institutional"),
         "fix_connectivity": ("institutional",)}
Sample = collections.namedtuple("Sample", "before after subject feature status allowed stale source error age ver")


class Person:
    """One customer whose subscription changes all the time."""

    def __init__(self, rng, number):
        self.rng, self.number, self.count = rng, number, 0
        self.life = lives.plain(number)
        self.subject = self.life.subject
        self.state = dict(self.life.subscription, metadata={"user_id": self.subject})
        customer = {"id": self.life.customer, "object": "customer", "created": self.state["created"], "livemode": False,
                    "metadata": {"user_id": self.subject}, "email": None, "name": None, "delinquent": False}
        self.begin = [lives.event(f"evt_k{number}c", "customer.created", self.state["created"], customer),
                      lives.event(f"evt_k{number}s", "customer.subscription.created", self.state["created"], self.state)]

    def change(self):
        now = int(time.time())
        what = self.rng.randrange(4)
        new = dict(self.state)
        if what == 0:
            new["status"] = "active" if self.state["status"] == "unpaid" else "unpaid"
        elif what == 1:
            new["cancel_at"] = None if self.state["cancel_at"] else now + self.rng.randrange(1, 4)
        elif what == 2:
            new["items"] = self.life._items(self.rng.choice(list(lives.PLANS)), now)
        else:
            new["status"], new["cancel_at"] = "active", None
        previous = lives.previous_attributes(self.state, new)
        self.state = new
        self.count += 1
        return lives.event(f"evt_k{self.number}n{self.count}", "customer.subscription.updated", now, new, previous)


class History:
    """What the store's log of changes says each subject had, by version and by time."""

    def __init__(self, changes):
        self.of = collections.defaultdict(lambda: ([0], [0], [("free", None)]))  # versions, moments, (tier, until)
        for c in changes:
            versions, moments, tiers = self.of[c["sub"]]
            versions.append(c["ver"])
            moments.append(max(c["at_ms"], moments[-1]))
            tiers.append((c["after"], c["until"]))

    def tiers_between(self, subject, first_ms, last_ms):
        _, moments, tiers = self.of[subject]
        first = bisect.bisect_right(moments, first_ms) - 1
        return self.at(tiers[max(first, 0):bisect.bisect_right(moments, last_ms)], last_ms)

    def tiers_since(self, subject, ver, last_ms):
        versions, _, tiers = self.of[subject]
        return self.at(tiers[bisect.bisect_right(versions, ver) - 1:], last_ms)

    @staticmethod
    def at(tiers, ms):
        """What they said, and what the clock had made of it by that moment, for who had not heard of the next one."""
        return {tier for tier, _ in tiers} | {"free" for _, until in tiers if until and until * 1000 <= ms + CLOCK_MS}

    def around(self, subject, ms):
        """For a person: version, milliseconds from that moment, tier."""
        versions, moments, tiers = self.of[subject]
        return [(v, m - ms, *t) for v, m, t in zip(versions, moments, tiers) if abs(m - ms) < 15000]

    def tiers_ever(self, subject):
        return {tier for tier, _ in self.of[subject][2]}


class ClientKillTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()
        _, self.worker, self.query = self.stack.start_all()
        self.people = [Person(lives.random.Random(self.rng.getrandbits(64)), n) for n in range(PEOPLE)]
        with webhook.Webhook(self.stack.address()) as hook:
            for person in self.people:
                for event in person.begin:
                    self.assertEqual(hook.send(event)[0], 200)
        applied(self.stack)
        self.end = threading.Event()
        self.sent = 0

    def open(self, name, **options):
        options.setdefault("timeout_ms", 500)
        options.setdefault("max_age_ms", 2000)
        c = Client(self.stack, *(f"{feature}:{how}" for feature, how in POLICIES.items()), query=self.stack.ipc("query-tg01"),
                   **options)
        self.assertEqual(c.opened["open"], 0, c.opened["why"])
        self.assertTrue(c.wait())
        log = self.stack.dir / f"{name}.log"
        self.assertTrue(c.say("storm", log, 2, 2000, *(p.subject for p in self.people)))
        return name, c, log

    def pour(self):
        rng = lives.random.Random(self.rng.getrandbits(64))
        with webhook.Webhook(self.stack.address()) as hook:
            while not self.end.wait(PACE_S):
                assert hook.send(rng.choice(self.people).change())[0] == 200
                self.sent += 1

    def kill_and_restart(self, number):
        victims = self.rng.choice(((self.query,), (self.query,), (self.worker,), (self.query, self.worker)))
        for victim in victims:
            victim.kill()
        mark = self.sent
        down = self.rng.choice((0, 0, 5, 30))  # so many events come meanwhile
        wait_until(lambda: self.sent >= mark + down, 60, f"round {number}: {down} events")
        for victim in victims:
            victim.start(wait=False)
        for victim in victims:
            victim.wait_ready()
        mark, up = self.sent, self.rng.choice((0, 5, 20, 100))
        wait_until(lambda: self.sent >= mark + up, 60, f"round {number}: {up} events more")

    def everything(self):
        with wire.Query(self.stack.ipc("query-tg01")) as q:
            q.wait_ready()
            ver, changes = 0, []
            while True:
                reply = q.since(ver)
                changes += reply["changes"]
                ver = reply["ver"]
                if not reply.get("more"):
                    return changes

    def check_sample(self, history, s):
        """None, or what is wrong with it."""
        may = NEEDS[s.feature]
        if s.status == client.OK:
            tiers = history.tiers_between(s.subject, s.before - s.age - DELAY_MS, s.after)
            justified = any((tier in may) == s.allowed for tier in tiers)
            if not justified:
                return f"{'allowed' if s.allowed else 'denied'}, but it had {tiers}"
            versions = history.tiers_since(s.subject, s.ver, s.after)
            if not any((tier in may) == s.allowed for tier in versions):
                return f"not of version {s.ver} or a later one: {versions}"
        elif s.status == client.FALLBACK:
            how = POLICIES[s.feature]
            if s.source == client.LAST_KNOWN:
                if how != "last_known" or not s.stale:
                    return "last known, and that was not declared or not said"
                if s.allowed and not any(tier in may for tier in history.tiers_ever(s.subject)):
                    return "last known, and never so"
            elif s.source != client.POLICY or s.allowed != (how == "allow"):
                return f"declared was {how}"
        else:
            return "neither answered nor a fallback"
        return None

    def check_log(self, history, name, log):
        count, wrong, by = 0, [], collections.Counter()
        with open(log) as lines:
            for line in lines:
                f = line.split()
                s = Sample(int(f[0]), int(f[1]), f[2], f[3], int(f[4]), f[5] == "1", f[6] == "1", int(f[7]), int(f[8]),
                           int(f[9]), int(f[10]))
                count += 1
                by[(s.status, s.source, s.allowed)] += 1
                why = self.check_sample(history, s)
                if why:
                    wrong.append((why, s, history.around(s.subject, s.before)))
        print(f"{name}: {count} answers, by (status, source, allowed): {dict(sorted(by.items()))}", flush=True)
        self.assertEqual(wrong[:5], [], f"{len(wrong)} of {count} answers of {name}")
        return by

    def test_no_wrong_answer(self):
        feed = self.stack.ipc("query-feed")
        clients = [self.open("asking"), self.open("cached", feed=feed), self.open("filled", feed=feed, preload=1)]
        pourer = threading.Thread(target=self.pour)
        pourer.start()
        try:
            for number in range(ROUNDS):
                self.kill_and_restart(number)
        finally:
            self.end.set()
            pourer.join()
        for _, c, _ in clients:
            wait_until(lambda: c.check(self.people[0].subject, "basic_scanner")["status"] == client.OK, 60, "an answer")
            self.assertTrue(c.say("calm"))
        applied(self.stack)
        changes = self.everything()
        history = History(changes)
        print(f"{self.sent} events made {len(changes)} changes", flush=True)
        self.assertGreater(len(changes), self.sent / 4)
        for name, c, log in clients:
            by = self.check_log(history, name, log)
            print(name, c.counts(), flush=True)
            self.assertGreater(sum(n for (status, _, _), n in by.items() if status == client.OK), ROUNDS)
            by_source = collections.Counter()
            for (_, source, _), n in by.items():
                by_source[source] += n
            for source in (client.POLICY, client.LAST_KNOWN) if name == "asking" else (client.CACHE,):
                self.assertGreaterEqual(by_source[source], ROUNDS // 10)
            self.assertEqual(c.close(), 0)


if __name__ == "__main__":
    harness.main()
