"""A journal that is put back to an older copy uses sequences again. The worker knows it by a record that it had before, and
applies all of it again, also when a burst has lifted the head past its cursor at once."""

import pathlib
import random
import shutil
import signal
import subprocess

import harness
import lives
import webhook
import wire
from harness import applied, store_dump, wait_until


class House(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.ingress, self.worker, self.query = self.stack.start_all()
        self.journal = pathlib.Path(self.ingress.flags["journal-dir"])
        self.copy = self.stack.dir / "copy"

    def post(self, people):
        with webhook.Webhook(self.stack.address()) as hook:
            for life in people:
                for event in life.events:
                    self.assertEqual(hook.send(event)[0], 200)

    def send(self, people):
        self.post(people)
        return applied(self.stack)

    def people(self, name, count):
        rng = random.Random(name)
        return [lives.Life(rng, n, name=name, steps=2) for n in range(count)]

    def save(self):
        self.ingress.stop()
        shutil.copytree(self.journal, self.copy)
        self.ingress.start()

    def put_back(self):
        shutil.rmtree(self.journal)
        self.copy.rename(self.journal)
        self.ingress.start()

    def known(self, people):
        with wire.Query(self.stack.ipc("query-tg01")) as query:
            query.wait_ready()
            return [life.number for life in people if query.get(life.customer)["reason"] == "unknown_subject"
                    or life.tier() not in (None, query.tier(life.customer))]


class RestoredTest(House):
    def marked(self):
        """The worker knows the journal by a record of its newest."""
        def look():
            dump = store_dump(self.stack)
            return dump["marked"] == max(dump["cursors"].values())
        wait_until(look, 60, "the mark is written")

    def test_a_burst_right_after(self):
        first, lost, burst = self.people("first", 5), self.people("lost", 5), self.people("burst", 20)
        self.send(first)
        self.save()
        before = self.send(lost)
        self.marked()
        self.worker.send_signal(signal.SIGSTOP)  # it hears of nothing until the head is past its cursor
        self.ingress.kill()
        self.put_back()
        self.post(burst)
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            self.assertGreater(journal.head()["head"], max(before["cursors"].values()))
        mark = self.worker.log_size()
        self.worker.send_signal(signal.SIGCONT)
        self.worker.wait_log("journal_went_back", since=mark)
        wait_until(lambda: self.known(burst) == [], 60, "everybody of the burst is known")
        self.assertEqual(self.known(first), [])

    def test_while_the_worker_is_away(self):
        first, lost, burst = self.people("first", 5), self.people("lost", 5), self.people("burst", 20)
        self.send(first)
        self.save()
        self.send(lost)
        self.marked()
        self.worker.kill()
        self.ingress.kill()
        self.put_back()
        self.post(burst)
        self.worker.start()
        self.worker.wait_log("journal_went_back")
        wait_until(lambda: self.known(burst) == [], 60, "everybody of the burst is known")

    def test_what_was_lost_was_never_heard_of_calmly(self):
        """Stopped before a heartbeat told of the last records: the mark lies before them, and the cursor goes back to it."""
        first, lost, later = self.people("first", 5), self.people("lost", 1), self.people("later", 3)
        self.send(first)
        self.save()
        self.marked()
        before = self.send(lost)
        self.ingress.kill()
        self.put_back()
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            head = journal.head()["head"]
        self.assertLess(head, max(before["cursors"].values()))
        wait_until(lambda: max(store_dump(self.stack)["cursors"].values()) == head, 60, "the cursor is the journal's head")
        self.worker.kill()  # the store itself knows
        self.post(later)
        self.worker.start()
        wait_until(lambda: self.known(first + later) == [], 60, "everybody is known")

    def test_a_store_made_anew_knows_it_too(self):
        first, burst = self.people("first", 5), self.people("burst", 20)
        self.save()
        self.send(first)
        self.marked()
        done = subprocess.run([self.stack.bin / "tiergate", "rebuild", "--control", self.stack.ipc("worker-control"),
                               "--journal-replay", self.stack.ipc("ingress-replay"), "--store-dir",
                               self.worker.flags["store-dir"], "--catalog", self.stack.catalog],
                              capture_output=True, text=True, timeout=harness.SETTLE_S, env=harness.clean_environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.marked()
        self.worker.kill()
        self.ingress.kill()
        self.put_back()
        self.post(burst)
        self.worker.start()
        self.worker.wait_log("journal_went_back")
        wait_until(lambda: self.known(burst) == [], 60, "everybody of the burst is known")

    def test_a_start_of_the_ingress_is_none(self):
        first, second = self.people("first", 5), self.people("second", 5)
        digest = self.send(first)["digest"]
        self.marked()
        for _ in range(3):
            self.ingress.kill()
            self.ingress.start()
        self.assertEqual(applied(self.stack)["digest"], digest)
        self.send(second)
        self.worker.kill()
        self.ingress.kill()
        self.ingress.start()
        self.worker.start()
        applied(self.stack)
        self.worker.wait_log("caught_up")
        self.assertEqual(self.known(first + second), [])
        self.assertEqual([l for l in self.worker.log() if "journal_went_back" in l], [])


class RestoredStoreTest(House):
    """A store that is put back to an older copy goes on as another one: what it says from then on under the same versions is
    no news about what a cache knows."""

    def test_a_store_that_went_back(self):
        first, lost = self.people("first", 5), self.people("lost", 5)
        store = pathlib.Path(self.worker.flags["store-dir"]) / "data.mdb"
        self.send(first)
        self.worker.stop()
        shutil.copy(store, self.copy)
        self.worker.start()
        self.send(lost)
        with wire.Query(self.stack.ipc("query-tg01")) as query, wire.Subscriber(self.stack.ipc("query-feed")) as feed:
            query.wait_ready()
            known = query.since(0)
            self.assertGreater(known["ver"], 0)
            for in_place in (True, False):
                self.worker.kill()
                (shutil.copyfile if in_place else shutil.copy)(self.copy, store if in_place else store.with_suffix(".new"))
                if not in_place:
                    store.with_suffix(".new").rename(store)
                self.worker.start()  # and applies all that it does not have again, at once
                wait_until(lambda: (ping := query.ping())["ready"] and ping["epoch"] != known["epoch"], 60,
                           "query says that it is another store")
                applied(self.stack)
                again = query.since(known["ver"], epoch=known["epoch"])
                self.assertTrue(again["reset"])
                known = {"ver": again["ver"], "epoch": again["epoch"]}
                wait_until(lambda: self.heard(feed) == known["epoch"], 60, "and the feed does")
            self.worker.kill()
            self.worker.start()  # it goes on, and so do caches
            applied(self.stack)
            self.assertEqual(query.since(known["ver"], epoch=known["epoch"])["reset"], False)
        self.assertEqual(self.known(first + lost), [])

    def heard(self, feed):
        message = feed.receive(2000)
        return message and message[1].get("epoch")


if __name__ == "__main__":
    harness.main()
