// Signs a webhook with Stripe's own library, posts it, and prints the HTTP status and, of a problem, its code.
//   node stripe.mjs URL FILE [--at UNIX_SECONDS] [--tamper] SECRET [SECRET…]
// Several secrets give one v1 each, as Stripe sends them while a secret is rolled.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import Stripe from "stripe";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { at: { type: "string" }, tamper: { type: "boolean", default: false } },
});
const [url, file, ...secrets] = positionals;
const payload = await readFile(file, "utf8");
const timestamp = Number(values.at ?? Math.floor(Date.now() / 1000));

const { webhooks } = new Stripe("sk_test_unused");
const headers = secrets.map((secret) => webhooks.generateTestHeaderString({ payload, secret, timestamp }));
const signature = [`t=${timestamp}`, ...headers.map((header) => header.slice(header.indexOf(",") + 1))].join(",");

// The library that signed must take it as well, or this would test nothing.
const options = [signature, secrets[0], Number.MAX_SAFE_INTEGER];
if (webhooks.constructEvent(payload, ...options).object !== "event") throw new Error("not an event");

const response = await fetch(url, {
	method: "POST",
	headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": signature },
	body: values.tamper ? payload.replace("alice", "mallory") : payload,
});
const answer = await response.json();
console.log(response.status, answer.code ?? (answer.duplicate ? "duplicate" : "new"));
