"""Journals and stores: several journals, a store made anew, a query that came first."""

import http.client
import shutil
import time

import harness
import lives
import webhook
import wire
from harness import applied, store_dump, wait_until


OLD_MS = 10500  # by then a query no longer takes what it has for fresh


class JournalsTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()

    def pour(self, events, label="ingress"):
        pourer = webhook.Pourer(lambda: self.stack.address(label))
        pourer.add(events)
        pourer.wait()
        pourer.close()

    def expect_tiers(self, client, people):
        for life in people:
            if life.tier() is not None:
                self.assertEqual(client.tier(life.customer), life.tier(), [e["type"] for e in life.events])

    def test_two_journals_one_worker(self):
        """A load balancer in front of two ingresses: each event goes to either, some to both."""
        people, events = lives.many(self.rng, 80)
        for label in ("left", "right", "whole"):
            self.stack.ingress(label).start()
        self.stack.worker("both", journals=("left", "right")).start()
        self.stack.worker("alone", journals=("whole",)).start()
        self.stack.query(worker="both").start()
        left, right = [], []
        for event in events:
            side = self.rng.choice(("left", "left", "right", "right", "both"))
            left.extend([event] if side != "right" else [])
            right.extend([event] if side != "left" else [])
        shuffled = self.rng.sample(events, len(events))
        for label, share in (("left", left), ("right", right), ("whole", shuffled)):
            self.pour(share, label)
        both = applied(self.stack, "both", ("left", "right"))
        alone = applied(self.stack, "alone", ("whole",))
        self.assertEqual(len(both["cursors"]), 2)
        self.assertEqual(both["digest"], alone["digest"])
        with wire.Query(self.stack.ipc("query-tg01")) as client:
            self.expect_tiers(client, people)

    def test_one_journal_away(self):
        """A journal that is down holds up neither the other nor itself when it comes back."""
        people, events = lives.many(self.rng, 20)
        for label in ("left", "right"):
            self.stack.ingress(label).start()
        self.stack.worker("both", journals=("left", "right")).start()
        self.pour(events[::2], "left")
        self.stack.services["left"].kill()
        self.pour(events[1::2], "right")
        with wire.Journal(self.stack.ipc("right-replay")) as journal:
            right = journal.head()
        wait_until(lambda: store_dump(self.stack, "both")["cursors"].get(right["origin"]) == right["head"], 60,
                   "the journal that is there is applied")
        self.stack.services["left"].start()
        late = lives.hello(1)
        self.pour([late], "left")
        self.assertEqual(applied(self.stack, "both", ("left", "right"))["subs"],
                         len({e["data"]["object"]["id"] for e in events if e["data"]["object"]["object"] == "subscription"}))

    def test_a_store_made_anew_has_the_same_digest(self):
        people, events = lives.many(self.rng, 80)
        _, worker, _ = self.stack.start_all()
        self.pour(self.rng.sample(events, len(events)))
        before = applied(self.stack)
        with wire.Query(self.stack.ipc("query-tg01")) as client:
            epoch = client.get(people[0].customer)["epoch"]
            self.assertEqual(worker.stop(), 0)
            shutil.rmtree(self.stack.dir / "worker-store")
            worker.start()
            after = applied(self.stack)
            self.assertEqual(after["digest"], before["digest"])
            self.assertNotEqual(after["epoch"], before["epoch"])
            # the query that runs must not go on answering out of the store that is gone
            wait_until(lambda: self.answer_epoch(client, people[0]) not in (None, epoch), 60, "query sees the new store")
            self.expect_tiers(client, people)

    def answer_epoch(self, client, life):
        try:
            return client.get(life.customer)["epoch"]
        except (wire.NoAnswer, wire.Refused):
            return None

    def test_a_second_worker_has_the_same_digest(self):
        people, events = lives.many(self.rng, 80)
        self.stack.start_all()
        self.pour(events[:len(events) // 2])
        self.stack.worker("second").start()
        self.pour(events[len(events) // 2:])
        self.assertEqual(applied(self.stack)["digest"], applied(self.stack, "second")["digest"])

    def test_query_started_before_its_store_exists(self):
        life = lives.plain(1)
        self.stack.ingress().start()
        query = self.stack.query().start(wait=False)
        worker = self.stack.worker()
        with wire.Query(self.stack.ipc("query-tg01"), timeout_ms=300) as client:
            def answer():
                """What a client gets: a tier, a code, or nothing while nobody listens."""
                try:
                    return client.tier(life.customer)
                except wire.Refused as refused:
                    self.assertTrue(refused.retry, refused)
                    return refused.code
                except wire.NoAnswer:
                    return None
            for _ in range(3):
                self.assertIn(answer(), (None, "not_ready"))
            self.assertTrue(query.running())
            worker.start()
            wait_until(lambda: answer() == "free", 60, "it answers once the store is there")
            self.pour(life.events)
            wait_until(lambda: answer() == "pro", 60, "and follows it")
        self.assertEqual(query.stop(), 0)

    def test_query_started_while_the_journal_is_away(self):
        """What the store has is answered, though nobody can say whether it is all there is."""
        life = lives.plain(1)
        ingress, worker, query = self.stack.start_all()
        self.pour(life.events)
        applied(self.stack)
        ingress.kill()
        with wire.Query(self.stack.ipc("query-tg01")) as client:
            old = client.get(life.customer)["as_of"]
            wait_until(lambda: time.time() * 1000 - client.get(life.customer)["as_of"] > OLD_MS, 60, "answers are old")
            for others in ((query,), (query, worker)):
                for service in others:
                    service.kill()
                for service in others:
                    service.start()
                client.wait_ready()
                answer = client.get(life.customer)
                self.assertEqual(answer["tier"], "pro")
                self.assertLess(answer["as_of"] or 0, old + OLD_MS)

    def test_a_journal_that_is_removed_acknowledges_nothing(self):
        ingress = self.stack.ingress().start()
        with webhook.Webhook(self.stack.address()) as hook:
            self.assertEqual(hook.send(lives.hello(1))[0], 200)
            shutil.rmtree(self.stack.dir / "ingress-journal")
            try:
                self.assertEqual(hook.send(lives.hello(2))[0], 503)
            except (OSError, http.client.HTTPException):
                pass  # it may be gone already
        self.assertEqual(ingress.wait_exit(), 74)
        ingress.start()
        self.pour([lives.hello(1), lives.hello(2)])
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            self.assertEqual(sorted(r["id"] for r in journal.records()), ["evt_hello1", "evt_hello2"])

    def test_appends_go_through_the_journal_once(self):
        life = lives.plain(1)
        self.stack.start_all()
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal, \
                wire.Query(self.stack.ipc("query-tg01")) as client:
            def append(event):
                return journal.call("append", kind="event", mode="test", acct="", event=event["id"], type=event["type"],
                                    api_version=event["api_version"], created=event["created"],
                                    body=webhook.encode(event))[0]
            for n, event in enumerate(life.events, 1):
                self.assertEqual([append(event)["seq"], append(event)["duplicate"]], [n, True])
            self.pour(life.events)  # as webhooks they are duplicates now
            self.assertEqual(journal.head()["head"], len(life.events))
            wait_until(lambda: client.tier(life.customer) == "pro", 60, "appended facts count")


if __name__ == "__main__":
    harness.main()
