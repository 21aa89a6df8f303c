"""The oracle: random lives at a simulated Stripe, and a naive model that must agree with every answer.

    oracle_test.py BUILD_DIR [unittest arguments]
    TIERGATE_SEED=…     the lives of an earlier run; printed by each
    TIERGATE_ROUNDS=…   worlds to live through (4); each has a catalog and policies of its own, and 500 lives
    ORACLE_LIVES=…      lives in each world

A difference prints its subject's whole story: what was done, what Stripe has of it, what became of each event, what
`tiergate explain` says and how the model reasons. The same seed makes the same world again, as far as processes that run
beside each other allow: ids, deeds and troubles are the same, moments within a second are not.
"""

import collections
import copy
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness  # noqa: E402

import compare  # noqa: E402
import model  # noqa: E402
from world import World  # noqa: E402

DAY = 86400
ROUNDS = int(os.environ.get("TIERGATE_ROUNDS") or 4)
LIVES = int(os.environ.get("ORACLE_LIVES") or 500)
CHECKPOINTS = 2
STEPS = 5  # between two checkpoints
TOLD = 3  # differences whose story is told


def some_catalog(rng, number):
    """The shipped one first; then all policies turned round; then any."""
    if number == 0:
        return {"shipped": True, **copy.deepcopy(model.CATALOG)}
    catalog = copy.deepcopy(model.CATALOG)
    for tier in catalog["tiers"]:
        tier.pop("stripe", None)
    turned = {"past_due_grace": 2 * DAY, "renewal_grace": 1 * DAY, "lapse_unrenewed": True, "pause_collection": "deny",
              "unmapped_price": "lowest", "dispute_open": "grant", "dispute_lost": "grant", "refund_full": "grant",
              "schedule": "ignore"}
    if number == 1:
        catalog["policies"] = turned
    elif number > 2:
        catalog["policies"] = {key: rng.choice((model.POLICIES[key], turned[key])) for key in turned}
    if number % 2:
        catalog["tiers"][2]["inherits"] = False
    return catalog


class WorldTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()
        self.totals = collections.Counter()

    def world(self, number, lives, **how):
        rng = random.Random(self.rng.getrandbits(64))
        how.setdefault("kills", 4 / lives)
        w = World(self.stack, rng, lives, some_catalog(rng, number), name=f"w{number}", **how)
        w.start()
        return w

    def fresh_stack(self):
        """Another directory and other processes, for the next world."""
        self.stack.close()
        self.stack = harness.Stack(harness.BUILD)
        self.addCleanup(self.stack.close)

    def report(self, w, wrong, seconds):
        print(f"world {w.name}: {len(w.lives)} lives, {w.calls} calls, {w.head()['head']} records, {w.killed} kills, "
              f"{w.compared} answers compared ({w.skipped} that the model does not know), {w.remembered} remembered, "
              f"{len(wrong)} differences, {seconds:.1f} s", flush=True)
        if os.environ.get("ORACLE_TELL"):
            print(f"  deeds {dict(sorted(w.done.items()))}\n  refused {dict(sorted(w.refused.items()))}", flush=True)
        for name in ("lives", "calls", "killed", "compared", "skipped", "remembered"):
            value = getattr(w, name)
            self.totals[name] += value if isinstance(value, int) else len(value)
        self.totals["records"] += w.head()["head"]

    def tell(self, w, wrong):
        for difference in wrong[:TOLD]:
            print(difference.tell(), "\n", file=sys.stderr)
        for difference in wrong[TOLD:40]:
            print(difference, file=sys.stderr)
        self.fail(f"{len(wrong)} differences in world {w.name}")


class OracleTest(WorldTest):
    def test_tiergate_and_the_model_agree(self):
        begun = time.monotonic()
        for number in range(ROUNDS):
            if number:
                self.fresh_stack()
            start = time.monotonic()
            w = self.world(number, LIVES)
            wrong = []
            for _ in range(CHECKPOINTS):
                w.live(STEPS)
                w.settle()
                wrong = compare.history(w) + compare.all(w)
                if wrong:
                    break
            self.report(w, wrong, time.monotonic() - start)
            if wrong:
                self.tell(w, wrong)
        seconds = time.monotonic() - begun
        print(f"{dict(self.totals)} in {seconds:.0f} s: {self.totals['lives'] / seconds:.0f} lives/s", flush=True)
        self.assertGreater(self.totals["compared"], 4 * self.totals["lives"])
        self.assertGreater(self.totals["killed"], 0)
        self.assertLess(self.totals["skipped"], self.totals["compared"] / 20, "the model knows too little to prove anything")


class FaultTest(WorldTest):
    """The oracle can fail: a fault that is planted on either side is found."""

    def expect_none(self, w):
        wrong = self.differences(w)
        if wrong:
            self.tell(w, wrong)

    def differences(self, w, **catalog):
        return compare.all(w, {**w.catalog, **catalog}, note=False)

    def expect_found(self, w, what, **catalog):
        """The fault makes a difference, now or when these lives have gone on for a while."""
        for _ in range(5):
            if self.differences(w, **catalog):
                return
            w.live(2)
            w.settle()
            self.expect_none(w)
        self.fail(f"{what}: made no difference")

    def test_a_planted_fault_is_found(self):
        w = self.world(0, 120, kills=0, losses=False)
        w.live(STEPS)
        w.settle()
        self.expect_none(w)
        for policy, value in (("past_due_grace", DAY), ("renewal_grace", 9 * DAY), ("pause_collection", "deny"),
                              ("dispute_open", "grant"), ("refund_full", "grant")):
            self.expect_found(w, policy, policies={policy: value})
        tiers = copy.deepcopy(w.catalog["tiers"])
        tiers[1]["stripe"]["lookup_keys"].remove("pro_yearly")
        self.expect_found(w, "a price that grants nothing", tiers=tiers)
        claims, w.claims = w.claims, w.claims[:len(w.claims) // 2]
        self.assertTrue(self.differences(w), "claims that nobody heard of made no difference")
        w.claims = claims

    def test_without_a_pass_of_the_reconciler_what_was_lost_is_missed(self):
        w = self.world(2, 60, kills=0, losses=False)
        w.trouble = lambda: w.sim.misbehave(drop=0.7)
        w.live(3)
        w.settle(reconcile=False)
        self.assertTrue(self.differences(w), "webhooks were lost, and nobody noticed")
        w.settle()
        self.expect_none(w)


if __name__ == "__main__":
    harness.main()
