"""TERM: what was begun is finished, what was answered is kept, and the exit code is 0."""

import signal
import socket
import threading

import harness
import lives
import webhook
import wire
from harness import wait_until


class DrainTest(harness.SystemTest):
    def journal_ids(self):
        with wire.Journal(self.stack.ipc("ingress-replay")) as journal:
            return [r["id"] for r in journal.records()]

    def keep_pouring(self, pourer, base, stop):
        """It does not run out of events: however late the signal comes, there are some under way."""
        made = 0
        while not stop.wait(0.002):
            few = max(0, 500 - pourer.left)
            pourer.add(lives.hello(base + made + n) for n in range(few))
            made += few

    def test_ingress_under_load(self):
        ingress = self.stack.ingress().start()
        for number in [signal.SIGTERM, signal.SIGINT] * 5:
            pourer = webhook.Pourer(self.stack.address, connections=8, give_up=lambda *_: True)
            base = ingress.pid() * 100000
            stop = threading.Event()
            source = threading.Thread(target=self.keep_pouring, args=(pourer, base, stop), daemon=True)
            source.start()
            wait_until(lambda: pourer.count() > 200, 60, "events are answered")
            ingress.send_signal(number)
            self.assertEqual(ingress.wait_exit(), 0)
            stop.set()
            source.join()
            pourer.wait()
            pourer.close()
            self.assertGreater(pourer.silent + len(pourer.refused), 0, "it stopped while events came in")
            ingress.start()
            ids = self.journal_ids()
            self.assertEqual(len(ids), len(set(ids)))
            self.assertLessEqual(pourer.answered.keys(), set(ids))

    def line(self, connection):
        """One line, and the empty one after it."""
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            self.assertTrue(piece, got)
            got += piece
        return got.strip()

    def test_a_request_that_has_begun_is_finished(self):
        ingress = self.stack.ingress().start()
        body = webhook.encode(lives.hello(1))
        head = (f"POST {harness.WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Stripe-Signature: {webhook.signature(body)}\r\nContent-Length: {len(body)}\r\n"
                "Expect: 100-continue\r\n\r\n").encode()
        address = self.stack.address()
        with socket.create_connection(address, 60) as slow, webhook.Webhook(address) as other:
            slow.sendall(head)
            self.assertEqual(self.line(slow), b"HTTP/1.1 100 Continue")  # by now it is being read
            slow.sendall(body[:100])
            self.assertEqual(other.send(lives.hello(2))[0], 200)
            ingress.send_signal(signal.SIGTERM)

            def refused():
                try:
                    socket.create_connection(address, 60).close()
                    return False
                except OSError:
                    return True
            wait_until(refused, 60, "no new connections")
            slow.sendall(body[100:])
            answer = b""
            while piece := slow.recv(65536):
                answer += piece
            self.assertIn(b"HTTP/1.1 200 ", answer)
        self.assertEqual(ingress.wait_exit(), 0)
        ingress.start()
        self.assertEqual(self.journal_ids(), ["evt_hello2", "evt_hello1"])

    def test_idle_connections_do_not_hold_up_a_stop(self):
        ingress = self.stack.ingress().start()
        with webhook.Webhook(self.stack.address()) as hook, socket.create_connection(self.stack.address(), 60):
            self.assertEqual(hook.send(lives.hello(1))[0], 200)
            self.assertEqual(ingress.stop(), 0)

    def test_worker_and_query(self):
        rng = harness.seed()
        _, worker, query = self.stack.start_all()
        people, events = lives.many(rng, 150)
        pourer = webhook.Pourer(self.stack.address)
        self.stack.on_close(pourer.close)
        pourer.add(events)
        for done in (0.3, 0.6):
            wait_until(lambda: pourer.count() > done * len(events), 60, "events are answered")
            self.assertEqual(worker.stop(), 0)
            worker.start()
        stop = threading.Event()
        failures = []

        def ask():
            with wire.Query(self.stack.ipc("query-tg01"), timeout_ms=500) as client:
                while not stop.is_set():
                    try:
                        client.get(people[0].customer)
                    except wire.NoAnswer:
                        pass
                    except wire.Refused as refused:
                        if not refused.retry:
                            failures.append(refused)
                    except Exception as error:  # what a client must never see while a server stops and starts
                        failures.append(error)
        clients = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
        for client in clients:
            client.start()
        for _ in range(3):
            self.assertEqual(query.stop(), 0)
            query.start()
        stop.set()
        for client in clients:
            client.join(60)
        self.assertEqual(failures, [])
        pourer.wait()
        harness.applied(self.stack)
        with wire.Query(self.stack.ipc("query-tg01")) as client:
            client.wait_ready()
            for life in people:
                if life.tier() is not None:
                    self.assertEqual(client.tier(life.customer), life.tier(), [e["type"] for e in life.events])

    def test_worker_alone(self):
        worker = self.stack.worker().start()
        self.assertEqual(worker.stop(), 0)

    def test_query_alone(self):
        query = self.stack.query().start(wait=False)
        wait_until(lambda: len(query.log()) > 1 or not query.running(), 60, "it says something")
        self.assertEqual(query.stop(), 0)


if __name__ == "__main__":
    harness.main()
