"""What went wrong in other systems that turn Stripe's webhooks into access. Each is a test with real processes that
names it; the projects and their issues stand beside it.

Left to billing, which has a page: that it says "success" or still "Upgrade" after somebody has paid (formbricks#8534,
executor#1215).
"""

import copy
import itertools
import pathlib
import signal

import harness
import lives
import webhook
import wire
from harness import applied, wait_until

DAY = 86400
UPDATED = "customer.subscription.updated"


class Person:
    """A customer whose subscriptions are written out by hand. `now` is the second in which the story begins."""

    def __init__(self, number, shape=lives.BASIL):
        self.life = lives.plain(number)
        self.subject, self.customer, self.now = self.life.subject, self.life.customer, self.life.now - 3600
        self.shape, self.count, self.events = shape, 0, []
        self.tell("customer.created", 0, {
            "id": self.customer, "object": "customer", "created": self.now, "email": None, "livemode": False,
            "metadata": {"user_id": self.subject}})

    def subscription(self, name, plan, status="active", **more):
        thing = copy.deepcopy(self.life.subscription)
        for item in thing["items"]["data"]:
            item.update(id=f"si_{self.customer}{name}", subscription=f"sub_{self.customer}{name}",
                        current_period_start=self.now, current_period_end=self.now + 30 * DAY)
        thing.update(id=f"sub_{self.customer}{name}", status=status, metadata={}, created=self.now,
                     latest_invoice=f"in_{self.customer}{name}", cancel_at=None, cancel_at_period_end=False, trial_end=None)
        thing.update(more)
        return priced(thing, plan)

    def tell(self, kind, second, thing, previous=None):
        """An event of that second of the story, made but not sent."""
        self.count += 1
        if self.shape == lives.OLD:
            thing, previous = lives.old_shape(thing), previous and lives.old_previous(previous)
        event = lives.event(f"evt_{self.customer}x{self.count}", kind, self.now + second, thing, previous,
                            api_version=self.shape)
        self.events.append(event)
        return event

    def change(self, second, before, after):
        return self.tell(UPDATED, second, after, lives.previous_attributes(before, after))


def priced(subscription, *plans):
    """The subscription with an item of each plan; a plan that the catalog has not is a new price."""
    first, items = subscription["items"]["data"][0], []
    for number, plan in enumerate(plans):
        _, price, product, key = lives.PLANS.get(plan, (None, f"price_{plan}", f"prod_{plan}", None))
        item = copy.deepcopy(first)
        item.update(id=f"{first['id'].split('-')[0]}-{number}", quantity=1)
        item["price"].update(id=price, product=product, lookup_key=key)
        items.append(item)
    changed = copy.deepcopy(subscription)
    changed["items"].update(data=items, total_count=len(items))
    return changed


class FailuresOfOthersTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.ingress, self.worker, self.query_service = self.stack.start_all()
        self.hook = webhook.Webhook(self.stack.address())
        self.query = wire.Query(self.stack.ipc("query-tg01"))
        self.addCleanup(self.hook.close)
        self.addCleanup(self.query.close)

    def send(self, *events):
        for event in events:
            self.assertEqual(self.hook.send(event)[0], 200, event["type"])

    def again(self):
        """The ingress has another port after a restart."""
        self.hook.close()
        self.hook = webhook.Webhook(self.stack.address())
        self.addCleanup(self.hook.close)

    def tier(self, person):
        applied(self.stack)
        return self.query.tier(person.subject)

    def stop_still(self, service):
        """SIGSTOP, and waits until none of its threads runs any more."""
        service.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{service.pid()}/task")
        wait_until(lambda: all((task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "T" for task in tasks.iterdir()),
                   60, f"{service.label} stands still")

    # ---- order

    def test_the_deletion_of_an_old_subscription_does_not_wipe_the_new_plan(self):
        """llmgateway#2911, rallly#2452"""
        for number, order in enumerate(itertools.permutations(range(3))):
            person = Person(number)
            old = person.subscription("old", "pro_monthly")
            new = person.subscription("new", "institutional_monthly")
            ended = dict(old, status="canceled", canceled_at=person.now + 9, ended_at=person.now + 9)
            story = (person.tell("customer.subscription.created", 1, old),
                     person.tell("customer.subscription.created", 8, new),
                     person.tell("customer.subscription.deleted", 9, ended))
            self.send(person.events[0], *(story[n] for n in order))
            self.assertEqual(self.tier(person), "institutional", order)

    def test_updates_of_one_second_are_not_lost(self):
        """sync-engine#268, PostHog#98651: all that happened in one second, in every order of arrival."""
        for number, order in enumerate(itertools.permutations(range(4))):
            person = Person(number)
            first = person.subscription("a", "pro_monthly", "incomplete")
            paid = dict(first, status="active")
            more = priced(paid, "institutional_monthly")
            renamed = dict(more, metadata={"note": "1"})
            story = (person.tell("customer.subscription.created", 5, first), person.change(5, first, paid),
                     person.change(5, paid, more), person.change(5, more, renamed))
            self.send(*(story[n] for n in order))
            applied(self.stack)
            got = self.query.get(person.customer)
            self.assertEqual((got["tier"], got["status"]), ("institutional", "active"), order)

    def test_a_stale_redelivery_does_not_win(self):
        """sync-engine#268, PostHog#98651: neither an older event nor one of the same second is taken for newer because it came last."""
        person = Person(1)
        first = person.subscription("a", "institutional_monthly")
        less = priced(first, "pro_monthly")
        kept = dict(less, metadata={"note": "1"})
        story = (person.tell("customer.subscription.created", 1, first), person.change(7, first, less), person.change(7, less, kept))
        self.send(person.events[0], *story)
        self.assertEqual(self.tier(person), "pro")
        for event in story[:2]:
            # as Stripe sends it again: the same event, or the same state under an id that the journal does not know
            self.send(dict(event, pending_webhooks=3), dict(event, id=event["id"] + "again"))
            self.assertEqual(self.tier(person), "pro")

    def test_updated_before_created_leaves_nobody_incomplete(self):
        """cashier-stripe#1201, #1760"""
        for number, seconds in enumerate(((5, 5), (5, 6), (5, 400))):
            person = Person(number)
            first = person.subscription("a", "pro_monthly", "incomplete")
            paid = dict(first, status="active")
            created = person.tell("customer.subscription.created", seconds[0], first)
            self.send(person.events[0], person.change(seconds[1], first, paid))
            self.assertEqual(self.tier(person), "pro")
            self.send(created)
            self.assertEqual(self.tier(person), "pro", seconds)

    # ---- meaning

    def test_a_price_of_no_tier_is_neither_free_nor_an_error(self):
        """omi#7452: it meant free; vm0#15687: it meant 500"""
        person = Person(1)
        first = person.subscription("a", "pro_monthly")
        moved = priced(first, "grandfathered")
        self.send(person.events[0], person.tell("customer.subscription.created", 1, first))
        self.assertEqual(self.tier(person), "pro")
        self.send(person.change(60, first, moved))
        self.assertEqual(self.tier(person), "pro", "what was paid for last stands")
        newcomer = Person(2)
        self.send(newcomer.events[0],
                  newcomer.tell("customer.subscription.created", 1, newcomer.subscription("a", "grandfathered")))
        self.assertEqual(self.tier(newcomer), "free")
        self.assertEqual(self.query.get(newcomer.subject)["status"], "active", "but there is a subscription, and it says so")
        text = self.stack.catalog.read_text()
        self.stack.catalog.write_text(text.replace("prices: [price_institutional_monthly",
                                                   "prices: [price_grandfathered, price_institutional_monthly"))
        for service in (self.worker, self.query_service):
            before = service.log_size()
            service.hup()
            service.wait_log("catalog_loaded", since=before)
        for one in (person, newcomer):
            wait_until(lambda: self.query.tier(one.subject) == "institutional", 60, "it heals when the catalog knows the price")

    def test_neither_the_first_item_nor_the_newest_subscription_stands_for_all(self):
        """Several: only items[0], or only the newest subscription, was looked at."""
        person = Person(1)
        older = priced(person.subscription("a", "pro_monthly"), "support_plan", "pro_monthly", "institutional_yearly")
        newest = person.subscription("b", "pro_monthly")
        self.send(person.events[0], person.tell("customer.subscription.created", 1, older),
                  person.tell("customer.subscription.created", 90, newest))
        self.assertEqual(self.tier(person), "institutional")
        gone = dict(newest, status="canceled", ended_at=person.now + 99)
        self.send(person.tell("customer.subscription.deleted", 99, gone))
        self.assertEqual(self.tier(person), "institutional")

    def test_the_period_is_found_before_and_after_basil(self):
        """dj-stripe#2196: the field moved from the subscription to its items, and reading it gave 500s."""
        for number, shape in enumerate((lives.BASIL, lives.OLD)):
            person = Person(number, shape)
            thing = person.subscription("a", "pro_monthly")
            told = person.tell("customer.subscription.created", 1, thing)
            self.assertEqual("current_period_end" in told["data"]["object"], shape == lives.OLD)
            self.send(person.events[0], told)
            self.assertEqual(self.tier(person), "pro")
            self.assertEqual(self.query.get(person.subject)["next_billing"],
                             thing["items"]["data"][0]["current_period_end"], shape)

    # ---- once, and only when it was

    def test_nothing_counts_as_processed_before_it_was(self):
        """unicon#42: marked as processed first, then lost. Here everything dies between the 200 and the fold."""
        person = Person(1)
        self.send(person.events[0])
        applied(self.stack)
        self.stop_still(self.worker)
        created = person.tell("customer.subscription.created", 1, person.subscription("a", "pro_monthly"))
        self.send(created)
        self.worker.kill()
        self.ingress.kill()
        self.assertEqual(self.query.tier(person.subject), "free", "nobody folded it")
        self.ingress.start()
        self.worker.start()
        self.assertEqual(self.tier(person), "pro")

    def test_a_crash_leaves_no_claim_on_an_event(self):
        """PageSpace#1588: an event that was taken and not finished could never be taken again."""
        person = Person(1)
        created = person.tell("customer.subscription.created", 1, person.subscription("a", "pro_monthly"))
        body = webhook.encode(created)
        self.stop_still(self.ingress)
        with webhook.Webhook(self.stack.address(), timeout_s=0.3) as hook, self.assertRaises(OSError):
            hook.post(body)
        self.ingress.kill()
        self.ingress.start()
        self.again()
        self.send(person.events[0])
        status, _, answer = self.hook.post(body)
        self.assertEqual((status, answer["duplicate"]), (200, False))
        self.assertEqual(self.tier(person), "pro")

    def test_a_manual_resend_works(self):
        """autumn#2396: resends from the dashboard were deduplicated away, also when the first try had come to nothing."""
        person = Person(1)
        created = person.tell("customer.subscription.created", 1, person.subscription("a", "pro_monthly"))
        self.send(person.events[0])
        self.ingress.kill()  # the first try
        with self.assertRaises(OSError):
            self.hook.send(created)
        self.ingress.start()
        self.again()
        self.assertEqual(self.hook.send(created)[2]["duplicate"], False)
        self.assertEqual(self.tier(person), "pro")
        self.assertEqual(self.hook.send(created)[2]["duplicate"], True)
        # the first try came and could not be used: it is tried again when the catalog knows the price, resent or not
        other = Person(2)
        told = other.tell("customer.subscription.created", 1, other.subscription("a", "novelty"))
        self.send(other.events[0], told)
        self.assertEqual(self.tier(other), "free")
        text = self.stack.catalog.read_text()
        self.stack.catalog.write_text(text.replace("prices: [price_pro_monthly", "prices: [price_novelty, price_pro_monthly"))
        for service in (self.worker, self.query_service):
            before = service.log_size()
            service.hup()
            service.wait_log("catalog_loaded", since=before)
        self.assertEqual(self.hook.send(told)[2]["duplicate"], True)
        self.assertEqual(self.tier(other), "pro")

    # ---- what the sender is told

    def test_an_event_type_that_nobody_knows_is_answered_200(self):
        """sync-engine: it was answered 400, and Stripe disabled the endpoint."""
        for number, kind in enumerate(("tax_rate.created", "customer.subscription.teleported", "v9.never.heard_of", "x")):
            self.send(lives.event(f"evt_new{number}", kind, lives.plain(1).now, {"id": "new_1", "object": "novelty", "a": [1]}))
        applied(self.stack)
        self.assertEqual(harness.store_dump(self.stack)["quarantined"], 0)

    def test_a_bad_signature_is_not_answered_200(self):
        """sync-engine: it was, so nobody noticed; and what came with it is not used."""
        person = Person(1)
        created = person.tell("customer.subscription.created", 1, person.subscription("a", "pro_monthly"))
        body = webhook.encode(created)
        now = person.life.now
        for header in ("", "t=1,v1=00", webhook.signature(body, "whsec_another"), webhook.signature(body + b" "),
                       webhook.signature(body, t=now - 3600), webhook.signature(body, t=now + 3600),
                       webhook.signature(body).replace("v1=", "v0=")):
            self.assertEqual(self.hook.post(body, header)[0], 400, header)
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            self.assertEqual(journal.head()["head"], 0)
        self.send(person.events[0], created)
        self.assertEqual(self.tier(person), "pro")

    def test_an_error_is_not_kept_like_an_answer(self):
        """labkit!436: after an outage of seconds its error was served from caches for the whole time of an answer."""
        person = Person(1)
        self.send(person.events[0], person.tell("customer.subscription.created", 1, person.subscription("a", "pro_monthly")))
        self.assertEqual(self.tier(person), "pro")
        behind = self.query.get(person.subject)["ver"] + 1
        with self.assertRaises(wire.Refused) as refused:
            self.query.check(person.subject, tier="pro", min_ver=behind)
        self.assertTrue(refused.exception.retry)
        self.assertEqual(self.query.last_error.keys() & {"ttl", "until", "allowed", "tier"}, set())
        # the outage: a store that is not there yet
        for service in (self.query_service, self.worker):
            service.kill()
        self.worker.flags["store-dir"] = self.query_service.flags["store-dir"] = self.stack.dir / "new-store"
        self.query_service.start(wait=False)
        with self.assertRaises(wire.Refused) as refused:
            wait_until(self.answered, 60, "it answers")
            self.query.check(person.subject, tier="pro")
        self.assertEqual((refused.exception.code, refused.exception.retry), ("not_ready", True))
        self.assertNotIn("ttl", self.query.last_error)
        self.worker.start()
        applied(self.stack)
        self.query.wait_ready()
        answer = self.query.check(person.subject, tier="pro")
        self.assertEqual((answer["allowed"], answer["reason"]), (True, "active"), "the first answer after it is right")

    def answered(self):
        try:
            return self.query.ping()
        except wire.NoAnswer:
            return None


if __name__ == "__main__":
    harness.main()
