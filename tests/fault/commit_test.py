"""Commits that fail. The kernel's answers are forged by strace, and its record proves that they were.

A commit whose sync or meta page fails leaves LMDB in doubt: ingress answers 503 to all who wait and ends with 74, the worker
ends too, and a start on the same directory goes on with nothing acknowledged lost. A write that says that the disk is
full costs only its transaction.
"""

import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness
import lives
import webhook
import wire
from harness import applied, store_dump, wait_until

EXIT_IO = 74
PARTS = 12
# How LMDB writes; only calls to the data file are touched. Runs of pages go out as vectors, the meta page never does.
WRITES = "pwrite64,pwritev,writev"
PAGE_WRITES = "pwritev,writev"


def inject(stack, name, calls, fault, when):
    """A wrap for a service: of its calls to the data file below stack.dir/name, those numbered `when` get the fault,
    error=… or signal=…. (wrap, environment)"""
    if not shutil.which("strace"):
        raise unittest.SkipTest("strace is not installed")
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        raise unittest.SkipTest(f"strace may not trace here: {probe.stderr.strip()}")
    # -D: the service keeps its own pid, and strace is a process beside it
    return (["strace", "-D", "-f", "-qq", "-o", stack.dir / f"{name}.strace", "-P", stack.dir / name / "data.mdb",
             "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}:when={when}"],
            {"ASAN_OPTIONS": "detect_leaks=0", "LSAN_OPTIONS": "detect_leaks=0"})


def prove_injected(stack, name):
    """By strace's own record, which it may finish a moment after the service has ended."""
    record = stack.dir / f"{name}.strace"
    marks = ("(INJECTED)", "(DELAYED)", "killed by SIGKILL")
    wait_until(lambda: any(mark in record.read_text() for mark in marks), 60,
               f"the fault fires; strace saw:\n{record.read_text()[-2000:]}")


class CommitTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()

    def journal(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            return list(journal.records())

    def restart_plain(self, service):
        service.wrap, service.env = [], {}
        return service.start()

    def ingress_fails(self, calls, fault, when, exit_code=EXIT_IO):
        """Pours events over an ingress whose storage fails; everything after that."""
        wrap, env = inject(self.stack, "ingress-journal", calls, fault, when)
        ingress = self.stack.ingress(wrap=wrap, env=env).start()
        pourer = webhook.Pourer(self.stack.address, 4, pace_s=0.05)
        self.stack.on_close(pourer.close)
        # so many that it fails before they end, also where all four senders' are in one commit
        people, events = lives.many(self.rng, 60)
        pourer.add(events)
        self.assertEqual(ingress.wait_exit(90), exit_code)
        prove_injected(self.stack, "ingress-journal")
        acknowledged = dict(pourer.answered)
        self.assertLess(len(acknowledged), len(events), "it failed while events came in")
        if exit_code == EXIT_IO:
            self.assertIn((503, "storage_failed"), {a for answers in pourer.refused.values() for a in answers})
        self.restart_plain(ingress)
        seqs = {r["id"]: r["seq"] for r in self.journal()}
        for event_id, answers in acknowledged.items():
            self.assertIn(seqs.get(event_id), [seq for seq, _ in answers], event_id)
        pourer.wait()
        records = self.journal()
        self.assertEqual(sorted(r["id"] for r in records), sorted(e["id"] for e in events))
        self.assertEqual(ingress.stop(), 0)

    def test_ingress_sync_fails(self):
        self.ingress_fails("fdatasync", "error=EIO", str(self.rng.randrange(8, 40)))

    def test_ingress_write_fails(self):
        # a commit writes its pages and then a meta page, so this is now one and now the other
        self.ingress_fails(WRITES, "error=EIO", str(self.rng.randrange(20, 120)))

    # At its sync, or before or after a page, or before or after the meta page that makes it count.

    def test_ingress_is_killed_at_a_sync(self):
        self.ingress_fails("fdatasync", "signal=KILL", str(self.rng.randrange(8, 40)), -9)

    def test_ingress_is_killed_at_a_write(self):
        self.ingress_fails(WRITES, "signal=KILL", str(self.rng.randrange(20, 120)), -9)

    def test_ingress_write_finds_no_room(self):
        wrap, env = inject(self.stack, "ingress-journal", PAGE_WRITES, "error=ENOSPC", "5..15")
        ingress = self.stack.ingress(wrap=wrap, env=env).start()
        pid = ingress.pid()
        pourer = webhook.Pourer(self.stack.address, 4, pace_s=0.01)
        self.stack.on_close(pourer.close)
        _, events = lives.many(self.rng, 40)
        pourer.add(events)
        pourer.wait()
        prove_injected(self.stack, "ingress-journal")
        refused = {answer for answers in pourer.refused.values() for answer in answers}
        self.assertEqual(refused, {(503, "storage_full")})
        self.assertEqual(sorted(r["id"] for r in self.journal()), sorted(e["id"] for e in events))
        self.assertEqual((ingress.pid(), ingress.stop()), (pid, 0))

    def test_a_disk_that_is_too_slow(self):
        """While a few syncs take seconds, more comes in than may wait: some are turned away, and may come again."""
        wrap, env = inject(self.stack, "ingress-journal", "fdatasync", "delay_enter=1500000", "6..14")
        ingress = self.stack.ingress(wrap=wrap, env=env).start()
        pourer = webhook.Pourer(self.stack.address, 80, pace_s=0.5)
        self.stack.on_close(pourer.close)
        events = [lives.hello(n, padding="x" * (1000 * 1000)) for n in range(160)]
        pourer.add(events)
        pourer.wait()
        prove_injected(self.stack, "ingress-journal")
        refused = {a for answers in pourer.refused.values() for a in answers}
        # and a megabyte that took a busy machine more than ten seconds was too late
        self.assertEqual({a for a in refused if a[0] != 408}, {(503, "overloaded")})
        self.assertEqual(sorted(r["id"] for r in self.journal()), sorted(e["id"] for e in events))
        self.assertEqual(ingress.stop(), 0)

    def worker_fails(self, calls, fault, when):
        self.stack.ingress().start()
        self.stack.worker("other").start()
        wrap, env = inject(self.stack, "worker-store", calls, fault, when)
        worker = self.stack.worker(wrap=wrap, env=env).start()
        _, events = lives.many(self.rng, 40)
        pourer = webhook.Pourer(self.stack.address, 2)
        self.stack.on_close(pourer.close)
        # in parts, each of which the worker applies or dies of, so that it commits often enough
        for part in range(PARTS):
            pourer.add(events[part::PARTS])
            pourer.wait()
            head = applied(self.stack, "other")["cursors"]
            wait_until(lambda: not worker.running() or store_dump(self.stack)["cursors"] == head, 60, "the worker follows")
        return worker

    def worker_recovers(self, worker):
        prove_injected(self.stack, "worker-store")
        self.assertEqual(applied(self.stack)["digest"], applied(self.stack, "other")["digest"])
        self.assertEqual(worker.stop(), 0)

    def test_worker_sync_fails(self):
        worker = self.worker_fails("fdatasync", "error=EIO", str(self.rng.randrange(6, 6 + PARTS // 2)))
        self.assertEqual(worker.wait_exit(), EXIT_IO)
        self.restart_plain(worker)
        self.worker_recovers(worker)

    def test_worker_write_finds_no_room(self):
        worker = self.worker_fails(PAGE_WRITES, "error=ENOSPC", "3..6")
        self.worker_recovers(worker)


if __name__ == "__main__":
    harness.main()
