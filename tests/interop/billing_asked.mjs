// What billing asked of Stripe, as Stripe's own library reads it.
//   node billing_asked.mjs BASE KEY '{"subject": …, "session": …, "portal": …, "prices": {lookup key: id}, "public": …}'
import assert from "node:assert/strict";
import Stripe from "stripe";

const [base, key, given] = process.argv.slice(2);
const told = JSON.parse(given);
const url = new URL(base);
const stripe = new Stripe(key, { host: url.hostname, port: url.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 });

const customers = [];
for await (const customer of stripe.customers.list({ limit: 100 }))
	if (customer.metadata.user_id === told.subject) customers.push(customer);
assert.equal(customers.length, 1, "one customer");
const [customer] = customers;
assert.deepEqual(customer.metadata, { user_id: told.subject });
const found = await stripe.customers.search({ query: `metadata['user_id']:'${told.subject}'` });
assert.deepEqual(found.data.map(c => c.id), [customer.id]);

const session = await stripe.checkout.sessions.retrieve(told.session, { expand: ["line_items", "subscription"] });
assert.equal(session.mode, "subscription");
assert.equal(session.customer, customer.id);
assert.equal(session.client_reference_id, told.subject);
assert.deepEqual(session.metadata, { user_id: told.subject });
assert.equal(session.success_url, `${told.public}/settings/billing?checkout=success&session_id={CHECKOUT_SESSION_ID}`);
assert.equal(session.cancel_url, `${told.public}/settings/billing?checkout=cancelled`);
assert.deepEqual(session.line_items.data.map(i => [i.price.id, i.price.lookup_key, i.quantity]),
	[[told.prices.pro_monthly, "pro_monthly", 2]]);
assert.equal(session.payment_status, "paid");
assert.deepEqual(session.subscription.metadata, { user_id: told.subject });
assert.equal(session.subscription.items.data[0].quantity, 2);

const prices = await stripe.prices.list({ lookup_keys: ["institutional_monthly"], active: true });
assert.equal(prices.data[0].id, told.prices.institutional_monthly);

// Stripe lists no portal sessions: its event has what was asked for
const events = await stripe.events.list({ type: "billing_portal.session.created", limit: 100 });
const portal = events.data.map(e => e.data.object).find(o => o.id === told.portal);
assert.equal(portal.customer, customer.id);
assert.equal(portal.return_url, `${told.public}/settings/billing`);
assert.equal(portal.flow.type, "subscription_update_confirm");
const confirm = portal.flow.subscription_update_confirm;
assert.equal(confirm.subscription, session.subscription.id);
assert.equal(confirm.items[0].id, session.subscription.items.data[0].id);
assert.equal(confirm.items[0].price, told.prices.institutional_monthly);
assert.equal(Number(confirm.items[0].quantity), 2);

const preview = await stripe.invoices.createPreview({
	customer: customer.id, subscription: session.subscription.id,
	subscription_details: {
		items: [{ id: session.subscription.items.data[0].id, price: told.prices.institutional_monthly, quantity: 2 }],
		proration_behavior: "always_invoice", proration_date: told.preview.at,
	},
});
assert.ok(Math.abs(preview.amount_due - told.preview.amount) <= 10, `${preview.amount_due} and ${told.preview.amount}`);
console.log("one customer, a session, a portal flow and a preview, as asked");
