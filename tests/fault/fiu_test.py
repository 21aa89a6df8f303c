"""Faults inside the process, by libfiu: one in so many writes of the journal finds no room, and one in so many syncs fails.

The faults are random, and their rate is set while the service runs, so every kind of commit is hit sooner or later."""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness
import lives
import webhook
import wire
from harness import wait_until

LIBRARIES = ["/usr/lib/fiu/fiu_run_preload.so", "/usr/lib/fiu/fiu_posix_preload.so"]
ENOSPC, EIO = 28, 5


def fiu_environment(stack):
    for path in (*LIBRARIES, "/usr/bin/fiu-ctrl"):
        if not pathlib.Path(path).exists():
            raise unittest.SkipTest(f"{path} is not there: libfiu is not installed")
    if stack.sanitized():
        raise unittest.SkipTest("libfiu and a sanitizer want the same calls")
    return {"LD_PRELOAD": " ".join(LIBRARIES), "FIU_CTRL_FIFO": str(stack.dir / "fiu")}


class FiuTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()
        self.ingress = self.stack.ingress(env=fiu_environment(self.stack)).start()
        self.pourer = webhook.Pourer(self.stack.address, 4, pace_s=0.01)
        self.stack.on_close(self.pourer.close)
        self.events = lives.many(self.rng, 60)[1]

    def fiu(self, command):
        subprocess.run(["fiu-ctrl", "-f", self.stack.dir / "fiu", "-c", command, str(self.ingress.pid())], check=True,
                       capture_output=True, timeout=60)

    def pour_until(self, happened, what):
        """More and more people, so that there is always something to fail."""
        def look():
            if self.pourer.left < 100:
                more = lives.many(self.rng, 30, name=f"more{len(self.events)}p")[1]
                self.events += more
                self.pourer.add(more)
            return happened()
        wait_until(look, 60, what)

    def refusals(self):
        return {answer for answers in self.pourer.refused.values() for answer in answers}

    def check_journal(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            records = list(journal.records())
        self.assertEqual(sorted(r["id"] for r in records), sorted(e["id"] for e in self.events))
        seqs = {r["id"]: r["seq"] for r in records}
        for event_id, answers in self.pourer.answered.items():
            self.assertEqual({seq for seq, _ in answers}, {seqs[event_id]})

    def test_syncs_fail(self):
        self.pourer.add(self.events)
        wait_until(lambda: self.pourer.count() > 20, 60, "events are answered")
        self.fiu(f"enable_random name=posix/io/sync/fdatasync,probability=0.1,failinfo={EIO}")
        self.pour_until(lambda: not self.ingress.running(), "a sync fails")
        self.assertEqual(self.ingress.wait_exit(), 74)
        self.assertIn((503, "storage_failed"), self.refusals())  # nothing but the fault could cause it
        self.ingress.env = {}
        self.ingress.start()
        self.pourer.wait()
        self.check_journal()

    def test_writes_find_no_room(self):
        """Runs of pages only: a meta page that cannot be written ends the process, and has its own test."""
        self.pourer.add(self.events)
        self.fiu(f"enable_random name=posix/io/rw/pwritev,probability=0.2,failinfo={ENOSPC}")
        self.fiu(f"enable_random name=posix/io/rw/writev,probability=0.2,failinfo={ENOSPC}")
        self.pour_until(self.refusals, "one is refused")
        self.assertEqual(self.refusals(), {(503, "storage_full")})
        self.fiu("disable name=posix/io/rw/pwritev")
        self.fiu("disable name=posix/io/rw/writev")
        self.pourer.wait()
        self.check_journal()
        # no TERM here: libfiu's own thread, made before main() masks signals, would take it and die of it


if __name__ == "__main__":
    harness.main()
