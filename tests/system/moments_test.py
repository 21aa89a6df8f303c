"""What time alone changes: it takes effect when it is read, the feed tells when it happens, and the past stays known."""

import copy
import json
import shutil
import subprocess

import clock
import harness
import lives
import webhook
import wire
from harness import applied, wait_until

DAY, HOUR = 86400, 3600
USAGE, UNAVAILABLE = 64, 69


class MomentsTest(harness.SystemTest):
    worker_flags = {}

    def setUp(self):
        super().setUp()
        self.clock = clock.Clock(self.stack)
        self.ingress = self.stack.ingress(env=self.clock.env()).start()
        self.worker = self.stack.worker(env=self.clock.env(), **self.worker_flags).start()
        self.query = self.stack.query(env=self.clock.env()).start()
        self.ask = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.ask.close)
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)
        self.number = 0

    # ---- lives

    def post(self, event):
        body = webhook.encode(event)
        status, _, answer = self.hook.post(body, webhook.signature(body, t=self.clock.now()))
        self.assertEqual(status, 200, answer)

    def send(self, *events):
        for event in events:
            self.post(event)
        return applied(self.stack)

    def changed(self, life, **changes):
        """One more event of the life's: these fields of its subscription, now."""
        self.number += 1
        before = copy.deepcopy(life.subscription)
        life.subscription.update(changes)
        previous = lives.previous_attributes(before, life.subscription)
        return lives.event(f"evt_more{self.number}_{life.number}", "customer.subscription.updated", self.clock.now(),
                           life.subscription, previous)

    def ending(self, number, after):
        """A life that ends `after` seconds from now by a scheduled cancellation; when that is."""
        life = lives.plain(number)
        end = self.clock.now() + after
        self.send(*life.events, self.changed(life, cancel_at=end))
        return life, end

    def answer(self, subject, **more):
        profile = self.ask.get(subject, **more)
        return profile["tier"], profile["reason"]

    def refusal(self, subject, **more):
        with self.assertRaises(wire.Refused) as refused:
            self.ask.get(subject, **more)
        self.assertFalse(refused.exception.retry)
        return refused.exception

    # ---- the feed

    def feed(self):
        feed = wire.Subscriber(self.stack.ipc("query-feed"))
        self.stack.on_close(feed.socket.close)
        wait_until(lambda: (feed.receive(2000) or (b"",))[0] == b"\0", 60, "a heartbeat")
        return feed

    def next_change(self, feed, subject, seconds=60):
        def look():
            got = feed.receive(1000)
            return got[1] if got and got[0] == subject.encode() else None
        return wait_until(look, seconds, f"a change of {subject}")

    def explain(self, subject, *more, code=0):
        done = subprocess.run([self.stack.bin / "tiergate", "explain", subject, "--store-dir", self.worker.flags["store-dir"],
                               "--catalog", self.stack.catalog, "--mode", "test", *map(str, more), "--json"],
                              capture_output=True, text=True, timeout=harness.READY_S,
                              env=harness.clean_environment(self.clock.env()))
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return json.loads(done.stdout)


class TimeTest(MomentsTest):
    def test_a_cancellation_takes_effect_and_is_told_when_it_does(self):
        life, end = self.ending(1, 5 * DAY)
        feed = self.feed()
        self.assertEqual(self.answer(life.subject), ("pro", "canceling"))
        self.assertEqual(self.answer(life.subject, at=end - 1), ("pro", "canceling"))
        self.assertEqual(self.answer(life.subject, at=end)[0], "free")
        self.assertEqual(self.explain(life.subject, "--at", end)["tier"], "free")
        self.clock.set(end - 200)
        self.assertEqual(self.answer(life.subject), ("pro", "canceling"))
        self.clock.set(end)
        self.assertEqual(self.answer(life.subject)[0], "free")
        change = self.next_change(feed, life.subject)
        self.assertEqual((change["before"], change["after"], change["event"], change["at_ms"]), ("pro", "free", "", end * 1000))
        self.assertEqual(self.ask.get(life.subject)["ver"], change["ver"])
        self.assertEqual(self.ask.since(change["ver"] - 1)["changes"][-1]["after"], "free")

    def test_grace_ends(self):
        life = lives.plain(1)
        items = copy.deepcopy(life.subscription["items"])
        start = self.clock.now() - 10
        items["data"][0].update(current_period_start=start, current_period_end=start + 30 * DAY)
        self.send(*life.events, self.changed(life, items=items, latest_invoice="in_not_paid"))
        self.clock.advance(5)
        self.send(self.changed(life, status="past_due"))
        feed = self.feed()
        self.assertEqual(self.answer(life.subject), ("pro", "grace"))
        end = self.ask.get(life.subject)["until"]  # it was last seen to be paid a moment after the period began
        self.assertTrue(start + 7 * DAY <= end <= start + 7 * DAY + 60)
        self.clock.set(end)
        self.assertEqual(self.answer(life.subject), ("free", "past_due"))
        change = self.next_change(feed, life.subject)
        self.assertEqual((change["after"], change["reason"], change["at_ms"]), ("free", "past_due", end * 1000))

    def test_a_clock_that_is_set_back_and_forward(self):
        life, end = self.ending(1, 5 * DAY)
        other = lives.plain(2)
        self.send(*other.events)
        feed = self.feed()
        self.clock.set(end + HOUR)
        self.assertEqual(self.next_change(feed, life.subject)["after"], "free")
        for _ in range(3):
            self.clock.set(end - 2 * DAY)
            self.assertEqual(self.answer(life.subject), ("pro", "canceling"))
            self.assertEqual(self.next_change(feed, life.subject)["after"], "pro")
            self.clock.set(end + DAY)
            self.assertEqual(self.answer(life.subject)[0], "free")
            self.assertEqual(self.next_change(feed, life.subject)["after"], "free")
        self.clock.set(end - 1000 * DAY)  # before anything happened
        self.assertEqual(self.next_change(feed, life.subject)["after"], "pro")
        self.assertEqual(self.answer(other.subject), ("pro", "active"))
        self.assertTrue(all(s.running() for s in (self.ingress, self.worker, self.query)))
        # and events still come through; their own second is what orders them
        third = lives.plain(3)
        self.send(*third.events)
        self.assertEqual(self.answer(third.subject), ("pro", "active"))

    def test_a_moment_that_comes_while_the_worker_is_away(self):
        life, end = self.ending(1, DAY)
        self.worker.kill()
        self.clock.set(end + DAY)
        self.assertEqual(self.answer(life.subject)[0], "free")
        # nobody has logged it yet
        self.assertEqual(self.answer(life.subject, at=end + HOUR)[0], "free")
        self.assertEqual(self.explain(life.subject, "--at", end + HOUR)["tier"], "free")
        self.assertEqual(self.answer(life.subject, at=end - 1), ("pro", "canceling"))
        feed = self.feed()
        self.worker.start()
        change = self.next_change(feed, life.subject)
        self.assertEqual((change["after"], change["at_ms"]), ("free", end * 1000))
        self.assertEqual(self.answer(life.subject, at=end - 1), ("pro", "canceling"))
        self.assertEqual(self.answer(life.subject, at=end)[0], "free")

    def test_many_at_once(self):
        rows = [self.changed_plain(n) for n in range(40)]
        end = self.clock.now() + DAY
        for life in rows:
            for event in (*life.events, self.changed(life, cancel_at=end)):
                self.post(event)
        before = applied(self.stack)
        self.clock.set(end)
        for life in rows:
            self.assertEqual(self.answer(life.subject)[0], "free")
        dump = wait_until(lambda: (d := harness.store_dump(self.stack))["version"] == before["version"] + len(rows) and d, 60,
                          "each has one change")
        self.assertEqual(dump["digest"], before["digest"])  # what time changes is no state

    def changed_plain(self, number):
        return lives.plain(100 + number)

    def test_a_new_catalog_is_told(self):
        life = lives.plain(1)
        self.send(*life.events)
        feed = self.feed()
        text = self.stack.catalog.read_text()
        self.stack.catalog.write_text(text.replace("pro_", "prox_"))
        self.worker.hup()
        self.query.hup()
        change = self.next_change(feed, life.subject)
        self.assertEqual((change["before"], change["after"], change["event"]), ("pro", "free", ""))
        # and at a start with another than the one before
        self.worker.stop()
        self.stack.catalog.write_text(text)
        self.query.hup()
        self.worker.start()
        change = self.next_change(feed, life.subject)
        self.assertEqual((change["before"], change["after"]), ("free", "pro"))
        self.worker.wait_log("surveyed")
        self.worker.stop()
        self.worker.start()
        self.worker.wait_log("caught_up")
        self.assertIsNone(self.worker.find_log("surveyed"))  # with the same there is nothing to do


class HistoryTest(MomentsTest):
    worker_flags = {"history": "24h"}

    def test_what_was_answered_then(self):
        start = self.clock.now()
        life, end = self.ending(1, 3 * HOUR)
        known = self.clock.now()
        self.clock.advance(HOUR)
        self.send(self.changed(life, cancel_at=None))
        self.clock.advance(HOUR)
        deleted = copy.deepcopy(life.subscription)
        deleted.update(status="canceled", ended_at=self.clock.now())
        gone = self.clock.now()
        self.send(lives.event("evt_gone", "customer.subscription.deleted", gone, deleted))
        self.clock.advance(HOUR)
        self.assertEqual(self.answer(life.subject)[0], "free")
        self.assertEqual(self.answer(life.subject, at=known + 60), ("pro", "canceling"))
        self.assertEqual(self.answer(life.subject, at=known + HOUR + 60), ("pro", "active"))
        self.assertEqual(self.answer(life.subject, at=gone + 60)[0], "free")
        self.assertEqual(self.answer(life.subject, at=start - 100), ("free", "unknown_subject"))
        self.assertEqual(self.answer(life.customer, at=known + 60), ("pro", "canceling"))
        # a check, and within a batch; `ver` is that of the change
        check = self.ask.check(life.subject, feat="live_trading", at=known + 60)
        self.assertEqual((check["allowed"], check["reason"], check["until"]), (True, "canceling", end))
        self.assertLess(check["ver"], self.ask.get(life.subject)["ver"])
        results = self.ask.call("batch", checks=[{"sub": life.subject, "tier": "pro", "at": known + 60},
                                                 {"sub": life.subject, "tier": "pro"}])[0]["results"]
        self.assertEqual([r["allowed"] for r in results], [True, False])
        then = self.explain(life.subject, "--at", known + 60)
        self.assertEqual((then["tier"], then["reason"], then["past"], then["until"]), ("pro", "canceling", True, end))
        self.assertEqual(then["ver"], check["ver"])
        self.assertEqual(self.explain(life.subject, "--at", start - 100)["reason"], "unknown_subject")

    def test_the_catalog_as_it_is_now(self):
        life = lives.plain(1)
        self.send(*life.events)
        then = self.clock.now()
        self.clock.advance(HOUR)
        text = self.stack.catalog.read_text()
        self.stack.catalog.write_text(text.replace("live_trading", "day_trading"))
        mark = self.query.log_size()
        self.query.hup()
        self.query.wait_log("catalog_loaded", since=mark)
        self.assertTrue(self.ask.check(life.subject, feat="day_trading", at=then)["allowed"])
        self.stack.catalog.write_text(text.replace("name: pro", "name: gold"))
        mark = self.query.log_size()
        self.query.hup()
        self.query.wait_log("catalog_loaded", since=mark)
        self.assertIn("pro", self.refusal(life.subject, at=then).message)

    def test_what_is_forgotten_is_not_guessed(self):
        life = lives.plain(1)
        start = self.clock.now()
        self.send(*life.events)
        self.clock.advance(HOUR)
        self.send(self.changed(life, cancel_at=self.clock.now() + 300 * DAY))
        told = self.clock.now()
        self.assertEqual(self.answer(life.subject, at=start + 60), ("pro", "active"))
        self.clock.advance(3 * DAY)
        self.worker.stop()
        self.worker.start()
        error = wait_until(lambda: self.gone(life.subject, start + 60), 60, "it is forgotten")
        self.assertEqual(error.code, "bad_request")
        self.assertIn("begins at", error.message)
        self.assertIn("begins at", self.explain(life.subject, "--at", start + 60, code=UNAVAILABLE)["err"]["msg"])
        # the last answer stays, however old
        self.assertEqual(self.answer(life.subject, at=told + 60), ("pro", "canceling"))
        self.assertEqual(self.answer(life.subject), ("pro", "canceling"))

    def gone(self, subject, at):
        try:
            self.ask.get(subject, at=at)
        except wire.Refused as refused:
            return refused
        return None

    def test_a_store_made_anew_has_the_same_past(self):
        """Its log has the moments at which records were received, and those at which time alone changed something."""
        life, end = self.ending(1, 5 * HOUR)
        second = lives.plain(2)
        moments = []
        for step in range(8):
            self.clock.advance(HOUR)
            if step == 1:
                self.send(*second.events)
            if step == 3:
                items = copy.deepcopy(second.subscription["items"])
                items["data"][0]["price"].update(id="price_institutional_monthly", product="prod_institutional",
                                                 lookup_key="institutional_monthly")
                self.send(self.changed(second, items=items))
            moments.append(self.clock.now() + 30 * 60)
        self.clock.advance(HOUR)
        wait_until(lambda: self.answer(life.subject, at=end)[0] == "free", 60, "the end is in the log")

        def past():
            return [(self.answer(s, at=m), self.ask.get(s, at=m)["until"]) for m in moments
                    for s in (life.subject, second.subject, second.customer, "nobody")]

        def past_of_the_new_one():
            """None while query answers from the store that is gone, or from none."""
            try:
                return past() if self.ask.get(life.subject)["epoch"] != epoch else None
            except wire.Refused:
                return None
        before, digest, epoch = past(), harness.store_dump(self.stack)["digest"], self.ask.get(life.subject)["epoch"]
        self.assertEqual({tier for (tier, _), _ in before}, {"free", "pro", "institutional"})
        self.worker.stop()
        shutil.rmtree(self.worker.flags["store-dir"])
        self.worker.start()
        self.assertEqual(applied(self.stack)["digest"], digest)
        wait_until(lambda: past_of_the_new_one() == before, 60, "the same past")


if __name__ == "__main__":
    harness.main()
