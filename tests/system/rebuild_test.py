"""A store that is made anew while the old one is answered from: no outage, nothing lost, whole whenever it is killed."""

import json
import os
import pathlib
import subprocess
import threading
import time

import msgpack
import zmq

import harness
import lives
import webhook
import wire
from harness import applied, store_dump, wait_until

YES, UNAVAILABLE = 0, 69
LIVES = 120


class StoreTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()
        self.ingress, self.worker, self.query = self.stack.ingress(retention="30d"), self.stack.worker(), self.stack.query()
        for service in (self.ingress, self.worker, self.query):
            service.start()
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)
        self.store = pathlib.Path(self.worker.flags["store-dir"])

    def fill(self, count=LIVES, name="life"):
        people, events = lives.many(self.rng, count, name=name)
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)
        applied(self.stack)
        return people

    def flags(self, timeout="30s"):
        """timeout: for one answer of a service; a short one where one of them is away."""
        return ["--control", self.stack.ipc("worker-control"), "--reconciler", self.stack.ipc("reconciler"),
                "--journal-replay", self.stack.ipc("ingress-replay"), "--store-dir", self.store, "--catalog",
                self.stack.catalog, "--timeout", timeout, "--json"]

    def command(self, *more, **how):
        return [self.stack.bin / "tiergate", "rebuild", *map(str, (*self.flags(**how), *more))]

    def rebuild(self, *more, code=YES, **how):
        done = subprocess.run(self.command(*more, **how), capture_output=True, text=True, timeout=2 * harness.SETTLE_S,
                              env=harness.clean_environment())
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return json.loads(done.stdout)

    def answers(self, people):
        """The tiers of all of them. While query changes over to another store it says for a moment that it is not ready."""
        with wire.Query(self.stack.ipc("query-tg01")) as query:
            def look():
                try:
                    return [query.tier(life.subject) for life in people]
                except wire.Refused as refused:
                    self.assertEqual(refused.code, "not_ready")
                    return None
            return wait_until(look, harness.SETTLE_S, "query is ready")

    def beside(self):
        return sorted(p.name for p in self.store.parent.iterdir() if p.name.startswith(self.store.name))


class RebuildTest(StoreTest):
    # ---- as it should be

    def test_nobody_notices(self):
        people = self.fill()
        before, answers = store_dump(self.stack), self.answers(people)
        stop, wrong, asked = threading.Event(), [], [0]

        def ask():
            with wire.Query(self.stack.ipc("query-tg01")) as query:
                while not stop.is_set():
                    n = asked[0] % len(people)
                    asked[0] += 1
                    try:
                        tier = query.tier(people[n].subject)
                    except (wire.Refused, wire.NoAnswer) as error:
                        tier = repr(error)
                    if tier != answers[n]:
                        wrong.append((people[n].subject, answers[n], tier))
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            with wire.Subscriber(self.stack.ipc("query-feed")) as feed:
                done = self.rebuild()
                epoch = done["new"]["epoch"]
                wait_until(lambda: (feed.receive(2000) or (0, {}))[1].get("epoch") == epoch, 60, "the feed names the new store")
            some = asked[0]
            wait_until(lambda: asked[0] > some + len(people), 60, "everybody was asked once more")
        finally:
            stop.set()
            thread.join()
        self.assertEqual(wrong, [])
        self.assertNotEqual(done["old"]["epoch"], epoch)
        self.assertEqual(done["old"]["digest"], done["new"]["digest"])
        self.assertEqual((done["old"]["subjects"], done["differing"], done["missing"]), (done["new"]["subjects"], 0, 0))
        self.assertEqual(done["records"], sum(before["cursors"].values()))
        after = store_dump(self.stack)
        self.assertEqual((after["digest"], after["cursors"]), (before["digest"], before["cursors"]))
        self.assertEqual(self.beside(), [self.store.name])
        # and the stream goes on into the new one
        more = self.fill(10, "more")
        self.assertEqual(len(self.answers(more)), 10)
        self.worker.stop()
        self.worker.start()
        self.assertEqual(self.answers(people), answers)

    def test_what_comes_meanwhile_is_there(self):
        people = self.fill()
        late, events = lives.many(self.rng, 30, name="late")
        rebuilding = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env=harness.clean_environment())
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)
        out, err = rebuilding.communicate(timeout=2 * harness.SETTLE_S)
        self.assertEqual(rebuilding.returncode, YES, err)
        self.assertEqual(json.loads(out)["missing"], 0)
        after = applied(self.stack)
        self.worker.stop()
        subprocess.run(["rm", "-rf", str(self.store)], check=True)
        self.worker.start()
        self.assertEqual(applied(self.stack)["digest"], after["digest"])
        self.assertEqual(len(self.answers(people + late)), LIVES + 30)

    def test_it_mends_a_store_that_is_wrong(self):
        """Whatever befell the old one, the new one is what the journal says; and the difference is told."""
        people = self.fill(20)
        right = store_dump(self.stack)["digest"]
        stranger = lives.plain(999)
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            head = journal.head()["head"]
        # folded into the store, and then the journal is put back to before it was there
        self.ingress.stop()
        saved = pathlib.Path(self.stack.dir, "saved")
        subprocess.run(["cp", "-r", str(self.stack.services["ingress"].flags["journal-dir"]), str(saved)], check=True)
        self.ingress.start()
        self.hook = webhook.Webhook(self.stack.address())
        for event in stranger.events:
            self.assertEqual(self.hook.send(event)[0], 200)
        applied(self.stack)
        self.ingress.stop()
        subprocess.run(["rm", "-rf", str(self.stack.services["ingress"].flags["journal-dir"])], check=True)
        saved.rename(self.stack.services["ingress"].flags["journal-dir"])
        self.ingress.start()
        wait_until(lambda: sum(store_dump(self.stack)["cursors"].values()) == head, 60, "the worker has gone back with it")
        done = self.rebuild()
        self.assertEqual(done["new"]["digest"], right)
        self.assertEqual(done["differing"], 1)
        self.assertEqual([(s["sub"], s["old"], s["new"]) for s in done["some"]], [(stranger.subject, "pro", "free")])
        self.assertEqual(len(self.answers(people)), 20)

    # ---- as it should not be

    def test_killed_at_any_moment(self):
        people = self.fill()
        digest, answers = store_dump(self.stack)["digest"], self.answers(people)
        epochs, took = set(), 0.3
        for attempt in range(12):
            started = time.monotonic()
            rebuilding = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                          env=harness.clean_environment())
            if attempt == 0:  # how long does a whole one take?
                self.assertEqual(rebuilding.wait(2 * harness.SETTLE_S), YES)
                took = time.monotonic() - started
                continue
            moment = self.rng.random() * took * 1.2
            wait_until(lambda: time.monotonic() - started > moment, 60, "the moment")
            self.worker.kill()
            mark = self.worker.log_size()
            rebuilding.kill()
            rebuilding.wait()
            self.worker.start()
            self.worker.wait_log("caught_up", since=mark)
            self.assertEqual(self.beside(), [self.store.name], f"after {moment:.3f} s")
            dump = store_dump(self.stack)
            self.assertEqual((dump["digest"], dump["complete"]), (digest, 1), f"after {moment:.3f} s")
            epochs.add(dump["epoch"])
            self.assertEqual(self.answers(people), answers)
        print(f"stores met: {len(epochs)}", flush=True)

    def test_killed_right_after_the_exchange(self):
        people = self.fill(30)
        digest, answers = store_dump(self.stack)["digest"], self.answers(people)
        data = self.store / "data.mdb"
        for _ in range(5):
            inode, epoch = data.stat().st_ino, store_dump(self.stack)["epoch"]
            rebuilding = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                          env=harness.clean_environment())
            wait_until(lambda: data.stat().st_ino != inode, 60, "the new store is in place")
            self.worker.kill()
            rebuilding.kill()
            rebuilding.wait()
            mark = self.worker.log_size()
            self.worker.start()
            self.worker.wait_log("caught_up", since=mark)
            dump = store_dump(self.stack)
            self.assertEqual((dump["digest"], dump["complete"], self.beside()), (digest, 1, [self.store.name]))
            self.assertNotEqual(dump["epoch"], epoch)
            self.assertEqual(self.answers(people), answers)

    def test_cut_off_between_two_renames(self):
        """Where a file system cannot exchange two names, the store is away for a moment; a start finishes it."""
        people = self.fill(10)
        digest = store_dump(self.stack)["digest"]
        self.worker.kill()
        for was, left in ((".new", {".old": "x"}), (".old", {})):
            self.store.rename(f"{self.store}{was}")
            for suffix, _ in left.items():
                subprocess.run(["cp", "-r", f"{self.store}{was}", f"{self.store}{suffix}"], check=True)
            self.worker.start()
            self.assertEqual(applied(self.stack)["digest"], digest)
            self.assertEqual(self.beside(), [self.store.name])
            self.worker.kill()
        self.worker.start()
        self.assertEqual(len(self.answers(people)), 10)

    def test_a_failure_leaves_the_old_one(self):
        people = self.fill(10)
        answers, epoch = self.answers(people), store_dump(self.stack)["epoch"]
        pathlib.Path(f"{self.store}.new").write_text("not a directory")
        self.assertIn(".new", self.rebuild(code=74)["err"]["msg"])
        os.unlink(f"{self.store}.new")
        self.assertEqual((self.answers(people), store_dump(self.stack)["epoch"]), (answers, epoch))
        self.assertEqual(self.rebuild()["differing"], 0)
        self.worker.stop()
        self.assertIn("tiergate-entitlement", self.rebuild(code=UNAVAILABLE, timeout="10s")["err"]["msg"])

    def test_a_store_of_an_older_form_is_made_anew(self):
        people = self.fill(30)
        digest, answers, epoch = store_dump(self.stack)["digest"], self.answers(people), store_dump(self.stack)["epoch"]
        self.worker.stop()
        harness.store_forge(self.stack, "schema", 1)
        self.assertEqual(self.answers(people), answers)  # who has it open goes on
        mark = self.worker.log_size()
        self.worker.start()
        self.worker.wait_log("store_outdated", since=mark)
        self.worker.wait_log("store_upgraded", since=mark)
        dump = store_dump(self.stack)
        self.assertEqual((dump["digest"], dump["complete"], self.beside()), (digest, 1, [self.store.name]))
        self.assertNotEqual(dump["epoch"], epoch)
        wait_until(lambda: self.answers(people) == answers, 60, "query goes on with it")
        self.query.stop()
        self.query.start()
        self.assertEqual(self.answers(people), answers)
        # a newer one is not touched
        self.worker.stop()
        harness.store_forge(self.stack, "schema", 99)
        self.worker.start(wait=False)
        self.assertNotEqual(self.worker.wait_exit(), 0)
        self.assertEqual(self.beside(), [self.store.name])

    def test_killed_while_an_older_form_is_made_anew(self):
        people = self.fill(60)
        digest, answers = store_dump(self.stack)["digest"], self.answers(people)
        self.query.stop()
        for _ in range(6):
            self.worker.stop()
            harness.store_forge(self.stack, "schema", 1)
            mark = self.worker.log_size()
            self.worker.start(wait=False)
            time_of_death = time.monotonic() + self.rng.random() * 2
            wait_until(lambda: time.monotonic() > time_of_death, 30, "the moment")
            self.worker.kill()
            self.worker.start()
            self.worker.wait_log("caught_up", since=mark)
            wait_until(lambda: self.beside() == [self.store.name], 60, "it is in place")
            self.assertEqual(applied(self.stack)["digest"], digest)
        self.query.start()
        self.assertEqual(self.answers(people), answers)


class Reconciler(threading.Thread):
    """What answers for Stripe's API: a pass appends what it was given, as snapshots would be."""

    def __init__(self, endpoint, append, refuse=None):
        super().__init__()
        self.append, self.refuse = append, refuse
        self.passes = []
        self.stopping = threading.Event()
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.bind(endpoint)

    def run(self):
        while not self.stopping.is_set():
            if not self.socket.poll(50):
                continue
            *route, version, body = self.socket.recv_multipart()
            request = msgpack.unpackb(body)
            self.passes.append(request)
            if self.refuse:
                answers = [{"err": {"code": self.refuse, "msg": "told to", "retry": False}}]
            else:
                appended = self.append()
                done = {"dry": False, "listed": 0, "missed": 0, "swept": appended, "differing": appended,
                        "appended": appended, "unread": 0, "missing": 0, "requests": 1, "took_ms": 1}
                answers = [{"done": done}]
            for answer in answers:
                self.socket.send_multipart([*route, version, msgpack.packb({"id": request["id"], **answer})])
        self.socket.close()

    def stop(self):
        self.stopping.set()
        self.join()


class OldJournalTest(StoreTest):
    """A journal that no longer reaches back to its beginning."""

    def setUp(self):
        super().setUp()
        self.people = self.fill(12, "early")
        self.answered = self.answers(self.people)
        self.ingress.stop()
        self.ingress.flags["retention"] = "1s"
        self.ingress.start()
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)

        def first():
            with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
                return journal.head()["first"]
        wait_until(lambda: first() > 10, 60, "the journal forgets")

    def test_without_stripe_it_says_what_is_missing(self):
        epoch = store_dump(self.stack)["epoch"]
        message = self.rebuild(code=UNAVAILABLE, timeout="10s")["err"]["msg"]
        self.assertIn("only in Stripe", message)
        self.assertIn("reconciler", message)
        reconciler = Reconciler(self.stack.ipc("reconciler"), lambda: 0, refuse="no_api_key")
        self.stack.on_close(reconciler.stop)
        reconciler.start()
        self.assertIn("no_api_key", self.rebuild(code=UNAVAILABLE)["err"]["msg"])
        self.assertEqual((store_dump(self.stack)["epoch"], self.answers(self.people)), (epoch, self.answered))
        done = self.rebuild("--journal-alone")
        self.assertGreater(done["missing"], 0)
        self.assertGreater(done["differing"], 0)

    def test_another_journal_that_forgot_is_no_less(self):
        """The command looks at one journal; the worker follows two, and knows what the other has no more."""
        other = self.stack.ingress("other").start()
        self.worker.stop()
        pairs = ";".join(f"{self.stack.ipc(j + '-pub')},{self.stack.ipc(j + '-replay')}" for j in ("other", "ingress"))
        self.worker.flags["journals"] = pairs
        self.worker.start()
        epoch = store_dump(self.stack)["epoch"]
        flags = self.flags()
        flags[flags.index("--journal-replay") + 1] = self.stack.ipc("other-replay")
        done = subprocess.run([self.stack.bin / "tiergate", "rebuild", *map(str, flags)], capture_output=True, text=True,
                              timeout=2 * harness.SETTLE_S, env=harness.clean_environment())
        self.assertEqual(done.returncode, UNAVAILABLE, (done.stdout, done.stderr))
        self.assertIn("no longer in the journals", done.stdout)
        self.assertEqual((store_dump(self.stack)["epoch"], self.answers(self.people)), (epoch, self.answered))
        self.assertEqual(self.beside(), [self.store.name])
        self.assertTrue(other.running())

    def test_stripe_is_asked_first(self):
        def append():
            """The last state of everybody, as the API would say it: here, by events that come again."""
            count = 0
            for life in self.people:
                for event in life.events:
                    again = dict(event, id=event["id"] + "_again")
                    with webhook.Webhook(self.stack.address()) as hook:
                        assert hook.send(again)[0] == 200
                    count += 1
            return count
        self.ingress.stop()
        self.ingress.flags["retention"] = "30d"
        self.ingress.start()
        reconciler = Reconciler(self.stack.ipc("reconciler"), append)
        self.stack.on_close(reconciler.stop)
        reconciler.start()
        done = self.rebuild()
        self.assertEqual([(r["op"], r["full"]) for r in reconciler.passes], [("pass", True)])
        self.assertGreater(done["fetched"], 0)
        self.assertGreater(done["missing"], 0)
        self.assertEqual(done["differing"], 0)
        self.assertEqual(self.answers(self.people), self.answered)


if __name__ == "__main__":
    harness.main()
