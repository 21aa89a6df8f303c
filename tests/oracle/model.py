"""A naive second opinion: the tier of a subject at a moment, straight from stripe-sim's own tables.

    model = Model(tables, catalog, claims, overrides, priced)
    answer = model.answer("alice", moment)          # answer.tier, .until(…), .story

Everything is looked up anew for every question, by loops over dictionaries as Stripe's API renders them. It shares
nothing with the program: the rules are written here a second time, in words as plain as can be, from the documents
that an operator reads. What an answer cannot be known to be is None, and is not compared.

What the tables do not tell comes from who made the world:
    claims      [(when, customer, subject or "")]: who was said to own a customer, in order; "" takes it back
    overrides   [{"id", "subject", "tier", "from", "until", "revoked"}]
    priced      {subscription: [price sets that were seen, the newest first]}: for prices that the catalog lost
    unsure      subscriptions of which a price set may be missing there
    hurt        subscriptions and charges of which an event may never have been made: nobody was told when they became past due,
                nor by which refund it was that all of one went back
"""

LOWEST = 0
HOUR, DAY = 3600, 86400

# The shipped example, docker/tiers.yaml. Tests vary it.
CATALOG = {
    "tiers": [
        {"name": "free", "features": ["basic_scanner", "tutorial_mode"]},
        {"name": "pro", "features": ["live_trading", "sentiment_analysis", "advanced_charts"], "stripe": {
            "lookup_keys": ["pro_monthly", "pro_yearly"], "prices": ["price_pro_monthly", "price_pro_yearly"]}},
        {"name": "institutional", "features": ["fix_connectivity", "custom_risk_models", "multi_user"], "stripe": {
            "lookup_keys": ["institutional_monthly", "institutional_yearly"],
            "prices": ["price_institutional_monthly", "price_institutional_yearly"]}},
    ],
    "policies": {},
}
POLICIES = {"past_due_grace": 7 * DAY, "renewal_grace": 3 * DAY, "lapse_unrenewed": False, "pause_collection": "grant",
            "unmapped_price": "last_known", "dispute_open": "hold", "dispute_lost": "revoke", "refund_full": "revoke",
            "schedule": "apply"}


FIELDS = {
    "id": lambda one: one["id"],
    "customer": lambda one: one["customer"],
    "invoice": lambda one: one["invoice"],
    "charge": lambda one: one["charge"],
    "payment_intent": lambda one: one.get("payment_intent"),
    "subscription": lambda one: ((one.get("parent") or {}).get("subscription_details") or {}).get("subscription"),
}


class Says:
    """What one subscription or override gives at a moment, and why."""

    def __init__(self, who, grants, tier, why, reason=None, status="none", seats=0, stale=False, unsure=False):
        self.who, self.grants, self.tier, self.why = who, grants, tier, why
        self.reason, self.status, self.seats, self.stale, self.unsure = reason, status, seats, stale, unsure

    def __str__(self):
        return f"{self.who}: {'grants' if self.grants else 'nothing'} {self.tier} ({self.why})"


class Answer:
    def __init__(self, tier, name, known, says):
        self.tier, self.name, self.known, self.says = tier, name, known, says
        self.granting = [s for s in says if s.grants]
        self.deciding = [s for s in self.granting if s.tier == tier and (tier != LOWEST or s.status != "none")]
        self.unsure = any(s.unsure for s in says)

    def story(self):
        return [f"answer: {self.name}{'' if self.known else ' (unknown subject)'}"] + [f"  {s}" for s in self.says]


class Model:
    def __init__(self, tables, catalog=None, claims=(), overrides=(), priced=None, unsure=(), hurt=(), account=None):
        self.tables = {kind: [one for one in ones if one.get("account") == account] for kind, ones in tables.items()}
        self.tiers = (catalog or CATALOG)["tiers"]
        self.policies = {**POLICIES, **(catalog or CATALOG).get("policies", {})}
        self.claims, self.overrides, self.priced, self.unsure = claims, overrides, priced or {}, unsure
        self.hurt = hurt

        self.found = {}
        self.owners = {c["id"]: c["id"] for c in self.all("customer")}
        for _, who, subject in sorted(claims, key=lambda c: c[0]):
            self.owners[who] = subject or who
        self.owned = {}
        for c in self.all("customer"):
            self.owned.setdefault(self.owners[c["id"]], []).append(c)

    def all(self, kind):
        return self.tables.get(kind, [])

    def where(self, kind, field, value):
        """All of a kind of which field(one) is the value; looked through once for each field."""
        key = kind, field
        if key not in self.found:
            self.found[key] = {}
            for one in self.all(kind):
                self.found[key].setdefault(FIELDS[field](one), []).append(one)
        return self.found[key].get(value, [])

    # ---- whose is it

    def owner(self, customer):
        """The subject of a customer: who was last said to be; the customer itself when nobody was."""
        return self.owners[customer]

    def customers_of(self, subject):
        """A customer's own id asks about whoever it is bound to."""
        if self.where("customer", "id", subject):
            subject = self.owner(subject)
        return self.owned.get(subject, []), subject

    # ---- the catalog

    def tier_of_item(self, item):
        """By price, else by its lookup key, else by its product."""
        price = item["price"]
        for kind, name in (("prices", price["id"]), ("lookup_keys", price.get("lookup_key")),
                           ("products", price.get("product"))):
            for number, tier in enumerate(self.tiers):
                if name and name in tier.get("stripe", {}).get(kind, []):
                    return number
        return None

    def tier_of_items(self, items):
        tiers = [t for t in map(self.tier_of_item, items) if t is not None]
        return max(tiers) if tiers else None

    def features(self, answer):
        """The features of all tiers that are granted, and of those below each unless it says otherwise; the lowest tier's
        when nothing is granted."""
        names = set()
        for top in {s.tier for s in answer.granting} or {LOWEST}:
            for number in range(top, -1, -1):
                names |= set(self.tiers[number]["features"])
                if not self.tiers[number].get("inherits", True):
                    break
        return names

    # ---- a subscription's money

    def invoices_of(self, sub):
        mine = self.where("invoice", "subscription", sub["id"])
        return sorted(mine, key=lambda i: (i["created"], i.get("number") or "", i["id"]))

    def service_period(self, invoice):
        """(start, end) of what the invoice is for: its lines say, its own period_end does not. A line that squares what was
        paid before tells of another time, unless there are no others."""
        lines = invoice["lines"]["data"]
        whole = [line for line in lines if not line["parent"]["subscription_item_details"]["proration"]]
        periods = [line["period"] for line in whole or lines]
        if not periods:
            return None
        return min(p["start"] for p in periods), max(p["end"] for p in periods)

    def unpaid_since(self, sub):
        """(earliest, latest) moment at which the time may be said to have begun that is not paid for.

        It is of the first unpaid invoice after the last paid one: from the start of what that is for, and not before
        the subscription was last seen active, which it may have been until payment failed or was overdue. One that was
        written off or voided made the subscription active if it was the latest then; the tables do not say. Nor did one
        make it active that was paid when a later one was open."""
        first, first_open = None, None
        invoices = self.invoices_of(sub)
        for number, invoice in enumerate(invoices):
            if invoice["status"] == "paid":
                paid_at = invoice["status_transitions"]["paid_at"] or 0
                late = any(paid_at >= later["created"] for later in invoices[number + 1:])
                first, first_open = (first or invoice) if late else None, None
            elif invoice["status"] in ("void", "uncollectible"):
                first, first_open = first or invoice, None
            elif invoice["status"] == "open":
                first, first_open = first or invoice, first_open or invoice
        if first_open is None:
            return 0, self.period(sub)[1]
        early, late = self.unpaid_from(first)[0], self.unpaid_from(first_open)[1]
        for invoice in invoices:  # resuming a paused one makes it active for a moment, also when an older invoice is open
            if invoice["status"] == "open" and self.starts_anew(invoice):
                late = max(late, self.unpaid_from(invoice)[1])
        if sub["id"] in self.hurt:  # nor need it be known when it was last paid for
            early, late = 0, max(late, self.period(sub)[0] + HOUR)
        return early, late

    def starts_anew(self, invoice):
        """A new period began with it, out of turn: the subscription was resumed, or its billing anchored anew."""
        period = self.service_period(invoice)
        return invoice["billing_reason"] == "subscription_update" and period is not None and period[0] == invoice["created"]

    def unpaid_from(self, invoice):
        period = self.service_period(invoice)
        start = period[0] if invoice["billing_reason"] == "subscription_cycle" and period else invoice["created"]
        failed = max(start, invoice["status_transitions"]["finalized_at"] or 0, invoice["due_date"] or 0)
        return start, failed + HOUR

    def payments_of(self, invoice):
        """The charges that paid it, by way of its payments."""
        charges = []
        for payment in self.where("invoice_payment", "invoice", invoice["id"]):
            if payment["payment"].get("payment_intent"):
                charges += self.where("charge", "payment_intent", payment["payment"]["payment_intent"])
            else:
                charges += self.where("charge", "id", payment["payment"].get("charge"))
        return [c for c in charges if c.get("paid", True)]

    def reversed_until(self, sub):
        """(held by an open dispute, refunded until, lost until, is it open whether refunded)"""
        held, refunded, lost, doubted = False, 0, 0, False
        for invoice in self.invoices_of(sub):
            period = self.service_period(invoice)
            end = period[1] if period else self.period(sub)[1]
            for charge in self.payments_of(invoice):
                back, refunds = 0, self.where("refund", "charge", charge["id"])
                for refund in refunds:
                    if refund["status"] in ("pending", "requires_action", "succeeded"):
                        back += refund["amount"]
                if charge["amount"] > 0 and back >= charge["amount"]:
                    refunded = max(refunded, end)
                    # when a refund failed is not told by what is fetched later: it may have been in the sum that the charge says
                    doubted |= charge["id"] in self.hurt and any(r["status"] in ("failed", "canceled") for r in refunds)
                for dispute in self.where("dispute", "charge", charge["id"]):
                    if dispute["status"] in ("needs_response", "under_review"):
                        held = True
                    if dispute["status"] == "lost":
                        lost = max(lost, end)
        return held, refunded, lost, doubted

    # ---- a subscription at a moment

    def period(self, sub):
        items = sub["items"]["data"]
        return min(i["current_period_start"] for i in items), min(i["current_period_end"] for i in items)

    def schedule_of(self, sub):
        for schedule in self.where("subscription_schedule", "id", sub.get("schedule")):
            if schedule["status"] in ("active", "not_started"):
                return schedule
        return None

    def ends_at(self, sub):
        """The date of a scheduled end; None without one."""
        dates = []
        if sub.get("cancel_at"):
            dates.append(sub["cancel_at"])
        elif sub.get("cancel_at_period_end"):
            dates.append(self.period(sub)[1])
        schedule = self.schedule_of(sub)
        if schedule and schedule["end_behavior"] == "cancel" and self.policies["schedule"] == "apply":
            dates.append(schedule["phases"][-1]["end_date"])
        return min(dates) if dates else None

    def sold(self, sub, at, now):
        """Item sets, the newest first: what is sold at that moment, and what was before it. First the phases of the
        schedule that will have begun by then, then what is sold now, then what was seen before."""
        sets = [sub["items"]["data"]] + self.priced.get(sub["id"], [])
        schedule = self.schedule_of(sub)
        if schedule and self.policies["schedule"] == "apply":
            for phase in schedule["phases"]:
                if now < phase["start_date"] <= at:
                    sets.insert(0, [{"price": self.price(i["price"]), "quantity": i.get("quantity", 1)} for i in phase["items"]])
        return sets

    def price(self, price):
        if not isinstance(price, str):
            return price
        return (self.where("price", "id", price) or [{"id": price}])[0]

    def sold_tier(self, sub, at, now):
        """(tier or None, items that count for seats, was it of the newest items)"""
        sets = self.sold(sub, at, now)
        tier = self.tier_of_items(sets[0])
        if tier is not None:
            return tier, [i for i in sets[0] if self.tier_of_item(i) is not None], True
        for earlier in sets[1:] if self.policies["unmapped_price"] == "last_known" else []:
            if self.tier_of_items(earlier) is not None:
                return self.tier_of_items(earlier), sets[0], False
        return None, sets[0], False

    def sub_says(self, sub, at, now):
        p = self.policies
        tier, sold, mapped = self.sold_tier(sub, at, now)
        lost = sub["id"] in self.unsure or (sub["id"] in self.hurt and len(self.priced.get(sub["id"], [])) > 1)
        unsure = lost and not mapped and p["unmapped_price"] == "last_known"
        status, end = sub["status"], self.ends_at(sub)
        # an active subscription of a price that nobody ever knew: it is there, and gives what everybody has
        worth = LOWEST if tier is None else tier

        def says(grants, why, reason=None, **more):
            seats = sum(1 if i.get("quantity") is None else i["quantity"] for i in sold)
            return Says(sub["id"], grants, worth, why, reason, status, seats, unsure=unsure, **more)

        if status in ("past_due", "unpaid", "incomplete") and any(
                i["status"] == "paid" for i in self.where("invoice", "id", sub["latest_invoice"])):
            unsure = True  # an earlier invoice was finalized after it: which of the two is the latest is not agreed
        if status not in ("trialing", "active", "past_due"):
            return says(False, f"status {status}")
        if any(c.get("deleted") for c in self.where("customer", "id", sub["customer"])):
            return says(False, "customer deleted")
        if end and at >= end:
            return says(False, f"ended as scheduled at {end}")
        held, refunded, lost, doubted = self.reversed_until(sub)
        unsure = unsure or (doubted and at < refunded)
        if held and p["dispute_open"] == "hold":
            return says(False, "a dispute is open")
        if at < lost and p["dispute_lost"] == "revoke":
            return says(False, f"dispute lost, revoked until {lost}")
        if at < refunded and p["refund_full"] == "revoke":
            return says(False, f"refunded, revoked until {refunded}")
        if sub.get("pause_collection") and p["pause_collection"] == "deny":
            return says(False, "collection paused")
        if status == "past_due":
            early, late = (since + p["past_due_grace"] for since in self.unpaid_since(sub))
            unsure = unsure or early <= at < late
            if at >= early:
                return says(False, f"past due, grace over between {early} and {late}")
            return says(True, f"grace until a moment between {early} and {late}", None if end else "grace")
        stale = at >= self.period(sub)[1] + p["renewal_grace"]
        if stale and p["lapse_unrenewed"]:
            return says(False, "not renewed")
        reason = "canceling" if end else status
        return says(True, f"{status}{f', ends {end}' if end else ''}", reason, stale=stale)

    def override_says(self, override, at):
        number = [t["name"] for t in self.tiers].index(override["tier"])
        grants = not override["revoked"] and override["from"] <= at and (not override["until"] or at < override["until"])
        return Says(override["id"], grants, number, "override", "override")

    # ---- the answer

    def answer(self, subject, at, now=None):
        """At that moment, if nothing happens between now and then."""
        now = at if now is None else now
        customers, who = self.customers_of(subject)
        names = {c["id"] for c in customers}
        says = [self.sub_says(s, at, now) for n in names for s in self.where("subscription", "customer", n)]
        mine = [o for o in self.overrides if o["subject"] == who or o["subject"] in names]
        says += [self.override_says(o, at) for o in mine]
        tier = max([LOWEST] + [s.tier for s in says if s.grants])
        return Answer(tier, self.tiers[tier]["name"], bool(names or mine), says)

    def moments(self, subject):
        """Every moment at which something could change for this subject with no further event."""
        customers, who = self.customers_of(subject)
        names = {c["id"] for c in customers}
        moments = set()
        for sub in [s for n in names for s in self.where("subscription", "customer", n)]:
            moments |= {self.ends_at(sub), self.period(sub)[1] + self.policies["renewal_grace"]}
            if sub["status"] == "past_due":
                moments |= {since + self.policies["past_due_grace"] for since in self.unpaid_since(sub)}
            moments |= set(self.reversed_until(sub)[1:3])
            schedule = self.schedule_of(sub)
            for phase in schedule["phases"] if schedule else []:
                moments.add(phase["start_date"])
        for o in self.overrides:
            if o["subject"] == who or o["subject"] in names:
                moments |= {o["from"], o["until"]}
        return sorted(m for m in moments if m)

    def until(self, subject, at, wanted, now=None):
        """(earliest, latest) moment after `at` at which "has it at least that tier" becomes another answer; None: never."""
        first = self.answer(subject, at, now).tier >= wanted
        early = None
        for moment in self.moments(subject):
            if moment <= at:
                continue
            then = self.answer(subject, moment, now)
            if (then.tier >= wanted) != first:
                early = early or moment
                if not then.unsure:
                    return early, moment
        return early and (early, moment)
