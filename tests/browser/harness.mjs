// What every browser test begins with: Debian's Chromium, a mock of billing, a page per test, and axe.
//   node NAME.mjs OUT_DIR      exit code 77: Chromium or the packages of package-lock.json are not there
import { mkdirSync, existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, test as node_test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Mock } from "./mock.mjs";

const CHROMIUM = process.env.TIERGATE_CHROMIUM ?? "/usr/bin/chromium";
const NOW = "2026-03-10T12:00:00Z"; // what the pages take for now, unless a test says otherwise

function skip(why) {
	console.log(`SKIPPED: ${why}`);
	process.exit(77);
}

if (!existsSync(CHROMIUM)) skip(`${CHROMIUM} is not installed`);
const require = createRequire(import.meta.url);
let playwright, axe;
try {
	playwright = require("playwright-core");
	axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
} catch {
	skip("playwright-core or axe-core is not installed: npm ci in tests/browser, or ./dev test");
}

const out = process.argv[2] ?? join(process.cwd(), "screenshots");
mkdirSync(out, { recursive: true });

export const mock = new Mock();
const stands = new WeakSet(); // the pages whose clock stands
let browser, open = [];

before(async () => {
	await mock.start();
	browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage", "--font-render-hinting=none"] });
});

after(async () => {
	await browser?.close();
	await mock.stop();
});

afterEach(async () => {
	for (const { context, complaints } of open.splice(0)) {
		await context.close();
		assert.deepEqual(complaints, [], "the console has complaints");
	}
	mock.reset();
});

// In every page: counts its requests that are under way, until their answers are read.
const count = () => {
	globalThis.under_way = 0;
	const fetch_it = globalThis.fetch;
	const done = () => { globalThis.under_way--; };
	globalThis.fetch = async (...request) => {
		globalThis.under_way++;
		const response = await fetch_it(...request).catch(error => { done(); throw error; });
		response.clone().text().then(done, done);
		return response;
	};
};

// A page of its own. `quiet`: what the console may complain of (a 4xx that the test makes, say). `still`: its clock stands and goes
// on by page.clock.runFor alone. Without it, the clock runs with the machine's, however long that takes for a step of the test.
export async function new_page({ width = 1280, height = 900, dark = false, now = NOW, still = false, locale = "en-US", zone = "UTC",
	quiet = /Failed to load resource/, reduced = true, forced = false } = {}) {
	const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale, timezoneId: zone,
		reducedMotion: reduced ? "reduce" : "no-preference", forcedColors: forced ? "active" : "none" });
	const page = await context.newPage();
	page.setDefaultTimeout(30000);
	const complaints = [];
	page.on("console", message => {
		if (["error", "warning"].includes(message.type()) && !quiet.test(message.text())) complaints.push(message.text());
	});
	page.on("pageerror", error => complaints.push(String(error)));
	open.push({ context, complaints });
	if (now) await page.clock.install({ time: new Date(Date.parse(now) - (still ? 60000 : 0)) });
	if (still) {
		await page.clock.pauseAt(new Date(now));
		stands.add(page);
	}
	await page.addInitScript(count);
	return page;
}

// Opens the dashboard and waits until it shows what it has.
export async function open_dashboard(page, { path = "/settings/billing", phase = "ready", token = "t" } = {}) {
	await page.addInitScript(text => { if (text) sessionStorage.setItem("tiergate.token", text); }, token);
	const failed = [];
	page.on("requestfailed", request => failed.push(`${request.url()} ${request.failure()?.errorText}`));
	await page.goto(mock.origin + path);
	try {
		await page.locator(`billing-dashboard[data-phase="${phase}"]`).waitFor();
		if (phase === "ready") await page.locator("billing-dashboard").locator(".blank, .history-blank").first().waitFor({ state: "detached" });
	} catch (error) {
		const seen = await page.evaluate(() => ({ defined: Boolean(customElements.get("billing-dashboard")),
			phase: document.querySelector("billing-dashboard")?.dataset.phase, ready: document.readyState, now: Date.now() }));
		const { complaints } = open.find(one => one.context === page.context());
		throw new Error(`${error.message}\n${JSON.stringify({ seen, failed, complaints, asked: mock.requests.map(request => request.path) })}`);
	}
}

export async function axe_violations(page) {
	await page.evaluate(axe);
	let done = false;
	const run = page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] })).finally(() => { done = true; });
	while (stands.has(page) && !done) { // it waits for timers of no length, which a clock that stands does not run
		await page.clock.runFor(1);
		await Promise.race([run, new Promise(resolve => setTimeout(resolve, 50))]);
	}
	const { violations } = await run;
	return violations.map(v => `${v.id}: ${v.nodes.map(node => `${node.target.flat().join(" ")} (${node.any[0]?.message ?? node.all[0]?.message ?? ""})`).join("; ")}`);
}

export const no_violations = async page => assert.deepEqual(await axe_violations(page), []);

export const shot = (page, name, full = true) => page.screenshot({ path: join(out, `${name}.png`), fullPage: full, animations: "disabled" });

// The primary action, when it says this: there is one at most.
export async function primary(page, says = null) {
	const all = page.locator("billing-dashboard .button.primary:visible");
	await (says === null ? all : all.filter({ hasText: says })).waitFor();
	assert.equal(await all.count(), 1, "exactly one primary action");
	if (says !== null) assert.equal((await all.innerText()).trim(), says);
	return all;
}

// Waits until it holds; for what the mock sees, which no page can wait for.
export async function until(holds, what = "it holds") {
	for (let tries = 0; tries < 1500; tries++) {
		if (await holds()) return;
		await new Promise(resolve => setTimeout(resolve, 20));
	}
	assert.fail(`never came: ${what}`);
}

// Waits until no request of the page is under way, and what waited for the last answer has run: from then on only a timer, or
// the test, makes it ask again. Whoever changes what the mock answers, or lets the page's clock go on, wants this first.
export async function idle(page) {
	await until(() => page.evaluate(async () => {
		for (let turn = 0; turn < 3 && under_way === 0; turn++)
			await new Promise(resolve => { // a turn of the page's; its timers may stand
				const { port1, port2 } = new MessageChannel();
				port1.onmessage = () => { port1.close(); resolve(); };
				port2.postMessage(null);
			});
		return under_way === 0;
	}), "no request is under way");
}

// Lets the page's clock go on, a second at a time, until it holds. Its requests take real time, its timers do not: each second
// waits for what it has begun.
export async function run_until(page, holds, seconds = 130) {
	for (let i = 0; i < seconds; i++) {
		await idle(page);
		if (await holds()) return;
		await page.clock.runFor(1000);
	}
	assert.fail(`not within ${seconds} s of the page's clock`);
}

// One test; two minutes are far more than any needs.
export const test = (name, run) => node_test(name, { timeout: 120000 }, run);

export { assert };
