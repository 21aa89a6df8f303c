// What fails, and how the dashboard goes on.
import { address, assert, idle, mock, new_page, no_violations, open_dashboard, primary, run_until, shot, test, until } from "./harness.mjs";
import { details, invoice, invoices, plans, serve, status } from "./answers.mjs";
import { problem } from "./mock.mjs";

const dashboard = page => page.locator("billing-dashboard .dashboard");
const says = (page, text) => dashboard(page).getByText(text).first().waitFor();
const look_again = page => page.evaluate(() => document.querySelector("billing-dashboard").refresh());

test("loading: a skeleton of the same size, so that nothing jumps", async () => {
	let answer;
	serve(mock, "active");
	mock.on("subscription-status", () => new Promise(resolve => { answer = () => resolve({ body: status.active }); }));
	for (const [width, height, name] of [[1280, 900, "desktop"], [320, 640, "phone"]]) {
		const page = await new_page({ width, height });
		await page.goto(`${mock.origin}/settings/billing`);
		await page.locator('billing-dashboard[data-phase="loading"] .plan').waitFor();
		await until(() => answer);
		const box = () => page.locator("billing-dashboard .plan").boundingBox();
		const before = await box();
		await no_violations(page);
		await shot(page, `loading-light-${name}`);
		await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
		await no_violations(page);
		await shot(page, `loading-dark-${name}`);
		await page.evaluate(() => {
			globalThis.moved = 0;
			new PerformanceObserver(list => list.getEntries().forEach(entry => { moved += entry.value; })).observe({ type: "layout-shift" });
		});
		answer();
		answer = null;
		await page.locator('billing-dashboard[data-phase="ready"]').waitFor();
		const after = await box();
		assert.ok(Math.abs(after.height - before.height) <= 2, `the plan's card: ${before.height} px, then ${after.height} px`);
		await page.clock.resume(); // for what is painted
		await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))));
		assert.ok(await page.evaluate(() => moved) < 0.05, `moved ${await page.evaluate(() => moved)}`);
	}
});

test("no answer at all: says so, tries again by itself, and there is a button for the impatient", async () => {
	for (const path of ["subscription-status", "plans", "invoices"]) mock.on(path, () => "hang up");
	const page = await new_page();
	await open_dashboard(page, { phase: "unreachable" });
	await idle(page);
	assert.match(await dashboard(page).innerText(), /We cannot reach the billing service/);
	await primary(page, "Try again");
	await no_violations(page);
	await shot(page, "unreachable-light-desktop");
	await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
	await no_violations(page);
	await page.setViewportSize({ width: 320, height: 640 });
	await shot(page, "unreachable-dark-phone");
	assert.equal(mock.asked("subscription-status").length, 1);
	await page.clock.runFor(1000);
	await until(() => mock.asked("subscription-status").length === 2, "the second try within a second");
	await idle(page);
	serve(mock, "active");
	await (await primary(page)).click();
	await says(page, "Renews on");
});

test("the tries grow apart: 1, 2, 4 … at most 60 s, a part of it at random", async () => {
	for (const path of ["plans", "invoices"]) mock.on(path, { body: {} });
	mock.on("subscription-status", () => problem(503, "unavailable"));
	const page = await new_page();
	await open_dashboard(page, { phase: "unreachable" });
	await idle(page);
	const gaps = [];
	let last = 0;
	for (let second = 0, seen = 1; second < 300 && gaps.length < 9; second++) {
		await page.clock.runFor(1000);
		await idle(page);
		if (mock.asked("subscription-status").length > seen) {
			seen = mock.asked("subscription-status").length;
			gaps.push(second - last);
			last = second;
		}
	}
	for (const [i, gap] of gaps.slice(0, 6).entries()) assert.ok(gap <= 2 ** i + 2, `gap ${i}: ${gap} s`);
	assert.ok(gaps.at(-1) >= 25 && gaps.at(-1) <= 62, `the last gap: ${gaps.at(-1)} s`);
});

test("away after it was there: the last data stays, with its age, and actions stay possible", async () => {
	serve(mock, "active");
	const page = await new_page();
	await open_dashboard(page);
	for (const path of ["subscription-status", "plans", "invoices"]) mock.on(path, () => "hang up");
	await page.clock.runFor(300000);
	await look_again(page);
	await says(page, /This is what we knew 5 minutes ago/);
	assert.match(await dashboard(page).innerText(), /Renews on April 3, 2026/);
	assert.equal(await page.locator("billing-dashboard .history-table tbody tr").count(), 4);
	await no_violations(page);
	await shot(page, "away-light-desktop");
	await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
	await no_violations(page);
	await page.setViewportSize({ width: 320, height: 640 });
	await shot(page, "away-dark-phone");
	await idle(page);
	await page.clock.runFor(120000);
	await says(page, /7 minutes ago/);
	await idle(page);
	serve(mock, "canceling");
	await run_until(page, () => page.locator("billing-dashboard h2", { hasText: "Pro until April 3, 2026" }).isVisible());
	await dashboard(page).getByText("cannot reach").first().waitFor({ state: "detached" });
});

test("an answer that the server gives from memory says how old it is", async () => {
	serve(mock, { ...status.active, stale: true, answered_from: "last_known", age_s: 3600 });
	const page = await new_page();
	await open_dashboard(page);
	await says(page, /from 1 hour ago/);
	await no_violations(page);
});

test("details pending: asked again with Prefer: wait, and nothing jumps", async () => {
	let answer;
	serve(mock, "active");
	mock.on("subscription-status", request => (request.headers.prefer === "wait=5"
		? new Promise(resolve => { answer = () => resolve({ body: status.active }); })
		: { body: { ...status.active, details_state: "pending", details: null, next_billing: null } }));
	const page = await new_page();
	await open_dashboard(page);
	await idle(page);
	assert.match(await page.locator("billing-dashboard .facts").innerText(), /Loading/);
	const before = await page.locator("billing-dashboard .plan").boundingBox();
	await no_violations(page);
	await shot(page, "details-pending-light-desktop");
	await page.clock.runFor(1);
	await until(() => answer);
	answer();
	await page.locator("billing-dashboard .facts").getByText("Expires").waitFor();
	const after = await page.locator("billing-dashboard .plan").boundingBox();
	assert.ok(Math.abs(after.height - before.height) <= 2, `${before.height} px, then ${after.height} px`);
});

test("details unavailable: said once for each fact, the rest works, and it is tried again", async () => {
	serve(mock, { ...status.active, details_state: "unavailable", details: null });
	const page = await new_page();
	await open_dashboard(page);
	assert.match(await page.locator("billing-dashboard .facts").innerText(), /Not available right now/);
	assert.match(await dashboard(page).innerText(), /Renews on April 3, 2026/);
	await no_violations(page);
	await shot(page, "details-unavailable-light-desktop");
	await idle(page);
	serve(mock, "active");
	await run_until(page, () => page.locator("billing-dashboard .facts").getByText("Expires").isVisible());
});

test("details from before there was a plan: on their way, then unavailable, and never \"nothing to pay\"", async () => {
	serve(mock, { ...status.active, details_state: "stale", details: details({ subscription: null, payment_method: null, upcoming: null }) });
	const page = await new_page();
	const facts = page.locator("billing-dashboard .facts");
	await open_dashboard(page);
	await idle(page);
	assert.match(await facts.innerText(), /Loading[\s\S]*Loading[\s\S]*Loading/);
	assert.doesNotMatch(await facts.innerText(), /Nothing|None/);
	await run_until(page, () => facts.getByText("Not available right now").first().isVisible(), 30);
	assert.doesNotMatch(await facts.innerText(), /Nothing|None/);
	serve(mock, "active");
	await run_until(page, () => facts.getByText("Expires").isVisible());
});

test("signed out: the token function is asked again, then it says so", async () => {
	serve(mock, "active");
	mock.on("subscription-status", request => (request.headers.authorization === "Bearer good" ? { body: status.active } : problem(401, "token_expired")));
	mock.pages.set("/host", `<!doctype html><html lang="en"><head><title>Host</title><script type="module" src="/host.js"></script></head><body>
		<main><h1>Host</h1><billing-dashboard heading-level="2" sign-in-url="/login"></billing-dashboard></main></body></html>`);
	mock.pages.set("/host.js", `//\nimport "/settings/billing/assets/billing-dashboard.js";
		globalThis.tokens = ["old", "good"]; globalThis.again = [];
		document.querySelector("billing-dashboard").token = async told => { again.push(told.again); return tokens.length > 1 ? tokens.shift() : tokens[0]; };`);
	const page = await new_page();
	await open_dashboard(page, { path: "/host", token: "" });
	assert.ok((await page.evaluate(() => again)).includes(true));
	assert.equal(await page.locator("billing-dashboard h2.title").count(), 1, "heading-level counts");
	await idle(page);
	await page.evaluate(() => { tokens[0] = "old"; });
	await look_again(page);
	await page.locator('billing-dashboard[data-phase="signed_out"]').waitFor();
	assert.match(await dashboard(page).innerText(), /You are signed out/);
	assert.doesNotMatch(await dashboard(page).innerText(), /4242|Renews/, "nothing of the last data stays");
	assert.equal(await (await primary(page)).getAttribute("href"), `${mock.origin}/login`);
	await no_violations(page);
	await shot(page, "signed-out-light-desktop");
	await idle(page);
	await page.evaluate(() => { tokens[0] = "good"; });
	await look_again(page);
	await says(page, "Renews on");
});

test("a token that was set before the module was there counts", async () => {
	serve(mock, "active");
	mock.pages.set("/host", `<!doctype html><html lang="en"><head><title>Host</title></head><body><main><billing-dashboard></billing-dashboard></main>
		<script src="/early.js"></script><script type="module" src="/settings/billing/assets/billing-dashboard.js"></script></body></html>`);
	mock.pages.set("/early.js", '//\nconst early = document.querySelector("billing-dashboard"); early.token = () => "early"; early.messages = { title: "Early" };');
	const page = await new_page();
	await open_dashboard(page, { path: "/host", token: "" });
	await page.getByRole("heading", { name: "Early" }).waitFor();
	assert.equal(mock.asked("subscription-status")[0].headers.authorization, "Bearer early");
});

test("a token in the fragment is used, kept for the tab, and gone from the address", async () => {
	serve(mock, "active");
	const page = await new_page();
	await open_dashboard(page, { path: "/settings/billing#token=abc.def&x=1", token: "" });
	assert.equal(mock.asked("subscription-status")[0].headers.authorization, "Bearer abc.def");
	assert.equal(mock.asked("plans").length, 1);
	assert.equal((await address(page)).hash, "#x=1");
	await page.reload();
	await page.locator('billing-dashboard[data-phase="ready"]').waitFor();
	assert.equal(mock.asked("subscription-status").at(-1).headers.authorization, "Bearer abc.def");
});

test("away from the own machine a token in a link signs nobody in", async () => {
	serve(mock, "free");
	const page = await new_page();
	const origin = mock.origin.replace("127.0.0.1", "billing.example");
	await open_dashboard(page, { path: "/settings/billing#token=abc.def&x=1", token: "", origin });
	assert.equal(mock.asked("subscription-status")[0].headers.authorization, undefined);
	assert.equal((await address(page)).hash, "#x=1");
});

test("no token: none is sent, and the cookie is the server's business", async () => {
	serve(mock, "free");
	const page = await new_page();
	await open_dashboard(page, { token: "" });
	assert.equal(mock.asked("subscription-status")[0].headers.authorization, undefined);
});

test("an action that fails says so, with a reference, and the button works again", async () => {
	serve(mock, "free");
	mock.on("create-checkout-session", problem(502, "stripe_failed", { request_id: "r-77" }));
	const page = await new_page();
	await open_dashboard(page);
	await (await primary(page)).click();
	await says(page, /Nothing has been charged. Please try again/);
	await says(page, /r-77/);
	await no_violations(page);
	await shot(page, "action-failed-light-desktop");
	const [first] = mock.asked("create-checkout-session");
	mock.on("create-checkout-session", { body: { url: "javascript:alert(1)", id: "cs_1", flow: "checkout" } });
	await (await primary(page)).click();
	await until(() => mock.asked("create-checkout-session").length === 2);
	await says(page, /Please try again/);
	assert.equal((await address(page)).href, `${mock.origin}/settings/billing`, "only http and https lead anywhere");
	assert.notEqual(mock.asked("create-checkout-session")[1].headers["idempotency-key"], first.headers["idempotency-key"]);
	mock.on("create-checkout-session", problem(429, "too_many_requests"));
	await (await primary(page)).click();
	await says(page, /a little fast/);
});

test("what fails far down the page is said where it is seen", async () => {
	serve(mock, "free");
	mock.on("create-checkout-session", problem(502, "stripe_failed"));
	const page = await new_page({ width: 320, height: 640 });
	await open_dashboard(page);
	await page.getByRole("button", { name: "Upgrade to Institutional" }).click();
	const note = page.locator("billing-dashboard .note.bad");
	await note.waitFor();
	const { y, height } = await note.boundingBox();
	assert.ok(y >= 0 && y + height <= 640, `from ${y} px, ${height} px high`);
	assert.ok(await page.evaluate(() => scrollY) > 0);
	await no_violations(page);
	await shot(page, "action-failed-light-phone", false);
});

test("plans or payments alone out of reach: said in their place, and tried again", async () => {
	serve(mock, "active");
	mock.on("plans", () => problem(502, "stripe_failed"));
	mock.on("invoices", () => problem(504, "stripe_timeout"));
	const page = await new_page();
	await open_dashboard(page, { phase: "ready" });
	await says(page, "The plans could not be loaded.");
	await says(page, "Your payments could not be loaded.");
	assert.match(await dashboard(page).innerText(), /Renews on/);
	await no_violations(page);
	await shot(page, "parts-failed-light-desktop");
	mock.on("plans", { body: plans }).on("invoices", { body: invoices });
	await run_until(page, () => dashboard(page).getByText("Upgrade to Institutional").isVisible());
	await run_until(page, () => page.locator("billing-dashboard .history-table").isVisible());
});

test("looked at again after a while: asked again; at once: not", async () => {
	serve(mock, "active");
	const page = await new_page();
	await open_dashboard(page);
	await idle(page);
	const look = () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
	await look();
	await page.clock.runFor(6000);
	await idle(page);
	assert.equal(mock.asked("subscription-status").length, 1);
	await look();
	await until(() => mock.asked("subscription-status").length === 2);
});

test("the moment at which the tier ends: asked then, without a reload", async () => {
	serve(mock, { ...status.canceling, cancel_at: "2026-03-10T12:30:00Z", until: "2026-03-10T12:30:00Z" });
	const page = await new_page();
	await open_dashboard(page);
	await idle(page);
	serve(mock, "canceled");
	await page.clock.runFor(29 * 60000);
	await idle(page);
	assert.match(await dashboard(page).innerText(), /Pro until/);
	await page.clock.runFor(2 * 60000);
	await says(page, "Your Pro plan has ended");
});

test("somebody else signs in: nothing of the one before is shown to them", async () => {
	serve(mock, "active");
	const page = await new_page();
	await open_dashboard(page);
	assert.equal(await page.locator("billing-dashboard .history-table").count(), 1);
	let answer;
	serve(mock, { ...status.free, subject: "bob" });
	mock.on("invoices", () => new Promise(resolve => { answer = () => resolve({ body: { invoices: [], next_cursor: null } }); }));
	await look_again(page);
	await says(page, "You are not paying for anything");
	await until(() => answer);
	assert.equal(await page.locator("billing-dashboard .history-table").count(), 0);
	assert.doesNotMatch(await dashboard(page).innerText(), /4242|TG-0100/);
	answer();
	await until(async () => /No payments yet/.test(await dashboard(page).innerText()) || (answer(), false));
});

test("payments that were asked for by the one before are not shown to somebody else", async () => {
	serve(mock, "active");
	const late = [];
	const page_of = (from, next) => ({ body: { invoices: [invoice(from)], next_cursor: next } });
	const hold = answer => new Promise(resolve => late.push(() => resolve(answer)));
	mock.on("invoices", page_of(0, "c1"));
	const page = await new_page();
	await open_dashboard(page);
	mock.on("invoices", ({ query }) => hold(query.cursor ? page_of(2, null) : page_of(1, "c1")));
	await page.getByRole("button", { name: "Show more" }).click();
	await until(() => late.length === 1);
	await look_again(page);
	await until(() => late.length === 2);
	serve(mock, { ...status.free, subject: "bob" }, { invoices: [], next_cursor: null });
	await until(() => page.evaluate(() => under_way.size === 2), "the payments alone are not told yet");
	await page.evaluate(() => {
		globalThis.seen = new Set();
		const { shadowRoot } = document.querySelector("billing-dashboard");
		new MutationObserver(() => { for (const one of shadowRoot.querySelectorAll(".history a[aria-label]")) seen.add(one.ariaLabel); })
			.observe(shadowRoot, { childList: true, subtree: true });
	});
	await look_again(page);
	await says(page, "You are not paying for anything");
	for (const answer of late) answer();
	await idle(page);
	await page.getByText("No payments yet").waitFor();
	assert.deepEqual(await page.evaluate(() => [...seen]), []);
});

test("news while a question is under way: asked once more, since its answer may be older", async () => {
	serve(mock, "free");
	const page = await new_page();
	await open_dashboard(page);
	let answer;
	mock.on("subscription-status", () => new Promise(resolve => { answer = () => resolve({ body: status.free }); }));
	await page.evaluate(() => { // made later than the dashboard's own, it hears later too
		globalThis.heard = 0;
		new BroadcastChannel("tiergate").onmessage = () => { heard++; };
	});
	await look_again(page);
	await until(() => answer);
	await page.evaluate(() => { const channel = new BroadcastChannel("tiergate"); channel.postMessage({ type: "tier-change", tier: "pro" }); channel.close(); });
	await until(() => page.evaluate(() => heard === 1), "the page has heard it");
	const asked = mock.asked("subscription-status").length;
	mock.on("subscription-status", { body: status.active });
	answer();
	await says(page, "Renews on");
	assert.equal(mock.asked("subscription-status").length, asked + 1);
});
