"""The clock that other tests move is the one that services read, and a clock that jumps stops nothing."""

import calendar
import subprocess
import time

import clock
import harness
import lives
import webhook
import wire

DAY = 86400
NEAR_S = 300  # between a line and the moment at which the test looks


def moment(line):
    """The `ts` of a log line, unix seconds."""
    text = line["ts"].split(".")[0].rstrip("Z")
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


class ClockTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.clock = clock.Clock(self.stack)

    def read(self, *lines, env=None):
        """What a program of ours reads with each of the calls."""
        program = "import ctypes, time\nc = ctypes.CDLL(None)\n" + "\n".join(lines)
        return subprocess.run(["/usr/bin/python3", "-c", program], check=True, capture_output=True, text=True, timeout=30,
                              env=harness.clean_environment(self.clock.env() if env is None else env)).stdout.split()

    def test_every_call_for_the_wall_clock_is_shifted_and_no_other(self):
        calls = ("print(time.time_ns())", "print(c.time(None))",
                 "b = (ctypes.c_long * 2)(); c.gettimeofday(b, None); print(b[0])",
                 "b = (ctypes.c_long * 2)(); c.timespec_get(b, 1); print(b[0])",
                 "b = (ctypes.c_long * 2)(); c.clock_gettime(5, b); print(b[0])",  # CLOCK_REALTIME_COARSE
                 "print(time.monotonic_ns())", "print(time.clock_gettime(7))")  # 7: CLOCK_BOOTTIME
        for shift in (0, 400 * DAY, -3 * DAY, 0.25, -0.75):
            self.clock.set_shift(shift)
            ns, *seconds, mono, boot = map(float, self.read(*calls))
            want = time.time() + shift
            self.assertAlmostEqual(ns / 1e9, want, delta=NEAR_S)
            for got in seconds:
                self.assertAlmostEqual(got, want, delta=NEAR_S)
            self.assertAlmostEqual(mono / 1e9, time.monotonic(), delta=NEAR_S)
            self.assertAlmostEqual(boot, time.clock_gettime(time.CLOCK_BOOTTIME), delta=NEAR_S)

    def test_without_a_file_the_clock_is_the_machines(self):
        short = self.stack.dir / "short"
        short.write_bytes(b"1234")
        for path in ("", str(self.stack.dir / "none"), str(short)):
            env = dict(self.clock.env(), CLOCK_SHIFT_FILE=path)
            self.assertAlmostEqual(float(self.read("print(time.time())", env=env)[0]), time.time(), delta=NEAR_S)

    def test_a_running_service_follows(self):
        self.clock.advance(1000 * DAY)
        ingress = self.stack.ingress(env=self.clock.env()).start()
        self.assertAlmostEqual(moment(ingress.ready), self.clock.now(), delta=NEAR_S)
        with webhook.Webhook(self.stack.address()) as hook:
            event = webhook.encode(lives.plain(1).events[0])
            self.assertEqual(hook.post(event)[0], 400, "signed three years ago")
            self.assertEqual(hook.post(event, webhook.signature(event, t=self.clock.now()))[0], 200)
            self.clock.advance(-2000 * DAY)
            again = hook.post(event, webhook.signature(event, t=self.clock.now()))
            self.assertEqual((again[0], again[2]["duplicate"]), (200, True))
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            record, = journal.records()
        self.assertAlmostEqual(record["received_ms"] / 1000, self.clock.now() + 2000 * DAY, delta=NEAR_S)
        self.assertEqual(ingress.stop(), 0)
        self.assertAlmostEqual(moment(ingress.wait_log("stopped")), self.clock.now(), delta=NEAR_S)

    def test_answers_follow_the_clock_in_both_directions(self):
        life = lives.plain(1)
        life.subscription.update(cancel_at=life.now + 5 * DAY)
        services = [self.stack.ingress(env=self.clock.env()), self.stack.worker(env=self.clock.env()),
                    self.stack.query(env=self.clock.env())]
        for service in services:
            service.start()
        last = lives.event("evt_end", "customer.subscription.updated", life.now, life.subscription, {"cancel_at": None})
        with webhook.Webhook(self.stack.address()) as hook, wire.Query(self.stack.ipc("query-tg01")) as query:
            for event in (*life.events, last):
                self.assertEqual(hook.send(event)[0], 200)
            harness.applied(self.stack)
            for shift, tier in ((0, "pro"), (4 * DAY, "pro"), (6 * DAY, "free"), (400 * DAY, "free"), (-1 * DAY, "pro"), (0, "pro")):
                self.clock.set_shift(shift)
                self.assertEqual(query.tier(life.subject), tier, f"{shift} s from now")


if __name__ == "__main__":
    harness.main()
