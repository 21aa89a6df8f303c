// Money, dates, languages, directions, and what a newer server may say.
import { assert, axe_violations, mock, new_page, no_violations, open_dashboard, primary, shot, test } from "./harness.mjs";
import { details, invoice, plans, serve, status, subscription, visa } from "./answers.mjs";

const dashboard = page => page.locator("billing-dashboard .dashboard");

test("money: Stripe's minor units, exactly", async () => {
	serve(mock, "free");
	const page = await new_page();
	await open_dashboard(page);
	const shown = await page.evaluate(async () => {
		const { money } = await import("/settings/billing/assets/money.js");
		const plain = text => text?.replace(/[\u00a0\u202f]/g, " ") ?? null;
		return [[4900, "usd"], [0, "usd"], [-1234, "eur"], [500, "jpy"], [500, "KRW"], [5120, "kwd"], [5, "bhd"], [500, "isk"], [550, "isk"], [500, "ugx"], [500, "mga"],
			[1045, "huf"], [80045, "twd"], [1000, "xyz"], [1000, "nonsense"], [1000, null], [9007199254740991, "usd"], [-1, "usd"], [1, "tnd"],
			[null, "usd"], [1.5, "usd"], ["12", "usd"], [undefined, undefined]].map(([amount, currency]) => plain(money(amount, currency, "en-US")));
	});
	assert.deepEqual(shown, ["$49.00", "$0.00", "-€12.34", "¥500", "₩500", "KWD 5.120", "BHD 0.005", "ISK 5", "ISK 5.50", "UGX 5", "MGA 500",
		"HUF 10.45", "NT$800.45", "XYZ 10.00", "10.00 NONSENSE", null, "$90,071,992,547,409.91", "-$0.01", "TND 0.001", null, null, null, null]);
	const zero = await page.evaluate(async () => {
		const { decimals_at_stripe } = await import("/settings/billing/assets/money.js");
		return ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"].map(decimals_at_stripe);
	});
	assert.ok(zero.every(digits => digits === 0));
});

test("dates in the viewer's zone; the machine's form beside them", async () => {
	serve(mock, { ...status.active, next_billing: { at: "2026-04-03T23:30:00Z", amount: 1, currency: "usd" } });
	for (const [zone, day] of [["Pacific/Auckland", "April 4, 2026"], ["America/Los_Angeles", "April 3, 2026"]]) {
		const page = await new_page({ zone });
		await open_dashboard(page);
		const time = page.locator("billing-dashboard .plan-text time");
		assert.equal(await time.innerText(), day);
		assert.equal(await time.getAttribute("datetime"), "2026-04-03T23:30:00.000Z");
	}
});

test("another language: the page's lang decides, texts by property and attribute, plurals by its rules", async () => {
	serve(mock, "trialing");
	mock.pages.set("/host", `<!doctype html><html lang="pl"><head><title>Host</title><script type="module" src="/host.js"></script></head><body><main>
		<billing-dashboard messages='{"title": "Plan i płatności", "tier.pro": "Profesjonalny"}'></billing-dashboard></main></body></html>`);
	mock.pages.set("/host.js", `//\nimport "/settings/billing/assets/billing-dashboard.js";
		document.querySelector("billing-dashboard").messages = {"trialing.badge": {one: "{count} dzień", few: "{count} dni (few)", many: "{count} dni (many)"}, "do.manage": "Zarządzaj"};`);
	for (const [now, badge] of [["2026-03-10T12:00:00Z", "12 dni (many)"], ["2026-03-19T12:00:00Z", "3 dni (few)"], ["2026-03-21T12:00:00Z", "1 dzień"]]) {
		const page = await new_page({ now });
		await open_dashboard(page, { path: "/host" });
		await dashboard(page).getByText(badge, { exact: true }).waitFor();
		const text = await dashboard(page).innerText();
		for (const wanted of [/Plan i płatności/, /Profesjonalny/, /22 marca 2026/, /49,00/]) assert.match(text, wanted);
		assert.equal((await (await primary(page)).innerText()).trim(), "Zarządzaj");
	}
});

test("what is not translated is English by English rules, and marked as such", async () => {
	serve(mock, "trialing_without_card");
	mock.pages.set("/host", `<!doctype html><html lang="ja"><head><title>Host</title><script type="module" src="/settings/billing/assets/billing-dashboard.js"></script>
		</head><body><main><billing-dashboard messages='{"do.manage": "お支払いの管理"}'></billing-dashboard></main></body></html>`);
	const page = await new_page();
	await open_dashboard(page, { path: "/host" });
	assert.match(await dashboard(page).innerText(), /Trial: 1 day left/);
	assert.match(await dashboard(page).innerText(), /\$49\.00 per month/);
	const lang = text => dashboard(page).getByText(text).first().evaluate(node => node.closest("[lang]")?.lang ?? null);
	assert.equal(await lang("Your trial ends on"), "en");
	assert.equal(await lang("お支払いの管理"), null, "the page's own");
});

test("right to left", async () => {
	serve(mock, "past_due");
	mock.pages.set("/host", `<!doctype html><html lang="ar" dir="rtl"><head><title>Host</title><link rel="stylesheet" href="/settings/billing/assets/page.css">
		<script type="module" src="/settings/billing/assets/billing-dashboard.js"></script></head><body><main><billing-dashboard></billing-dashboard></main></body></html>`);
	for (const [width, name] of [[1280, "desktop"], [320, "phone"]]) {
		const page = await new_page({ width });
		await open_dashboard(page, { path: "/host" });
		const words = await page.locator("billing-dashboard .hero-words").boundingBox();
		const button = await page.locator("billing-dashboard .button.primary").boundingBox();
		if (width > 1000) assert.ok(words.x > button.x, "words on the right, the button on the left");
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
		await no_violations(page);
		await shot(page, `rtl-light-${name}`);
	}
});

test("long names, huge amounts, many features", async () => {
	const long = "enterprise_with_a_name_that_nobody_had_thought_of_when_this_page_was_drawn";
	const feature = i => `a_feature_whose_name_goes_on_and_on_number_${i}_${"x".repeat(30)}`;
	const dear = { id: "p", lookup_key: "l", interval: "month", interval_count: 3, amount: 99999999999999, currency: "idr" };
	serve(mock, { ...status.active, tier: long, seats: 1234567, details: details({ subscription: { ...subscription, tier: long, amount: 99999999999999, currency: "idr", interval_count: 3 },
		payment_method: { ...visa, brand: "a_brand_with_a_very_long_name_indeed" }, upcoming: { at: "2026-04-03T09:30:00Z", amount: 99999999999999, currency: "idr" } }) },
	{ invoices: [invoice(0, { description: "W".repeat(200), number: "N".repeat(80), total: 99999999999999, amount_paid: 99999999999999, currency: "idr" })], next_cursor: null });
	mock.on("plans", { body: { ...plans, tiers: [...plans.tiers, { name: long, features: Array.from({ length: 30 }, (_, i) => feature(i)), prices: [dear] }] } });
	for (const [width, name] of [[1280, "desktop"], [320, "phone"]]) {
		const page = await new_page({ width });
		await open_dashboard(page);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `nothing sticks out at ${width}`);
		assert.match(await dashboard(page).innerText(), /every 3 months/);
		await no_violations(page);
		await shot(page, `long-light-${name}`);
	}
});

test("a newer server: a state, a reason, a field, a currency that this page does not know", async () => {
	serve(mock, { ...status.active, state: "frozen_by_moon", reason: "new_reason", tier: "platinum", news: { a: [1] }, details_state: "odd", next: null, trial: undefined,
		details: { subscription: { ...subscription, interval: "fortnight", currency: "zzz" }, payment_method: { type: "thought_transfer", brand: null, last4: null, exp_month: null, exp_year: null } } },
	{ invoices: [{ id: "in_1" }, { id: null, status: "levitating", created: "yesterday", total: 5, currency: "q" }], next_cursor: null, more: 1 });
	const page = await new_page();
	await open_dashboard(page);
	const text = await dashboard(page).innerText();
	for (const wanted of [/Frozen by moon/, /Platinum/, /ZZZ\s49\.00 per period/, /Thought transfer/, /Levitating/]) assert.match(text, wanted);
	assert.equal((await (await primary(page)).innerText()).trim(), "Manage billing");
	assert.deepEqual(await axe_violations(page), []);
	await shot(page, "newer-server-light-desktop");
});

test("an answer that is none: an outage, not a broken page", async () => {
	serve(mock, "active");
	for (const body of ["<html>proxy</html>", "null", "[", "42"]) {
		mock.on("subscription-status", { body });
		const page = await new_page();
		await open_dashboard(page, { phase: "unreachable" });
	}
	serve(mock, {});
	mock.on("plans", { body: {} }).on("invoices", { body: { invoices: "none" } });
	const page = await new_page();
	await page.goto(`${mock.origin}/settings/billing`);
	await page.locator('billing-dashboard[data-phase="ready"]').waitFor();
	await primary(page);
});

test("custom properties and parts reach in", async () => {
	serve(mock, "active");
	mock.pages.set("/host", `<!doctype html><html lang="en"><head><title>Host</title><link rel="stylesheet" href="/host.css">
		<script type="module" src="/settings/billing/assets/billing-dashboard.js"></script></head><body><main><billing-dashboard theme="dark"></billing-dashboard></main></body></html>`);
	mock.pages.set("/host.js", "//");
	const page = await new_page();
	await page.route("**/host.css", route => route.fulfill({ contentType: "text/css",
		body: "billing-dashboard { --tiergate-accent: rgb(0, 128, 0); --tiergate-radius: 0px } billing-dashboard::part(plan-name) { text-transform: uppercase }" }));
	await open_dashboard(page, { path: "/host" });
	const style = (selector, name) => page.locator(`billing-dashboard ${selector}`).first().evaluate((node, key) => getComputedStyle(node)[key], name);
	assert.equal(await style(".button.primary", "backgroundColor"), "rgb(0, 128, 0)");
	assert.equal(await style(".card", "borderTopLeftRadius"), "0px");
	assert.equal(await style(".plan-name", "textTransform"), "uppercase");
	assert.equal(await style(".card", "backgroundColor"), "rgb(23, 25, 31)", "theme=dark counts on a light page");
});
