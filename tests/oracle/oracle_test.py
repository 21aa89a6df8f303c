"""The oracle: random lives at a simulated Stripe, and a naive model that must agree with every answer.

    oracle_test.py BUILD_DIR [unittest arguments]
    TIERGATE_SEED=…     the lives of an earlier run; printed by each
    TIERGATE_ROUNDS=…   worlds to live through (4); each has a catalog and policies of its own, and 500 lives
    ORACLE_LIVES=…      lives in each world
    ORACLE_BESIDE=…     worlds at a time (2)

A difference prints its subject's whole story: what was done, what Stripe has of it, what became of each event, what
`tiergate explain` says and how the model reasons, and how to have that world again. The same seed makes the same deeds and
troubles; which of two processes is faster, and so what falls into one second, is not the same.
"""

import collections
import copy
import json
import os
import pathlib
import queue
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness  # noqa: E402

import compare  # noqa: E402
from one_world import DAY, STEPS, WorldTest  # noqa: E402

ROUNDS = int(os.environ.get("TIERGATE_ROUNDS") or 4)
BESIDE = int(os.environ.get("ORACLE_BESIDE") or 2)
WORLD_S = 1800  # for one of them


class OracleTest(harness.SystemTest):
    def one(self, number, seed):
        """Runs a world in a process of its own: (exit code, output)."""
        env = {**os.environ, "TIERGATE_SEED": str(seed), "ORACLE_WORLD": str(number)}
        done = subprocess.run([sys.executable, pathlib.Path(__file__).with_name("one_world.py"), harness.BUILD], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WORLD_S)
        return done.returncode, done.stdout

    def work(self, seed, numbers, results):
        while True:
            try:
                number = numbers.get_nowait()
            except queue.Empty:
                return
            try:
                results.append((number, *self.one(number, seed)))
            except subprocess.TimeoutExpired as late:
                results.append((number, 1, str(late.output)))

    def test_tiergate_and_the_model_agree(self):
        seed, begun = harness.seed().getrandbits(32), time.monotonic()
        print(f"the worlds' seed: {seed}", flush=True)
        numbers, results, totals = queue.Queue(), [], collections.Counter()
        for number in range(ROUNDS):
            numbers.put(number)
        workers = [threading.Thread(target=self.work, args=(seed, numbers, results)) for _ in range(BESIDE)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        failed = [(number, output) for number, code, output in results if code]
        for number, output in failed[:2]:
            print(f"{output}\nTIERGATE_SEED={seed} ORACLE_WORLD={number} {pathlib.Path(__file__).with_name('one_world.py')} "
                  f"{harness.BUILD}", file=sys.stderr)
        for _, _, output in sorted(results):
            for line in re.findall(r"^world .*$", output, re.MULTILINE):
                print(line, flush=True)
                totals.update(json.loads(line[line.index("{"):]))
        seconds = time.monotonic() - begun
        print(f"{dict(totals)} in {seconds:.0f} s: {totals['lives'] / seconds:.0f} lives/s", flush=True)
        self.assertEqual([number for number, _ in failed], [], "worlds in which Tiergate and the model differ")
        self.assertGreater(totals["compared"], 4 * totals["lives"])
        self.assertGreater(totals["killed"], 0)
        self.assertLess(totals["skipped"], totals["compared"] / 10, "the model knows too little to prove anything")


class FaultTest(WorldTest):
    """The oracle can fail: a fault that is planted on either side is found."""

    def differences(self, w, **catalog):
        return compare.all(w, {**w.catalog, **catalog}, note=False)

    def expect_found(self, w, what, **catalog):
        """The fault makes a difference, now or when these lives have gone on for a while."""
        for _ in range(5):
            if self.differences(w, **catalog):
                return
            w.live(2)
            w.settle()
            self.agree(w, compare.all, note=False)
        self.fail(f"{what}: made no difference")

    def test_a_planted_fault_is_found(self):
        w = self.world(0, 120, kills=0, losses=False)
        w.live(STEPS)
        w.settle()
        self.agree(w, compare.all, note=False)
        for policy, value in (("past_due_grace", DAY), ("renewal_grace", 9 * DAY), ("pause_collection", "deny"),
                              ("dispute_open", "grant"), ("refund_full", "grant")):
            self.expect_found(w, policy, policies={policy: value})
        tiers = copy.deepcopy(w.catalog["tiers"])
        tiers[1]["stripe"]["lookup_keys"].remove("pro_yearly")
        self.expect_found(w, "a price that grants nothing", tiers=tiers)
        claims, w.claims = w.claims, w.claims[:len(w.claims) // 2]
        self.assertTrue(self.differences(w), "claims that nobody heard of made no difference")
        w.claims = claims

    def test_without_the_reconciler_what_was_lost_is_missed(self):
        w = self.world(2, 60, kills=0, losses=False)
        w.services.remove(w.reconciler)
        w.reconciler.stop()
        w.trouble = lambda: w.sim.misbehave(drop=0.7)
        w.pass_time = lambda: w.sim.advance(3 * DAY)
        w.live(3)
        w.settle(reconcile=False)
        self.assertTrue(self.differences(w), "webhooks were lost, and nobody noticed")
        w.services.append(w.reconciler)
        w.settle()
        self.agree(w, compare.all, note=False)


if __name__ == "__main__":
    harness.main()
