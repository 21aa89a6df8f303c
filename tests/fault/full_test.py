"""Full disks and full maps: 503 and no 200 without a record, and work goes on once there is room, with no restart."""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import clock
import harness
import lives
import webhook
import wire
from harness import applied, store_dump, wait_until

MIB = 1024 * 1024


def mount_tmpfs(stack, name, size):
    """A file system of that size below the stack's directory; a skip when this may not be done here."""
    place = stack.dir / name
    place.mkdir()
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root may mount a small file system; the full map is tested all the same")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"cannot mount a small file system: {done.stderr.strip()}")
    stack.on_unmount(lambda: subprocess.run(["umount", "-l", place], check=True))
    return place


def big_events(start):
    """Events of 20 KB each, without end."""
    while True:
        yield lives.hello(start, padding="x" * 20000)
        start += 1


def free_bytes(place):
    stat = os.statvfs(place)
    return stat.f_bavail * stat.f_frsize


class FullTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.rng = harness.seed()

    def journal_ids(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            return [r["id"] for r in journal.records()]

    def fill(self, hook, events, most=5000):
        """Posts until one is refused as full; the ids that got a 200."""
        taken = []
        for _ in range(most):
            event = next(events)
            status, headers, answer = hook.send(event)
            if status != 200:
                self.assertEqual((status, answer["code"]), (503, "storage_full"))
                self.assertGreater(int(headers["Retry-After"]), 0)
                return taken
            taken.append(event["id"])
        raise AssertionError("it never became full")

    # ---- ingress

    def test_journal_on_a_full_disk(self):
        place = mount_tmpfs(self.stack, "small", 3 * MIB)
        ingress = self.stack.ingress(journal_dir=place / "journal").start()
        pid = ingress.pid()
        events = big_events(1)
        with webhook.Webhook(self.stack.address()) as hook:
            taken = self.fill(hook, events)
            self.assertGreater(len(taken), 10)
            self.assertLess(free_bytes(place), 100 * 1024, "it was not the disk that was full")
            for _ in range(20):
                self.assertEqual(hook.send(next(events))[0], 503)
            self.assertEqual(self.journal_ids(), taken)
            wait_until(lambda: self.stack.admin("ingress")[0] == 503, 60, "not ready while it is full")

            subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
            for _ in range(100):
                event = next(events)
                self.assertEqual(hook.send(event)[0], 200)
                taken.append(event["id"])
            self.assertEqual(self.journal_ids(), taken)
            wait_until(lambda: self.stack.admin("ingress")[0] == 200, 60, "ready again")
        self.assertEqual(ingress.pid(), pid)
        self.assertEqual(ingress.stop(), 0)
        ingress.start()
        self.assertEqual(self.journal_ids(), taken)

    def test_journal_on_a_full_disk_under_load(self):
        """Group commits: a batch that does not fit is refused whole, and nothing of it is answered 200."""
        place = mount_tmpfs(self.stack, "small", 4 * MIB)
        ingress = self.stack.ingress(journal_dir=place / "journal").start()
        pourer = webhook.Pourer(self.stack.address, 8, pace_s=0.02)
        self.stack.on_close(pourer.close)
        events = big_events(1)
        pourer.add(next(events) for _ in range(400))
        wait_until(lambda: len(pourer.refused) > 20, 60, "some are refused")
        self.assertLess(free_bytes(place), 200 * 1024)
        self.assertEqual({answer for answers in pourer.refused.values() for answer in answers}, {(503, "storage_full")})
        self.assertLessEqual(set(pourer.answered), set(self.journal_ids()))
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        pourer.wait()
        ids = self.journal_ids()
        self.assertEqual((len(ids), set(ids)), (400, set(pourer.answered)))
        self.assertEqual(ingress.stop(), 0)

    def test_journal_with_a_full_map(self):
        """Retention makes room in a map that is full."""
        time = clock.Clock(self.stack)
        ingress = self.stack.ingress(map_size="2M", retention="60s", env=time.env()).start()
        events = big_events(1)
        with webhook.Webhook(self.stack.address()) as hook:
            taken = self.fill(hook, events)
            self.assertGreater(len(taken), 20)
            self.assertEqual(self.journal_ids(), taken)
            time.advance(61)  # less than a signature may be old
            again = []
            wait_until(lambda: again.extend(self.fill(hook, events)) or 2 * len(again) > len(taken), 60, "room is made")
            ids = self.journal_ids()
            self.assertEqual(ids, (taken + again)[-len(ids):])
            self.assertLess(len(ids), len(taken + again))
        self.assertEqual(self.stack.admin("ingress", "/livez")[0], 200)
        self.assertEqual(ingress.stop(), 0)

    # ---- the worker

    def pour(self, people, name="p"):
        pourer = webhook.Pourer(self.stack.address, 4)
        pourer.add(lives.many(self.rng, people, name=name)[1])
        pourer.wait()
        pourer.close()

    def is_full(self):
        status, text = self.stack.admin("worker")
        return status == 503 and "store: full" in text

    def test_store_on_a_full_disk(self):
        place = mount_tmpfs(self.stack, "small", 16 * MIB)
        self.stack.ingress().start()
        worker = self.stack.worker(store_dir=place / "store").start()
        self.stack.worker("other").start()
        query = self.stack.query(store_dir=place / "store").start()
        pid = worker.pid()
        self.pour(20, "before")
        applied(self.stack, "other")
        filler = place / "filler"
        with open(filler, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"x" * 4096)
            except OSError:
                pass
        self.pour(150, "after")
        wait_until(self.is_full, 60, "it says that it is full")
        self.assertLess(free_bytes(place), 100 * 1024)
        head = applied(self.stack, "other")
        self.assertTrue(worker.running() and query.running())
        with wire.Query(self.stack.ipc("query-tg01")) as client:
            self.assertEqual(client.tier("nobody"), "free")
            filler.unlink()
            wait_until(lambda: self.stack.admin("worker")[0] == 200, 60, "ready again")
            last = applied(self.stack)
            self.assertEqual((last["cursors"], last["digest"]), (head["cursors"], head["digest"]))
        self.assertEqual(worker.pid(), pid)

    def test_store_with_a_full_map(self):
        self.stack.ingress().start()
        worker = self.stack.worker(map_size="1M").start()
        for part in range(50):
            self.pour(100, f"part{part}p")
            if self.is_full():
                break
        wait_until(self.is_full, 60, "it says that it is full")
        self.assertTrue(worker.running())
        held = store_dump(self.stack)
        self.assertEqual(worker.stop(), 0)
        worker.flags["map-size"] = "1G"
        worker.start()
        grown = applied(self.stack)
        self.assertGreater(max(grown["cursors"].values()), max(held["cursors"].values(), default=0))
        self.stack.worker("other").start()
        self.assertEqual(applied(self.stack, "other")["digest"], grown["digest"])


if __name__ == "__main__":
    harness.main()
