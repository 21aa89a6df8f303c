// What billing would answer: a status for each state, the plans, the payments.
const FREE = ["basic_scanner", "tutorial_mode"];
const PRO = [...FREE, "live_trading", "sentiment_analysis", "advanced_charts"];
const ALL = [...PRO, "fix_connectivity", "custom_risk_models", "multi_user"];
const price = (lookup_key, interval, amount) => ({ id: `price_${lookup_key}`, lookup_key, interval, interval_count: 1, amount, currency: "usd" });

export const plans = {
	tiers: [
		{ name: "free", features: FREE, prices: [] },
		{ name: "pro", features: PRO, prices: [price("pro_monthly", "month", 4900), price("pro_yearly", "year", 49000)] },
		{ name: "institutional", features: ALL, prices: [price("institutional_monthly", "month", 49900), price("institutional_yearly", "year", 499000)] },
	],
	currency: "usd", as_of: "2026-03-10T11:59:00Z", stale: false,
};

export const visa = { type: "card", brand: "visa", last4: "4242", exp_month: 4, exp_year: 2028 };
export const subscription = { id: "sub_1", tier: "pro", price: "price_pro_monthly", lookup_key: "pro_monthly", interval: "month", interval_count: 1,
	quantity: 1, amount: 4900, currency: "usd", status: "active", cancel_at: null, trial_end: null, current_period_end: "2026-04-03T09:30:00Z",
	collection_paused: false };
export const open_invoice = { id: "in_open", amount_due: 4900, currency: "usd", due_at: null, hosted_url: "https://invoice.stripe.com/i/acct_1/open",
	next_attempt_at: "2026-03-12T09:30:00Z", needs_confirmation: false };

const upcoming = { at: "2026-04-03T09:30:00Z", amount: 4900, currency: "usd" };
const no_details = { details_state: "none", details: null };

export function details(more = {}) {
	return { as_of: "2026-03-10T11:59:30Z", subscription, payment_method: visa, open_invoice: null, upcoming, schedule: null, ...more };
}

const pro = (state, more = {}) => ({
	subject: "alice", state, tier: "pro", status: "active", reason: "active", features: PRO, seats: 1, until: null, next_billing: upcoming,
	cancel_at: null, trial: null, next: [], stale: false, answered_from: "server", as_of: "2026-03-10T12:00:00Z", age_s: 0, ver: 41,
	epoch: "00000000000000e1", details_state: "fresh", details: details(), ...more,
});
const free = (state, more = {}) => pro(state, { tier: "free", features: FREE, status: "none", reason: "no_subscription", next_billing: null, ver: 40, seats: 0,
	...no_details, ...more });

export const status = {
	free: free("free"),
	trialing: pro("trialing", { status: "trialing", reason: "trialing", trial: { ends_at: "2026-03-22T08:00:00Z", payment_method: true },
		details: details({ upcoming: { ...upcoming, at: "2026-03-22T08:00:00Z" } }) }),
	trialing_without_card: pro("trialing", { status: "trialing", reason: "trialing", trial: { ends_at: "2026-03-11T08:00:00Z", payment_method: false },
		details: details({ payment_method: null, upcoming: { ...upcoming, at: "2026-03-11T08:00:00Z" } }) }),
	active: pro("active", { seats: 3, details: details({ subscription: { ...subscription, quantity: 3, amount: 14700 }, upcoming: { ...upcoming, amount: 14700 } }) }),
	past_due: pro("past_due", { status: "past_due", reason: "grace", until: "2026-03-14T09:30:00Z", details: details({ open_invoice, upcoming: null }) }),
	incomplete: free("incomplete", { status: "incomplete", reason: "incomplete", details_state: "fresh",
		details: details({ open_invoice: { ...open_invoice, needs_confirmation: true, next_attempt_at: null }, upcoming: null }) }),
	canceling: pro("canceling", { reason: "canceling", cancel_at: "2026-04-03T09:30:00Z", until: "2026-04-03T09:30:00Z", next_billing: null,
		next: [{ at: "2026-04-03T09:30:00Z", tier: "free" }], details: details({ upcoming: null }) }),
	canceled: free("canceled", { status: "canceled", details_state: "fresh", details: details({ upcoming: null, subscription: { ...subscription, status: "canceled" } }) }),
	unpaid: free("unpaid", { status: "unpaid", reason: "unpaid", details_state: "fresh", details: details({ open_invoice: { ...open_invoice, next_attempt_at: null }, upcoming: null }) }),
	paused: free("paused", { status: "paused", reason: "paused", details_state: "fresh", details: details({ payment_method: null, upcoming: null }) }),
	downgrade_scheduled: pro("downgrade_scheduled", { tier: "institutional", features: ALL, next: [{ at: "2026-04-03T09:30:00Z", tier: "pro" }],
		details: details({ subscription: { ...subscription, tier: "institutional", amount: 49900 }, schedule: { at: "2026-04-03T09:30:00Z", tier: "pro", price: "price_pro_monthly" } }) }),
	disputed: free("disputed", { status: "active", reason: "disputed", details_state: "fresh", details: details() }),
	refunded: free("refunded", { status: "active", reason: "refunded", details_state: "fresh", details: details() }),
	granted: pro("granted", { status: "none", reason: "override", until: "2026-06-01T00:00:00Z", next_billing: null, ...no_details }),
};

export function invoice(i, more = {}) {
	const month = new Date(Date.UTC(2026, 2 - i, 3, 9, 30));
	const end = new Date(Date.UTC(2026, 3 - i, 3, 9, 30));
	return { id: `in_${i}`, number: `TG-${String(100 - i).padStart(4, "0")}`, created: month.toISOString(), status: "paid", total: 4900, amount_paid: 4900,
		amount_due: 0, currency: "usd", period_start: month.toISOString(), period_end: end.toISOString(), description: "Pro, monthly",
		hosted_url: `https://invoice.stripe.com/i/acct_1/${i}`, pdf_url: `https://pay.stripe.com/invoice/acct_1/${i}/pdf`, refunded: 0, ...more };
}

export const invoices = { invoices: [0, 1, 2, 3].map(i => invoice(i)), next_cursor: null };
export const no_invoices = { invoices: [], next_cursor: null };

export function serve(mock, state, payments = ["free", "granted"].includes(state) ? no_invoices : invoices) {
	mock.on("subscription-status", { body: typeof state === "string" ? status[state] : state });
	mock.on("plans", { body: plans });
	mock.on("invoices", { body: payments });
}
