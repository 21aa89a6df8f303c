"""Keys on the sockets between services: who comes in, who does not, what each may do, and that a key which was taken out
is out. 0.0.0.0 is this machine, and not surely so: it counts as another."""

import json
import subprocess
import time

import harness
import lives
import webhook
import wire
import zmq
from harness import wait_until
from wire import read_keys

REFUSED_MS = 700
HEARD_MS = 30000
SILENT_S = 2.5  # more than two heartbeats
GONE_S = 30     # a key that was taken out has lost its connection by then
EVERYTHING = "check,feed,journal,append,grant,changes,control,session,reconcile"


class Listening:
    """A SUB that only asks whether anything comes."""

    def __init__(self, at, keys):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        if keys:
            wire._take_keys(self.socket, keys)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(at)

    def hears(self, timeout_ms):
        while self.socket.poll(0):
            self.socket.recv_multipart()
        return bool(self.socket.poll(timeout_ms))

    def close(self):
        self.socket.close()


class Asking:
    def __init__(self, at, keys, kind, op, fields):
        self.caller, self.op, self.fields = kind(at, keys=keys), op, fields

    def hears(self, timeout_ms):
        self.caller.socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        self.caller.socket.setsockopt(zmq.SNDTIMEO, timeout_ms)
        try:
            self.caller.call(self.op, **self.fields)
            return True
        except wire.NoAnswer:
            return False

    def close(self):
        self.caller.close()


# of each socket: the service, the ready line's field, the right that will do, one that will not, who comes to it
SOCKETS = {
    "JOURNAL_PUB": ("ingress", "pub", "journal", "append", None),
    "JOURNAL_REPLAY": ("ingress", "replay", "journal", "check", (wire.Journal, "head", {})),
    "CHANGES_PUB": ("worker", "changes", "changes", "feed", None),
    "CONTROL": ("worker", "control", "control", "changes", (wire.Control, "rebuild_status", {})),
    "RECONCILER": ("reconciler", "reconciler", "session", "append", (wire.Reconciler, "status", {})),
    "QUERY_BIND": ("query", "listen", "check", "journal", (wire.Query, "ping", {})),
    "FEED_BIND": ("query", "feed", "feed", "check", None),
}


class HouseKeysTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.keys = self.stack.dir / "keys"
        self.tiergate("keygen")

    def tiergate(self, *words, code=0, directory=None, **env):
        env = {"TIERGATE_CURVE_DIR": str(directory or self.keys), **{f"TIERGATE_{k}": v for k, v in env.items()}}
        done = subprocess.run([self.stack.bin / "tiergate", *map(str, words)], cwd=self.stack.dir, timeout=120, text=True,
                              capture_output=True, env=harness.clean_environment(env))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def start(self):
        s = self.stack
        both = {"curve_dir": self.keys}

        def ends(name):
            return s.ipc(name) + ";tcp://0.0.0.0:0"
        s.ingress(journal_pub=ends("ingress-pub"), journal_replay=ends("ingress-replay"), **both).start()
        s.worker(changes_pub=ends("worker-changes"), control=ends("worker-control"), **both).start()
        s.reconciler(reconciler=ends("reconciler-requests"), **both).start()
        s.query(query_bind=ends("query-tg01"), feed_bind=ends("query-feed"), **both).start()
        hook = webhook.Webhook(s.address())
        self.addCleanup(hook.close)
        self.assertEqual(hook.send(lives.hello(1))[0], 200)
        harness.applied(s)

    def at(self, name):
        service, field, *_ = SOCKETS[name]
        line = self.stack.services[service].wait_log("listening" if service == "query" else "ready")
        remote = line[field].split(";")[1]
        self.assertTrue(remote.startswith("tcp://0.0.0.0:"), remote)
        return remote

    def pair(self, name):
        mine = read_keys(self.keys / "clients" / name / "client.key")
        return mine["public"], mine["secret"]

    def comer(self, name, keys):
        kind = SOCKETS[name][4]
        comer = Asking(self.at(name), keys, *kind) if kind else Listening(self.at(name), keys)
        self.addCleanup(comer.close)
        return comer

    def denied(self, service):
        _, text = self.stack.admin(service, "/metrics")
        name = self.stack.services[service].binary.name.replace("-", "_")
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}_denied_total ")))

    def test_each_socket_takes_its_own_alone(self):
        for right in {row[2] for row in SOCKETS.values()} | {row[3] for row in SOCKETS.values()}:
            self.tiergate("keygen", right, "--may", right)
        self.start()
        server = read_keys(self.keys / "server.pub")["public"]
        stranger = tuple(key.decode() for key in zmq.curve_keypair())
        for name, (label, _, right, other, _) in SOCKETS.items():
            with self.subTest(socket=name):
                service = self.stack.services[label]
                since, before = service.log_size(), self.denied(label)
                self.assertTrue(self.comer(name, (*self.pair(right), server)).hears(HEARD_MS))
                wrong = {"no right": (*self.pair(other), server), "strange": (*stranger, server), "no key": None,
                         "another server": (*self.pair(right), stranger[0])}
                comers = {why: self.comer(name, keys) for why, keys in wrong.items()}
                for why, comer in comers.items():
                    self.assertFalse(comer.hears(REFUSED_MS), why)
                refusal = service.wait_log("key_refused", since=since, name=other)
                self.assertIn(right, refusal["wanted"].split(","))
                self.assertNotIn(other, refusal["wanted"].split(","))
                service.wait_log("key_refused", since=since, name="", key=stranger[0])
                service.wait_log("key_refused", since=since, name="", key="")
                wait_until(lambda: self.denied(label) >= before + 4, 60, f"{label} counts who was turned away")
                for comer in comers.values():
                    comer.close()

    def test_a_key_that_is_taken_out_loses_its_connections(self):
        for name in ("leaver", "stayer"):
            self.tiergate("keygen", name, "--may", EVERYTHING)
        self.start()
        server = read_keys(self.keys / "server.pub")["public"]
        leavers = {name: self.comer(name, (*self.pair("leaver"), server)) for name in SOCKETS}
        stayers = {name: self.comer(name, (*self.pair("stayer"), server)) for name in SOCKETS}
        for name in SOCKETS:
            self.assertTrue(leavers[name].hears(HEARD_MS) and stayers[name].hears(HEARD_MS), name)
        (self.keys / "allowed" / "leaver.pub").unlink()
        for service in self.stack.services.values():
            service.hup()
        for service in self.stack.services.values():
            service.wait_log("keys_loaded", taken_away="1")
        deadline = time.monotonic() + GONE_S
        for name, comer in leavers.items():
            wait_until(lambda c=comer: not c.hears(int(SILENT_S * 1000)), GONE_S + SILENT_S, f"{name} ends the connection")
        self.assertLess(time.monotonic(), deadline + len(SOCKETS) * SILENT_S)
        for name, comer in stayers.items():
            wait_until(lambda c=comer: c.hears(1500), 60, f"{name}: who is still allowed comes back")
        for label in ("ingress", "worker", "reconciler", "query"):
            self.stack.services[label].wait_log("key_refused", key=self.pair("leaver")[0])
        # and the house itself goes on: what is local has come back, too
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            head = journal.head()["head"]
        hook = webhook.Webhook(self.stack.address())
        self.addCleanup(hook.close)
        self.assertEqual(hook.send(lives.hello(2))[0], 200)
        cursors = harness.applied(self.stack)["cursors"]
        self.assertEqual(list(cursors.values()), [head + 1])

    def assert_refused(self, code, caller, op, **fields):
        with self.assertRaises(wire.Refused) as refused:
            caller.call(op, **fields)
        self.assertEqual(refused.exception.code, code, (op, refused.exception.message))

    def test_rights_of_each_operation(self):
        for right in ("journal", "append", "grant", "control", "session", "reconcile"):
            self.tiergate("keygen", right, "--may", right)
        self.start()
        server = read_keys(self.keys / "server.pub")["public"]

        def ask(kind, socket, right):
            caller = kind(self.at(socket), keys=(*self.pair(right), server))
            self.addCleanup(caller.close)
            return caller
        key = {"mode": "test", "acct": "", "event": "evt_key"}
        fact = {**key, "created": 1, "api_version": "", "body": b"{}"}
        event = {**fact, "kind": "event", "type": "customer.updated"}
        override = {**fact, "event": "ovr_1_g", "kind": "override", "type": "tiergate.override"}
        head, replay = ("head", {}), ("replay", {"from": 1, "max": 1})
        find, progress = ("find", {**key, "event": "evt_none"}), ("progress", {"worker": "w", "seq": 0})
        append, grant = ("append", event), ("append", override)
        forget = ("forget", {"worker": "nobody"})
        every = (head, replay, find, progress, append, grant, forget)
        outcomes = {id(find): "not_found", id(forget): "not_found"}  # of who may
        for right, may in (("journal", (head, replay, find, progress)), ("append", (head, append)), ("grant", (head, grant)),
                           ("control", (head, forget))):
            journal = ask(wire.Journal, "JOURNAL_REPLAY", right)
            for request in every:
                op, fields = request
                with self.subTest(right=right, op=op, kind=fields.get("kind")):
                    code = outcomes.get(id(request)) if request in may else "forbidden"
                    if code:
                        self.assert_refused(code, journal, op, **fields)
                    else:
                        journal.call(op, **fields)
        for right, little in (("session", True), ("reconcile", False)):
            reconciler = ask(wire.Reconciler, "RECONCILER", right)
            self.assertEqual(reconciler.status()["key"], "none")
            self.assert_refused("no_api_key", reconciler, "session", mode="test", acct="", session="cs_1")
            self.assert_refused("no_api_key", reconciler, "customer", mode="test", acct="", customer="cus_1")
            for op, fields in (("pass", {}), ("fetch", {"mode": "test", "acct": "", "fetch": "customer", "of": "cus_1"})):
                self.assert_refused("forbidden" if little else "no_api_key", reconciler, op, **fields)

    def test_the_command_uses_its_keys_and_says_when_it_is_turned_away(self):
        self.tiergate("keygen", "reader", "--may", "journal")
        self.start()
        places = {"JOURNAL_REPLAY": self.at("JOURNAL_REPLAY"), "CONTROL": self.at("CONTROL"), "RECONCILER": self.at("RECONCILER"),
                  "STORE_DIR": str(self.stack.dir / "worker-store"), "CATALOG": str(self.stack.catalog), "TIMEOUT": "30s"}
        self.assertIn("seq", self.tiergate("journal", "list", "--json", **places))
        self.tiergate("quarantine", "retry", **places)
        self.tiergate("grant", "alice", "pro", "--why", "a test", "--mode", "test", **places)
        self.assertIn("no_api_key", self.tiergate("reconcile", code=69, **places))
        reader = self.keys / "clients" / "reader"
        self.assertIn("seq", self.tiergate("journal", "list", "--json", directory=reader, **places))
        self.assertIn("forbidden", self.tiergate("journal", "forget", "worker", code=69, directory=reader, **places))

        def fails(says, *words):
            """It knows why at the end of its time; in so little of it the service may have said nothing yet."""
            soon = {**places, "TIMEOUT": "3s"}
            wait_until(lambda: says in self.tiergate(*words, code=69, directory=reader, **soon), 60, f"{words}: {says}")
        fails("it turns this side's key away", "quarantine", "retry")
        fails("it turns this side's key away", "reconcile")
        (reader / "server.pub").write_text((self.keys / "allowed" / "reader.pub").read_text().split("may")[0])
        fails("another key than server.pub", "journal", "list")
        # a host of its own key
        (reader / "servers").mkdir()
        (reader / "servers" / "0.0.0.0.pub").write_text((self.keys / "server.pub").read_text())
        self.assertIn("seq", self.tiergate("journal", "list", "--json", directory=reader, **places))
        (reader / "client.key").chmod(0o644)
        self.assertIn("chmod 600", self.tiergate("journal", "list", code=78, directory=reader, **places))

    def test_a_service_that_is_turned_away_says_so(self):
        self.tiergate("keygen", "outsider", "--may", "check")
        self.start()
        away = self.keys / "clients" / "outsider"
        pair = f"{self.at('JOURNAL_PUB')},{self.at('JOURNAL_REPLAY')}"
        worker = self.stack.worker("second", curve_dir=away)
        worker.flags["journals"] = pair
        worker.start()
        for at in pair.split(","):
            self.assertIn("turns this side's key away", worker.wait_log("key_turned_away", at=at)["why"])
        self.stack.services["ingress"].wait_log("key_refused", name="outsider")

    def test_bad_keys_stop_a_start_and_change_nothing_on_hup(self):
        self.tiergate("keygen", "one", "--may", "journal")
        self.start()
        allowed = self.keys / "allowed"

        def refuses(says, event="key_file_bad"):
            for label in ("ingress", "worker", "reconciler", "query"):
                service = self.stack.services[label]
                since = service.log_size()
                service.hup()
                self.assertIn(says, service.wait_log(event, since=since)["why"])
        (allowed / "bad.pub").write_text("public short\nmay journal\n")
        refuses("bad.pub:1: 'public' takes one key of 40 characters")
        (allowed / "bad.pub").write_text((allowed / "one.pub").read_text())
        refuses("bad and one have the same key")
        (allowed / "bad.pub").write_text((allowed / "one.pub").read_text().split("may")[0])
        refuses("no line 'may'")
        (allowed / "bad.pub").unlink()
        allowed.chmod(0o777)
        refuses("everybody may put keys there", event="keys_kept")
        allowed.chmod(0o700)
        for label, binds in (("ingress", "journal_pub"), ("worker", "control"), ("reconciler", "reconciler"), ("query", "feed_bind")):
            make = getattr(self.stack, label)
            (self.keys / "server.key").chmod(0o640)
            service = make(f"{label}-2", **{binds: "tcp://0.0.0.0:0"}, curve_dir=self.keys).start(wait=False)
            self.assertEqual(service.wait_exit(), 78)
            self.assertIn("chmod 600", "\n".join(service.log()))
            (self.keys / "server.key").chmod(0o600)

    def test_keygen_if_missing(self):
        def files():
            return {p.relative_to(self.keys): p.read_bytes() for p in self.keys.rglob("*") if p.is_file()}
        first = files()
        self.tiergate("keygen", "--if-missing")
        self.assertEqual(files(), first)
        self.tiergate("keygen", "api", "--if-missing", "--may", "check")
        made = files()
        self.tiergate("keygen", "api", "--if-missing")
        self.assertEqual(files(), made)
        # who took a key out meant it
        (self.keys / "allowed" / "local.pub").unlink()
        (self.keys / "allowed" / "api.pub").unlink()
        self.tiergate("keygen", "--if-missing")
        self.tiergate("keygen", "api", "--if-missing")
        self.assertFalse((self.keys / "allowed" / "local.pub").exists() or (self.keys / "allowed" / "api.pub").exists())
        # a run that died: after the first file, and before the secret got its name
        (self.keys / "server.pub").unlink()
        (self.keys / "client.key").rename(self.keys / "client.key.new")
        self.tiergate("keygen", "--if-missing")
        after = files()
        for path in ("server.key", "server.pub", "client.key", "allowed/local.pub"):
            self.assertEqual(after[harness.pathlib.Path(path)], first[harness.pathlib.Path(path)], path)
        # keys that were made elsewhere
        public = read_keys(self.keys / "clients" / "api" / "client.key")["public"]
        self.tiergate("keygen", "elsewhere", "--public", public, "--may", "journal,append")
        self.assertIn(f"public {public}\nmay journal,append\n", (self.keys / "allowed" / "elsewhere.pub").read_text())
        self.tiergate("keygen", "other", "--public", "short", code=64)
        self.tiergate("keygen", "--public", public, code=64)


if __name__ == "__main__":
    harness.main()
