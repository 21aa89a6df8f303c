"""The feed: changes as they happen, a heartbeat each second, and `since` without a gap or a repetition."""

import harness
import lives
import webhook
import wire
from harness import applied, wait_until

HEARTBEAT = b"\0"


class FeedTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        _, self.worker, self.query = self.stack.start_all()
        self.hook = webhook.Webhook(self.stack.address())
        self.client = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.hook.close)
        self.addCleanup(self.client.close)

    def send(self, events):
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)

    def subscribed(self, *topics):
        """A subscriber whose subscription is known to have arrived: it has had a heartbeat."""
        feed = wire.Subscriber(self.stack.ipc("query-feed"), *topics, HEARTBEAT)
        self.stack.on_close(feed.socket.close)
        wait_until(lambda: feed.receive(2000), 60, "a heartbeat")
        return feed

    def test_a_subject_hears_of_its_change_and_of_nobody_elses(self):
        one, other = lives.plain(1), lives.plain(2)
        feed = self.subscribed(one.subject.encode(), one.customer.encode())
        self.send(other.events + one.events)
        changes, beats = [], 0
        while not changes or changes[-1]["after"] != "pro" or beats < 2:
            got = feed.receive()
            self.assertIsNotNone(got, f"nothing more after {changes}")
            topic, change = got
            if topic == HEARTBEAT:
                beats += 1
                continue
            self.assertIn(topic.decode(), (one.subject, one.customer))
            self.assertIn(change["event"], [e["id"] for e in one.events])
            changes.append(change)
        versions = [c["ver"] for c in changes]
        self.assertEqual(versions, sorted(set(versions)))

    def test_heartbeats_name_the_store(self):
        feed = self.subscribed()
        self.send(lives.plain(1).events)
        version = applied(self.stack)["version"]

        def beat():
            topic, message = feed.receive() or (None, None)
            return message if topic == HEARTBEAT and message["ver"] == version else None
        message = wait_until(beat, 60, f"a heartbeat with version {version}")
        self.assertEqual(message["epoch"], self.client.ping()["epoch"] if "epoch" in self.client.ping()
                         else self.client.get("x")["epoch"])
        self.assertLess(abs(message["now_ms"] - message["as_of"]), 60000)

    def follow(self, after, most=7):
        """Everything after that version, a few at a time."""
        while True:
            reply = self.client.since(after, max=most)
            self.assertLessEqual(len(reply["changes"]), most)
            yield from reply["changes"]
            self.assertGreaterEqual(reply["ver"], after)
            if not reply["changes"]:
                return
            after = reply["ver"]

    def test_since_resumes_without_a_gap_over_restarts(self):
        rng = harness.seed()
        _, events = lives.many(rng, 40)
        whole, seen = len(events), 0
        for part in range(4):
            self.send(events[part * whole // 4:(part + 1) * whole // 4])
            version = applied(self.stack)["version"]
            # what a client does after a gap: from where it was
            new = wait_until(lambda: self.reached(seen, version), 60, f"since {seen} reaches {version}")
            self.assertEqual([c["ver"] for c in new], list(range(seen + 1, version + 1)))
            seen = version
            service = (self.query, self.worker, self.query)[part % 3]
            self.assertEqual(service.stop() if part % 2 else service.kill(), 0 if part % 2 else -9)
            service.start()
        everything = wait_until(lambda: self.reached(0, seen), 60, "all of it once more")
        self.assertEqual([c["ver"] for c in everything], list(range(1, seen + 1)))
        self.assertLessEqual({c["event"] for c in everything}, {e["id"] for e in events})

    def reached(self, after, version):
        try:
            changes = list(self.follow(after))
        except (wire.NoAnswer, wire.Refused):
            return None
        return changes if changes and changes[-1]["ver"] == version else None

    def test_another_epoch_means_start_afresh(self):
        self.send(lives.plain(1).events)
        applied(self.stack)
        epoch = self.client.get("x")["epoch"]
        wait_until(lambda: self.client.since(0, epoch=epoch)["changes"], 60, "changes")
        reply = self.client.since(0, epoch="f" * 15 + ("0" if epoch.endswith("f") else "f"))
        self.assertEqual((reply["changes"], reply.get("reset")), ([], True))


if __name__ == "__main__":
    harness.main()
