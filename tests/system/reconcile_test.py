"""The reconciler against a Stripe that fails as the test says: what webhooks did not bring comes by other ways."""

import itertools
import json
import subprocess
import threading
import time

import msgpack
import zmq

import fake_stripe
import harness
import lives
import webhook
import wire
from harness import applied, wait_until

NEVER = "10h"  # no pass but those the test asks for
PASS_S = 120
TRIES = 5  # of what a machine that stood still may answer otherwise


def recent(life):
    """The same life, as events of the last minutes: Stripe lists no others once a pass was made."""
    first = int(time.time()) - 100 - len(life.events)
    for n, event in enumerate(life.events):
        event["created"] = first + n
    return life


class ReconcileTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.stripe = fake_stripe.FakeStripe()
        self.addCleanup(self.stripe.close)
        self.stack.start_all()
        self.query = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.query.close)
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)
        self.number = 0

    def reconciler(self, key=fake_stripe.KEY, **flags):
        flags = {"rate": 100, "events_every": NEVER, "sweep_every": NEVER, **flags}
        service = self.stack.reconciler(api=self.stripe.base, key=key, **flags)
        service.start()
        self.asked = wire.Reconciler(self.stack.ipc("reconciler-requests"), timeout_ms=40000)
        self.addCleanup(self.asked.close)
        return service

    def quiet(self, service):
        """After the pass that every start begins with."""
        service.wait_log("pass", seconds=PASS_S)

    def run_pass(self, **how):
        return wire.reconcile_pass(self.stack.ipc("reconciler-requests"), **how)

    def people(self, count, name="lost", steps=6):
        rng = harness.seed()
        return [recent(lives.Life(rng, n, name=name, steps=steps)) for n in range(count)]

    def expect_tiers(self, people):
        for life in people:
            want = life.tier()
            if want:
                wait_until(lambda: self.query.tier(life.customer) == want, harness.SETTLE_S,
                           f"{life.customer} has {want}")

    def journal(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            return list(journal.records())

    # ---- events

    def test_events_that_no_webhook_brought(self):
        people = self.people(30)
        self.stripe.live(*people)
        for life in people[:10]:
            for event in life.events:
                self.assertEqual(self.hook.send(event)[0], 200)
        service = self.reconciler()
        done = service.wait_log("pass", seconds=PASS_S)
        wanted = [e for life in people for e in life.events]
        records = self.journal()
        self.assertEqual(len({r["id"] for r in records if r["kind"] in (1, 2)}), len(wanted))
        by_kind = {kind: sum(r["kind"] == kind for r in records) for kind in (1, 2)}
        self.assertEqual(by_kind[1] + by_kind[2], len(wanted), "no event is there twice")
        self.assertEqual(int(done["missed"]), by_kind[2])
        appended = [r["created"] for r in records if r["kind"] == 2]
        for n in range(24, len(appended)):  # as many are under way at a time, and may overtake each other
            self.assertGreaterEqual(appended[n], max(appended[:n - 23]), "the oldest first")
        self.expect_tiers(people)
        self.assertTrue(wait_until(lambda: self.asked.status()["silent"], 30, "missed events are an alarm"))

    def test_webhooks_that_come_are_no_alarm(self):
        people = self.people(30)
        self.stripe.live(*people)
        events = [e for life in people for e in life.events]
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200)
        service = self.reconciler()
        service.wait_log("pass", seconds=PASS_S)
        status = self.asked.status()
        self.assertEqual((status["silent"], status["missed"]), (False, 0))
        # the newest of the last records that it looked at: they came as they were sent, not as they happened
        self.assertIn(status["newest_webhook"], [e["created"] for e in events])

    # ---- sweep

    def test_objects_whose_events_were_never_made(self):
        people = self.people(30)
        self.stripe.live(*people)
        self.stripe.events.clear()
        self.stripe.page = 7
        service = self.reconciler()
        done = service.wait_log("pass", seconds=PASS_S)
        self.assertEqual((done["missed"], done["sweep"]), ("0", "true"))
        self.assertGreater(int(done["differing"]), 30)
        self.expect_tiers([life for life in people if not life.deleted])
        applied(self.stack)
        found, again = self.run_pass()
        self.assertEqual((found, again["differing"], again["appended"]), ([], 0, 0), "once told, it differs no more")

    def test_a_dry_pass_says_what_would_change_and_changes_nothing(self):
        life = recent(lives.plain(1))
        service = self.reconciler()
        self.quiet(service)
        self.stripe.live(life)
        before = len(self.journal())
        found, done = self.run_pass(dry=True)
        self.assertEqual(len(self.journal()), before)
        self.assertEqual((done["dry"], done["appended"], done["missed"]), (True, 0, len(life.events)))
        events = [f for f in found if f["event"]]
        self.assertEqual([f["of"] for f in events], [e["id"] for e in life.events])
        objects = {f["object"]: f for f in found if not f["event"]}
        sub = objects["subscription"]
        self.assertEqual((sub["of"], sub["store"]), (life.subscription["id"], "not known"))
        self.assertTrue(sub["stripe"].startswith("active, pro_"), sub)
        self.assertEqual((sub["before"], sub["after"]), ("free", "pro"))
        self.assertEqual(self.query.tier(life.customer), "free")
        found, done = self.run_pass()
        self.assertEqual(done["missed"], len(life.events))
        self.expect_tiers([life])

    # ---- the budget, failures, death

    def ask_all(self, wishes, then=lambda: None):
        """Each over a socket of its own, all at once; `then` is called when the reconciler has taken all of them. What was done, or
        the error."""
        sockets = [zmq.Context.instance().socket(zmq.DEALER) for _ in wishes]
        answers = []
        for s, (kind, of) in zip(sockets, wishes):
            s.setsockopt(zmq.LINGER, 0)
            s.connect(self.stack.ipc("reconciler-requests"))
            fetch = {"op": "fetch", "id": 1, "mode": "test", "acct": "", "fetch": kind, "of": of}
            for question in (fetch, {"op": "status", "id": 2}):
                s.send_multipart([b"TGR1", msgpack.packb(question)])
        for first in (True, False):
            for s in sockets:
                self.assertTrue(s.poll(60000), "no answer")
                reply = msgpack.unpackb(s.recv_multipart()[-1])
                answers += [reply.get("done", reply)] if reply["id"] == 1 else []
            if first:  # to each of them, and one socket's requests are taken in their order
                then()
        for s in sockets:
            s.close()
        return answers

    def forget(self):
        with self.stripe.lock:
            self.stripe.requests.clear()

    def test_the_budget_is_kept_and_one_object_is_asked_for_once(self):
        people = self.people(30)
        service = self.reconciler(rate=10)
        self.quiet(service)
        self.stripe.live(*people)
        # requests that were sent one by one may arrive together where somebody stood still, but not each time
        self.assertTrue(any(self.spread(people) for _ in range(TRIES)), "too many came within a second")

        # thirty ask for one: those who come while it is under way get one more after it, and that is all
        all_have_asked = threading.Event()
        self.stripe.fail = lambda path: not all_have_asked.wait(60) or None
        self.forget()
        done = self.ask_all([("customer", people[0].customer)] * 30, all_have_asked.set)
        self.assertTrue(all("requests" in d for d in done), done)
        self.assertIn(self.stripe.count(), (1, 2, 3))

    def spread(self, people):
        """None of the thirty comes before its time, and whether none came together with too many others."""
        self.forget()
        begun = time.monotonic()
        done = self.ask_all([("customer", life.customer) for life in people])
        self.assertTrue(all(d["requests"] == 1 for d in done), done)
        self.assertEqual(self.stripe.count(), len(people))
        for n, (at, _, _) in enumerate(self.stripe.requests):
            self.assertGreaterEqual(at - begun, (n + 1 - 2) / 10 * 0.9)
        return self.stripe.busiest_second() <= 10 + 2 + 1

    def test_what_fails_is_asked_again_and_nothing_is_lost(self):
        people = self.people(20)
        self.stripe.live(*people)
        self.stripe.page = 10
        answers = itertools.cycle([(429, {"Retry-After": "0"}), None, (500, {}), None, None])
        self.stripe.fail = lambda path: next(answers)
        service = self.reconciler()
        service.wait_log("pass", seconds=PASS_S)
        self.assertTrue(service.find_log("api_paused"))
        self.expect_tiers(people)
        wanted = {e["id"] for life in people for e in life.events}
        self.assertEqual({r["id"] for r in self.journal() if r["kind"] == 2}, wanted)

    def test_a_journal_that_is_away_for_a_while(self):
        people = self.people(10)
        service = self.reconciler()
        self.quiet(service)
        self.stripe.live(*people)
        ingress = self.stack.services["ingress"]
        ingress.kill()
        answer = []
        asking = threading.Thread(target=lambda: answer.append(self.run_pass()))
        asking.start()
        wait_until(lambda: self.stack.admin("reconciler")[0] == 503, 60, "the journal is missed")
        ingress.start()
        asking.join()
        self.assertEqual(answer[0][1]["missed"], sum(len(life.events) for life in people))
        self.expect_tiers(people)

    def test_killed_in_the_middle(self):
        people = self.people(40)
        self.stripe.live(*people)
        self.stripe.page = 5
        service = self.reconciler(rate=30)
        for requests in (3, 9, 20):
            wait_until(lambda: self.stripe.count() >= requests, 60, f"{requests} requests")
            service.kill()
            service.start()
        service.wait_log("pass", seconds=PASS_S)
        self.expect_tiers(people)
        ids = [r["id"] for r in self.journal() if r["kind"] == 2]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(set(ids), {e["id"] for life in people for e in life.events})

    def test_stopped_in_the_middle(self):
        self.stripe.live(*self.people(40))
        self.stripe.page = 5
        service = self.reconciler(rate=30)
        for requests in (2, 7, 15):
            wait_until(lambda: self.stripe.count() >= requests, 60, f"{requests} requests")
            self.assertEqual(service.stop(), 0)
            service.start()

    # ---- the operator's command

    def ctl(self, *words):
        """(exit code, standard output)"""
        done = subprocess.run([self.stack.bin / "tiergate", *words], timeout=PASS_S, text=True, cwd=self.stack.dir,
                              capture_output=True, env=harness.clean_environment())
        return done.returncode, done.stdout, done.stderr

    def test_the_command_prints_what_would_change_before_it_changes(self):
        life = recent(lives.plain(1))
        service = self.reconciler()
        self.quiet(service)
        self.stripe.live(life)
        where = ["--reconciler", self.stack.ipc("reconciler-requests"), "--timeout", "60s"]
        code, out, _ = self.ctl("reconcile", "--dry-run", *where)
        self.assertEqual(code, 1, "something is left to be done")
        lines = out.splitlines()
        at = lines.index(f"subscription {life.subscription['id']}")
        self.assertEqual(lines[at + 1], "  store   not known")
        self.assertTrue(lines[at + 2].startswith("  Stripe  active, pro_"), lines)
        self.assertEqual(lines[at + 3], f"  {life.customer}: free becomes pro")
        self.assertIn("nothing was appended", lines[-1])
        code, out, _ = self.ctl("reconcile", "--json", *where)
        said = json.loads(out)
        self.assertEqual((code, said["dry"], said["missed"]), (0, False, len(life.events)))
        self.assertEqual(sum(f["kind"] == "event" for f in said["found"]), len(life.events))
        self.expect_tiers([life])
        code, out, _ = self.ctl("reconcile", "--dry-run", *where)
        self.assertEqual((code, out.splitlines()[-1].split(",")[0]), (0, "nothing was appended"))
        code, out, _ = self.ctl("status", "--only", "reconciler", "--reconciler-admin", service.ready["admin"], "--timeout", "60s")
        self.assertEqual(code, 0)
        self.assertIn("API key ok", out)
        self.assertEqual(service.stop(), 0)
        code, _, err = self.ctl("reconcile", *where[:2], "--timeout", "100ms")
        self.assertEqual(code, 69)
        self.assertIn("no reconciler at", err)
        code, out, _ = self.ctl("status", "--only", "reconciler", "--reconciler-admin", service.ready["admin"])
        self.assertEqual(code, 69)

    # ---- a customer who comes back from the portal

    def test_a_customer_is_in_the_store_when_it_is_answered(self):
        service = self.reconciler()
        self.quiet(service)
        before = len(self.journal())
        life, done = self.customer(lambda answer: isinstance(answer, dict))
        self.assertEqual(self.query.tier(life.customer), life.tier(), "nobody has to wait for anything after it")
        self.assertGreaterEqual(done["appended"], 2)
        kinds = {(r["kind"], r["type"]) for r in self.journal()[before:]}
        self.assertLessEqual({(3, "customer"), (3, "subscription")}, kinds)
        nobody = (self.answer(f"cus_nobody{n}") for n in range(TRIES))
        self.assertEqual(next(answer for answer in nobody if isinstance(answer, dict))["missing"], 1)
        # a worker that is away, and one it has not heard of: the same one again within a second would be no news
        self.stack.services["worker"].kill()
        _, refused = self.customer(lambda answer: getattr(answer, "code", None) == "behind")
        self.assertTrue(refused.retry)

    def answer(self, customer):
        try:
            return self.asked.customer(customer)
        except wire.Refused as refused:
            self.assertIn(refused.code, ("behind", "api_unreachable", "no_journal"))
            return refused

    def customer(self, wanted):
        """A customer that was never heard of, and the answer: somebody has five seconds for it, and may stand still for them. Then
        another one is asked for."""
        for number in range(TRIES):
            self.number += 1
            life = recent(lives.plain(self.number))
            self.stripe.live(life)
            answer = self.answer(life.customer)
            if wanted(answer):
                return life, answer
        raise AssertionError(f"{TRIES} customers, and of the last {answer}")

    # ---- without a key, with a bad one

    def test_without_a_key(self):
        service = self.reconciler(key=None)
        self.assertEqual(service.ready["mode"], "none")
        wait_until(lambda: self.stack.admin("reconciler")[0] == 200, 30, "that is a fact, and no failure")
        wait_until(lambda: '"api_key":"none"' in self.stack.admin("reconciler")[1].replace(" ", ""), 30, "and it is shown")
        self.assertEqual(self.asked.status()["key"], "none")
        for ask in (lambda: self.asked.session("cs_1"), lambda: self.asked.customer("cus_1"), lambda: self.run_pass()):
            with self.assertRaises(wire.Refused) as refused:
                ask()
            self.assertEqual((refused.exception.code, refused.exception.retry), ("no_api_key", False))
        self.assertEqual(self.stripe.count(), 0)

    def test_a_refused_key_is_said_once(self):
        self.stripe.key = "sk_test_another"
        service = self.reconciler()
        service.wait_log("api_key_refused")
        self.assertEqual(self.asked.status()["key"], "refused")
        with self.assertRaises(wire.Refused) as refused:
            self.run_pass()
        self.assertEqual(refused.exception.code, "api_refused")
        wait_until(lambda: self.stack.admin("reconciler")[0] == 503, 30, "it is not ready")
        self.assertEqual(sum("api_key_refused" in line for line in service.log()), 1)
        self.assertFalse(any(fake_stripe.KEY in line for line in service.log()), "the key is in no log")


if __name__ == "__main__":
    harness.main()
