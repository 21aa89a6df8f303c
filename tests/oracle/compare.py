"""What Tiergate answers beside what the naive model says, for every subject, now and at moments to come.

    wrong = compare.all(world)          # a list of Difference; each tells its subject's whole story
"""

import json

from harness import wait_until
from model import Model

BATCH = 128
DAY = 86400
NEAR_S = 4  # around a moment at which an answer changes, "now" is asked too late or too early to tell


class Difference:
    def __init__(self, world, model, life, subject, at, what, got, want):
        self.world, self.model, self.life, self.subject, self.at = world, model, life, subject, at
        self.what, self.got, self.want = what, got, want

    def __str__(self):
        return f"{self.subject}{' of ' + self.life.account if self.life.account else ''} at {self.at or 'now'}: {self.what} is {self.got!r}, the model says {self.want!r}"

    def tell(self):
        """The whole story: what was done, what Stripe has, what became of each event, and both sides' reasons."""
        w, lines = self.world, [str(self), "-- what was done"]
        lives = [x for x in w.lives if x is self.life or set(x.customers) & set(self.life.customers)]
        for life in lives:
            lines += ["  " + s for s in life.story]
        customers, _ = self.model.customers_of(self.subject)
        names = {c["id"] for c in customers} | set(self.life.customers)
        lines.append(f"-- claims: {[c for c in w.claims if c[1] in names]}")
        for kind in ("customer", "subscription", "subscription_schedule", "invoice", "charge"):
            for one in self.model.all(kind):
                if one.get("customer") in names or one["id"] in names:
                    lines.append(f"-- {kind} {json.dumps(brief(one))}")
        lines += ["-- its events: created, type, sequence in the journal, how it came"] + w.fates(names)
        lines += ["-- Tiergate", w.explain(self.life, self.subject, self.at), "-- the model"]
        lines += self.model.answer(self.subject, self.at or w.now(), w.furthest).story()
        return "\n".join(lines)


TOLD = {"id", "status", "customer", "created", "cancel_at", "cancel_at_period_end", "pause_collection", "schedule", "metadata",
        "latest_invoice", "trial_end", "ended_at", "collection_method", "billing_reason", "due_date", "amount", "amount_due",
        "amount_refunded", "disputed", "payment_intent", "end_behavior", "deleted", "subscription", "start_date", "end_date",
        "price", "quantity", "current_period_start", "current_period_end", "period", "items", "phases", "lines", "data", "start",
        "end", "finalized_at", "status_transitions", "lookup_key", "product"}


def brief(one):
    """What matters of an object; the names of what it points to."""
    if isinstance(one, list):
        return [brief(x) for x in one]
    if isinstance(one, dict):
        return {k: brief(v) for k, v in one.items() if k in TOLD and v not in (None, False, {}, [])}
    return one


def ask(client, checks):
    """The results of many checks, in order."""
    results = []
    for first in range(0, len(checks), BATCH):
        results += client.call("batch", checks=checks[first:first + BATCH])[0]["results"]
    return results


def models_of(world, catalog=None):
    """One for the platform and one for each connected account: they know nothing of each other."""
    return {account: Model(world.tables, catalog or world.catalog, world.claims, world.overrides if account is None else (),
                           world.priced, world.unsure, world.hurt, account) for account in {life.account for life in world.lives}}


def whom(life, subject):
    return {"sub": subject, **({"acct": life.account} if life.account else {})}


def moments_to_ask(world, model, subject, now):
    """None (now) and some moments to come: just before and at those that matter, and any."""
    ahead = [m for m in model.moments(subject) if m > now + NEAR_S]
    chosen = [now + world.rng.choice((DAY, 8 * DAY, 40 * DAY, 400 * DAY))]
    for moment in world.rng.sample(ahead, min(2, len(ahead))):
        chosen += [moment, moment - 1]
    return [None] + [at for at in chosen if at > now + NEAR_S]


def changes_between(model, subject, first, last):
    """May the answer be another one at some moment of these? However long the machine took from one to the other."""
    return any(first - NEAR_S <= m <= last + NEAR_S for m in model.moments(subject))


def subjects_of(world):
    for life in world.lives:
        yield life, life.subject
        for customer in life.customers[:1]:
            yield life, customer


def all(world, catalog=None, note=True):
    """Every subject; the differences. The answers of now are noted in world.past."""
    models = models_of(world, catalog)
    now, tiers = world.now(), world.catalog["tiers"]
    # a clock that was set back makes nothing undone: what has begun by the furthest moment has begun
    world.furthest = told = max(now, world.furthest)
    plan, checks = [], []
    for life, subject in subjects_of(world):
        for at in moments_to_ask(world, models[life.account], subject, now):
            wanted = 1 + len(plan) % (len(tiers) - 1)
            plan.append((life, subject, at, wanted))
            check = {**whom(life, subject), "tier": tiers[wanted]["name"]}
            checks.append({**check, "at": at} if at else check)
    results = ask(world.client, checks)
    later = world.now()
    wrong, answered, compared = [], {}, 0
    for (life, subject, at, wanted), got in zip(plan, results):
        model = models[life.account]
        if at is None:
            answered[life.account, subject] = wanted
            if changes_between(model, subject, now, later):
                continue
        elif at <= later + NEAR_S:
            continue  # it was no moment to come any more
        want = model.answer(subject, at or now, told)
        if want.unsure:
            world.skipped += 1
            continue
        compared += 1
        wrong += [Difference(world, model, life, subject, at, *d) for d in judge(model, subject, at or now, told, wanted, want, got)]
    wrong += whole(world, models, now)
    if note:
        world.past.append(remember(world, answered))
    world.compared += compared
    return wrong


def remember(world, wanted):
    """(second, {subject: its answer then}): asked within one second, if that can be had."""
    plan, tiers = list(wanted.items()), world.catalog["tiers"]
    checks = [{"sub": subject, "tier": tiers[tier]["name"], **({"acct": account} if account else {})}
              for (account, subject), tier in plan]
    for _ in range(20):
        wait_until(lambda: world.clock.now_ms() % 1000 < 100, 60, "a second begins")
        first = world.now()
        results = ask(world.client, checks)
        if world.now() == first:
            break
    else:
        return first, {}
    return first, {who: (got, tier) for (who, tier), got in zip(plan, results)}


def judge(model, subject, at, told, wanted, want, got):
    """What is wrong with one answer: (what, got, wanted) for each."""
    if "err" in got:
        return [("the answer", got["err"], want.name)]
    if got["tier"] != want.name:
        return [("tier", got["tier"], want.name)]
    wrong = []
    if got["allowed"] != (want.tier >= wanted):
        wrong.append(("allowed", got["allowed"], want.tier >= wanted))
    until = model.until(subject, at, wanted, told)
    if not right_until(model, subject, got, until):
        wrong.append((f"until (of {model.tiers[wanted]['name']})", got["until"], until))
    if not want.known and got["reason"] != "unknown_subject":
        wrong.append(("reason", got["reason"], "unknown_subject"))
    if len(want.deciding) == 1 and got["allowed"]:
        decider = want.deciding[0]
        if decider.status != "none" and got["status"] != decider.status:
            wrong.append(("status", got["status"], decider.status))
        if decider.reason and got["reason"] != decider.reason:
            wrong.append(("reason", got["reason"], decider.reason))
        if len(want.granting) == 1 and bool(got.get("stale")) != decider.stale:
            wrong.append(("stale", got.get("stale"), decider.stale))
    return wrong


def right_until(model, subject, got, want):
    """The moment at which the answer changes; or an earlier one at which something changes for the subject that may not
    matter for this answer: a cache then asks again too early. Never a later one."""
    if got["until"] is None:
        return want is None
    if want and want[0] <= got["until"] <= want[1]:
        return True
    return (want is None or got["until"] < want[0]) and got["until"] in model.moments(subject)


def whole(world, models, now):
    """`get` of some subjects: features and seats."""
    wrong = []
    for life in world.rng.sample(world.lives, min(len(world.lives), 60)):
        model = models[life.account]
        want = model.answer(life.subject, now, world.furthest)
        got = world.client.get(life.subject, **({"acct": life.account} if life.account else {}))
        if want.unsure or changes_between(model, life.subject, now, world.now()):
            continue
        feats = model.features(want)
        if set(got["feats"]) != feats:
            wrong.append(Difference(world, model, life, life.subject, None, "features", sorted(got["feats"]), sorted(feats)))
        seats = sum(s.seats for s in want.granting)
        if got["seats"] != seats:
            wrong.append(Difference(world, model, life, life.subject, None, "seats", got["seats"], seats))
    return wrong


def history(world):
    """What was answered at earlier checkpoints is what is said of them now."""
    wrong, by_subject, models = [], {(life.account, subject): life for life, subject in subjects_of(world)}, models_of(world)
    for first, answered in world.past:
        moved = {c for when, c, _ in world.claims if when >= first}  # a customer's history is that of whoever owns it now
        subjects = [s for s in answered if s in by_subject and s[1] not in moved]
        names = [t["name"] for t in world.catalog["tiers"]]
        results = ask(world.client, [{**whom(by_subject[s], s[1]), "tier": names[answered[s][1]], "at": first}
                                     for s in subjects])
        for subject, got in zip(subjects, results):
            then = answered[subject][0]
            for what in ("tier", "allowed"):
                if got.get(what) != then.get(what):
                    wrong.append(Difference(world, models[subject[0]], by_subject[subject], subject[1], first,
                                            f"history: {what}", got.get(what, got), then.get(what)))
            world.remembered += 1
    return wrong
