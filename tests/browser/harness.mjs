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
let browser, open = [];

before(async () => {
	await mock.start();
	browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage",
		"--font-render-hinting=none", "--host-resolver-rules=MAP *.example 127.0.0.1"] });
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

// In every page: keeps what of its requests is under way, until it has read their answers: whoever waits for one runs on
// before anything from outside can look at the page again.
const keep_under_way = () => {
	globalThis.under_way = new Set();
	const kept = (method, name) => async function (...values) {
		const one = { what: name(this, values) };
		globalThis.under_way.add(one);
		try {
			return await method.apply(this, values);
		} finally {
			globalThis.under_way.delete(one);
		}
	};
	globalThis.fetch = kept(globalThis.fetch, (_, [url, options]) => `fetch ${url} ${JSON.stringify(options?.headers ?? {})}`);
	for (const read of ["json", "text"])
		Response.prototype[read] = kept(Response.prototype[read], ({ url, status }) => `${read} of ${status} ${url}`);
};

// In a page whose clock stands: Playwright's runs when a document begins, and its first use of a timer or a date tells it that it
// stands; but not the tick that is ordered by then, which runs what the page wants done "at once". This gives up the tick alone:
// a use of the clock would end what Playwright tells it, and the steps of the document before are told after this.
const stop_clock = () => { globalThis.__pwClock.controller._innerPause(); };

// In a page whose clock runs: its limit on how long a request may take never comes, however long the machine stands still.
const patient = () => {
	const { setTimeout: set } = globalThis;
	globalThis.setTimeout = (run, ms, ...values) => (ms >= 10000 ? 0 : set(run, ms, ...values));
};

// A page of its own. `quiet`: what the console may complain of (a 4xx that the test makes, say). Its clock stands at `now` and goes
// on by page.clock.runFor alone, so that nothing of the page's comes by itself, however long a step of the test takes.
// `now` null: the clock is the machine's, for what is painted.
export async function new_page({ width = 1280, height = 900, dark = false, now = NOW, locale = "en-US", zone = "UTC",
	quiet = /Failed to load resource/, reduced = true, forced = false } = {}) {
	const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale, timezoneId: zone,
		reducedMotion: reduced ? "reduce" : "no-preference", forcedColors: forced ? "active" : "none" });
	context.setDefaultTimeout(60000);
	const page = await context.newPage();
	const complaints = [];
	page.on("console", message => {
		if (["error", "warning"].includes(message.type()) && !quiet.test(message.text())) complaints.push(message.text());
	});
	page.on("pageerror", error => complaints.push(String(error)));
	open.push({ context, complaints });
	if (now) {
		await page.clock.install({ time: new Date(Date.parse(now) - 86400000) }); // it runs until it is stopped
		await page.clock.pauseAt(new Date(now));
		await page.addInitScript(stop_clock);
	} else await page.addInitScript(patient);
	await page.addInitScript(keep_under_way);
	return page;
}

// Opens the dashboard and waits until it shows what it has.
export async function open_dashboard(page, { path = "/settings/billing", phase = "ready", token = "t", origin = mock.origin } = {}) {
	await page.addInitScript(text => { if (text) sessionStorage.setItem("tiergate.token", text); }, token);
	const failed = [];
	page.on("requestfailed", request => failed.push(`${request.url()} ${request.failure()?.errorText}`));
	await page.goto(origin + path);
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

// axe gives way by timers of no length. The page's clock stands, and is not to go on for them: they are turns of the page's.
const AXE = `{
	const page_timeout = globalThis.setTimeout;
	const setTimeout = (run, ms = 0, ...values) => {
		if (ms > 0) return page_timeout(run, ms, ...values);
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = () => { port1.close(); run(...values); };
		port2.postMessage(null);
		return 0;
	};
	${axe}
}`;

export async function axe_violations(page) {
	await page.evaluate(AXE);
	const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
	return violations.map(v => `${v.id}: ${v.nodes.map(node => `${node.target.flat().join(" ")} (${node.any[0]?.message ?? node.all[0]?.message ?? ""})`).join("; ")}`);
}

export const no_violations = async page => assert.deepEqual(await axe_violations(page), []);

// The page's address, as the page has it now: what Playwright knows may be behind.
export const address = async page => new URL(await page.evaluate(() => location.href));

export const shot = (page, name, full = true) => page.screenshot({ path: join(out, `${name}.png`), fullPage: full, animations: "disabled" });

// The primary action, when it says this: there is one at most.
export async function primary(page, says = null) {
	const all = page.locator("billing-dashboard .button.primary:visible");
	await (says === null ? all : all.filter({ hasText: says })).waitFor();
	assert.equal(await all.count(), 1, "exactly one primary action");
	if (says !== null) assert.equal((await all.innerText()).trim(), says);
	return all;
}

// Waits until it holds; for what the mock sees, which no page can wait for. A minute of tries: more, if they take their time.
// `instead` tells what there is when it never does.
export async function until(holds, what = "it holds", instead = () => "") {
	for (let tries = 0; tries < 3000; tries++) {
		if (await holds()) return;
		await new Promise(resolve => setTimeout(resolve, 20));
	}
	assert.fail(`never came: ${what}\n${await instead()}`);
}

// Waits until no request of the page is under way, and what waited for the last answer has run: from then on only a timer, or
// the test, makes it ask again. Whoever changes what the mock answers, or lets the page's clock go on, wants this first.
export const idle = page => until(() => page.evaluate(() => under_way.size === 0), "no request is under way", async () =>
	`under way: ${await page.evaluate(() => [...under_way].map(one => one.what).join("; "))}\n` +
	`asked: ${mock.requests.map(({ path, headers }) => `${path} ${headers.prefer ?? ""}`).join("; ")}`);

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

// One test; ten minutes are far more than any needs.
export const test = (name, run) => node_test(name, { timeout: 600000 }, run);

export { assert };
