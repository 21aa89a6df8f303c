"""Stripe's side of a webhook: signing and posting, one request at a time or many at once."""

import hashlib
import hmac
import http.client
import json
import queue
import socket
import threading
import time

import harness

POST_S = 30


def signature(body, secret=harness.TEST_SECRET, t=None):
    t = int(time.time()) if t is None else t
    mac = hmac.new(secret.encode(), str(t).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={t},v1={mac}"


def encode(event):
    return json.dumps(event, separators=(",", ":")).encode()


class Webhook:
    """One connection to an ingress, kept alive; made anew after an error, or when it was idle for long."""

    def __init__(self, address, timeout_s=POST_S):
        self.address = address
        self.timeout_s = timeout_s
        self.connection = None
        self.used = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body). OSError or HTTPException when there is no answer."""
        if time.monotonic() - self.used > harness.IDLE_S:
            self.close()
        if not self.connection:
            self.connection = http.client.HTTPConnection(*self.address, timeout=self.timeout_s)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            text = answer.read()
            self.used = time.monotonic()
            return answer.status, answer.headers, text
        except BaseException:
            self.close()
            raise

    def post(self, body, header=None, **headers):
        """Posts bytes; signed unless a header is given ("" sends none). (status, headers, answer)"""
        fields = {"Content-Type": "application/json", "Stripe-Signature": signature(body) if header is None else header}
        if header == "":
            del fields["Stripe-Signature"]
        for name, value in headers.items():
            fields[name.replace("_", "-")] = value
        status, got, text = self.request("POST", harness.WEBHOOK_PATH, body, fields)
        return status, got, json.loads(text) if text else None

    def send(self, event, secret=harness.TEST_SECRET):
        body = encode(event)
        return self.post(body, signature(body, secret))


def raw(address, data, timeout_s=POST_S):
    """Sends bytes as they are and reads until the server closes: all of its answer."""
    with socket.create_connection(address, timeout_s) as s:
        s.sendall(data)
        answer = b""
        while piece := s.recv(65536):
            answer += piece
        return answer


class Pourer:
    """Many senders at once, as Stripe is: each event is posted until a 2xx or until the sender gives up.

    answered: {event id: [(seq, duplicate) for each 200]}. refused: {event id: [(status, code)]}. An event whose every
    try got no answer at all is in neither."""

    def __init__(self, address, connections=4, give_up=lambda event_id, tries: False, pace_s=0.0):
        self.address = address  # a function: it moves when ingress is started again
        self.give_up = give_up
        self.pace_s = pace_s  # between the tries of one event
        self.todo = queue.Queue()
        self.answered, self.refused, self.silent = {}, {}, 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.left = 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def add(self, events):
        for event in events:
            with self.lock:
                self.left += 1
            self.todo.put((event["id"], encode(event), 0))

    def count(self):
        with self.lock:
            return len(self.answered)

    def wait(self, seconds=harness.SETTLE_S):
        """Until every event has its answer or was given up; `seconds` without one of them are too long."""
        while (left := self.left) > 0:
            harness.wait_until(lambda: self.left < left, seconds, f"{left} events wait for an answer")

    def close(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(2 * POST_S)

    def _run(self):
        hook = None
        while not self.stopping.is_set():
            try:
                event_id, body, tries = self.todo.get(timeout=0.05)
            except queue.Empty:
                continue
            address = self.address()
            if hook is not None and hook.address != address:
                hook.close()
                hook = None
            if hook is None:
                hook = Webhook(address)
            done = self._post(hook, event_id, body) or self.give_up(event_id, tries + 1)
            if done:
                with self.lock:
                    self.left -= 1
            else:
                self.stopping.wait(self.pace_s)
                self.todo.put((event_id, body, tries + 1))
        if hook:
            hook.close()

    def _post(self, hook, event_id, body):
        try:
            status, headers, answer = hook.post(body)
        except (OSError, http.client.HTTPException):
            with self.lock:
                self.silent += 1
            return False
        with self.lock:
            if status == 200:
                self.answered.setdefault(event_id, []).append((answer["seq"], answer["duplicate"]))
            else:
                code = (answer or {}).get("code")
                if status == 503 and not int(headers.get("Retry-After", "0")):
                    code = f"{code} without Retry-After"
                self.refused.setdefault(event_id, []).append((status, code))
        return status == 200
