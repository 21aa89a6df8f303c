// The payments: links, pages, states.
import { assert, idle, mock, new_page, no_violations, open_dashboard, shot, test, until } from "./harness.mjs";
import { invoice, serve } from "./answers.mjs";
import { problem } from "./mock.mjs";

const rows = page => page.locator("billing-dashboard .history-table tbody tr");
const page_of = (from, count, next) => ({ invoices: Array.from({ length: count }, (_, i) => invoice(from + i)), next_cursor: next });

test("no payments yet is a screen of its own", async () => {
	serve(mock, "free");
	const page = await new_page();
	await open_dashboard(page);
	await page.getByText("No payments yet").waitFor();
	assert.equal(await rows(page).count(), 0);
});

test("each row: date, what for, amount, state, receipts in a new tab", async () => {
	serve(mock, "active", { next_cursor: null, invoices: [
		invoice(0), invoice(1, { status: "open", amount_paid: 0, amount_due: 4900 }), invoice(2, { refunded: 4900 }), invoice(3, { refunded: 900 }),
		invoice(4, { status: "uncollectible", amount_paid: 0 }), invoice(5, { status: "void", amount_paid: 0 }),
		invoice(6, { total: 0, amount_paid: 0, description: null }), invoice(7, { hosted_url: null, pdf_url: null, number: null, period_start: null, period_end: null }),
		invoice(8, { total: -45000, amount_paid: 0 })] });
	const page = await new_page();
	await open_dashboard(page);
	const texts = await rows(page).allInnerTexts();
	for (const [i, wanted] of [/Mar 3, 2026[\s\S]*Pro, monthly[\s\S]*\$49\.00[\s\S]*Paid[\s\S]*View[\s\S]*PDF/, /Open/, /\bRefunded/, /Partly refunded/, /Not collected/, /Void/,
		/Invoice TG-0094[\s\S]*\$0\.00/, /Pro, monthly/, /-\$450\.00[\s\S]*Credited/].entries()) assert.match(texts[i], wanted);
	assert.doesNotMatch(texts[7], /View|PDF/);
	const link = page.getByRole("link", { name: "Download invoice TG-0100 as PDF (opens in a new tab)" });
	assert.deepEqual([await link.getAttribute("href"), await link.getAttribute("target"), await link.getAttribute("rel")],
		["https://pay.stripe.com/invoice/acct_1/0/pdf", "_blank", "noopener noreferrer"]);
	assert.equal(await rows(page).first().locator("time").first().getAttribute("datetime"), "2026-03-03T09:30:00.000Z");
	await no_violations(page);
	await shot(page, "payments-light-desktop");
	await page.setViewportSize({ width: 320, height: 640 });
	await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
	await no_violations(page);
	await shot(page, "payments-dark-phone");
});

test("pages: below what is there, no row twice, until there are no more", async () => {
	serve(mock, "active");
	mock.on("invoices", ({ query }) => ({ body: query.cursor === "c1" ? page_of(9, 10, "c2") : query.cursor === "c2" ? page_of(18, 3, null) : page_of(0, 10, "c1") }));
	const page = await new_page();
	await open_dashboard(page);
	assert.equal(await rows(page).count(), 10);
	const more = page.getByRole("button", { name: "Show more" });
	await more.focus();
	await page.keyboard.press("Enter");
	await until(async () => await rows(page).count() === 19, "19 rows: one came twice");
	assert.equal(await page.evaluate(() => document.querySelector("billing-dashboard").shadowRoot.activeElement.textContent), "Show more", "the focus stays");
	await more.click();
	await until(async () => await rows(page).count() === 21);
	assert.equal(await more.count(), 0);
	mock.on("invoices", { body: page_of(-1, 10, "c1") }); // a new payment
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await until(async () => await rows(page).count() === 22, "the new one on top, the pages below stay");
	assert.match(await rows(page).first().innerText(), /Apr 3, 2026/);
});

test("a page that comes late takes nothing away that came meanwhile", async () => {
	serve(mock, "active");
	let late;
	mock.on("invoices", ({ query }) => (query.cursor ? new Promise(resolve => { late = () => resolve({ body: page_of(10, 5, null) }); }) : { body: page_of(0, 10, "c1") }));
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Show more" }).click();
	await until(() => late);
	mock.on("invoices", { body: page_of(-1, 10, "c1") }); // a new payment, which is told before
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await until(async () => await rows(page).count() === 11, "the new one on top");
	late();
	await until(async () => await rows(page).count() === 16, "15 and the new one");
	assert.match(await rows(page).first().innerText(), /Apr 3, 2026/);
});

test("a page of a list that was begun anew meanwhile is none of it", async () => {
	serve(mock, "active");
	let late;
	mock.on("invoices", ({ query }) => (query.cursor ? new Promise(resolve => { late = () => resolve({ body: page_of(10, 5, null) }); }) : { body: page_of(0, 10, "c1") }));
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Show more" }).click();
	await until(() => late);
	mock.on("invoices", { body: page_of(-20, 10, "c2") }); // none of those that were there
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await until(async () => /Nov 3, 2027/.test(await rows(page).first().innerText()), "the new list");
	late();
	await idle(page);
	assert.equal(await rows(page).count(), 10, "what lies between would be missing");
	mock.on("invoices", ({ query }) => ({ body: query.cursor === "c2" ? page_of(-10, 10, null) : page_of(-20, 10, "c2") }));
	await page.getByRole("button", { name: "Show more" }).click();
	await until(async () => await rows(page).count() === 20);
});

test("a page that fails: said, and the button is there for another try", async () => {
	serve(mock, "active");
	mock.on("invoices", ({ query }) => (query.cursor ? problem(504, "stripe_timeout") : { body: page_of(0, 10, "c1") }));
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Show more" }).click();
	await page.getByText("That did not work.").waitFor();
	assert.equal(await rows(page).count(), 10);
	mock.on("invoices", ({ query }) => ({ body: query.cursor ? page_of(10, 1, null) : page_of(0, 10, "c1") }));
	await page.getByRole("button", { name: "Show more" }).click();
	await until(async () => await rows(page).count() === 11);
});

test("nothing from the server is taken for HTML, and no address but http and https for a link", async () => {
	const evil = '<img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>';
	serve(mock, { subject: evil, state: evil, tier: evil, status: evil, reason: evil, features: [evil], seats: 1, until: evil, next_billing: { at: evil, amount: 1, currency: evil },
		cancel_at: evil, trial: null, next: [{ at: evil, tier: evil }], stale: false, answered_from: evil, as_of: evil, age_s: 0, ver: 1, epoch: "e", details_state: "fresh",
		details: { as_of: evil, subscription: null, payment_method: { type: evil, brand: evil, last4: evil, exp_month: 1, exp_year: 2030 },
			open_invoice: { id: "i", amount_due: 5, currency: "usd", hosted_url: "javascript:alert(1)", due_at: null, next_attempt_at: null, needs_confirmation: true }, upcoming: null, schedule: null } },
	{ invoices: [invoice(0, { description: evil, number: evil, hosted_url: "javascript:globalThis.hit=1", pdf_url: "data:text/html,x", status: evil })], next_cursor: null });
	mock.on("plans", { body: { tiers: [{ name: evil, features: [evil], prices: [{ id: "p", interval: evil, interval_count: 1, amount: 5, currency: evil }] }], as_of: null, stale: false } });
	const page = await new_page();
	await open_dashboard(page);
	assert.equal(await page.locator("billing-dashboard img, billing-dashboard script, billing-dashboard a[href^=javascript], billing-dashboard a[href^=data]").count(), 0);
	assert.match(await page.locator("billing-dashboard .dashboard").innerText(), /<img src=x onerror/);
	assert.equal(await page.evaluate(() => globalThis.hit), undefined);
	mock.on("subscription-status", { body: { ...(await import("./answers.mjs")).status.unpaid, details: { open_invoice: { amount_due: 5, currency: "usd", hosted_url: "javascript:alert(1)" } } } });
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await page.getByText("Your plan is on hold").waitFor();
	assert.equal((await page.locator("billing-dashboard .button.primary").innerText()).trim(), "Use another payment method", "not a link that is none");
});
