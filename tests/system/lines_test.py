"""Lines from real services: a cache that was written from PROTOCOL.md alone answers as the server does, now and at any moment to
come."""

import json
import time

import harness
import line
import lives
import webhook
import wire
from harness import applied, wait_until

DAY = 86400


class LinesTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        _, self.worker, self.service = self.stack.start_all()
        self.hook = webhook.Webhook(self.stack.address())
        self.query = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.hook.close)
        self.addCleanup(self.query.close)

    def send(self, events):
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)

    def cache(self):
        cache = line.Cache(self.query, self.stack.ipc("query-feed"))
        self.stack.on_close(cache.close)
        return cache

    def compare(self, cache, subject, moments):
        """Every tier and feature, by the server and by the cache."""
        for at in moments:
            checks = [{"tier": t["name"]} for t in cache.catalog["tiers"]] + [{"feat": f} for f in cache.catalog["feats"]]
            asked = [{"sub": subject, "at": at, **what} for what in checks]
            for what, wanted in zip(checks, self.query.call("batch", checks=asked)[0]["results"]):
                got = cache.check(subject, at, **what)
                if got is None:  # a customer's id that stands for a subject, or a moment after the line was cut
                    self.unknown += subject.startswith("user_")
                    continue
                self.answered += 1
                self.assertEqual(got, {key: wanted[key] for key in ("allowed", "reason", "tier", "need") if key in wanted},
                                 (subject, at, what, cache.lines[subject]))

    def test_a_cache_answers_as_the_server(self):
        rng = harness.seed()
        every, events = lives.many(rng, 25)
        half = len(events) // 2
        self.send(events[:half])
        applied(self.stack)
        wait_until(self.query.ready, 60, "query is ready")
        cache = self.cache()
        self.send(events[half:])
        cache.follow(applied(self.stack)["version"])
        self.unknown = self.answered = 0
        for life in every:
            for subject in {life.subject, life.customer} - {None}:
                now = int(time.time()) + 600  # a moment to come: the server reckons from its row
                self.compare(cache, subject, [now] + [now + rng.randrange(0, 500 * DAY) for _ in range(3)])
        self.assertGreater(self.answered, 10 * self.unknown)

    def test_a_page_and_a_get_say_the_same(self):
        rng = harness.seed()
        every, events = lives.many(rng, 12)
        self.send(events)
        applied(self.stack)
        wait_until(self.query.ready, 60, "query is ready")
        page = self.query.call("page")[0]
        self.assertFalse(page["more"])
        for subject in page["subjects"]:
            reply = self.query.call("get", sub=subject["sub"], **{"with": ["line", "customers", "newer"]})[0]
            self.assertEqual(reply["cat"], page["cat"])
            strip = lambda steps: [{k: v for k, v in s.items() if k != "from"} for s in steps]
            if len(reply["line"]) == len(subject["line"]):  # else a moment has just passed
                self.assertEqual(strip(reply["line"]), strip(subject["line"]))
            self.assertEqual(reply["tier"], reply["line"][0]["tier"])
            self.assertLessEqual(len(reply["customers"]), 8)
        for life in every:
            reply = self.query.call("get", sub=life.subject, **{"with": ["customers"]})[0]
            self.assertNotIn("line", reply)
            self.assertEqual(reply["customers"], [life.customer] if life.told() and not life.deleted else [], life.subject)
        unknown = self.query.call("get", sub="nobody", **{"with": ["line", "customers"]})[0]
        self.assertEqual((unknown["line"][0]["reason"], unknown["customers"]), ("unknown_subject", []))
        self.assertNotIn("line", self.query.call("get", sub="cus_nobody", **{"with": ["line"]})[0])

    def test_another_catalog_is_told_before_its_lines(self):
        self.send(lives.plain(1).events)
        applied(self.stack)
        wait_until(self.query.ready, 60, "query is ready")
        cache = self.cache()
        before = cache.catalog["cat"]
        self.stack.catalog.write_text(self.stack.catalog.read_text().replace("live_trading", "day_trading"))
        self.service.hup()

        def beat():
            topic, message = cache.feed.receive(5000) or (None, None)
            return message if topic == line.HEARTBEAT and message["cat"] != before else None
        told = wait_until(beat, 60, "a heartbeat with another catalog")
        after = self.query.call("catalog")[0]
        self.assertEqual((after["cat"], self.query.ping()["cat"]), (told["cat"], told["cat"]))
        self.assertIn("day_trading", after["feats"])
        self.assertNotIn("day_trading", json.dumps(cache.catalog))


if __name__ == "__main__":
    harness.main()
