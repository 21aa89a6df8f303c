"""A world: a simulated Stripe, a real Tiergate that follows its clock, and random lives between them.

    world = World(stack, rng, lives=100, catalog=…)
    world.start()
    world.live(steps=6)           # deeds, time, lost and mangled deliveries, killed processes
    world.settle()                # good behaviour, everything delivered, one pass of the reconciler, the journal applied
    wrong = compare.all(world)    # what Tiergate answers beside what the naive model says
"""

import json
import os
import socket
import subprocess
import time

import clock
import deeds
import harness
import simulator
import wire
from harness import wait_until

DAY = 86400
KINDS = ("customer", "subscription", "invoice", "invoice_payment", "charge", "refund", "dispute", "subscription_schedule",
         "price")
ACCOUNT = "acct_connected1"
PLANS = {  # name: (tier or None, interval, how the catalog knows it)
    "pro_monthly": ("pro", "month", "lookup_keys"), "pro_yearly": ("pro", "year", "lookup_keys"),
    "pro_weekly": ("pro", "week", "prices"), "institutional_monthly": ("institutional", "month", "lookup_keys"),
    "institutional_yearly": ("institutional", "year", "products"), "institutional_weekly": ("institutional", "week", "prices"),
    "addon_monthly": (None, "month", None), "addon_yearly": (None, "year", None), "addon_weekly": (None, "week", None),
}

class Life:
    """A subject, what it has at Stripe as of the last refresh, and its story."""

    def __init__(self, number, subject, account=None):
        self.number, self.subject, self.account = number, subject, account
        self.anonymous = False  # nobody ever says whose the customers are
        self.friend = subject
        self.customers, self.named, self.story = [], {}, []
        self.subs, self.invoices, self.charges, self.refunds, self.disputes, self.schedules = {}, {}, {}, {}, {}, {}

    def forget(self):
        self.subs, self.invoices, self.charges, self.refunds, self.disputes, self.schedules = {}, {}, {}, {}, {}, {}


def before(event):
    """What an event says was before, for a story."""
    previous = event["data"].get("previous_attributes")
    keys = ("metadata", "status", "cancel_at", "cancel_at_period_end", "pause_collection", "currency", "latest_invoice")
    return f", before {({k: v for k, v in previous.items() if k in keys})} of {sorted(previous)}" if previous else ""


def free_port():
    """Below the range that the kernel takes for connections, so that it is still free after a restart."""
    for port in range(20000 + os.getpid() % 10000, 32000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


class World:
    def __init__(self, stack, rng, lives, catalog, kills=0.02, name="w", losses=True):
        self.stack, self.rng, self.name = stack, rng, name
        self.catalog, self.kills, self.losses = catalog, kills, losses
        self.count = lives
        self.lives, self.owner_life = [], {}
        self.claims, self.last_claim, self.lossy, self.settled_claims = [], {}, False, set()
        self.overrides, self.told, self.read_to = [], 0, 0
        self.recorded, self.revoked = {}, set()  # {reason of a grant: its id}, ids
        self.priced = {}
        self.unsure = set()  # subscriptions of which an item set may have come and gone unseen
        self.hurt = set()  # those of which an event may never have been made
        self.prices, self.known, self.tables = {}, [], {}
        self.done, self.refused, self.killed, self.calls = {}, {}, 0, 0
        self.compared, self.skipped, self.remembered, self.furthest = 0, 0, 0, 0
        self.past = []  # what was answered at each checkpoint
        self.reconciled, self.unlisted = [], 0

    # ---- making it

    def start(self):
        self.clock = clock.Clock(self.stack)
        port = free_port()
        self.stack.write_secrets(f"sandbox test {harness.TEST_SECRET} *")
        self.sim = simulator.start(self.stack, self.clock, f"http://127.0.0.1:{port}{harness.WEBHOOK_PATH}",
                                   harness.TEST_SECRET, seed=self.rng.randrange(1, 2**31), **{"api-version": "2026-09-30.endive"})
        self.make_prices()
        self.write_catalog()
        env = self.clock.env()
        self.ingress = self.stack.ingress(env=env, listen=f"127.0.0.1:{port}", retention="2000d")
        self.worker = self.stack.worker(env=env)
        self.query = self.stack.query(env=env)
        self.reconciler = self.stack.reconciler(api=self.sim.url(), key=simulator.KEY, env=env, rate=100, stripe_accounts=ACCOUNT)
        self.services = [self.ingress, self.worker, self.query, self.reconciler]
        for service in self.services:
            service.start(wait=False)
        for service in self.services:
            service.wait_ready()
        for number in range(self.count):
            life = Life(number, f"user_{self.name}_{number}")
            if number and self.rng.random() < 0.1:
                # of a connected account, and there with a name that the platform knows as well
                life.account, life.subject = ACCOUNT, self.lives[-1].subject
            life.anonymous = self.rng.random() < 0.1
            self.lives.append(life)
        for life in self.lives:
            life.friend = self.rng.choice([x for x in self.lives if x.account == life.account]).subject
        self.client = wire.Query(self.stack.ipc("query-tg01"))
        self.stack.on_close(self.client.close)

    def make_prices(self):
        for account in (None, ACCOUNT):
            products = {}
            self.prices[account] = {}
            for plan, (tier, interval, how) in PLANS.items():
                name = plan if how == "products" else tier or "addon"
                if name not in products:
                    _, product = self.sim.call("POST", "/v1/products", {"name": name}, account)
                    products[name] = product["id"]
                fields = {"product": products[name], "currency": "usd", "unit_amount": 1000 if tier == "pro" else 5000,
                          "recurring": {"interval": interval}}
                if how == "lookup_keys":
                    fields["lookup_key"] = plan
                status, price = self.sim.call("POST", "/v1/prices", fields, account)
                assert status == 200, price
                self.prices[account][plan] = price["id"]
                self.known.append((plan, {"lookup_keys": plan, "prices": price["id"], "products": products[name]}))

    def write_catalog(self):
        """The shipped catalog as it is; any other with the prices that were made."""
        if self.catalog.get("shipped"):
            return
        for tier in self.catalog["tiers"][1:]:
            stripe = tier.setdefault("stripe", {})
            for plan, names in self.known:
                name, _, how = PLANS[plan]
                if name == tier["name"] and names[how] not in stripe.setdefault(how, []):
                    stripe[how].append(names[how])
        policies = {k: f"{v}s" if k.endswith("_grace") else v for k, v in self.catalog.get("policies", {}).items()}
        self.stack.catalog.write_text(json.dumps({"version": 1, "tiers": self.catalog["tiers"],
                                                  **({"policies": policies} if policies else {})}, indent=1))

    def change_catalog(self, policies):
        """Other policies, heard of by HUP."""
        self.catalog = {"tiers": self.catalog["tiers"], "policies": policies}
        self.write_catalog()
        for service in self.services[1:]:
            before = service.log_size()
            service.hup()
            service.wait_log("catalog_loaded", since=before)

    # ---- what deeds ask for

    def some_plan(self, interval=None):
        """Its name; one that a tier has is more likely."""
        return self.rng.choice([p for p in PLANS for _ in range(8 if self.has(p) else 1) if interval in (None, PLANS[p][1])])

    def has(self, plan):
        tier, _, how = PLANS[plan]
        return tier and (how == "lookup_keys" or not self.catalog.get("shipped"))

    def price(self, life, plan):
        return self.prices[life.account][plan]

    def interval(self, plan):
        return PLANS[plan][1]

    def now(self):
        return self.clock.now()

    def call(self, life, method, path, fields=None):
        """The object, or None when Stripe refuses. A 500 or a 429 is asked again."""
        for _ in range(50):
            status, answer = self.sim.call(method, path, fields, life.account)
            self.calls += 1
            if status < 500 and status != 429:
                break
        code = "" if status == 200 else f" {status} {(answer.get('error') or {}).get('message', '')[:90]}"
        life.story.append(f"{self.sim.date} {method} {path} {json.dumps(fields) if fields else ''} -> "
                          f"{answer.get('id', '')} {answer.get('status', '')}{code}")
        if status != 200:
            what = f"{method} {'/'.join(p for p in path.split('/') if '_' not in p or len(p) < 12)}: {status} " \
                   f"{(answer.get('error') or {}).get('message', '')[:60]}"
            self.refused[what] = self.refused.get(what, 0) + 1
            return None
        self.notice(answer)
        self.learn(life, answer)
        return answer

    def learn(self, life, answer):
        """What the answer shows is known to the next deed of this step."""
        shelf = {"subscription": life.subs, "invoice": life.invoices, "refund": life.refunds, "charge": life.charges,
                 "subscription_schedule": life.schedules}.get(answer.get("object"))
        if shelf is not None and not answer.get("deleted"):
            shelf[answer["id"]] = answer

    def notice(self, answer):
        """Price sets of subscriptions, for when the catalog knows the newest of them no more."""
        if answer.get("object") == "subscription":
            items = answer["items"]["data"]
            sets = self.priced.setdefault(answer["id"], [])
            ids = sorted(i["price"]["id"] for i in items)
            if not sets or sorted(i["price"]["id"] for i in sets[0]) != ids:
                sets.insert(0, items)

    def post(self, life, path, fields):
        return self.call(life, "POST", path, fields)

    def get(self, life, path):
        return self.call(life, "GET", path)

    def control(self, life, path, fields):
        """A control of the simulator; None when it refuses."""
        status, text = self.sim._request("POST", "/_sim/" + path, json.dumps(fields), {"Content-Type": "application/json"})
        life.story.append(f"{self.sim.date} {path} {json.dumps(fields)} -> {status}")
        if status != 200:
            what = f"_sim/{path}: {status} {text[:100]}"
            self.refused[what] = self.refused.get(what, 0) + 1
            return None
        return json.loads(text)

    def card(self, life, customer, outcome):
        self.control(life, "card", {"customer": customer, "outcome": outcome})

    def refund_outcome(self, fields):
        """A bank transfer: it takes days, and may fail (the simulator reads its wish from the metadata)."""
        fields["metadata"] = {"sim_status": self.rng.choice(("pending", "failing", "requires_action"))}

    def owns(self, life, customer):
        self.owner_life[customer] = life

    def claim(self, customer, subject):
        self.claims.append((self.sim.date, customer, subject))
        self.last_claim[customer] = self.sim.date, subject
        if self.lossy:
            self.settled_claims.add(customer)

    def may_claim(self, customer, subject, own=False):
        """Two different claims to a customer in one second have no order that anybody could know. And while events may
        never be made, a claim that only stands in an object cannot take a customer from whoever claimed it by an event:
        it may repeat the last one or be the first; in the customer's own metadata (own) it may name somebody new."""
        when, who = self.last_claim.get(customer, (0, None))
        if who in (None, subject):
            return True
        if customer in self.settled_claims:
            return False  # the event of a claim may be missing: when it was made can then not be known, only that it was
        if self.lossy and not (own and subject and all(c[1] != customer or c[2] != subject for c in self.claims)):
            return False
        return self.sim.now() > when + 1

    def session_claim(self, life, session):
        if session["payment_status"] != "unpaid":
            self.claim(session["customer"], life.subject)

    # ---- overrides

    def tiergate(self, *words, code=(0,)):
        done = subprocess.run([self.stack.bin / "tiergate", *map(str, words)], capture_output=True, text=True, timeout=300,
                              env=harness.clean_environment(self.clock.env()))
        assert code is None or done.returncode in code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def by_hand(self, life, *words):
        """A verb that appends an override; whether it was recorded is asked of the journal when the dust has settled."""
        self.told += 1
        why = f"reason {self.told} of {self.name}"
        flags = ["--why", why, "--mode", "test", "--store-dir", self.worker.flags["store-dir"], "--catalog", self.stack.catalog,
                 "--journal-replay", self.stack.ipc("ingress-replay"), "--timeout", "500ms"]
        done = self.tiergate(*words, *flags, code=None)
        life.story.append(f"{self.now()} {' '.join(map(str, words))}, {why} -> {done.returncode} {done.stdout.strip()}{done.stderr.strip()}")
        assert done.returncode in (0, 1, 69), done
        return why

    def grant(self, life):
        tier = self.rng.choice(["pro", "institutional"])
        until = self.now() + self.rng.randrange(60, 40 * DAY) if self.rng.random() < 0.7 else 0
        why = self.by_hand(life, "grant", life.subject, tier, *(["--until", until] if until else []))
        self.overrides.append({"id": why, "subject": life.subject, "tier": tier, "from": 0, "until": until, "revoked": False})

    def revoke(self, life):
        mine = [o for o in self.overrides if o["subject"] == life.subject and not o["revoked"]]
        if not mine:
            return False
        self.by_hand(life, "revoke", life.subject)
        for override in mine:
            override["revoked"] = True  # as far as the operator thinks: see know_overrides
        return True

    def know_overrides(self):
        """Those that were recorded; a verb whose journal was away did nothing, and said so or could not tell. And a
        revocation is of what stood then: not of what was over, or what no worker had applied."""
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            for record in journal.records(self.read_to + 1):
                self.read_to = record["seq"]
                if record["type"] == "tiergate.override":
                    override, what = record["id"].rsplit("_", 1)
                    if what == "g":
                        self.recorded[json.loads(record["body"])["why"]] = override
                    else:
                        self.revoked.add(override)
        self.overrides = [o for o in self.overrides if o["id"] in self.recorded]
        for override in self.overrides:
            override["revoked"] = self.recorded[override["id"]] in self.revoked

    # ---- time and trouble

    def refresh(self):
        """What everybody has, from the tables."""
        self.tables = self.sim.tables(KINDS)
        for life in self.lives:
            life.forget()

        def file(kind, name):
            for one in self.tables[kind]:
                life = self.owner_life.get(one.get("customer"))
                if life:
                    getattr(life, name)[one["id"]] = one
        for kind, name in (("subscription", "subs"), ("invoice", "invoices"), ("charge", "charges"),
                           ("subscription_schedule", "schedules")):
            file(kind, name)
        for sub in self.tables["subscription"]:
            self.notice(sub)
        for schedule in self.tables["subscription_schedule"]:
            if sum(p["start_date"] <= self.sim.date for p in schedule["phases"]) > 1:
                self.unsure.add(schedule["subscription"])  # its phases may have come and gone unseen
        by_charge = {c["id"]: self.owner_life.get(c["customer"]) for c in self.tables["charge"]}
        for kind, name in (("refund", "refunds"), ("dispute", "disputes")):
            for one in self.tables[kind]:
                life = by_charge.get(one["charge"])
                if life:
                    getattr(life, name)[one["id"]] = one

    def trouble(self):
        """How deliveries fare until the next step."""
        r = self.rng

        def at_times(share, most):
            return round(r.random() * most, 3) if r.random() < share else 0
        how = {"drop": at_times(0.5, 0.6), "duplicate": at_times(0.5, 0.4), "reorder": at_times(0.5, 0.8),
               "old_version": at_times(0.5, 1), "thin": at_times(0.2, 0.5), "fail_api": at_times(0.2, 0.2)}
        if r.random() < 0.4:
            how["delay_s"] = [0, r.choice((5, 3600, 3 * DAY))]
        if self.losses and r.random() < 0.25:
            how["never_generate"] = round(r.random() * 0.3, 3)
        # a thin event says that something happened, and the object is fetched later: what lay between is not told
        self.lossy = bool(how.get("never_generate") or how["thin"])
        self.sim.misbehave(**how)
        return how

    def maybe_kill(self):
        if self.rng.random() >= self.kills:
            return
        victim = self.rng.choice(self.services)
        if victim.running():
            victim.kill()
            self.killed += 1
        else:
            victim.popen and victim.wait_exit()
        victim.start(wait=False)

    def live(self, steps, deeds_a_step=0.6):
        self.sim.advance(3)  # what is done now is not of the second in which answers were noted
        for _ in range(steps):
            self.refresh()
            self.trouble()
            before = {sub: len(sets) for sub, sets in self.priced.items()}
            whole = {one["id"]: one for kind in ("subscription", "charge") for one in self.tables[kind]}
            for life in self.rng.sample(self.lives, len(self.lives)):
                if self.rng.random() < deeds_a_step:
                    for _ in range(self.rng.choice((1, 1, 1, 2, 3))):
                        deeds.some(self, life)
                self.maybe_kill()
            self.pass_time()
            if self.lossy:
                for sub in self.sim.table("subscription"):
                    self.notice(sub)
                    if whole.get(sub["id"]) != sub:
                        self.hurt.add(sub["id"])
                self.hurt |= {one["id"] for one in self.sim.table("charge") if whole.get(one["id"]) != one}
                self.unsure |= {sub for sub, sets in self.priced.items() if len(sets) > before.get(sub, 1)}

    def pass_time(self):
        """Stripe lists events for 30 days: a reconciler that was away for longer could not know of older ones."""
        step = self.rng.choice((1, 2, 60, 3600, DAY, 3 * DAY, 5 * DAY, 8 * DAY, 14 * DAY, 20 * DAY))
        if self.unlisted + step > 28 * DAY:
            self.sim.misbehave()
            self.all_up()
            self.reconcile()
        self.sim.advance(step)
        self.unlisted += step

    # ---- the dust settles

    def head(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            return journal.head()

    def applied(self, wants=True):
        """Until the worker has applied all that the journal has, and nothing waits to be fetched."""
        def look():
            head = self.head()
            dump = harness.store_dump(self.stack)
            if dump["cursors"].get(head["origin"], 0) < head["head"] or (wants and dump["wants"]):
                time.sleep(0.05)
                return None
            return dump
        return wait_until(look, 120, "the worker applies the journal, and nothing waits to be fetched")

    def all_up(self):
        for service in self.services:
            if not service.running():
                service.popen and service.wait_exit()
                service.start(wait=False)
        for service in self.services:
            service.wait_ready()

    def settle(self, reconcile=True):
        self.sim.misbehave()
        self.all_up()
        self.sim.flush()
        self.sim.advance(5)
        self.sim.flush()
        if reconcile:
            self.reconcile()
        self.dump = self.applied(wants=reconcile)
        self.sim.advance(3)
        self.sim.flush()
        self.dump = self.applied(wants=reconcile)
        self.refresh()
        self.know_overrides()
        self.client.wait_ready()

    def went_on(self):
        """Stripe did something by itself, because it was due, since the tables were read; they are read again."""
        told = self.tables
        self.sim.flush()
        self.dump = self.applied()
        self.refresh()
        return self.tables != told

    def fates(self, customers):
        """Of each event that names these customers: what became of it."""
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            known = {r["id"]: r for r in journal.records()}
        lines, ids = [], set()
        for event in self.sim.table("event"):
            text = json.dumps(event)
            if any(c in text for c in customers):
                record = known.get(event["id"])
                ids.add(event["id"])
                lines.append((event["created"], f"  {event['created']} {event['id']} {event['type']} " + (
                    f"seq {record['seq']} kind {record['kind']} received {record['received_ms'] // 1000}" if record
                    else "never came") + before(event)))
        for record in known.values():
            if record["id"] not in ids and any(c.encode() in record["body"] for c in customers):
                lines.append((record["created"], f"  {record['created']} {record['id']} {record['type']} seq {record['seq']} "
                                                 f"kind {record['kind']} (not an event)"))
        return [text for _, text in sorted(lines)]

    def explain(self, life, subject, at=None):
        done = self.tiergate("explain", subject, "--store-dir", self.worker.flags["store-dir"], "--catalog",
                             self.stack.catalog, "--mode", "test", *(["--at", at] if at else []),
                             *(["--account", life.account] if life.account else []), code=None)
        return done.stdout + done.stderr

    def reconcile(self):
        """A pass now; what it says of itself."""
        found, done = wire.reconcile_pass(self.stack.ipc("reconciler-requests"), seconds=120)
        self.reconciled.append(done)
        self.unlisted = 0
