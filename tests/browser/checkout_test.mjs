// Back from checkout. What is asked when is exact: the page's clock stands between steps.
import { address, assert, idle, mock, new_page, no_violations, open_dashboard, primary, run_until, shot, test, until } from "./harness.mjs";
import { no_invoices, invoices, plans, status } from "./answers.mjs";
import { problem } from "./mock.mjs";

const BACK = "/settings/billing?checkout=success&session_id=cs_1&utm=x";
const dashboard = page => page.locator("billing-dashboard .dashboard");

// The world: what confirm says and what the status is, until somebody pays.
function world({ confirm = "activating", now = status.free } = {}) {
	const it = { confirm, now, payments: no_invoices };
	mock.on("subscription-status", () => ({ body: it.now }));
	mock.on("plans", { body: plans });
	mock.on("invoices", () => ({ body: it.payments }));
	mock.on("confirm-checkout-session", () => (typeof it.confirm === "string"
		? { body: { state: it.confirm, tier: it.now.tier, ver: it.now.ver } } : it.confirm));
	it.pay = () => Object.assign(it, { confirm: "activated", now: status.active, payments: invoices });
	return it;
}

const asked = () => mock.asked("confirm-checkout-session").length;

// So long after the last question comes the next, and not a moment sooner.
async function tick(page, ms, total) {
	await idle(page);
	await page.clock.runFor(ms - 1);
	await idle(page);
	assert.equal(asked(), total - 1, `no question within ${ms - 1} ms`);
	await page.clock.runFor(1);
	await until(() => asked() === total, `question ${total} after ${ms} ms`);
	await idle(page); // its other requests are answered by the world as it is now, not by what the test does next
}

test("from Upgrade to Pro to Pro: the address, the questions, the success", async () => {
	const it = world();
	const page = await new_page();
	mock.on("create-checkout-session", { body: { url: `${mock.origin}/hosted`, id: "cs_1", flow: "checkout" } });
	mock.pages.set("/hosted", "<!doctype html><html lang=en><title>Checkout</title><h1>Pay</h1></html>");
	await open_dashboard(page);
	await (await primary(page)).click();
	await page.waitForURL("**/hosted");
	await page.clock.runFor(600000);
	await page.goto(mock.origin + BACK);
	await dashboard(page).getByText("Payment received, activating your plan").first().waitFor();
	await idle(page);
	assert.equal((await address(page)).search, "?utm=x", "the address is clean, and what is not ours stays");
	assert.match(await dashboard(page).innerText(), /safe to leave this page/);
	assert.doesNotMatch(await dashboard(page).innerText(), /You are on Pro/);
	await primary(page, "Check again");
	assert.deepEqual(mock.asked("confirm-checkout-session")[0].body, { session_id: "cs_1" });
	await shot(page, "activating-light-desktop");
	for (const [ms, total] of [[1000, 2], [2000, 3], [4000, 4], [8000, 5]]) await tick(page, ms, total);
	it.pay();
	await tick(page, 16000, 6);
	await dashboard(page).getByText("You are on Pro now. Thank you!").first().waitFor();
	await page.locator("billing-dashboard .history-table").waitFor();
	await primary(page, "Manage billing");
	await idle(page);
	await page.clock.runFor(120000);
	await idle(page);
	assert.equal(asked(), 6, "and then nobody asks any more");
	await no_violations(page);
	await shot(page, "activated-light-desktop");
	await page.getByRole("button", { name: "Dismiss" }).click();
	await page.locator("billing-dashboard .notes").getByText("Thank you").waitFor({ state: "detached" });
});

test("a paid session whose tier is not in the answer yet is no success", async () => {
	const it = world({ confirm: { body: { state: "activated", tier: "pro", ver: 41 } } }); // status still says free, ver 40
	const page = await new_page();
	await page.goto(mock.origin + BACK);
	await dashboard(page).getByText("Payment received").first().waitFor();
	await idle(page);
	assert.ok(mock.asked("subscription-status").length >= 2, "asked once more after the confirmation");
	assert.doesNotMatch(await dashboard(page).innerText(), /You are on/);
	it.now = { ...status.active, ver: 40 }; // an older answer with the tier by chance
	await tick(page, 1000, 2);
	assert.doesNotMatch(await dashboard(page).innerText(), /You are on/);
	it.now = status.active;
	await tick(page, 2000, 3);
	await dashboard(page).getByText("You are on Pro now").first().waitFor();
});

test("who comes from another browser, with the confirmation out of reach, is told nothing that is not so", async () => {
	const it = world({ confirm: problem(502, "stripe_failed") });
	const page = await new_page();
	await page.goto(mock.origin + BACK);
	await dashboard(page).getByText("Payment received").first().waitFor();
	await run_until(page, () => dashboard(page).getByText("longer than usual").isVisible(), 60);
	await shot(page, "activating-slow-light-desktop");
	it.pay();
	await (await primary(page, "Check again")).click();
	await dashboard(page).getByText("You are on Pro now").first().waitFor();
});

test("a reload goes on where it was, and a second visit to the same address is no second success", async () => {
	const it = world();
	const page = await new_page();
	await page.goto(mock.origin + BACK);
	await dashboard(page).getByText("Payment received").first().waitFor();
	await page.reload();
	await dashboard(page).getByText("Payment received").first().waitFor();
	await idle(page);
	it.pay();
	await page.clock.runFor(1000);
	await dashboard(page).getByText("You are on Pro now").first().waitFor();
	await page.reload();
	await page.locator('billing-dashboard[data-phase="ready"]').waitFor();
	await idle(page);
	assert.doesNotMatch(await dashboard(page).innerText(), /Thank you|Payment received/);
});

test("success without a session is nobody's payment: the page shows what is, and looks again", async () => {
	const it = world();
	let answer = null;
	mock.on("subscription-status", () => (answer ? { body: it.now } : new Promise(resolve => { answer = () => resolve({ body: it.now }); })));
	const page = await new_page();
	await page.goto(`${mock.origin}/settings/billing?checkout=success&utm=x`);
	await until(() => answer);
	assert.doesNotMatch(await dashboard(page).innerText(), /Payment received|activat/i);
	answer();
	await primary(page, "Upgrade to Pro");
	await idle(page);
	assert.equal((await address(page)).search, "?utm=x");
	assert.doesNotMatch(await dashboard(page).innerText(), /Payment received|activat/i);
	await page.clock.runFor(1000);
	await until(() => mock.asked("subscription-status").length === 2, "it looks again after a second");
	await idle(page);
	assert.doesNotMatch(await dashboard(page).innerText(), /Payment received|activat/i);
	it.pay();
	await page.clock.runFor(2000);
	await primary(page, "Manage billing");
	await idle(page);
	assert.doesNotMatch(await dashboard(page).innerText(), /Payment received|You are on|Thank you/);
	await page.reload();
	await primary(page, "Manage billing");
	await idle(page);
	assert.equal(asked(), 0);
});

test("success without a session, of a checkout that was begun here: that one is confirmed", async () => {
	const it = world();
	const page = await new_page();
	mock.on("create-checkout-session", { body: { url: `${mock.origin}/hosted`, id: "cs_1", flow: "checkout" } });
	mock.pages.set("/hosted", "<!doctype html><html lang=en><title>Checkout</title><h1>Pay</h1></html>");
	await open_dashboard(page);
	await (await primary(page)).click();
	await page.waitForURL("**/hosted");
	await page.goto(`${mock.origin}/settings/billing?checkout=success`);
	await dashboard(page).getByText("Payment received").first().waitFor();
	await idle(page);
	assert.deepEqual(mock.asked("confirm-checkout-session")[0].body, { session_id: "cs_1" });
	it.pay();
	await page.clock.runFor(1000);
	await dashboard(page).getByText("You are on Pro now").first().waitFor();
});

test("a session that has expired", async () => {
	world({ confirm: "expired" });
	const page = await new_page();
	await page.goto(mock.origin + BACK);
	await dashboard(page).getByText("The checkout has expired").first().waitFor();
	await primary(page, "Upgrade to Pro");
});

test("a payment that takes days", async () => {
	world({ confirm: "unpaid" });
	const page = await new_page();
	await page.goto(mock.origin + BACK);
	await dashboard(page).getByText("Your payment is being processed").first().waitFor();
	await page.locator("billing-dashboard .tier").nth(2).waitFor();
	await no_violations(page);
	await shot(page, "processing-light-desktop");
});

test("a checkout that was canceled", async () => {
	world();
	const page = await new_page();
	await page.goto(`${mock.origin}/settings/billing?checkout=cancelled`);
	await dashboard(page).getByText("Checkout canceled. You have not been charged.").first().waitFor();
	await idle(page);
	assert.equal((await address(page)).search, "");
	await shot(page, "checkout-canceled-light-desktop");
});

for (const [what, answer] of [["is not ours", problem(404, "not_found")], ["is none", problem(400, "bad_request")]])
	test(`a session that ${what}: the page says what is, and goes on`, async () => {
		world();
		let refuse;
		mock.on("confirm-checkout-session", () => new Promise(resolve => { refuse = () => resolve(answer); }));
		const page = await new_page();
		await page.goto(mock.origin + BACK);
		await dashboard(page).getByText("Payment received").first().waitFor();
		await until(() => refuse);
		refuse();
		await primary(page, "Upgrade to Pro");
		for (let second = 0; second < 8; second++) {
			await idle(page);
			await page.clock.runFor(1000);
		}
		await idle(page);
		assert.equal(asked(), 1, "who is told that it is not theirs does not ask for it again");
		assert.doesNotMatch(await dashboard(page).innerText(), /You are on|Payment received/);
		await page.reload();
		await primary(page, "Upgrade to Pro");
		await idle(page);
		assert.equal(asked(), 1);
	});

// In the portal, where she cancels.
async function in_the_portal(refresh) {
	const it = world({ now: status.active });
	mock.on("create-portal-session", { body: { url: `${mock.origin}/hosted`, id: "bps_1", flow: "manage" } });
	mock.on("refresh-subscription", () => refresh(it));
	mock.pages.set("/hosted", "<!doctype html><html lang=en><title>Portal</title><h1>Portal</h1></html>");
	const page = await new_page();
	await open_dashboard(page);
	await (await primary(page)).click();
	await page.waitForURL("**/hosted");
	return { page, it };
}

const refreshed = state => ({ body: { state, tier: "pro", ver: 42 } });

test("back from the portal: the server is asked to look, and then the page shows it", async () => {
	const { page, it } = await in_the_portal(it => { it.now = status.canceling; return refreshed("refreshed"); });
	await page.goto(`${mock.origin}/settings/billing`);
	await dashboard(page).getByText("Pro until April 3, 2026").waitFor();
	await idle(page); // the look that it asked for may come behind an answer that has it already
	await primary(page, "Resume plan");
	const [request, ...more] = mock.asked("refresh-subscription", "POST");
	assert.deepEqual([request.body, more], [{}, []]);
	assert.match(mock.asked("subscription-status").at(-1).headers.prefer ?? "", /wait=5/, "what Stripe says comes with it");
	const looks = mock.asked("subscription-status").length;
	it.now = status.active; // if it looked again it would show this
	await page.clock.runFor(20000);
	await idle(page);
	assert.equal(mock.asked("subscription-status").length, looks, "and nobody asks any more");
	await no_violations(page);
	await shot(page, "back-from-portal-light-desktop");
	await page.reload();
	await page.locator('billing-dashboard[data-phase="ready"]').waitFor();
	await idle(page);
	assert.equal(mock.asked("refresh-subscription").length, 1, "once");
});

for (const [what, answer] of [["cannot tell yet", () => refreshed("refreshing")], ["fails", () => problem(503, "unavailable")],
	["is an older one", () => problem(404, "not_found")]])
	test(`back from the portal, and the server ${what}: the webhook may come behind the customer`, async () => {
		const { page, it } = await in_the_portal(answer);
		await open_dashboard(page);
		await idle(page);
		assert.equal(mock.asked("refresh-subscription").length, 1);
		it.now = status.canceling;
		await page.clock.runFor(1000);
		await dashboard(page).getByText("Pro until April 3, 2026").waitFor();
	});

test("back from the portal, and nobody can be reached for a while: asked again until somebody looks", async () => {
	let away = true;
	const { page } = await in_the_portal(it => {
		if (away) return problem(503, "unavailable");
		it.now = status.canceling;
		return refreshed("refreshed");
	});
	const looked = () => mock.asked("refresh-subscription").length;
	await open_dashboard(page);
	for (const [ms, total] of [[1000, 2], [2000, 3], [4000, 4]]) {
		await idle(page);
		away = total < 4;
		await page.clock.runFor(ms - 1);
		await idle(page);
		assert.equal(looked(), total - 1, `not asked within ${ms - 1} ms`);
		await page.clock.runFor(1);
		await until(() => looked() === total, `asked after ${ms} ms`);
	}
	await dashboard(page).getByText("Pro until April 3, 2026").waitFor();
	await idle(page);
	await page.clock.runFor(60000);
	await idle(page);
	assert.equal(looked(), 4, "and then nobody asks any more");
});

test("back from the portal by the browser's Back button", async () => {
	const { page } = await in_the_portal(it => { it.now = status.canceling; return refreshed("refreshed"); });
	await page.goBack();
	await dashboard(page).getByText("Pro until April 3, 2026").waitFor();
	assert.equal(mock.asked("refresh-subscription").length, 1);
});

test("on a phone in the dark", async () => {
	world();
	const page = await new_page({ width: 320, height: 640, dark: true });
	await page.goto(mock.origin + BACK);
	await dashboard(page).getByText("Payment received").first().waitFor();
	await page.locator("billing-dashboard .tier").nth(2).waitFor();
	await no_violations(page);
	await shot(page, "activating-dark-phone");
});
