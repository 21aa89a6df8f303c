"""The operator's command against real services: what it says, and exit codes that scripts can use."""

import json
import subprocess
import time

import harness
import lives
import webhook
from harness import applied, wait_until

YES, NO, USAGE, UNAVAILABLE = 0, 1, 64, 69


class CtlTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.ingress, self.worker, self.query = self.stack.start_all()
        host, port = self.stack.address()
        self.life = lives.plain(1)
        self.patient = harness.clean_environment({"TIERGATE_TIMEOUT": "30s"})
        self.flags = {
            "send": ["--webhook-secrets-file", self.stack.secrets,
                     "--webhook-url", f"http://{host}:{port}{harness.WEBHOOK_PATH}"],
            "check": ["--query", self.stack.ipc("query-tg01")], "get": ["--query", self.stack.ipc("query-tg01")],
            "status": ["--ingress-admin", self.ingress.ready["admin"], "--entitlement-admin", self.worker.ready["admin"],
                       "--query-admin", self.query.ready["admin"]],
            "explain": ["--store-dir", self.worker.flags["store-dir"], "--catalog", self.stack.catalog],
            "journal": ["--journal-replay", self.stack.ipc("ingress-replay")],
            "grant": ["--mode", "test", "--store-dir", self.worker.flags["store-dir"], "--catalog", self.stack.catalog,
                      "--journal-replay", self.stack.ipc("ingress-replay")],
            "quarantine list": ["--store-dir", self.worker.flags["store-dir"]],
            "quarantine show": ["--store-dir", self.worker.flags["store-dir"]],
            "quarantine retry": ["--control", self.stack.ipc("worker-control")],
        }

    def ctl(self, *words, code=YES, flags=()):
        """Runs it with --json; what it printed. The exit code must be that."""
        where = self.flags.get(" ".join(map(str, words[:2]))) or self.flags[words[0]]
        done = subprocess.run([self.stack.bin / "tiergate", *map(str, words), *map(str, flags), *map(str, where), "--json"],
                              capture_output=True, text=True, timeout=2 * harness.READY_S, env=self.patient)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        self.assertNotIn(harness.TEST_SECRET[6:], done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else done.stderr

    def send(self, event, code=YES, flags=()):
        path = self.stack.dir / "event.json"
        path.write_bytes(webhook.encode(event))
        return self.ctl("send", path, code=code, flags=flags)

    def test_a_day_of_an_operator(self):
        for number, event in enumerate(self.life.events, 1):
            self.assertEqual(self.send(event)["body"], {"seq": number, "duplicate": False})
        self.assertEqual(self.send(self.life.events[0])["body"], {"seq": 1, "duplicate": True})
        applied(self.stack)
        self.assertEqual(self.ctl("get", self.life.subject)["tier"], "pro")
        self.assertTrue(self.ctl("check", self.life.subject, flags=["--feature", "live_trading"])["allowed"])
        self.assertFalse(self.ctl("check", self.life.subject, code=NO, flags=["--tier", "institutional"])["allowed"])
        self.ctl("check", self.life.subject, code=USAGE, flags=["--tier", "golden"])
        self.ctl("check", self.life.subject, code=USAGE)

        nobody = self.ctl("explain", "nobody-has-heard-of")
        self.assertEqual((nobody["known"], nobody["tier"], nobody["reason"]), (False, "free", "unknown_subject"))
        explained = self.ctl("explain", self.life.subject)
        self.assertEqual((explained["tier"], explained["subscription"]), ("pro", self.life.subscription["id"]))
        self.assertIn(explained["event"], [e["id"] for e in self.life.events])
        by_customer = self.ctl("explain", self.life.customer)
        for key in ("sub", "customers", "history"):
            self.assertEqual(by_customer[key], explained[key])
        listed = self.ctl("journal", "list")
        self.assertEqual([r["event"] for r in listed["records"]], [e["id"] for e in self.life.events])
        shown = self.ctl("journal", "show", self.life.events[1]["id"])
        self.assertEqual((shown["seq"], shown["body"]), (2, self.life.events[1]))
        self.ctl("journal", "show", "evt_of_nobody", code=UNAVAILABLE)

    def test_quarantine(self):
        created = next(e for e in self.life.events if e["type"] == "customer.subscription.created")
        created["data"]["object"]["status"] = "frozen"
        for event in self.life.events:
            self.send(event)
        applied(self.stack)
        found = self.ctl("quarantine", "list")
        entry, = found["entries"]
        self.assertEqual((entry["event"], found["unmapped"]), (created["id"], []))
        self.assertIn("status", entry["reason"])
        self.assertIn("Tiergate", entry["todo"])
        self.assertEqual(self.ctl("quarantine", "show", entry["name"])["body"], created)
        self.assertEqual(self.ctl("quarantine", "retry", "all", code=NO), {"retried": 1, "healed": 0, "still": 1})
        tries = self.ctl("quarantine", "list")["entries"][0]["tries"]
        before = self.worker.log_size()
        self.worker.hup()
        self.worker.wait_log("catalog_loaded", since=before)
        self.assertEqual(self.ctl("quarantine", "list")["entries"][0]["tries"], tries + 1)

    def test_a_price_in_no_tier(self):
        created = next(e for e in self.life.events if e["type"] == "customer.subscription.created")
        created["data"]["object"]["items"]["data"][0]["price"].update(id="price_new", lookup_key="new_plan", product="prod_new")
        for event in self.life.events:
            self.send(event)
        applied(self.stack)
        found = self.ctl("quarantine", "list")
        price, = found["unmapped"]
        self.assertEqual(found["entries"], [])
        self.assertEqual((price["price"], price["lookup_key"], price["product"], price["mode"], price["subscription"]),
                         ("price_new", "new_plan", "prod_new", "test", self.life.subscription["id"]))
        self.assertIn("HUP", price["todo"])
        wait_until(lambda: self.facts("entitlement")["unmapped"] == 1, 60, "status shows it")
        text = self.stack.catalog.read_text()
        self.stack.catalog.write_text(text.replace("pro_monthly,", "pro_monthly, new_plan,"))
        before = self.worker.log_size()
        self.worker.hup()
        self.assertEqual(self.worker.wait_log("prices_mapped", since=before)["count"], "1")
        wait_until(lambda: self.ctl("quarantine", "list")["unmapped"] == [], 60, "no price is unmapped")

    def test_status_knows_when_the_last_webhook_came(self):
        self.assertNotIn("last_webhook_ms", self.facts("ingress"))
        before = time.time() * 1000
        self.send(self.life.events[0])
        came = wait_until(lambda: self.facts("ingress").get("last_webhook_ms"), 60, "status shows it")
        after = time.time() * 1000
        self.assertTrue(before - 1 <= came <= after)
        # a start does not forget it, and what others append is none
        self.ctl("grant", "alice", "pro", "--why", "x")
        self.ingress.stop()
        self.ingress.start()
        self.flags["status"][1] = self.ingress.ready["admin"]
        wait_until(lambda: self.facts("ingress").get("last_webhook_ms") is not None, 60, "it looked back")
        # from the journal it is the moment at which it was received, not the one at which it was committed
        self.assertTrue(before - 1 <= self.facts("ingress")["last_webhook_ms"] <= came)

    def facts(self, service):
        return {s["service"]: s for s in self.status()["services"]}[service].get("facts", {})

    def test_status_follows_the_services(self):
        def ready():
            # there is no reconciler here, which is no reason to be not ready
            return {s["service"]: s["ready"] for s in self.status()["services"] if s["service"] not in ("reconciler", "billing")}
        wait_until(lambda: all(ready().values()), 60, "all are ready")
        wait_until(lambda: self.status()["ready"], 60, "and so the whole is")
        self.query.kill()
        wait_until(lambda: ready() == {"ingress": True, "entitlement": True, "query": False}, 60, "it is query alone")
        self.ctl("get", self.life.subject, code=UNAVAILABLE, flags=["--timeout", "300ms"])
        self.ingress.kill()
        wait_until(lambda: not ready()["entitlement"], 60, "the worker misses its journal")
        self.ctl("journal", "list", code=UNAVAILABLE, flags=["--timeout", "300ms"])
        self.send(self.life.events[0], code=UNAVAILABLE)

    def status(self):
        done = subprocess.run([self.stack.bin / "tiergate", "status", *self.flags["status"], "--json"], timeout=2 * harness.READY_S,
                              capture_output=True, text=True, env=self.patient)
        said = json.loads(done.stdout)
        self.assertEqual(done.returncode, YES if said["ready"] else UNAVAILABLE, done.stderr)
        return said

    def test_a_worker_that_is_gone_is_forgotten(self):
        for event in self.life.events:
            self.send(event)
        applied(self.stack)
        # the journal writes what it was told once a second
        wait_until(lambda: self.facts("ingress").get("slowest_worker"), 60, "the worker has told how far it is")
        self.worker.stop()
        wait_until(lambda: "err" not in self.forget("worker"), 60, "the worker's progress is known")
        wait_until(lambda: "err" in self.forget("worker"), 60, "and is no more")
        self.assertIn("no worker 'stranger'", self.ctl("journal", "forget", "stranger", code=UNAVAILABLE)["err"]["msg"])

    def forget(self, name):
        done = subprocess.run([self.stack.bin / "tiergate", "journal", "forget", name, *self.flags["journal"], "--json"],
                              timeout=2 * harness.READY_S, capture_output=True, text=True, env=self.patient)
        return json.loads(done.stdout)

    def test_a_refused_event_is_a_failure(self):
        answer = self.send({"object": "list"}, code=NO)
        self.assertEqual((answer["status"], answer["body"]["code"]), (400, "not_an_event"))
        self.stack.write_secrets(f"sandbox test {harness.TEST_SECRET}x")
        answer = self.send(self.life.events[0], code=NO)
        self.assertEqual((answer["status"], answer["body"]["code"]), (400, "bad_signature"))


if __name__ == "__main__":
    harness.main()
