"""One world of the oracle: a catalog, a simulated Stripe, a Tiergate, and its lives. See oracle_test.py, which runs many.

    TIERGATE_SEED=… ORACLE_WORLD=3 one_world.py BUILD_DIR      one of them again
"""

import copy
import json
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
NUMBER = int(os.environ.get("ORACLE_WORLD") or 0)
LIVES = int(os.environ.get("ORACLE_LIVES") or 500)
CHECKPOINTS = 2
STEPS = 5  # between two checkpoints
TOLD = 3  # differences whose story is told
COUNTED = ("lives", "calls", "records", "killed", "compared", "skipped", "remembered")


TURNED = {"past_due_grace": 2 * DAY, "renewal_grace": 1 * DAY, "lapse_unrenewed": True, "pause_collection": "deny",
          "unmapped_price": "lowest", "dispute_open": "grant", "dispute_lost": "grant", "refund_full": "grant",
          "schedule": "ignore"}


def some_policies(rng):
    return {key: rng.choice((model.POLICIES[key], TURNED[key])) for key in TURNED}


def some_catalog(rng, number):
    """The shipped one first; then all policies turned round; then the defaults; then any."""
    if number == 0:
        return {"shipped": True, **copy.deepcopy(model.CATALOG)}
    catalog = copy.deepcopy(model.CATALOG)
    for tier in catalog["tiers"]:
        tier.pop("stripe", None)
    if number == 1:
        catalog["policies"] = TURNED
    elif number > 2:
        catalog["policies"] = some_policies(rng)
    if number % 2:
        catalog["tiers"][2]["inherits"] = False
    return catalog


class WorldTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()

    def world(self, number, lives, **how):
        rng = random.Random(f"{self.rng.getrandbits(64)} {number}")
        how.setdefault("kills", 4 / lives)
        w = World(self.stack, rng, lives, some_catalog(rng, number), name=f"w{number}", **how)
        w.start()
        return w

    def tell(self, w, wrong):
        for difference in wrong[:TOLD]:
            print(difference.tell(), "\n", file=sys.stderr)
        for difference in wrong[TOLD:40]:
            print(difference, file=sys.stderr)
        self.fail(f"{len(wrong)} differences in world {w.name}")

    def agree(self, w, *checks, **how):
        """The clock runs on while it is asked: where Stripe has done something meanwhile, all is asked again."""
        noted = len(w.past)
        wrong = [x for check in checks for x in check(w, **how)]
        for _ in range(3):
            if not wrong or not w.went_on():
                break
            del w.past[noted:]
            wrong = [x for check in checks for x in check(w, **how)]
        if wrong:
            self.tell(w, wrong)


class OneWorldTest(WorldTest):
    def test_tiergate_and_the_model_agree(self):
        begun = time.monotonic()
        w = self.world(NUMBER, LIVES)
        for _ in range(CHECKPOINTS):
            w.live(STEPS)
            w.settle()
            self.agree(w, compare.history, compare.all)
        # another catalog counts at once, also for prices that none knew; what was answered before stays answered
        w.sim.advance(10)  # a moment of the last seconds is taken for now
        w.change_catalog(some_policies(w.rng))
        self.agree(w, compare.history, compare.all)
        # and so does another clock, also one that was set back
        now = w.sim.now()
        for to in (now - 3 * DAY, now + 5):
            w.sim.control("POST", "clock", {"set": to})
            self.agree(w, compare.all, note=False)
        w.records = w.head()["head"]
        counts = {name: value if isinstance(value, int) else len(value) for name, value in
                  ((name, getattr(w, name)) for name in COUNTED)}
        print(f"world {NUMBER}: {time.monotonic() - begun:.0f} s", json.dumps(counts), flush=True)
        if os.environ.get("ORACLE_TELL"):
            print(f"  deeds {dict(sorted(w.done.items()))}\n  refused {dict(sorted(w.refused.items()))}", flush=True)


if __name__ == "__main__":
    harness.main()
