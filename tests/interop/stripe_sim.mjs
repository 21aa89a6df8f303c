// Stripe's own Node library drives stripe-sim, unchanged: every endpoint that the project uses, as the project uses it.
//   node stripe_sim.mjs STRIPE_SIM
// Each check is a function of `steps`; they build on each other. Exits 0 if all hold.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import Stripe from "stripe";

const NEWEST = "2026-09-30.endive";
const CLASSIC = "2024-06-20";
const DAY = 86400;

// The project's own list of Stripe's fields: "name:types", of types the first letters.
const list = await readFile(new URL("../unit/stripe_sim/fields.h", import.meta.url), "utf8");
const fields = Object.fromEntries(Array.from(list.matchAll(/\{"([^"]+)",((?:\s*"[^"]*")+)\}/g), ([, kind, texts]) => [
	kind, Object.fromEntries(texts.replaceAll(/"\s*"/g, "").trim().slice(1, -1).split(" ").map((field) => field.split(":"))),
]));
assert.ok(Object.keys(fields).length > 15);

// ---- the simulator, and an endpoint that takes its webhooks ------------------------------------

const webhooks = [];
const receiver = createServer(async (request, response) => {
	let body = "";
	for await (const chunk of request) body += chunk;
	webhooks.push({ body, signature: request.headers["stripe-signature"] });
	response.end();
}).listen(0, "127.0.0.1");
await once(receiver, "listening");
const hook = `http://127.0.0.1:${receiver.address().port}/webhook`;
const [oldSecret, newSecret] = ["whsec_interop_old", "whsec_interop_new"];

const sim = spawn(process.argv[2], [
	"--webhook", hook, "--webhook-secret", oldSecret, "--webhook", hook, "--webhook-secret", newSecret,
	"--frozen", "--now", "1790000000", "--seed", "7",
], { stdio: ["ignore", "ignore", "pipe"] });
const base = await new Promise((resolve, reject) => {
	createInterface({ input: sim.stderr }).on("line", (line) => {
		const listen = / ev=ready .*listen=(\S+)/.exec(line);
		if (listen) resolve(`http://${listen[1]}`);
	});
	sim.on("exit", (code) => reject(new Error(`stripe-sim ended with ${code}`)));
	setTimeout(() => reject(new Error("stripe-sim is not ready")), 60000).unref();
});

const { hostname, port } = new URL(base);
const client = (key = "sk_test_sim", more = {}) =>
	new Stripe(key, { host: hostname, port, protocol: "http", maxNetworkRetries: 0, telemetry: false, apiVersion: NEWEST, ...more });
const stripe = client();

const control = async (path, body) => {
	const response = await fetch(`${base}/_sim/${path}`, {
		method: body ? "POST" : "GET",
		headers: { "content-type": "application/json" },
		body: body && JSON.stringify(body),
	});
	const answer = await response.json();
	assert.equal(response.status, 200, `${path}: ${JSON.stringify(answer)}`);
	return answer;
};
// Until all has arrived: what is to be sent again is pending once more.
const flush = async () => {
	do await control("flush", {}); while ((await control("deliveries")).pending);
};
const advance = (seconds) => control("clock", { advance: seconds });

// ---- shapes ---------------------------------------------------------------------------------------

const letterOf = (value) => {
	if (value === null) return "n";
	if (Array.isArray(value)) return "a";
	if (typeof value !== "object") return { boolean: "b", string: "s", number: Number.isInteger(value) ? "i" : "f" }[typeof value];
	return typeof value.toFixed === "function" ? "s" : "o"; // the library makes decimals of some strings
};

// Every field is there, none is that Stripe does not have, and each has a type that Stripe gives it.
const check = (object, seen = object.object) => {
	const want = { ...fields[object.object], ...(object.object === "event" && object.account && { account: "s" }) };
	const names = Object.keys(object).filter((name) => name !== "lastResponse");
	assert.deepEqual(names.sort(), Object.keys(want).sort(), `the fields of ${seen}`);
	for (const name of names) {
		assert.ok(want[name].includes(letterOf(object[name])), `${seen}.${name}: ${letterOf(object[name])}, not ${want[name]}`);
		if (object[name]?.object === "list") object[name].data.forEach((inner) => check(inner, `${seen}.${name}`));
	}
	return object;
};

const fails = async (promise, type, more = {}) => {
	const error = await promise.then(() => assert.fail(`no ${type}`), (e) => e);
	assert.equal(error.type, type, error.stack);
	for (const [name, value] of Object.entries(more)) assert.equal(error[name], value, `${type}.${name}`);
	return error;
};
const all = async (pages) => {
	const found = [];
	for await (const object of pages) found.push(object);
	return found;
};

// ---- what is checked ---------------------------------------------------------------------------------

const s = {}; // what the steps make

const steps = {
	async catalogue() {
		s.product = check(await stripe.products.create({ name: "Pro", metadata: { tier: "pro" } }));
		const price = (key, unit_amount, interval) => stripe.prices.create({
			product: s.product.id, currency: "usd", unit_amount, recurring: { interval }, lookup_key: key });
		s.monthly = check(await price("pro_monthly", 4900, "month"));
		s.yearly = check(await price("pro_yearly", 49000, "year"));
		const found = await stripe.prices.list({ lookup_keys: ["pro_yearly", "pro_monthly"], active: true, expand: ["data.product"] });
		assert.deepEqual(new Set(found.data.map((p) => p.id)), new Set([s.monthly.id, s.yearly.id]));
		assert.equal(found.data[0].product.name, "Pro");
		assert.equal((await stripe.prices.retrieve(s.monthly.id)).unit_amount, 4900);
		assert.equal((await stripe.products.list({ limit: 1 })).data[0].id, s.product.id);
	},

	async customers() {
		s.customer = check(await stripe.customers.create({ email: "alice@example.com", metadata: { user_id: "alice" } }));
		check(await stripe.customers.retrieve(s.customer.id));
		const found = await stripe.customers.list({ email: "alice@example.com" });
		assert.deepEqual(found.data.map((c) => c.id), [s.customer.id]);
		assert.equal((await stripe.customers.update(s.customer.id, { name: "Alice", metadata: { plan: "x" } })).metadata.user_id, "alice");
	},

	async checkout() {
		const parameters = {
			mode: "subscription", customer: s.customer.id, client_reference_id: "alice",
			line_items: [{ price: s.monthly.id, quantity: 2 }],
			success_url: "https://app.example.com/billing?session={CHECKOUT_SESSION_ID}", cancel_url: "https://app.example.com/billing",
			subscription_data: { trial_period_days: 14, metadata: { user_id: "alice" } },
		};
		const session = check(await stripe.checkout.sessions.create(parameters, { idempotencyKey: "checkout-alice" }));
		assert.equal(session.status, "open");
		const again = await stripe.checkout.sessions.create(parameters, { idempotencyKey: "checkout-alice" });
		assert.equal(again.id, session.id);
		assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");
		await fails(stripe.checkout.sessions.create({ ...parameters, customer: undefined }, { idempotencyKey: "checkout-alice" }),
			"StripeIdempotencyError", { statusCode: 400 });
		const page = await (await fetch(session.url)).text();
		assert.match(page, /Pro, \$49\.00 per month/);
		const paid = await fetch(session.url, { method: "POST", body: new URLSearchParams({ outcome: "ok" }), redirect: "manual" });
		assert.equal(paid.status, 303);
		assert.equal(paid.headers.get("location"), `https://app.example.com/billing?session=${session.id}`);
		s.session = check(await stripe.checkout.sessions.retrieve(session.id));
		assert.deepEqual([s.session.status, s.session.payment_status], ["complete", "no_payment_required"]);
		const whole = await stripe.checkout.sessions.retrieve(session.id, { expand: ["line_items.data.price.product", "subscription.latest_invoice"] });
		assert.equal(whole.line_items.data[0].price.product.name, "Pro");
		check(whole.subscription.latest_invoice);
		assert.deepEqual((await stripe.checkout.sessions.list({ customer: s.customer.id })).data.map((o) => o.id), [session.id]);
		assert.equal((await stripe.checkout.sessions.listLineItems(session.id)).data[0].quantity, 2);
	},

	async subscriptions() {
		s.subscription = check(await stripe.subscriptions.retrieve(s.session.subscription));
		assert.equal(s.subscription.status, "trialing");
		check(s.subscription.items.data[0]);
		assert.equal(s.subscription.items.data[0].current_period_end, s.subscription.trial_end);
		const listed = await stripe.subscriptions.list({ customer: s.customer.id, status: "all", expand: ["data.customer"] });
		assert.equal(listed.data[0].customer.email, "alice@example.com");
		check(listed.data[0].customer);
		await advance(15 * DAY);
		assert.equal((await stripe.subscriptions.retrieve(s.subscription.id)).status, "active");
	},

	async money() {
		const invoices = await stripe.invoices.list({ customer: s.customer.id });
		assert.deepEqual(invoices.data.map((i) => [i.status, i.total]), [["paid", 9800], ["paid", 0]]);
		invoices.data.forEach((i) => check(i));
		s.invoice = invoices.data[0];
		assert.equal(s.invoice.parent.subscription_details.subscription, s.subscription.id);
		assert.equal((await stripe.invoices.listLineItems(s.invoice.id)).data[0].pricing.price_details.price, s.monthly.id);
		const payments = await stripe.invoicePayments.list({ invoice: s.invoice.id });
		const payment = check(await stripe.invoicePayments.retrieve(payments.data[0].id));
		const intent = check(await stripe.paymentIntents.retrieve(payment.payment.payment_intent));
		s.charge = check((await stripe.paymentIntents.retrieve(intent.id, { expand: ["latest_charge"] })).latest_charge);
		assert.equal((await stripe.invoicePayments.list({ payment: { type: "payment_intent", payment_intent: intent.id } })).data[0].invoice, s.invoice.id);
		assert.deepEqual((await stripe.charges.list({ customer: s.customer.id })).data.map((c) => c.id), [s.charge.id]);
		const preview = await stripe.invoices.createPreview({ subscription: s.subscription.id });
		assert.equal(preview.total, 9800);
		const changed = await stripe.invoices.createPreview({ subscription: s.subscription.id,
			subscription_details: { items: [{ id: s.subscription.items.data[0].id, price: s.yearly.id, quantity: 2 }], proration_behavior: "always_invoice" } });
		assert.ok(changed.total > 0);
		const whole = await stripe.invoices.retrieve(s.invoice.id, { expand: ["payments.data.payment.payment_intent"] });
		assert.equal(whole.payments.data[0].payment.payment_intent.id, intent.id);
	},

	async reversals() {
		const part = check(await stripe.refunds.create({ charge: s.charge.id, amount: 100 }));
		assert.deepEqual((await stripe.refunds.list({ charge: s.charge.id })).data.map((r) => r.id), [part.id]);
		check(await stripe.refunds.retrieve(part.id));
		assert.equal((await stripe.charges.retrieve(s.charge.id, { expand: ["refunds"] })).refunds.data[0].id, part.id);
		await control("dispute", { charge: s.charge.id });
		const dispute = check((await stripe.disputes.list({ charge: s.charge.id })).data[0]);
		await control("dispute/close", { dispute: dispute.id, won: true });
		assert.equal((await stripe.disputes.retrieve(dispute.id)).status, "won");
	},

	async updates() {
		const item = s.subscription.items.data[0].id;
		const changed = check(await stripe.subscriptions.update(s.subscription.id, {
			items: [{ id: item, price: s.yearly.id, quantity: 3 }], proration_behavior: "always_invoice", cancel_at_period_end: false }));
		assert.deepEqual(changed.items.data.map((i) => [i.price.id, i.quantity]), [[s.yearly.id, 3]]);
		const schedule = check(await stripe.subscriptionSchedules.create({ from_subscription: s.subscription.id }));
		assert.deepEqual((await stripe.subscriptionSchedules.list({ customer: s.customer.id })).data.map((o) => o.id), [schedule.id]);
		check(await stripe.subscriptionSchedules.retrieve(schedule.id));
		await stripe.subscriptionSchedules.release(schedule.id);
	},

	async portal() {
		const configuration = check(await stripe.billingPortal.configurations.create({
			business_profile: { headline: "Tiergate" },
			features: { subscription_cancel: { enabled: true, mode: "at_period_end" }, payment_method_update: { enabled: true }, invoice_history: { enabled: true } } }));
		assert.equal(configuration.features.subscription_cancel.enabled, true);
		assert.ok((await stripe.billingPortal.configurations.list()).data.some((c) => c.id === configuration.id));
		const session = check(await stripe.billingPortal.sessions.create({
			customer: s.customer.id, configuration: configuration.id, return_url: "https://app.example.com/settings" }));
		assert.match(await (await fetch(session.url)).text(), /Cancel at the end of the period/);
		const press = (verb, form) => fetch(`${session.url}/${verb}`, { method: "POST", body: new URLSearchParams(form), redirect: "manual" });
		assert.equal((await press("cancel", { subscription: s.subscription.id, when: "period_end" })).status, 303);
		const canceling = await stripe.subscriptions.retrieve(s.subscription.id);
		assert.deepEqual([canceling.cancel_at, canceling.cancel_at_period_end], [canceling.items.data[0].current_period_end, false]);
		const old = await client("sk_test_sim", { apiVersion: CLASSIC }).subscriptions.retrieve(s.subscription.id);
		assert.deepEqual([old.cancel_at_period_end, old.current_period_end, old.items.data[0].current_period_end], [true, canceling.cancel_at, undefined]);
		await press("resume", { subscription: s.subscription.id });
		assert.equal((await stripe.subscriptions.retrieve(s.subscription.id)).cancel_at, null);
		const deep = await stripe.billingPortal.sessions.create({ customer: s.customer.id, flow_data: {
			type: "subscription_cancel", subscription_cancel: { subscription: s.subscription.id },
			after_completion: { type: "redirect", redirect: { return_url: "https://app.example.com/bye" } } } });
		const done = await fetch(`${deep.url}/cancel`, { method: "POST", body: new URLSearchParams({ subscription: s.subscription.id, when: "now" }), redirect: "manual" });
		assert.equal(done.headers.get("location"), "https://app.example.com/bye");
		assert.equal((await stripe.subscriptions.retrieve(s.subscription.id)).status, "canceled");
	},

	async "older shapes"() {
		const old = client("sk_test_sim", { apiVersion: CLASSIC });
		const invoice = await old.invoices.retrieve(s.invoice.id);
		assert.deepEqual([invoice.subscription, invoice.paid, invoice.parent], [s.subscription.id, true, undefined]);
		assert.equal(invoice.charge, s.charge.id);
		assert.equal(invoice.lines.data[0].price.id, s.monthly.id);
		assert.equal((await old.charges.retrieve(s.charge.id)).invoice, s.invoice.id);
		const whole = await old.subscriptions.retrieve(s.subscription.id, { expand: ["latest_invoice.payment_intent"] });
		assert.equal(whole.latest_invoice.payment_intent.object, "payment_intent");
	},

	async events() {
		const found = await all(stripe.events.list({ limit: 3, type: "customer.subscription.*" }));
		assert.ok(found.length > 5, `${found.length} events`);
		found.forEach((e) => check(e) && check(e.data.object));
		assert.equal(new Set(found.map((e) => e.id)).size, found.length);
		assert.ok(found.every((e, i) => i === 0 || e.created <= found[i - 1].created));
		const before = await stripe.events.list({ ending_before: found.at(-1).id, limit: 2 });
		assert.equal(before.data.length, 2);
		const types = ["invoice.paid", "customer.created"];
		assert.ok((await all(stripe.events.list({ types }))).every((e) => types.includes(e.type)));
		check(await stripe.events.retrieve(found[0].id));
		const thin = await stripe.v2.core.events.retrieve(found[0].id.replace("evt_", "evt_thin_"));
		assert.deepEqual([thin.object, thin.snapshot_event, thin.related_object.id], ["v2.core.event", found[0].id, s.subscription.id]);
	},

	async webhooks() {
		await flush();
		const taken = webhooks.map(({ body, signature }) => {
			const event = stripe.webhooks.constructEvent(body, signature, newSecret, 1e9);
			assert.deepEqual(stripe.webhooks.constructEvent(body, signature, oldSecret, 1e9), event);
			return event;
		});
		const listed = await all(stripe.events.list({ limit: 100 }));
		assert.deepEqual(new Set(taken.map((e) => e.id)), new Set(listed.map((e) => e.id)));
		taken.forEach((e) => check(e));
		assert.throws(() => stripe.webhooks.constructEvent(webhooks[0].body, webhooks[0].signature, "whsec_other", 1e9), { type: "StripeSignatureVerificationError" });
	},

	async "webhook endpoints"() {
		const endpoint = await stripe.webhookEndpoints.create({ url: `${hook}/classic`, enabled_events: ["customer.created"], api_version: CLASSIC });
		assert.match(endpoint.secret, /^whsec_/);
		check(await stripe.webhookEndpoints.retrieve(endpoint.id));
		const before = webhooks.length;
		const made = await stripe.customers.create({ email: "bob@example.com" });
		await stripe.products.create({ name: "not for that endpoint" });
		await flush();
		const mine = webhooks.slice(before).filter(({ body, signature }) => {
			try {
				return stripe.webhooks.constructEvent(body, signature, endpoint.secret, 1e9);
			} catch {
				return false;
			}
		}).map(({ body }) => JSON.parse(body));
		assert.deepEqual(mine.map((e) => [e.type, e.api_version, e.data.object.id]), [["customer.created", CLASSIC, made.id]]);
		await stripe.webhookEndpoints.del(endpoint.id);
		assert.ok(!(await stripe.webhookEndpoints.list()).data.some((e) => e.id === endpoint.id));
	},

	async pages() {
		for (let i = 0; i < 25; i++) await stripe.customers.create({ email: `n${i}@example.com`, description: "many" });
		const found = await all(stripe.customers.list({ limit: 4 }));
		assert.equal(new Set(found.map((c) => c.id)).size, 27);
		const back = await stripe.customers.list({ limit: 2, ending_before: found[10].id });
		assert.deepEqual(back.data.map((c) => c.id), [found[8].id, found[9].id]);
		assert.equal((await stripe.customers.list({ created: { gt: 4000000000 } })).data.length, 0);
	},

	async "deep links"() {
		const customer = await stripe.customers.create({ email: "deep@example.com", payment_method: "pm_card_visa",
			invoice_settings: { default_payment_method: "pm_card_visa" } });
		const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: s.monthly.id, quantity: 4 }] });
		const item = subscription.items.data[0].id;
		const link = (flow_data) => stripe.billingPortal.sessions.create({ customer: customer.id, return_url: "https://app.example.com/", flow_data });
		const press = (url, form) => fetch(url, { method: "POST", body: new URLSearchParams(form), redirect: "manual" });
		const form = { subscription: subscription.id, price: s.yearly.id };

		const confirm = await link({ type: "subscription_update_confirm",
			subscription_update_confirm: { subscription: subscription.id, items: [{ id: item, price: s.yearly.id }] },
			after_completion: { type: "redirect", redirect: { return_url: "https://app.example.com/upgraded" } } });
		assert.match(await (await fetch(confirm.url)).text(), /Your new plan: <b>Pro, \$490\.00 per year/);
		assert.equal((await press(`${confirm.url}/switch`, form)).headers.get("location"), "https://app.example.com/upgraded");
		const changed = (await stripe.subscriptions.retrieve(subscription.id)).items.data[0];
		assert.deepEqual([changed.price.id, changed.quantity], [s.yearly.id, 4]);

		const update = await link({ type: "subscription_update", subscription_update: { subscription: subscription.id },
			after_completion: { type: "hosted_confirmation", hosted_confirmation: { custom_message: "Enjoy <it>" } } });
		assert.match(await (await fetch(update.url)).text(), /Switch plan/);
		assert.match(await (await press(`${update.url}/switch`, { ...form, price: s.monthly.id })).text(), /Enjoy &lt;it&gt;/);

		const card = await link({ type: "payment_method_update" });
		assert.match(await (await fetch(card.url)).text(), /Update your card/);
		assert.equal((await press(`${card.url}/card`, { outcome: "declined" })).headers.get("location"), `${new URL(card.url).pathname}/home`);

		const other = await link({ type: "subscription_cancel", subscription_cancel: { subscription: s.subscription.id } });
		assert.match(await (await fetch(other.url)).text(), /There is no such subscription/);
	},

	async deletion() {
		const gone = await stripe.customers.del(s.customer.id);
		assert.deepEqual([gone.deleted, gone.id], [true, s.customer.id]);
		assert.equal((await stripe.customers.retrieve(s.customer.id)).deleted, true);
	},

	async errors() {
		await fails(stripe.subscriptions.retrieve("sub_none"), "StripeInvalidRequestError", { statusCode: 404, code: "resource_missing" });
		await fails(stripe.customers.create({ nonsense: "x" }), "StripeInvalidRequestError", { code: "parameter_unknown", param: "nonsense" });
		await fails(stripe.customers.list({ limit: 101 }), "StripeInvalidRequestError", { param: "limit" });
		await fails(stripe.customers.list({ expand: ["data.nothing"] }), "StripeInvalidRequestError");
		await fails(stripe.customers.list({ expand: ["data.a.b.c.d.e"] }), "StripeInvalidRequestError");
		await fails(client("sk_test_wrong").customers.list(), "StripeAuthenticationError", { statusCode: 401 });
		await fails(client("sk_live_sim").customers.list(), "StripeAuthenticationError", { statusCode: 401 });
		assert.ok((await client("rk_test_sim").customers.list()).data.length);
		await fails(client("rk_test_sim").customers.create({}), "StripePermissionError", { statusCode: 403 });
		await fails(client("sk_test_sim", { apiVersion: "2020-13-99" }).customers.list(), "StripeInvalidRequestError", { statusCode: 400 });
		const customer = await stripe.customers.create({ email: "broke@example.com" });
		await control("card", { customer: customer.id, outcome: "declined" });
		await fails(stripe.subscriptions.create({ customer: customer.id, items: [{ price: s.monthly.id }], payment_behavior: "error_if_incomplete" }),
			"StripeCardError", { statusCode: 402, code: "card_declined" });
		const error = await fails(stripe.prices.retrieve("price_none"), "StripeInvalidRequestError");
		assert.match(error.requestId, /^req_/);
	},

	async "hosted invoices"() {
		const customer = await stripe.customers.create({ email: "later@example.com" });
		const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: s.monthly.id }],
			payment_behavior: "default_incomplete", expand: ["latest_invoice"] });
		assert.equal(subscription.status, "incomplete");
		const { hosted_invoice_url: url, id } = subscription.latest_invoice;
		assert.match(await (await fetch(url)).text(), /\$49\.00/);
		const pay = (outcome) => fetch(url, { method: "POST", body: new URLSearchParams({ outcome }) });
		assert.equal((await pay("declined")).status, 402);
		assert.equal((await stripe.invoices.retrieve(id)).status, "open");
		assert.match(await (await pay("ok")).text(), /Thank you/);
		assert.equal((await stripe.invoices.retrieve(id)).status, "paid");
		assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, "active");
	},

	async accounts() {
		const stripeAccount = "acct_interop1";
		const theirs = await stripe.customers.create({ email: "carol@example.com" }, { stripeAccount });
		await fails(stripe.customers.retrieve(theirs.id), "StripeInvalidRequestError", { code: "resource_missing" });
		assert.equal((await stripe.customers.retrieve(theirs.id, {}, { stripeAccount })).email, "carol@example.com");
		assert.equal((await stripe.customers.list({}, { stripeAccount })).data.length, 1);
		const before = webhooks.length;
		await flush();
		const last = webhooks.map(({ body }) => JSON.parse(body)).find((e) => e.data?.object?.id === theirs.id);
		assert.equal(last?.account, stripeAccount, `${webhooks.length - before} more webhooks`);
	},

	async limits() {
		await control("misbehave", { limit_rps: 2 });
		const fleet = await Promise.allSettled(Array.from({ length: 8 }, () => stripe.customers.list({ limit: 1 })));
		const refused = fleet.filter((r) => r.status === "rejected").map((r) => r.reason);
		assert.ok(refused.length > 0);
		refused.forEach((e) => assert.deepEqual([e.type, e.statusCode, e.headers["stripe-rate-limited-reason"]], ["StripeRateLimitError", 429, "global-rate"]));
		const patient = client("sk_test_sim", { maxNetworkRetries: 10 });
		await Promise.all(Array.from({ length: 6 }, () => patient.customers.list({ limit: 1 })));
		await control("misbehave", { fail_api: 1 });
		await fails(stripe.customers.list(), "StripeAPIError", { statusCode: 500 });
		await control("misbehave", {});
		await stripe.customers.list();
	},

	async "deliveries that go wrong"() {
		await control("misbehave", { drop: 1, types: ["customer.updated"] });
		const customer = await stripe.customers.create({ email: "lost@example.com" });
		await stripe.customers.update(customer.id, { name: "Lost" });
		await control("misbehave", {});
		await flush();
		const lost = await stripe.events.list({ delivery_success: false });
		assert.deepEqual(lost.data.map((e) => [e.type, e.data.object.id]), [["customer.updated", customer.id]]);
		const before = webhooks.length;
		assert.deepEqual(await control("deliver", { event: lost.data[0].id, version: CLASSIC }), { deliveries: 1 });
		await flush();
		assert.equal(JSON.parse(webhooks[before].body).api_version, CLASSIC);
		assert.equal((await stripe.events.list({ delivery_success: false })).data.length, 0);
	},
};

let wrong = 0;
try {
	for (const [name, step] of Object.entries(steps)) {
		try {
			await step();
			console.log(`ok    ${name}`);
		} catch (error) {
			wrong++;
			console.log(`WRONG ${name}: ${error.stack}`);
		}
	}
	sim.removeAllListeners("exit");
	sim.kill("SIGTERM");
	const [code] = await once(sim, "exit");
	assert.equal(code, 0, `stripe-sim ended with ${code}`);
} finally {
	sim.kill("SIGKILL");
	receiver.close();
	receiver.closeAllConnections();
}
process.exitCode = wrong ? 1 : 0;
