"""The figures that need a Stripe: the reconciler's, those of a payment, and billing's answers about subjects that pay."""
import http.client
import json
import os
import re
import subprocess
import sys
import time

import paid
from server import Server

SECRET = "whsec_bench0123456789abcdef"


class StripeFigures:
    """A part of Bench (run), whose servers and files it uses."""

    def bench_reconcile(self):
        """A pass in which nothing differs, and one in which everything does, beside the simulator's bare lists. The budget of
        100 requests a second, Stripe's own, bounds it at 10,000 objects a second."""
        count = 1000 if self.rounds == 1 else 4000
        ingress = self.ingress("reconcile")
        worker = self.entitlement("reconcile")
        sim = Server("stripe-sim", [os.path.join(self.build, "bin", "stripe-sim"), "--listen", "127.0.0.1:0"],
                     self.path("reconcile"), r"ev=ready")
        stripe = http.client.HTTPConnection(*sim.fields["listen"].rsplit(":", 1), timeout=60)
        self.sim_call(stripe, "POST", "/_sim/misbehave", '{"never_generate":1}', "application/json")
        product = self.sim_call(stripe, "POST", "/v1/products", "name=x")["id"]
        price = self.sim_call(stripe, "POST", "/v1/prices", f"product={product}&currency=usd&unit_amount=100"
                              "&recurring[interval]=month&lookup_key=pro_monthly")["id"]
        for n in range(count):
            customer = self.sim_call(stripe, "POST", "/v1/customers", f"metadata[user_id]=user_{n}")["id"]
            self.sim_call(stripe, "POST", "/_sim/card", json.dumps({"customer": customer, "outcome": "ok"}),
                          "application/json")
            self.sim_call(stripe, "POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}")
        key = self.path("reconcile", "key")
        with open(key, "w") as f:
            f.write("sk_test_sim")
        reconciler = Server("reconciler", [
            self.service("reconciler"), "--admin-listen", "127.0.0.1:0", "--stripe-api-base",
            "http://" + sim.fields["listen"], "--stripe-api-key-file", key, "--rate", "100", "--events-every", "10h",
            "--sweep-every", "10h", "--catalog", self.catalog], self.path("reconcile"), r"ev=pass .*")
        command = [os.path.join(self.build, "bin", "tiergate"), "reconcile", "--json"]
        said = []
        for more in ([], ["--full"]):
            done = subprocess.run(command + more, cwd=self.path("reconcile"), capture_output=True, text=True, check=True)
            said.append(json.loads(done.stdout))
        if said[0]["differing"] or said[0]["swept"] != 2 * count:
            sys.exit(f"bench: the pass that should find nothing found {said[0]}")
        bare = min(self.bare_lists(stripe) for _ in range(self.rounds))
        per_s = lambda d: d["swept"] * 1000 / max(d["took_ms"], 1)
        first = re.search(r"ev=pass .*swept=(\d+) differing=(\d+) .*took_ms=(\d+)", reconciler.text())
        self.result["reconcile_objects_per_s"] = per_s(said[0])
        self.result["reconcile_vs_list"] = per_s(said[0]) / (2 * count / bare)
        self.detail["reconcile"] = {"objects": 2 * count, "same_per_s": round(per_s(said[0])),
                                    "full_per_s": round(per_s(said[1])), "all_new_ms": int(first.group(3)),
                                    "bare_lists_per_s": round(2 * count / bare)}
        stripe.close()
        for s in (ingress, worker, sim, reconciler):
            self.keep_peak(s)
            s.stop()
        del self.peaks["stripe-sim"]

    def bench_paid(self):
        here = os.path.dirname(os.path.abspath(__file__))
        for mode, taken in paid.measure(here, self.build, self.path("paid"), 50 if self.rounds > 1 else 10).items():
            for share in (50, 95):
                self.result[f"paid_to_unlocked_ms_p{share}.{mode}"] = taken[min(len(taken) * share // 100, len(taken) - 1)]
            self.detail[f"paid_{mode}"] = {"payments": len(taken), "most_ms": round(taken[-1])}

    def nginx_files(self, sub):
        """Serves the directory; (server, port)."""
        port = self.free_port()
        with open(self.path(sub, "nginx.conf"), "w") as f:
            f.write(f"""worker_processes 2; pid {self.path(sub)}/pid; error_log {self.path(sub)}/error.log; daemon off; user root;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on; open_file_cache max=100;
  client_body_temp_path {self.path(sub)}/b; proxy_temp_path {self.path(sub)}/p; fastcgi_temp_path {self.path(sub)}/f;
  uwsgi_temp_path {self.path(sub)}/u; scgi_temp_path {self.path(sub)}/s;
  server {{ listen 127.0.0.1:{port}; root {self.path(sub)}/files; }} }}
""")
        nginx = Server("nginx-files", ["/usr/sbin/nginx", "-c", self.path(sub, "nginx.conf")], self.path(sub))
        self.wait_port(port)
        return nginx, port

    def bench_status(self):
        """Answers that memory has, of subjects that pay, beside a file of the same size from nginx."""
        sub, subjects = "status", 16
        source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        ingress, worker = self.ingress(sub), self.entitlement(sub)
        query, at = self.query(sub)
        sim = Server("stripe-sim", [os.path.join(self.build, "bin", "stripe-sim"), "--listen", "127.0.0.1:0", "--webhook",
                                    f"http://{ingress.fields['listen']}/webhook", "--webhook-secret", SECRET], self.path(sub), r"ev=ready")
        token = lambda *args: subprocess.run([os.path.join(source, "tests", "demo", "token"), self.path(sub), *args],
                                             capture_output=True, text=True, check=True).stdout.strip()
        token("--keys")
        billing = Server("billing", [
            self.service("billing"), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--catalog", self.catalog,
            "--stripe-api-base", "http://" + sim.fields["listen"], "--stripe-api-key", "sk_test_sim", "--query", at,
            "--feed", query.fields["feed"], "--jwt-issuer", "tiergate-dev", "--jwt-audience", "tiergate", "--jwt-keys",
            "jwt/jwks.json", "--rate-limit", "1000000"], self.path(sub), r"ev=feed_live")
        billing.fields = dict(re.findall(r"(\w+)=(\S+)", billing.wait_for(r"ev=ready .*").group(0)))
        tokens, body = self.subscribers(sim, billing, subjects, token)
        os.makedirs(self.path(sub, "files"))
        for name, text in body.items():
            with open(self.path(sub, "files", name), "w") as f:
                f.write(text)
        with open(self.path(sub, "tokens"), "w") as f:
            f.write("\n".join(tokens) + "\n")
        nginx, port = self.nginx_files(sub)
        host, own = billing.fields["listen"].rsplit(":", 1)
        for name, key in (("subscription-status", "status"), ("entitlements", "entitlements")):
            load = lambda h, p, path: self.load("http_load", h, p, path, 64, self.seconds, 0, self.path(sub, "tokens"), "x", 4096,
                                                "again")
            runs = [(load("127.0.0.1", port, "/" + name), load(host, own, "/api/v1/billing/" + name))
                    for _ in range(self.rounds)]
            theirs, ours = (max(r, key=lambda x: x["per_s"]) for r in zip(*runs))
            self.result[f"{key}_vs_nginx"] = ours["per_s"] / theirs["per_s"]
            self.detail[key], self.detail[f"{key}_file"] = {**ours, "bytes": len(body[name])}, theirs
        for server in (nginx, billing, sim, query, worker, ingress):
            if server is billing:
                self.keep_peak(server)
            server.stop()

    def subscribers(self, sim, billing, count, token):
        """(tokens, {name: an answer}) of subjects that pay, once all of it is in billing's memory."""
        stripe, own = (http.client.HTTPConnection(s.fields["listen"], timeout=30) for s in (sim, billing))
        product = self.sim_call(stripe, "POST", "/v1/products", "name=x")["id"]
        price = self.sim_call(stripe, "POST", "/v1/prices", f"product={product}&currency=usd&unit_amount=1900"
                              "&recurring[interval]=month&lookup_key=pro_monthly")["id"]
        tokens, body = [], {}
        for n in range(count):
            customer = self.sim_call(stripe, "POST", "/v1/customers", f"metadata[user_id]=user_{n}")["id"]
            card = json.dumps({"customer": customer, "outcome": "ok"})
            self.sim_call(stripe, "POST", "/_sim/card", card, "application/json")
            self.sim_call(stripe, "POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}")
            tokens.append(token(f"user_{n}"))
        end = time.monotonic() + 60
        for bearer in tokens:
            while True:
                for name in ("subscription-status", "entitlements"):
                    own.request("GET", "/api/v1/billing/" + name, headers={"Authorization": "Bearer " + bearer, "Prefer": "wait=3"})
                    body[name] = own.getresponse().read().decode()
                said = json.loads(body["subscription-status"])
                if said.get("state") == "active" and said["details_state"] == "fresh" and said["answered_from"] == "cache":
                    break
                if time.monotonic() > end:
                    sys.exit(f"bench: {said}")
        return tokens, body

    def sim_call(self, connection, method, path, body=None, kind="application/x-www-form-urlencoded"):
        headers = {"Authorization": "Bearer sk_test_sim"}
        if body:
            headers["Content-Type"] = kind
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"bench: {method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def bare_lists(self, connection):
        """Seconds for all pages of customers and subscriptions, one after the other."""
        begun = time.monotonic()
        for path in ("/v1/customers?limit=100", "/v1/subscriptions?status=all&limit=100"):
            after = ""
            while after is not None:
                page = self.sim_call(connection, "GET", path + after)
                after = "&starting_after=" + page["data"][-1]["id"] if page["has_more"] else None
        return time.monotonic() - begun
