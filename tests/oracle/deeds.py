"""What may happen to a customer: each deed is something that a person, a merchant or an operator does through Stripe's API.

A deed looks at what the life has, does one thing, and does not care whether Stripe refuses: the tables alone say
what came of it. False: there was nothing to do it to.
"""

DAY = 86400
MONTH = 30 * DAY
LIVE = ("trialing", "active", "past_due")


def new_customer(w, life):
    if len(life.customers) >= 2:
        return False
    fields = {"name": life.subject}
    named = w.rng.random() < 0.5 and not life.anonymous
    if named:
        fields["metadata"] = {"user_id": life.subject}
    customer = w.post(life, "/v1/customers", fields)
    if customer:
        life.customers.append(customer["id"])
        w.owns(life, customer["id"])
        w.card(life, customer["id"], w.rng.choice(("ok", "ok", "ok", "ok", "declined", "requires_action")))
        if named:
            life.named[customer["id"]] = life.subject
            w.claim(customer["id"], life.subject)
    return True


def some_items(w, life):
    plan = w.some_plan()
    items = [{"price": w.price(life, plan), "quantity": w.rng.choice((1, 1, 1, 2, 5))}]
    if w.rng.random() < 0.2:
        beside = w.some_plan(w.interval(plan))
        if beside != plan:
            items.append({"price": w.price(life, beside), "quantity": w.rng.randrange(1, 4)})
            w.rng.shuffle(items)
    return items


def checkout(w, life):
    if len(life.subs) >= 4:
        return False
    fields = {"mode": "subscription", "success_url": "https://example.test/done", "line_items": some_items(w, life)}
    data = {}
    if w.rng.random() < 0.2:
        data["trial_period_days"] = w.rng.choice((1, 7, 30))
    customer = w.rng.choice(life.customers + [None])
    claims = not life.anonymous and (customer is None or w.may_claim(customer, life.subject))
    if claims:
        fields["client_reference_id"] = life.subject
        if w.rng.random() < 0.3:
            data["metadata"] = {"user_id": life.subject}
    if customer:
        fields["customer"] = customer
    if data:
        fields["subscription_data"] = data
    session = w.post(life, "/v1/checkout/sessions", fields)
    if not session or w.rng.random() < 0.1:
        return True
    paid = w.control(life, "pay", {"session": session["id"]})
    session = w.get(life, f"/v1/checkout/sessions/{session['id']}")
    if paid is None or not session or session["status"] != "complete":
        return True
    if not customer and session.get("customer"):
        life.customers.append(session["customer"])
        w.owns(life, session["customer"])
    if claims and session.get("customer"):
        w.session_claim(life, session)
    return True


def subscribe(w, life):
    if not life.customers or len(life.subs) >= 4:
        return False
    customer = w.rng.choice(life.customers)
    fields = {"customer": customer, "items": some_items(w, life)}
    if w.rng.random() < 0.25:
        fields["trial_period_days"] = w.rng.choice((1, 3, 14, 30))
        if w.rng.random() < 0.5:
            fields["trial_settings"] = {"end_behavior": {"missing_payment_method": w.rng.choice(
                ("pause", "cancel", "create_invoice"))}}
    if w.rng.random() < 0.1:
        fields["cancel_at"] = w.now() + w.rng.randrange(DAY, 2 * MONTH)
    if w.rng.random() < 0.1:
        fields.update(collection_method="send_invoice", days_until_due=w.rng.choice((1, 7, 30)))
    elif w.rng.random() < 0.5:
        fields["payment_behavior"] = w.rng.choice(("default_incomplete", "allow_incomplete"))
    claims = not life.anonymous and w.rng.random() < 0.4 and w.may_claim(customer, life.subject)
    if claims:
        fields["metadata"] = {"user_id": life.subject}
    if w.post(life, "/v1/subscriptions", fields) and claims:
        w.claim(customer, life.subject)
    return True


def _one(w, life, *status):
    subs = [s for s in life.subs.values() if s["status"] in (status or LIVE)]
    return w.rng.choice(subs) if subs else None


def _update(w, life, sub, fields):
    return w.post(life, f"/v1/subscriptions/{sub['id']}", fields)


def switch_plan(w, life):
    sub = _one(w, life)
    if not sub:
        return False
    item = w.rng.choice(sub["items"]["data"])
    fields = {"items": [{"id": item["id"], "price": w.price(life, w.some_plan())}]}
    if w.rng.random() < 0.7:
        fields["proration_behavior"] = w.rng.choice(("none", "always_invoice", "create_prorations"))
    if w.rng.random() < 0.15:
        fields["payment_behavior"] = w.rng.choice(("pending_if_incomplete", "error_if_incomplete"))
        fields["proration_behavior"] = "always_invoice"
    _update(w, life, sub, fields)
    return True


def seats(w, life):
    sub = _one(w, life)
    if not sub:
        return False
    item = w.rng.choice(sub["items"]["data"])
    _update(w, life, sub, {"items": [{"id": item["id"], "quantity": w.rng.randrange(1, 9)}], "proration_behavior": "none"})
    return True


def items_more_or_less(w, life):
    sub = _one(w, life)
    if not sub:
        return False
    items = sub["items"]["data"]
    if len(items) > 1 and w.rng.random() < 0.5:
        change = {"id": w.rng.choice(items)["id"], "deleted": True}
    else:
        change = {"price": w.price(life, w.some_plan()), "quantity": w.rng.randrange(1, 4)}
    _update(w, life, sub, {"items": [change], "proration_behavior": "none"})
    return True


def schedule_end(w, life):
    sub = _one(w, life)
    if not sub:
        return False
    if w.rng.random() < 0.5:
        _update(w, life, sub, {"cancel_at_period_end": True})
    else:
        _update(w, life, sub, {"cancel_at": w.now() + w.rng.choice((60, DAY, 5 * DAY, 20 * DAY, 90 * DAY))})
    return True


def unschedule_end(w, life):
    sub = _one(w, life)
    if not sub or not (sub["cancel_at"] or sub["cancel_at_period_end"]):
        return False
    _update(w, life, sub, {"cancel_at_period_end": False} if sub["cancel_at_period_end"] else {"cancel_at": ""})
    return True


def cancel(w, life):
    sub = _one(w, life, *LIVE, "unpaid", "paused", "incomplete")
    if not sub:
        return False
    w.call(life, "DELETE", f"/v1/subscriptions/{sub['id']}")
    return True


def hold_collection(w, life):
    sub = _one(w, life)
    if not sub:
        return False
    if sub["pause_collection"]:
        _update(w, life, sub, {"pause_collection": ""})
    else:
        _update(w, life, sub, {"pause_collection": {"behavior": w.rng.choice(("void", "keep_as_draft", "mark_uncollectible"))}})
    return True


def pause(w, life):
    sub = _one(w, life, "active", "trialing")
    if not sub:
        return False
    w.post(life, f"/v1/subscriptions/{sub['id']}/pause", {})
    return True


def resume(w, life):
    sub = _one(w, life, "paused")
    if not sub:
        return False
    w.post(life, f"/v1/subscriptions/{sub['id']}/resume", {})
    return True


def end_trial(w, life):
    sub = _one(w, life, "trialing")
    if not sub:
        return False
    _update(w, life, sub, {"trial_end": "now"})
    return True


def card(w, life):
    if not life.customers:
        return False
    w.card(life, w.rng.choice(life.customers), w.rng.choice(("ok", "ok", "declined", "declined", "requires_action", "none")))
    return True


def touch(w, life):
    """Nothing that matters: but there is an event of it, and a second in which it was."""
    sub = _one(w, life, *LIVE, "unpaid", "paused", "incomplete")
    if not sub:
        return False
    _update(w, life, sub, {"metadata": {"note": str(w.rng.random())}})
    return True


# ---- money


def _invoices(life, *status):
    return [i for i in life.invoices.values() if i["status"] in status]


def pay_invoice(w, life):
    invoices = _invoices(life, "open", "uncollectible")
    if not invoices:
        return False
    invoice = w.rng.choice(invoices)
    if w.rng.random() < 0.3:
        w.post(life, f"/v1/invoices/{invoice['id']}/pay", {"paid_out_of_band": True})
    else:
        w.card(life, invoice["customer"], "ok")
        w.post(life, f"/v1/invoices/{invoice['id']}/pay", {})
    return True


def end_invoice(w, life):
    invoices = _invoices(life, "open")
    if not invoices:
        return False
    w.post(life, f"/v1/invoices/{w.rng.choice(invoices)['id']}/{w.rng.choice(('void', 'mark_uncollectible'))}", {})
    return True


def refund(w, life):
    charges = [c for c in life.charges.values() if c["paid"] and not c["refunded"] and c["amount"] > 1]
    if not charges:
        return False
    charge = w.rng.choice(charges)
    fields = {"charge": charge["id"]}
    left = charge["amount"] - charge["amount_refunded"]
    if w.rng.random() < 0.4 and left > 1:
        fields["amount"] = w.rng.randrange(1, left)
    if w.rng.random() < 0.3:
        w.refund_outcome(fields)
    w.post(life, "/v1/refunds", fields)
    return True


def cancel_refund(w, life):
    open_ones = [r for r in life.refunds.values() if r["status"] in ("pending", "requires_action")]
    if not open_ones:
        return False
    w.post(life, f"/v1/refunds/{w.rng.choice(open_ones)['id']}/cancel", {})
    return True


def dispute(w, life):
    charges = [c for c in life.charges.values() if c["paid"] and not c["disputed"]]
    if not charges:
        return False
    w.control(life, "dispute", {"charge": w.rng.choice(charges)["id"], "inquiry": w.rng.random() < 0.2})
    return True


def close_dispute(w, life):
    open_ones = [d for d in life.disputes.values() if d["status"] not in ("won", "lost", "warning_closed")]
    if not open_ones:
        return False
    w.control(life, "dispute/close", {"dispute": w.rng.choice(open_ones)["id"], "won": w.rng.random() < 0.5})
    return True


# ---- schedules


def new_schedule(w, life):
    sub = next((s for s in life.subs.values() if s["status"] in ("active", "trialing") and not s["schedule"]
                and not s["cancel_at"] and not s["cancel_at_period_end"]), None)
    if not sub:
        return False
    schedule = w.post(life, "/v1/subscription_schedules", {"from_subscription": sub["id"]})
    if not schedule:
        return True
    first = schedule["phases"][0]
    now = {"items": [{"price": i["price"], "quantity": i["quantity"]} for i in first["items"]],
           "start_date": first["start_date"], "end_date": first["end_date"]}
    interval = sub["items"]["data"][0]["price"]["recurring"]["interval"]
    later = [{"items": [{"price": w.price(life, w.some_plan(interval)), "quantity": w.rng.choice((1, 3))}],
              "duration": {"interval": w.rng.choice(("day", "week", "month")), "interval_count": w.rng.randrange(1, 4)}}
             for _ in range(w.rng.randrange(1, 4))]
    w.post(life, f"/v1/subscription_schedules/{schedule['id']}",
           {"phases": [now, *later], "end_behavior": w.rng.choice(("release", "cancel")), "proration_behavior": "none"})
    return True


def end_schedule(w, life):
    ones = [s for s in life.schedules.values() if s["status"] in ("active", "not_started")]
    if not ones:
        return False
    w.post(life, f"/v1/subscription_schedules/{w.rng.choice(ones)['id']}/{w.rng.choice(('release', 'cancel'))}", {})
    return True


# ---- whose it is


def name_customer(w, life):
    """The metadata names this subject, another one, or nobody any more."""
    if not life.customers or life.anonymous:
        return False
    customer = w.rng.choice(life.customers)
    subject = w.rng.choice((life.subject, life.subject, life.friend, ""))
    if not w.may_claim(customer, subject, own=True):
        return False
    before = life.named.get(customer, "")
    if w.post(life, f"/v1/customers/{customer}", {"metadata": {"user_id": subject}}) and before != subject:
        w.claim(customer, subject)
        life.named[customer] = subject
    return True


def name_subscription(w, life):
    sub = _one(w, life)
    if not sub or life.anonymous or not w.may_claim(sub["customer"], life.subject):
        return False
    if sub["metadata"].get("user_id") == life.subject:
        return False
    if _update(w, life, sub, {"metadata": {"user_id": life.subject}}):
        w.claim(sub["customer"], life.subject)
    return True


def delete_customer(w, life):
    if not life.customers:
        return False
    customer = w.rng.choice(life.customers)
    if w.call(life, "DELETE", f"/v1/customers/{customer}"):
        life.customers.remove(customer)
    return True


# ---- the operator


def grant(w, life):
    if life.account or life.anonymous:
        return False
    w.grant(life)
    return True


def revoke(w, life):
    return w.revoke(life)


# How often each, beside the others that can be done.
CHANCES = {
    new_customer: 6, checkout: 12, subscribe: 12, switch_plan: 10, seats: 4, items_more_or_less: 4, schedule_end: 6,
    unschedule_end: 4, cancel: 3, hold_collection: 3, pause: 2, resume: 2, end_trial: 2, card: 8, touch: 4, pay_invoice: 6,
    end_invoice: 2, refund: 5, cancel_refund: 1, dispute: 3, close_dispute: 3, new_schedule: 4, end_schedule: 2, name_customer: 4,
    name_subscription: 3, delete_customer: 1, grant: 1, revoke: 1,
}


def some(w, life):
    """One deed, by chance."""
    if not life.customers and w.rng.random() < 0.8:
        return new_customer(w, life) if w.rng.random() < 0.6 else checkout(w, life)
    for _ in range(6):
        deed, = w.rng.choices(list(CHANCES), list(CHANCES.values()))
        if deed(w, life) is not False:
            w.done[deed.__name__] = w.done.get(deed.__name__, 0) + 1
            return True
    return False
