"""Real services in a temporary directory, on free ports, for tests.

    class SpineTest(harness.SystemTest):
        def test_it(self):
            self.stack.start_all()
            status, _, reply = self.stack.webhook().send(event)

A test is run as `FILE BUILD_DIR [unittest arguments]`. Everything waits for a condition with a limit: a ready line, an
answer, an exit. When a test fails, the end of each service's log is printed. Services are children of their
own, stopped by pid, and die with this program. Start them on its main thread: the kernel ties a child to the thread that
made it.
"""

import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import wire

READY_S = 60  # for a ready line; a sanitizer's build on a busy machine is slow
STOP_S = 60
SETTLE_S = 60
IDLE_S = 30  # a kept connection is not used again after so long: services close it at 75 s
LOG_TAIL = 60  # lines of each log that a failure prints

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEBHOOK_PATH = "/api/v1/billing/webhook"
TEST_SECRET = "whsec_harness_test_0123456789abcdef"
LIVE_SECRET = "whsec_harness_live_0123456789abcdef"

FIELD = re.compile(r'([a-z0-9_]+)=("(?:[^"\\]|\\.)*"|[^ ]*)')


class Late(AssertionError):
    """Something did not happen in time."""


def wait_until(condition, seconds, what):
    """The first true value of condition(); Late when there is none in time. It is looked at once more when the time is over: this
    program, too, may have stood still."""
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline
        value = condition()
        if value:
            return value
        if late:
            raise Late(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def seed():
    """TIERGATE_SEED, else of the clock; printed, so that a failure can be had again."""
    value = int(os.environ.get("TIERGATE_SEED") or time.time_ns() % 2**32)
    print(f"TIERGATE_SEED={value}", flush=True)
    return random.Random(value)


def own_host():
    """An address of this machine that no other test has: who binds a port of it again after a kill finds that nobody took it."""
    return f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"


def log_fields(line):
    return {key: value[1:-1] if value.startswith('"') else value for key, value in FIELD.findall(line)}


def clean_environment(extra=None):
    """Settings of the person's shell are not the tests'."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("TIERGATE_")}
    env.update(extra or {})
    return env


class Service:
    """One program with its flags. It may be started, stopped and killed many times over the same directories."""

    def __init__(self, stack, label, program, flags, wrap=(), env=None):
        self.stack = stack
        self.label = label
        self.flags = dict(flags)
        self.binary = stack.bin / program
        self.wrap = list(wrap)  # a command that runs the program in its own process: strace -D, for one
        self.env = env or {}
        self.popen = None
        self.mark = 0
        self.ready = {}
        self.lines = []
        self.news = threading.Condition()
        self.reader = None

    # ---- its life

    def start(self, wait=True):
        assert self.popen is None, f"{self.label} runs already"
        arguments = [str(self.binary)]
        for name, value in self.flags.items():
            arguments += [f"--{name}", str(value)]
        self.mark = len(self.lines)  # what it says from here on is of this start
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self.wrap, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            cwd=self.stack.dir, env=clean_environment(self.env), errors="replace", text=True)
        self._note(f"---- started, pid {self.popen.pid}")
        self.reader = threading.Thread(target=self._read, args=(self.popen.stderr,), daemon=True)
        self.reader.start()
        return self.wait_ready() if wait else self

    def wait_ready(self):
        self.ready = self.wait_log("ready")
        return self

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def pid(self):
        return self.popen.pid

    def send_signal(self, number):
        self.popen.send_signal(number)

    def hup(self):
        self.send_signal(signal.SIGHUP)

    def kill(self):
        """kill -9, and waits until the process is gone."""
        self.popen.kill()
        return self.wait_exit()

    def stop(self):
        """TERM; the exit code."""
        self.send_signal(signal.SIGTERM)
        return self.wait_exit()

    def wait_exit(self, seconds=STOP_S):
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Late(f"{self.label} did not exit within {seconds} s") from None
        self.reader.join(seconds)
        self._note(f"---- exited with {code}")
        self.popen = None
        return code

    # ---- its log

    def _note(self, line):
        with self.news:
            self.lines.append(line)
            self.news.notify_all()

    def _read(self, stream):
        with stream:
            for line in stream:
                self._note(line.rstrip("\n"))

    def log(self):
        with self.news:
            return list(self.lines)

    def find_log(self, event, since=None, **fields):
        """The first line of that event since the last start with those fields, as a dict; None without one."""
        lines = self.log()
        for line in lines[self.mark if since is None else since:]:
            got = log_fields(line)
            if got.get("ev") == event and all(got.get(key) == value for key, value in fields.items()):
                return got
        return None

    def wait_log(self, event, seconds=READY_S, since=None, **fields):
        def look():
            found = self.find_log(event, since, **fields)
            if not found and event == "ready" and not self.running() and not self.reader.is_alive():
                raise AssertionError(f"{self.label} ended before it was ready")
            return found
        return wait_until(look, seconds, f"{self.label}: a log line ev={event} {fields or ''}")

    def wait_complaint(self, since, seconds=READY_S):
        """The first warning or error logged after `since` (log_size)."""
        def look():
            for line in self.log()[since:]:
                if log_fields(line).get("lvl") in ("warn", "error"):
                    return line
            return None
        return wait_until(look, seconds, f"{self.label}: a warning or an error")

    def log_size(self):
        return len(self.log())


class Stack:
    """A directory and the services in it. By default one of each; tests add more under other labels."""

    def __init__(self, build_dir):
        build = pathlib.Path(build_dir).resolve()
        self.bin = build / "bin"
        self.store_dump = build / "tests" / "system" / "store_dump"
        self.store_forge = build / "tests" / "system" / "store_forge"
        # short: a Unix socket's path has 107 bytes
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tg-", dir="/tmp"))
        self.services = {}
        self.catalog = self.dir / "tiers.yaml"
        shutil.copy(ROOT / "docker" / "tiers.yaml", self.catalog)
        self.secrets = self.dir / "webhook-secrets"
        self.write_secrets(f"sandbox test {TEST_SECRET}", f"main live {LIVE_SECRET} *")
        self.closers, self.unmounts = [], []

    def sanitized(self):
        """Were the services built with a sanitizer? It keeps freed memory, and wants the calls that libfiu wants."""
        with open(self.bin / "tiergate-ingress", "rb") as program:
            code = program.read()
        return b"__asan_init" in code or b"__tsan_init" in code

    def write_secrets(self, *lines):
        new = self.dir / "webhook-secrets.new"
        new.write_text("\n".join(lines) + "\n")
        new.chmod(0o600)
        new.rename(self.secrets)

    def ipc(self, name):
        return f"ipc://{self.dir}/{name}.sock"

    def _add(self, label, program, flags, more, **how):
        flags = dict(flags)
        for name, value in more.items():
            name = name.replace("_", "-")
            if value is None:
                flags.pop(name, None)
            else:
                flags[name] = value
        assert label not in self.services
        service = self.services[label] = Service(self, label, program, flags, **how)
        return service

    def ingress(self, label="ingress", wrap=(), env=None, **flags):
        return self._add(label, "tiergate-ingress", {
            "listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0",
            "journal-dir": self.dir / f"{label}-journal",
            "journal-pub": self.ipc(f"{label}-pub"), "journal-replay": self.ipc(f"{label}-replay"),
            "webhook-secrets-file": self.secrets}, flags, wrap=wrap, env=env)

    def worker(self, label="worker", journals=("ingress",), wrap=(), env=None, **flags):
        pairs = ";".join(f"{self.ipc(j + '-pub')},{self.ipc(j + '-replay')}" for j in journals)
        return self._add(label, "tiergate-entitlement", {
            "journals": pairs, "admin-listen": "127.0.0.1:0", "worker-name": label,
            "store-dir": self.dir / f"{label}-store", "changes-pub": self.ipc(f"{label}-changes"),
            "control": self.ipc(f"{label}-control"), "catalog": self.catalog}, flags, wrap=wrap, env=env)

    def query(self, label="query", worker="worker", wrap=(), env=None, **flags):
        return self._add(label, "tiergate-query", {
            "admin-listen": "127.0.0.1:0", "mode": "test", "query-bind": self.ipc(f"{label}-tg01"),
            "feed-bind": self.ipc(f"{label}-feed"), "store-dir": self.dir / f"{worker}-store",
            "changes-pub": self.ipc(f"{worker}-changes"), "catalog": self.catalog}, flags, wrap=wrap, env=env)

    def reconciler(self, label="reconciler", ingress="ingress", worker="worker", api=None, key=None, env=None, wrap=(),
                   **flags):
        """api: where Stripe is; key: with which it is asked."""
        known = {"stripe-api-base": api, "stripe-api-key": key}
        return self._add(label, "tiergate-reconciler", {
            "admin-listen": "127.0.0.1:0", "reconciler": self.ipc(f"{label}-requests"),
            "journal-replay": self.ipc(f"{ingress}-replay"), "store-dir": self.dir / f"{worker}-store",
            "catalog": self.catalog, **{name: value for name, value in known.items() if value}}, flags, wrap=wrap, env=env)

    def start_all(self):
        """One ingress, one worker, one query."""
        ingress, worker, query = self.ingress(), self.worker(), self.query()
        for service in (ingress, worker, query):
            service.start(wait=False)
        for service in (ingress, worker, query):
            service.wait_ready()
        return ingress, worker, query

    def address(self, label="ingress"):
        """(host, port) of a running ingress."""
        host, port = self.services[label].ready["listen"].rsplit(":", 1)
        return host, int(port)

    def admin(self, label, path="/readyz"):
        """(status, text) of a service's admin port."""
        host, port = self.services[label].ready["admin"].rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=READY_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def on_close(self, close):
        self.closers.append(close)

    def on_unmount(self, unmount):
        """To be done when no service runs any more."""
        self.unmounts.append(unmount)

    def close(self):
        for close in reversed(self.closers):
            close()
        for service in self.services.values():
            if service.running():
                service.popen.kill()
        for service in self.services.values():
            if service.popen is not None:
                service.popen.wait()
        for unmount in reversed(self.unmounts):
            unmount()
        shutil.rmtree(self.dir, ignore_errors=True)

    def print_logs(self):
        for service in self.services.values():
            lines = service.log()
            print(f"\n==== {service.label}: the last of {len(lines)} lines", file=sys.stderr)
            for line in lines[-LOG_TAIL:]:
                print("  " + line, file=sys.stderr)
        sys.stderr.flush()


def store_dump(stack, label="worker"):
    """What a worker's store holds: digest, version, epoch, cursors {origin: seq}, counters, and numbers of rows."""
    out = subprocess.run([stack.store_dump, stack.services[label].flags["store-dir"]], check=True, timeout=READY_S,
                         capture_output=True, text=True, env=clean_environment()).stdout
    dump = {"cursors": {}, "counters": {}}
    for line in out.splitlines():
        key, *values = line.split()
        if key == "cursor":
            dump["cursors"][int(values[0])] = int(values[1])
        elif key == "counter":
            dump["counters"][values[0]] = int(values[1])
        else:
            dump[key] = values[0] if key == "digest" else int(values[0])
    return dump


def store_forge(stack, *what, label="worker", data=None):
    """Leaves a stopped worker's store as an older program would have (store_forge.c)."""
    subprocess.run([stack.store_forge, stack.services[label].flags["store-dir"], *map(str, what)], check=True,
                   timeout=READY_S, input=data, env=clean_environment())


def applied(stack, worker="worker", ingresses=("ingress",)):
    """Waits until the worker's store holds all that its journals have; what store_dump says then."""
    heads = {}
    for label in ingresses:
        with wire.Journal(stack.ipc(f"{label}-replay")) as journal:
            reply = journal.head()
            heads[reply["origin"]] = reply["head"]

    def look():
        dump = store_dump(stack, worker)
        return dump if all(dump["cursors"].get(o, 0) >= head for o, head in heads.items()) else None
    return wait_until(look, SETTLE_S, f"{worker} applies all up to {heads}")


class SystemTest(unittest.TestCase):
    """A stack of its own for each test, and its logs when the test fails."""

    maxDiff = 4000

    def setUp(self):
        self.stack = Stack(BUILD)
        self.addCleanup(self.stack.close)

    def _callTestMethod(self, method):
        try:
            super()._callTestMethod(method)
        except unittest.SkipTest:
            raise
        except BaseException:
            self.stack.print_logs()
            raise


BUILD = None


def main():
    """`FILE BUILD_DIR [unittest arguments]`"""
    global BUILD
    if len(sys.argv) < 2 or not os.path.isdir(sys.argv[1]):
        sys.exit(f"usage: {sys.argv[0]} BUILD_DIR [unittest arguments]")
    BUILD = sys.argv.pop(1)
    done = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not done.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if done.skipped else 0)  # ctest shows it: a test that was skipped has not passed
