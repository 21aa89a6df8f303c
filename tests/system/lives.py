"""Random lives of customers as Stripe's events: what happens to a subscription is what could happen to it.

    life = lives.Life(rng, number, now)
    life.events        in the order in which Stripe made them; `created` never falls, and may stand still
    life.customer      cus_…
    life.tier()        the tier at `now` that the life ends with, by its own bookkeeping; None where only the
                       rules of grace could say, and where the events cannot: a subscription that was
                       changed and changed back within its last second has two last states, as far as anybody can tell

Payloads have the shape since 2025-03-31.basil, or in some lives the one before. Ids are unique by `name` and number. The
bookkeeping here is the tests' own: it shares nothing with the program but the catalog's names.
"""

import copy
import json
import random
import time

DAY = 86400
PERIOD = 30 * DAY
PLANS = {  # name: (tier, price, product, lookup key)
    "pro_monthly": ("pro", "price_pro_monthly", "prod_pro", "pro_monthly"),
    "pro_yearly": ("pro", "price_pro_yearly", "prod_pro", "pro_yearly"),
    "institutional_monthly": ("institutional", "price_institutional_monthly", "prod_institutional",
                              "institutional_monthly"),
}
LOWEST = "free"
BASIL, OLD = "2025-03-31.basil", "2024-06-20"
ENDED = ("canceled", "incomplete_expired")


def event(event_id, kind, created, thing, previous=None, livemode=False, account=None, api_version=BASIL):
    data = {"object": copy.deepcopy(thing)}
    if previous is not None:
        data["previous_attributes"] = copy.deepcopy(previous)
    whole = {"id": event_id, "object": "event", "api_version": api_version, "created": created, "data": data,
             "livemode": livemode, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": kind}
    if account:
        whole["account"] = account
    return whole


def hello(number, **more):
    """An event of a type that nobody uses."""
    return dict(event(f"evt_hello{number}", "ping.pong", int(time.time()), {"id": "x", "object": "x"}), **more)


def plain(number, status="active", tier="pro"):
    """A life that only begins: a customer who bought that tier."""
    for seed in range(10000):
        life = Life(random.Random(seed), number, name="plain", steps=0)
        if life.subscription["status"] == status and life.tier() == tier:
            return life
    raise AssertionError("no such life")


def previous_attributes(before, after):
    """As Stripe has it: the old values of what changed; inside metadata and items only what changed there."""
    previous = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if key == "metadata":
            previous[key] = {k: old.get(k) for k in old.keys() | new.keys() if old.get(k) != new.get(k)}
        elif key == "items":
            previous[key] = {"data": old["data"]}
        else:
            previous[key] = old
    return previous


class Life:
    def __init__(self, rng, number, now=None, name="life", steps=10, livemode=False):
        self.rng, self.name, self.number = random.Random(rng.getrandbits(64)), name, number
        self.now = int(time.time()) if now is None else now
        self.livemode = livemode
        self.shape = OLD if self.rng.random() < 0.25 else BASIL
        self.subject = f"user_{name}_{number}"
        self.customer = f"cus_{name}{number}"
        self.deleted = False
        self.t = self.now - self.rng.randrange(10 * DAY, 100 * DAY)
        self.metadata = {"user_id": self.subject} if self.rng.random() < 0.5 else {}
        self.subscription, self.subscriptions, self.invoices, self.paid_now = None, 0, 0, False
        self.last_second = []  # the subscription's states in it, and the one before
        self.last_change = None  # (subscription, second)
        self.events = []
        self._begin()
        for _ in range(self.rng.randrange(steps + 1)):
            if self.deleted:
                break
            self._step()

    # ---- what is asked about it

    def tier(self):
        s = self.subscription
        if len(set(self.last_second)) < len(self.last_second) and not self.deleted and s["status"] not in ENDED:
            return None
        if self.deleted or s["status"] in (*ENDED, "unpaid", "paused", "incomplete"):
            return LOWEST
        if s["status"] in ("active", "trialing"):
            return PLANS[s["items"]["data"][0]["price"]["lookup_key"]][0]
        return None

    def told(self):
        """Whether any event has said whose customer this is: a purchase that stays incomplete may never say it."""
        things = [event["data"]["object"] for event in self.events]
        return any(thing.get("client_reference_id") or thing.get("metadata", {}).get("user_id") for thing in things)

    # ---- time

    def _later(self):
        """Often the same second or the next one, at times days later; never beyond now."""
        step = self.rng.choice((0, 0, 1, 1, 2, 60, 3 * DAY, 9 * DAY))
        self.t = min(self.t + step, self.now - 5)

    # ---- objects

    def _id(self, prefix, n):
        return f"{prefix}_{self.name}{self.number}x{n}"

    def _emit(self, kind, thing, previous=None):
        if self.shape == OLD:
            thing, previous = old_shape(thing), previous and old_previous(previous)
        self.events.append(event(self._id("evt", len(self.events)), kind, self.t, thing, previous, self.livemode,
                                 api_version=self.shape))

    def _customer(self):
        return {"id": self.customer, "object": "customer", "created": self.t, "email": None, "name": None,
                "livemode": self.livemode, "metadata": dict(self.metadata), "delinquent": False}

    def _items(self, plan, start, quantity=1):
        _, price, product, lookup_key = PLANS[plan]
        item = {"id": self._id("si", self.subscriptions), "object": "subscription_item", "created": self.t,
                "current_period_start": start, "current_period_end": start + PERIOD, "metadata": {},
                "price": {"id": price, "object": "price", "active": True, "billing_scheme": "per_unit",
                          "currency": "usd", "lookup_key": lookup_key, "product": product, "type": "recurring",
                          "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
                          "unit_amount": 4900, "livemode": self.livemode, "metadata": {}},
                "quantity": quantity, "subscription": self._id("sub", self.subscriptions)}
        return {"object": "list", "data": [item], "has_more": False, "total_count": 1,
                "url": "/v1/subscription_items?subscription=" + item["subscription"]}

    def _period(self):
        return self.subscription["items"]["data"][0]

    def _invoice(self, status, attempts=1):
        s, period = self.subscription, self._period()
        amount = 0 if s["status"] == "trialing" else 4900
        left = 0 if status == "paid" else amount
        line = {"id": self._id("il", self.invoices), "object": "line_item", "amount": amount, "currency": "usd",
                "period": {"start": period["current_period_start"], "end": period["current_period_end"]},
                "pricing": {"type": "price_details", "unit_amount_decimal": "4900", "price_details": {
                    "price": period["price"]["id"], "product": period["price"]["product"]}},
                "parent": {"type": "subscription_item_details", "subscription_item_details": {
                    "subscription": s["id"], "subscription_item": period["id"], "proration": False}}, "quantity": 1}
        return {"id": s["latest_invoice"], "object": "invoice", "customer": self.customer, "status": status,
                "amount_due": amount, "amount_paid": amount - left, "amount_remaining": left, "attempt_count": attempts,
                "attempted": True, "next_payment_attempt": None if status == "paid" else self.t + 3 * DAY,
                "currency": "usd", "created": self.t, "livemode": self.livemode, "metadata": {},
                "period_start": self.t, "period_end": self.t, "billing_reason": "subscription_cycle",
                "lines": {"object": "list", "data": [line], "has_more": False, "total_count": 1, "url": "/v1/x"},
                "parent": {"type": "subscription_details", "quote_details": None, "subscription_details": {
                    "subscription": s["id"], "metadata": {}}}}

    def _new_invoice(self):
        self.invoices += 1
        return self._id("in", self.invoices)

    def _note_state(self, before):
        change = self.subscription["id"], self.t
        if self.last_change != change:
            self.last_change, self.last_second = change, [json.dumps(before, sort_keys=True)]
        self.last_second.append(json.dumps(self.subscription, sort_keys=True))

    def _update(self, changes, kind="customer.subscription.updated"):
        before = copy.deepcopy(self.subscription)
        self.subscription.update(copy.deepcopy(changes))
        previous = previous_attributes(before, self.subscription)
        if previous:
            self._note_state(before)
            self._emit(kind, self.subscription, previous)

    # ---- what happens

    def _begin(self):
        self._emit("customer.created", self._customer())
        self._later()
        self._subscribe(self.rng.choice(("incomplete", "trialing", "active", "active")))

    def _subscribe(self, status):
        self.subscriptions += 1
        plan = self.rng.choice(list(PLANS))
        trial = self.t + PERIOD if status == "trialing" else None
        self.subscription = {
            "id": self._id("sub", self.subscriptions), "object": "subscription", "customer": self.customer,
            "status": status, "created": self.t, "start_date": self.t, "cancel_at": None, "canceled_at": None,
            "cancel_at_period_end": False, "ended_at": None, "trial_start": self.t if trial else None,
            "trial_end": trial, "currency": "usd", "collection_method": "charge_automatically",
            "latest_invoice": self._new_invoice(), "livemode": self.livemode, "pause_collection": None,
            "metadata": {"user_id": self.subject} if self.rng.random() < 0.5 else {},
            "items": self._items(plan, self.t)}
        self._note_state(None)
        self._emit("customer.subscription.created", self.subscription)
        if status == "incomplete":
            return
        self._emit("invoice.paid", self._invoice("paid"))
        self._emit("checkout.session.completed", {
            "id": self._id("cs", self.subscriptions), "object": "checkout.session", "mode": "subscription",
            "customer": self.customer, "subscription": self.subscription["id"], "client_reference_id": self.subject,
            "payment_status": "no_payment_required" if status == "trialing" else "paid", "status": "complete",
            "created": self.t, "livemode": self.livemode, "metadata": {}})

    def _step(self):
        self._later()
        ways = {
            "incomplete": (self._pay, self._expire),
            "trialing": (self._activate, self._schedule_end, self._delete, self._pause),
            "active": (self._renew, self._renew, self._change_plan, self._schedule_end, self._unschedule, self._seats,
                       self._fail, self._hold, self._delete, self._touch_customer),
            "past_due": (self._pay, self._pay, self._give_up, self._delete),
            "unpaid": (self._pay, self._delete),
            "paused": (self._resume, self._delete),
            "canceled": (self._again, self._touch_customer, self._delete_customer),
            "incomplete_expired": (self._again, self._delete_customer),
        }
        self.rng.choice(ways[self.subscription["status"]])()

    def _pay(self):
        """The invoice is paid and the subscription follows, often in the same second."""
        self._emit("invoice.paid", self._invoice("paid", attempts=2))
        self._later()
        self._update({"status": "active"})

    def _expire(self):
        self._update({"status": "incomplete_expired", "ended_at": self.t})

    def _next_period(self):
        """The items one period on; None when that lies ahead of now."""
        end = self._period()["current_period_end"]
        if end > self.now - 10:
            return None
        self.t = max(self.t, end)
        items = copy.deepcopy(self.subscription["items"])
        items["data"][0].update(current_period_start=end, current_period_end=end + PERIOD)
        return items

    def _activate(self):
        items = self._next_period()
        if items:
            self._update({"status": "active", "items": items, "latest_invoice": self._new_invoice()})
            self._emit("invoice.paid", self._invoice("paid"))

    def _renew(self):
        """The period moves on first and is paid for afterwards."""
        items = self._next_period()
        if items and not self.subscription["cancel_at"]:
            self._update({"items": items, "latest_invoice": self._new_invoice()})
            self._later()
            self._emit("invoice.paid", self._invoice("paid"))

    def _fail(self):
        items = self._next_period()
        if items and not self.subscription["cancel_at"]:
            self._update({"items": items, "latest_invoice": self._new_invoice()})
            self._emit("invoice.payment_failed", self._invoice("open"))
            self._update({"status": "past_due"})

    def _give_up(self):
        self._update({"status": "unpaid"})

    def _change_plan(self):
        items = copy.deepcopy(self.subscription["items"])
        _, price, product, lookup_key = PLANS[self.rng.choice(list(PLANS))]
        items["data"][0]["price"].update(id=price, product=product, lookup_key=lookup_key)
        self._update({"items": items})

    def _seats(self):
        items = copy.deepcopy(self.subscription["items"])
        items["data"][0]["quantity"] = self.rng.randrange(1, 9)
        self._update({"items": items})

    def _schedule_end(self):
        """The portal of flexible billing sets the date alone; the classic one the flag too. Always ahead of now."""
        at = self.now + self.rng.randrange(DAY, PERIOD)
        self._update({"cancel_at": at, "cancel_at_period_end": self.rng.random() < 0.5, "canceled_at": self.t})

    def _unschedule(self):
        self._update({"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None})

    def _hold(self):
        self._update({"pause_collection": None if self.subscription["pause_collection"] else
                      {"behavior": "void", "resumes_at": None}})

    def _pause(self):
        self._update({"status": "paused"}, "customer.subscription.paused")

    def _resume(self):
        self._update({"status": "active"}, "customer.subscription.resumed")

    def _delete(self):
        self.subscription.update(status="canceled", canceled_at=self.t, ended_at=self.t)
        self._emit("customer.subscription.deleted", self.subscription)

    def _again(self):
        self._subscribe("active")

    def _touch_customer(self):
        self.metadata = dict(self.metadata, note=str(len(self.events)))
        before = self._customer()
        before["metadata"] = {"note": None}
        self._emit("customer.updated", self._customer(), {"metadata": {"note": None}})

    def _delete_customer(self):
        self.deleted = True
        self._emit("customer.deleted", self._customer())


# ---- the shape before basil ----------------------------------------------------------------------


def _old_item(item):
    item = dict(item)
    item.pop("current_period_start")
    item.pop("current_period_end")
    return item


def old_shape(thing):
    thing = copy.deepcopy(thing)
    if thing["object"] == "subscription":
        first = thing["items"]["data"][0]
        thing.update(current_period_start=first["current_period_start"], current_period_end=first["current_period_end"])
        thing["items"]["data"] = [_old_item(i) for i in thing["items"]["data"]]
    if thing["object"] == "invoice":
        thing["subscription"] = thing.pop("parent")["subscription_details"]["subscription"]
        for line in thing["lines"]["data"]:
            details = line.pop("pricing")["price_details"]
            line["price"] = {"id": details["price"], "object": "price", "product": details["product"],
                             "lookup_key": None}
            line["subscription"] = thing["subscription"]
            line.pop("parent")
    return thing


def old_previous(previous):
    previous = copy.deepcopy(previous)
    if "items" in previous:
        first = previous["items"]["data"][0]
        previous.update(current_period_start=first["current_period_start"],
                        current_period_end=first["current_period_end"])
        previous["items"]["data"] = [_old_item(i) for i in previous["items"]["data"]]
    return previous


def many(rng, count, name="life", **more):
    """`count` lives and all their events, mixed as they would arrive from many customers: each life in its order."""
    lives = [Life(rng, n, name=name, **more) for n in range(count)]
    waiting = [list(reversed(life.events)) for life in lives]
    events = []
    while waiting:
        pile = rng.choice(waiting)
        events.append(pile.pop())
        if not pile:
            waiting.remove(pile)
    return lives, events
