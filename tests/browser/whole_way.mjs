// Free, Upgrade to Pro, the hosted checkout, paid, Pro; a guard on another page opens; the backend lets her in; cancelled in the
// portal, "Pro until …", resumed. Three times: with webhooks on time, a minute late, and lost.
//   ORIGIN, STRIPE, TOKEN_<who>: of whole_way.sh, which starts everything.     node whole_way.mjs OUT_DIR
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const { ORIGIN, STRIPE, CHROMIUM = "/usr/bin/chromium" } = process.env;
const out = process.argv[2];
const SOON_MS = 60000; // for what should take a second, on a busy machine
const LATE_S = 60;
const TRIES = 10; // of what a busy machine may honestly answer with "not now"

let browser;
before(async () => { browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] }); });
after(() => browser?.close());

async function control(verb, body) {
	const answer = await fetch(`${STRIPE}/_sim/${verb}`, body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
	assert.equal(answer.status, 200, await answer.clone().text());
	return answer.json();
}

async function until(holds, ms, what) {
	const deadline = Date.now() + ms;
	for (;;) {
		const value = await holds();
		if (value) return value;
		assert.ok(Date.now() < deadline, `not within ${ms} ms: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

// One customer with two tabs of one browser, and her own calls beside them.
class Customer {
	constructor(who) {
		this.who = who;
		this.token = process.env[`TOKEN_${who}`];
		this.complaints = [];
	}

	async open() {
		this.context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, locale: "en-US", timezoneId: "UTC" });
		this.billing = await this.tab();
		this.desk = await this.tab();
	}

	async tab() {
		const page = await this.context.newPage();
		page.setDefaultTimeout(SOON_MS);
		page.on("console", (message) => {
			if (["error", "warning"].includes(message.type()) && !/Failed to load resource/.test(message.text())) this.complaints.push(message.text());
		});
		page.on("pageerror", (error) => this.complaints.push(String(error)));
		return page;
	}

	async get(path) {
		const answer = await fetch(ORIGIN + path, { headers: { Authorization: `Bearer ${this.token}` } });
		return { status: answer.status, body: await answer.json().catch(() => ({})) }; // a proxy's page is none
	}

	// The backend's answer. It gives query a second; when that was not enough it says so, and is asked again.
	async trades() {
		let answer;
		for (let tries = 0; tries < TRIES && (!answer || answer.status >= 500); tries++) answer = await this.get("/api/live-trading");
		return answer;
	}

	shot(page, name) { return page.screenshot({ path: join(out, `way-${this.who}-${name}.png`), fullPage: true, animations: "disabled" }); }

	get dashboard() { return this.billing.locator("billing-dashboard .dashboard"); }

	// Exactly one primary action, and it says this.
	async primary(name) {
		const button = this.billing.locator("billing-dashboard .button.primary:visible");
		await button.filter({ hasText: name }).waitFor();
		assert.equal(await button.count(), 1);
		return button;
	}

	// Presses the primary action until it leads there: what fails for want of time says so, and may be tried again.
	async leaves(name, url) {
		const failed = this.billing.locator("billing-dashboard .note.bad").first();
		for (let tries = 0; tries < TRIES; tries++) {
			await (await this.primary(name)).click();
			const there = this.billing.waitForURL(url).then(() => true);
			const refused = failed.waitFor().then(() => false);
			refused.catch(() => {}); // it was not
			if (await Promise.race([there, refused])) return;
			there.catch(() => {});
			await this.shot(this.billing, "refused");
		}
		assert.fail(`${name} leads nowhere`);
	}

	async shows(text) { await this.dashboard.getByText(text).first().waitFor(); }
}

async function open_as_free(c) {
	await c.billing.goto(`${ORIGIN}/settings/billing#token=${c.token}`);
	await c.primary("Upgrade to Pro");
	assert.equal(await c.billing.evaluate(() => location.hash), "", "the token is not left in the address");
	await c.shows("No payments yet");
	await c.shot(c.billing, "1-free");

	await c.desk.goto(`${ORIGIN}/example/#token=${c.token}`);
	await c.desk.locator("tier-guard[state=denied]").waitFor({ state: "attached" });
	await c.desk.locator("#offer").waitFor();
	assert.equal(await c.desk.locator("#desk").count(), 0, "what is guarded does not exist yet");
	await c.desk.evaluate(() => { globalThis.same_page = true; });
	await c.shot(c.desk, "2-guard-denied");
	const { status, body } = await c.trades();
	assert.deepEqual([status, body.code, body.need], [403, "tier_required", "pro"]);
}

// From the Pay button to the page that says so; milliseconds.
async function upgrade(c) {
	await c.leaves("Upgrade to Pro", `${STRIPE}/c/pay/**`);
	await c.shot(c.billing, "3-checkout");
	const paid_at = Date.now();
	await c.billing.getByRole("button", { name: "Pay", exact: true }).click();
	await c.billing.waitForURL(`${ORIGIN}/settings/billing**`);
	await c.shows("You are on Pro now");
	const shown_ms = Date.now() - paid_at;
	assert.equal(await c.billing.evaluate(() => location.search), "", "what the checkout put into the address is gone");
	await c.primary("Manage billing");
	await c.billing.locator("billing-dashboard .history-table").getByText("$49.00").first().waitFor();
	await c.shot(c.billing, "4-pro");
	return shown_ms;
}

// What the desk says of an order; of another one, when query was not asked in time.
async function order(c) {
	const result = c.desk.locator("#result");
	let said;
	for (let tries = 0; tries < TRIES && (!said || /unavailable|nobody answers/.test(said)); tries++) {
		await result.evaluate(node => { node.value = ""; });
		await c.desk.locator("#order").click();
		await result.filter({ hasText: /./ }).waitFor();
		said = await result.innerText();
	}
	return said;
}

async function trade(c) {
	await c.desk.locator("tier-guard[state=allowed]").waitFor({ state: "attached" });
	assert.equal(await c.desk.evaluate(() => globalThis.same_page), true, "without a reload");
	assert.equal(await c.desk.locator("#offer:visible").count(), 0);
	assert.equal(await order(c), "accepted (pro)");
	await c.shot(c.desk, "5-guard-allowed");
	assert.equal((await c.trades()).status, 200);
}

// Out of the portal and back to a page that shows what was done there, without a reload, and whatever becomes of webhooks. What
// the store has (nothing else would bring it there today) is told by the entitlements: only their answer knows nothing of what Stripe says beside. Milliseconds.
async function comes_back(c, reason, primary) {
	const back_at = Date.now();
	await c.billing.getByRole("link", { name: "Back" }).click();
	await c.billing.waitForURL(`${ORIGIN}/settings/billing**`);
	await c.primary(primary);
	const shown_ms = Date.now() - back_at;
	await until(async () => (await c.get("/api/v1/billing/entitlements")).body.reason === reason, SOON_MS, `the store says ${reason}`);
	return shown_ms;
}

async function cancel_and_resume(c) {
	await c.leaves("Manage billing", `${STRIPE}/p/session/**`);
	await c.shot(c.billing, "6-portal");
	await c.billing.getByRole("button", { name: "Cancel at the end of the period" }).click();
	await c.billing.getByRole("button", { name: "Resume" }).waitFor();
	const canceled_ms = await comes_back(c, "canceling", "Resume plan");
	await c.shows(/Pro until \w+ \d+, \d{4}/);
	await c.shot(c.billing, "7-canceling");
	assert.equal((await c.trades()).status, 200, "she keeps what she paid for");

	await c.leaves("Resume plan", `${STRIPE}/p/session/**`);
	await c.billing.getByRole("button", { name: "Resume" }).click();
	await c.billing.getByRole("button", { name: "Cancel at the end of the period" }).waitFor();
	const resumed_ms = await comes_back(c, "active", "Manage billing");
	await c.shows(/Renews on \w+ \d+, \d{4}/);
	await c.shot(c.billing, "8-resumed");
	return [canceled_ms, resumed_ms];
}

// Webhooks that are under way, or late, are delivered: they would be taken for others.
const flush = () => until(async () => (await control("flush", {})).pending === 0, SOON_MS, "every webhook is delivered");

async function whole_way(who, misbehaviour) {
	const c = new Customer(who);
	await flush();
	await c.open();
	try {
		await open_as_free(c);
		await flush();
		const before = await control("deliveries");
		await control("misbehave", misbehaviour);
		const paid_at = Date.now();
		const not_due = () => Date.now() - paid_at < LATE_S * 1000; // on a slow machine they may be, by and by
		const shown_ms = await upgrade(c);
		await trade(c);
		const now = await control("deliveries");
		if (who === "late" && not_due()) assert.ok(now.pending > 0 && now.delivered === before.delivered, "no webhook has come yet");
		if (who === "lost") assert.ok(now.dropped > before.dropped && now.delivered === before.delivered, "no webhook has come");
		const [canceled_ms, resumed_ms] = await cancel_and_resume(c);
		const last = await control("deliveries");
		if (who === "lost" || (who === "late" && not_due()))
			assert.equal(last.delivered, before.delivered, "still no webhook has come");
		console.log(`${who}: ${shown_ms} ms from the Pay button to "You are on Pro now", ${canceled_ms} and ${resumed_ms} ms back from the portal`);
		assert.deepEqual(c.complaints, [], "the console has complaints");
	} catch (error) {
		await c.shot(c.billing, "failed").catch(() => {});
		throw error;
	} finally {
		await control("misbehave", {});
		await c.context.close();
	}
}

test("webhooks on time", () => whole_way("on_time", {}));
test("webhooks a minute late", () => whole_way("late", { delay_s: [LATE_S, LATE_S] }));
test("webhooks lost", () => whole_way("lost", { drop: 1 }));
