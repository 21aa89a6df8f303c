"""paid_to_unlocked_ms: from Stripe's "paid, go back" to the first answer that says pro, as the page asks: the session is handed
to confirm-checkout-session at once and after 1, 2, 4 … s, and entitlements after each. With the webhook on time, a
minute late, and lost. Real processes; asked past nginx, whose limit by address is for one customer and not for fifty."""
import http.client
import json
import subprocess
import time
import urllib.parse

MODES = {"on_time": {}, "late": {"delay_s": [60, 60]}, "lost": {"drop": 1}}
GIVE_UP_S = 60


class Origin:
    def __init__(self, here, build, directory):
        self.process = subprocess.Popen([f"{here}/origin", f"{build}/bin", directory], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.at = dict(pair.split("=", 1) for pair in self.process.stdout.readline().split())
        if "stripe" not in self.at:
            raise SystemExit("bench: the services did not start")
        self.stripe, self.billing = (http.client.HTTPConnection(self.at[name], timeout=30) for name in ("stripe", "billing"))

    def token(self, subject):
        self.process.stdin.write(subject + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)

    def control(self, verb, body):
        self.stripe.request("POST", f"/_sim/{verb}", json.dumps(body), {"Content-Type": "application/json"})
        answer = self.stripe.getresponse()
        if answer.read() and answer.status != 200:
            raise SystemExit(f"bench: stripe-sim's {verb}: {answer.status}")

    def ask(self, token, method, path, body=None):
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.billing.request(method, f"/api/v1/billing/{path}", None if body is None else json.dumps(body), headers)
        answer = self.billing.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"bench: {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def pay(self, url):
        self.stripe.request("POST", urllib.parse.urlsplit(url).path, "outcome=ok",
                            {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.stripe.getresponse()
        answer.read()
        if answer.status != 303:
            raise SystemExit(f"bench: the Pay button: {answer.status}")

    def one(self, subject):
        """Milliseconds."""
        token = self.token(subject)
        session = self.ask(token, "POST", "create-checkout-session", {"tier": "pro"})
        self.pay(session["url"])
        begun, pause = time.monotonic(), 1
        while True:
            self.ask(token, "POST", "confirm-checkout-session", {"session_id": session["id"]})
            if self.ask(token, "GET", "entitlements")["tier"] == "pro":
                return (time.monotonic() - begun) * 1000
            if time.monotonic() - begun > GIVE_UP_S:
                raise SystemExit(f"bench: {subject} has paid, and is not let in after {GIVE_UP_S} s")
            time.sleep(pause)
            pause *= 2


def measure(here, build, directory, count):
    """{mode: sorted milliseconds}"""
    origin = Origin(here, build, directory)
    try:
        taken = {}
        for mode, misbehaviour in MODES.items():
            origin.control("misbehave", misbehaviour)
            taken[mode] = sorted(origin.one(f"{mode}_{n}") for n in range(count))
        return taken
    finally:
        origin.stop()
