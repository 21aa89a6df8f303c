// The plan table, and what a change costs before money moves.
import { address, assert, idle, mock, new_page, no_violations, open_dashboard, primary, shot, test, until } from "./harness.mjs";
import { details, plans, serve, status, subscription } from "./answers.mjs";
import { problem } from "./mock.mjs";

const PREVIEW = { tier: "institutional", price: "price_institutional_monthly", effective: "now", now: { amount: 36210, currency: "usd" },
	next: { at: "2026-04-03T09:30:00Z", amount: 49900, currency: "usd" },
	lines: [{ description: "Unused time on Pro after March 10, 2026", amount: -3790, proration: true },
		{ description: "Remaining time on Institutional after March 10, 2026", amount: 40000, proration: true }] };

const tier = (page, name) => page.locator("billing-dashboard .tier", { has: page.getByRole("heading", { name, exact: true }) });
const dialog = page => page.locator("billing-dashboard dialog");
const focused = page => page.evaluate(() => document.querySelector("billing-dashboard").shadowRoot.activeElement?.textContent.trim());

test("what each plan has, costs and leads to; billing period by choice", async () => {
	serve(mock, "active");
	const page = await new_page();
	await open_dashboard(page);
	assert.match(await tier(page, "Free").innerText(), /No charge[\s\S]*Downgrade to Free[\s\S]*Basic scanner/);
	assert.match(await tier(page, "Pro").innerText(), /\$49\.00 per month[\s\S]*Your plan[\s\S]*Everything in Free, and:[\s\S]*Live trading/);
	assert.match(await tier(page, "Institutional").innerText(), /\$499\.00 per month[\s\S]*Upgrade to Institutional[\s\S]*FIX connectivity/);
	await page.getByRole("radio", { name: "Yearly" }).check();
	assert.match(await tier(page, "Institutional").innerText(), /\$4,990\.00 per year/);
	assert.match(await tier(page, "Pro").innerText(), /Switch to yearly billing/);
});

test("an upgrade: the cost in a dialog, and Stripe's page only after it", async () => {
	serve(mock, "active");
	let answer;
	mock.on("change-preview", () => new Promise(resolve => { answer = () => resolve({ body: PREVIEW }); }));
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Upgrade to Institutional" }).click();
	await dialog(page).waitFor();
	await until(() => answer);
	const before = await dialog(page).boundingBox();
	assert.equal(await page.getByRole("button", { name: "Continue" }).getAttribute("aria-disabled"), "true");
	await page.getByRole("button", { name: "Continue" }).click({ force: true });
	assert.equal(mock.asked("create-checkout-session").length, 0, "nothing goes on before the cost is known");
	await shot(page, "preview-loading-light-desktop", false);
	answer();
	await dialog(page).getByText("$362.10").waitFor();
	const text = await dialog(page).innerText();
	for (const wanted of [/Upgrade to Institutional/, /Due today/, /\$499\.00/, /on April 3, 2026/, /takes effect at once/, /Nothing is charged until you confirm/])
		assert.match(text, wanted);
	assert.ok(Math.abs((await dialog(page).boundingBox()).height - before.height) <= 16);
	assert.deepEqual(mock.asked("change-preview")[0].query, { tier: "institutional", price: "price_institutional_monthly" });
	await dialog(page).getByText("How this is made up").click();
	assert.match(await dialog(page).innerText(), /-\$37\.90/);
	await no_violations(page);
	await shot(page, "preview-light-desktop", false);
	await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
	await no_violations(page);
	await page.setViewportSize({ width: 320, height: 640 });
	await shot(page, "preview-dark-phone", false);
	mock.on("create-checkout-session", { body: { url: `${mock.origin}/hosted`, id: "bps_1", flow: "portal" } });
	mock.pages.set("/hosted", "<!doctype html><title>hosted</title>");
	await page.getByRole("button", { name: "Continue" }).click();
	await page.waitForURL("**/hosted");
	assert.deepEqual(mock.asked("create-checkout-session")[0].body, { tier: "institutional", price: "price_institutional_monthly" });
});

test("the dialog: focus goes in, stays in, and comes back; Esc, Cancel and the backdrop close it", async () => {
	serve(mock, "active");
	mock.on("change-preview", { body: PREVIEW });
	const page = await new_page();
	await open_dashboard(page);
	const opener = page.getByRole("button", { name: "Upgrade to Institutional" });
	await opener.focus();
	await page.keyboard.press("Enter");
	await dialog(page).getByText("$362.10").waitFor();
	assert.equal(await focused(page), "Upgrade to Institutional", "the dialog's title, for who listens");
	const round = [];
	for (let i = 0; i < 7; i++) {
		await page.keyboard.press("Tab");
		round.push(await focused(page));
	}
	assert.deepEqual(round, ["How this is made up", "Cancel", "Continue", "How this is made up", "Cancel", "Continue", "How this is made up"]);
	await page.keyboard.press("Shift+Tab");
	assert.equal(await focused(page), "Continue");
	await page.keyboard.press("Escape");
	await dialog(page).waitFor({ state: "hidden" });
	assert.equal(await focused(page), "Upgrade to Institutional");
	assert.equal(await page.evaluate(() => document.querySelector("billing-dashboard").shadowRoot.activeElement.localName), "button");
	await page.keyboard.press("Enter");
	await page.getByRole("button", { name: "Cancel" }).click();
	await dialog(page).waitFor({ state: "hidden" });
	await opener.click();
	await dialog(page).waitFor();
	await page.mouse.click(5, 5);
	await dialog(page).waitFor({ state: "hidden" });
});

test("who cancels while Stripe's page is being opened stays here", async () => {
	serve(mock, "active");
	let answer;
	mock.on("change-preview", { body: PREVIEW });
	mock.on("create-checkout-session", () => new Promise(resolve => { answer = () => resolve({ body: { url: `${mock.origin}/hosted`, id: "bps_1", flow: "portal" } }); }));
	mock.pages.set("/hosted", "<!doctype html><title>hosted</title>");
	const page = await new_page();
	await open_dashboard(page);
	await page.evaluate(() => { globalThis.leaving = 0; addEventListener("billing-leave", () => { leaving++; }); });
	await page.getByRole("button", { name: "Upgrade to Institutional" }).click();
	await dialog(page).getByText("$362.10").waitFor();
	await page.getByRole("button", { name: "Continue" }).click();
	await until(() => answer);
	await page.getByRole("button", { name: "Cancel" }).click();
	await dialog(page).waitFor({ state: "hidden" });
	answer();
	await idle(page);
	assert.equal(await page.evaluate(() => leaving), 0);
	assert.equal((await address(page)).pathname, "/settings/billing");
});

test("what was previewed is what is bought, also when the subscription's period is known only then", async () => {
	serve(mock, { ...status.active, details_state: "unavailable", details: null });
	mock.on("change-preview", ({ query }) => ({ body: { ...PREVIEW, price: query.price } }));
	mock.on("create-checkout-session", { body: { url: `${mock.origin}/hosted`, id: "bps_1", flow: "portal" } });
	mock.pages.set("/hosted", "<!doctype html><title>hosted</title>");
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Upgrade to Institutional" }).click();
	await dialog(page).getByText("$362.10").waitFor();
	serve(mock, { ...status.active, details: details({ subscription: { ...subscription, interval: "year" } }) });
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await until(() => page.evaluate(() => document.querySelector("billing-dashboard").status.details !== null));
	await page.getByRole("button", { name: "Continue" }).click();
	await page.waitForURL("**/hosted");
	assert.deepEqual(mock.asked("create-checkout-session")[0].body, { tier: "institutional", price: "price_institutional_monthly" });
});

test("a downgrade takes effect at the end of the period; down to nothing leads to the portal's cancellation", async () => {
	serve(mock, { ...status.active, tier: "institutional", details: details({ subscription: { ...subscription, tier: "institutional", amount: 49900 } }) });
	mock.on("change-preview", { body: { tier: "pro", price: "price_pro_monthly", effective: "period_end", now: { amount: 0, currency: "usd" },
		next: { at: "2026-04-03T09:30:00Z", amount: 4900, currency: "usd" }, lines: [] } });
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Downgrade to Pro" }).click();
	await dialog(page).getByText("You keep Institutional until then").waitFor();
	assert.match(await dialog(page).innerText(), /Due today\s+\$0\.00/);
	await shot(page, "preview-downgrade-light-desktop", false);
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: "Downgrade to Free" }).click();
	await dialog(page).getByText("You keep Institutional until the end of the period").waitFor();
	assert.equal(mock.asked("change-preview").length, 1, "there is no price to preview");
	mock.on("create-portal-session", { body: { url: `${mock.origin}/hosted`, id: "bps_1", flow: "subscription_cancel" } });
	mock.pages.set("/hosted", "<!doctype html><title>hosted</title>");
	await page.getByRole("button", { name: "Continue" }).click();
	await page.waitForURL("**/hosted");
	assert.deepEqual(mock.asked("create-portal-session")[0].body, { flow: "subscription_cancel" });
});

test("a downgrade at once: what is given back is a credit", async () => {
	serve(mock, { ...status.active, tier: "institutional", details: details({ subscription: { ...subscription, tier: "institutional", amount: 49900 } }) });
	mock.on("change-preview", { body: { tier: "pro", price: "price_pro_monthly", effective: "now", now: { amount: -36210, currency: "usd" },
		next: { at: "2026-04-03T09:30:00Z", amount: 0, currency: "usd" }, lines: [] } });
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Downgrade to Pro" }).click();
	await dialog(page).getByText("Credit today").waitFor();
	assert.match(await dialog(page).innerText(), /Credit today\s+for your next payments\s+\$362\.10\s+Next payment\s+on April 3, 2026\s+\$0\.00/);
	await no_violations(page);
	await shot(page, "preview-credit-light-desktop", false);
});

test("a preview that fails: said in the dialog, with another try where that makes sense", async () => {
	serve(mock, "active");
	mock.on("change-preview", problem(502, "stripe_failed"));
	const page = await new_page();
	await open_dashboard(page);
	const open = () => page.getByRole("button", { name: "Upgrade to Institutional" }).click();
	await open();
	await dialog(page).getByText("The cost could not be worked out").waitFor();
	await no_violations(page);
	await shot(page, "preview-failed-light-desktop", false);
	mock.on("change-preview", { body: PREVIEW });
	await dialog(page).getByRole("button", { name: "Try again" }).click();
	await dialog(page).getByText("$362.10").waitFor();
	mock.on("create-checkout-session", problem(502, "stripe_failed"));
	await dialog(page).getByRole("button", { name: "Continue" }).click();
	await dialog(page).getByText("Nothing has been charged. Please try again").waitFor();
	await no_violations(page);
	await page.keyboard.press("Escape");
	mock.on("change-preview", problem(409, "no_change"));
	await open();
	await dialog(page).getByText("This is the plan you have already.").waitFor();
	assert.equal(await dialog(page).getByRole("button").count(), 1, "only Close is left");
});

test("while a payment is open the plan cannot be changed, and says why", async () => {
	serve(mock, "past_due");
	const page = await new_page();
	await open_dashboard(page);
	await page.getByText("You can change your plan as soon as the open payment is settled.").waitFor();
	assert.equal(await page.locator("billing-dashboard .tier button").count(), 0);
});

test("a tier with no price for sale, one price only, no tiers at all", async () => {
	serve(mock, "free");
	mock.on("plans", { body: { ...plans, tiers: [plans.tiers[0], { ...plans.tiers[1], prices: [plans.tiers[1].prices[0]] }, { ...plans.tiers[2], prices: [] }] } });
	let page = await new_page();
	await open_dashboard(page);
	assert.match(await tier(page, "Institutional").innerText(), /Not available online/);
	assert.equal(await page.getByRole("radio").count(), 0, "one period is no choice");
	mock.on("plans", { body: { tiers: [], as_of: null, stale: true } });
	page = await new_page();
	await open_dashboard(page);
	await primary(page, "Compare plans");
});

test("a double click is one request; a listener may keep the visitor here", async () => {
	serve(mock, "free");
	let answer;
	mock.on("create-checkout-session", () => new Promise(resolve => { answer = () => resolve({ body: { url: "https://checkout.stripe.com/c/1", id: "cs_1", flow: "checkout" } }); }));
	const page = await new_page();
	await open_dashboard(page);
	await page.evaluate(() => {
		globalThis.leaving = [];
		addEventListener("billing-leave", event => { leaving.push(event.detail); event.preventDefault(); });
	});
	const button = await primary(page);
	await button.dblclick();
	await until(() => answer);
	assert.equal(await button.getAttribute("aria-busy"), "true");
	answer();
	await page.waitForFunction(() => leaving.length === 1);
	assert.deepEqual(await page.evaluate(() => leaving), [{ url: "https://checkout.stripe.com/c/1", kind: "checkout" }]);
	assert.equal(mock.asked("create-checkout-session").length, 1);
});

test("on a page of somebody else: Stripe's pages lead back to that one", async () => {
	serve(mock, "free");
	mock.pages.set("/account", `<!doctype html><html lang="en"><head><title>Account</title><script type="module" src="/settings/billing/assets/billing-dashboard.js"></script>
		</head><body><main><billing-dashboard return-url="/account?tab=plan#top"></billing-dashboard></main></body></html>`);
	mock.on("create-checkout-session", problem(502, "stripe_failed")).on("create-portal-session", problem(502, "stripe_failed"));
	const page = await new_page();
	await open_dashboard(page, { path: "/account?tab=plan" });
	await (await primary(page)).click();
	await until(() => mock.asked("create-checkout-session").length === 1);
	assert.deepEqual(mock.asked("create-checkout-session")[0].body, { tier: "pro", price: "price_pro_monthly",
		success_url: `${mock.origin}/account?tab=plan&checkout=success&session_id={CHECKOUT_SESSION_ID}`, cancel_url: `${mock.origin}/account?tab=plan&checkout=cancelled` });
	await page.getByText("Please try again").waitFor();
	await idle(page);
	serve(mock, "active");
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await page.getByRole("button", { name: "Manage billing" }).click();
	await until(() => mock.asked("create-portal-session").length === 1);
	assert.deepEqual(mock.asked("create-portal-session")[0].body, { return_url: `${mock.origin}/account?tab=plan` });
});

test("attributes that are no addresses do not count, and are warned of once", async () => {
	serve(mock, "free");
	mock.pages.set("/account", `<!doctype html><html lang="en"><head><title>Account</title><script type="module" src="/settings/billing/assets/billing-dashboard.js"></script>
		</head><body><main><billing-dashboard return-url="https://[" sign-in-url="javascript:void 0"></billing-dashboard></main></body></html>`);
	mock.on("create-checkout-session", problem(502, "stripe_failed")).on("create-portal-session", problem(502, "stripe_failed"));
	const page = await new_page({ quiet: /Failed to load resource|does not count/ });
	const warnings = [];
	page.on("console", message => { if (message.type() === "warning") warnings.push(message.text()); });
	await open_dashboard(page, { path: "/account" });
	await (await primary(page)).click();
	await until(() => mock.asked("create-checkout-session").length === 1);
	assert.deepEqual(mock.asked("create-checkout-session")[0].body, { tier: "pro", price: "price_pro_monthly" });
	await page.getByText("Please try again").waitFor();
	await idle(page);
	serve(mock, "active");
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await page.getByRole("button", { name: "Manage billing" }).click();
	await until(() => mock.asked("create-portal-session").length === 1);
	assert.deepEqual(mock.asked("create-portal-session")[0].body, {});
	await idle(page);
	await until(() => warnings.length >= 2, "two warnings");
	assert.deepEqual(warnings.sort(), ["<billing-dashboard>: the attribute return-url is not an address, and does not count: https://[",
		"<billing-dashboard>: the attribute sign-in-url is not an address, and does not count: javascript:void 0"]);
});

// Monthly, every 3 months and yearly; in dollars, the default, and in euros.
function many_prices() {
	const price = (interval, interval_count, amount, currency) => ({ id: `price_${interval_count}_${interval}_${currency}`, lookup_key: null, interval,
		interval_count, amount, currency });
	const prices = factor => [price("month", 1, 4500 * factor, "eur"), price("month", 1, 4900 * factor, "usd"), price("month", 3, 13900 * factor, "usd"),
		price("year", 1, 49000 * factor, "usd")];
	return { ...plans, tiers: plans.tiers.map((one, i) => ({ ...one, prices: i === 0 ? [] : prices(i).map(p => ({ ...p, id: `${p.id}_${one.name}` })) })) };
}

test("a price of every 3 months is bought as it is shown", async () => {
	serve(mock, "free");
	mock.on("plans", { body: many_prices() });
	mock.on("create-checkout-session", { body: { url: `${mock.origin}/hosted`, id: "cs_1", flow: "checkout" } });
	mock.pages.set("/hosted", "<!doctype html><title>hosted</title>");
	const page = await new_page();
	await open_dashboard(page);
	assert.deepEqual(await page.getByRole("radio").evaluateAll(all => all.map(one => one.parentElement.textContent)), ["Monthly", "Every 3 months", "Yearly"]);
	assert.match(await tier(page, "Pro").innerText(), /\$49\.00 per month/);
	await page.getByRole("radio", { name: "Every 3 months" }).check();
	assert.match(await tier(page, "Pro").innerText(), /\$139\.00 every 3 months/);
	await no_violations(page);
	await shot(page, "every-3-months-light-desktop");
	await tier(page, "Pro").getByRole("button", { name: "Upgrade to Pro" }).click();
	await page.waitForURL("**/hosted");
	assert.deepEqual(mock.asked("create-checkout-session")[0].body, { tier: "pro", price: "price_3_month_usd_pro" });
});

test("who pays every 3 months, and who pays in euros", async () => {
	serve(mock, { ...status.active, details: details({ subscription: { ...subscription, interval_count: 3, amount: 13900 } }) });
	mock.on("plans", { body: many_prices() });
	mock.on("change-preview", { body: PREVIEW });
	let page = await new_page();
	await open_dashboard(page);
	assert.equal(await page.getByRole("radio", { name: "Every 3 months" }).isChecked(), true);
	assert.match(await tier(page, "Pro").innerText(), /Your plan/);
	await page.getByRole("radio", { name: "Monthly" }).check();
	assert.match(await tier(page, "Pro").innerText(), /Switch to monthly billing/);
	await page.getByRole("radio", { name: "Yearly" }).check();
	await tier(page, "Institutional").getByRole("button").click();
	await dialog(page).getByText("$362.10").waitFor();
	assert.deepEqual(mock.asked("change-preview")[0].query, { tier: "institutional", price: "price_1_year_usd_institutional" });

	serve(mock, { ...status.active, details: details({ subscription: { ...subscription, currency: "eur", amount: 4500 } }) });
	mock.on("plans", { body: many_prices() });
	page = await new_page();
	await open_dashboard(page);
	assert.match(await tier(page, "Institutional").innerText(), /€90\.00 per month[\s\S]*Upgrade to Institutional/);
	await page.getByRole("radio", { name: "Yearly" }).check();
	assert.match(await tier(page, "Institutional").innerText(), /Not in your currency/);
	assert.equal(await tier(page, "Institutional").getByRole("button").count(), 0);
	await no_violations(page);
});
