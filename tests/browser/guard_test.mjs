import { assert, idle, mock, new_page, no_violations, run_until, shot, test, until } from "./harness.mjs";
import { plans, status } from "./answers.mjs";
import { problem } from "./mock.mjs";

const at = (tier, more = {}) => ({ subject: "alice", tier, status: "active", reason: "active", features: plans.tiers.find(one => one.name === tier).features,
	tiers: plans.tiers.map(({ name, features }) => ({ name, features })), until: null, ver: 1, epoch: "e1", stale: false, answered_from: "server",
	as_of: "2026-03-10T12:00:00Z", age_s: 0, ...more });

// answers with an ETag, and 304 to who has it
const tagged = answer => request => {
	const body = answer();
	const etag = `"${body.ver}-${body.tier}"`;
	return request.headers["if-none-match"] === etag ? { status: 304, headers: { ETag: etag } } : { body, headers: { ETag: etag } };
};

const PRO = `<template><p id="inside">Live trading</p></template>
	<template slot="fallback"><button id="offer" data-tier-upgrade>Upgrade to Pro</button></template>
	<template slot="loading"><p id="wait">One moment</p></template>
	<template slot="error"><p id="broken">Not available</p></template>`;

// a page with guards; `script` is served beside it, since the policy has no inline scripts
function page_with(guards, script = "", head = "") {
	mock.pages.set("/example", `<!doctype html><html lang="en"><head><title>Example</title>${head}<script type="module" src="/example.js"></script>
		<script type="module" src="/settings/billing/assets/tier-guard.js"></script></head><body><main><h1>Example</h1>${guards}</main></body></html>`);
	mock.pages.set("/example.js", `//\n${script}`);
}

async function open(page, state = "allowed", which = "tier-guard >> nth=0") {
	await page.goto(`${mock.origin}/example`);
	if (state) await page.locator(which).and(page.locator(`[state="${state}"]`)).waitFor({ state: "attached" });
}

const visible = (page, id) => page.locator(`#${id}`).isVisible();

test("who has the tier sees the content; who has not, the offer", async () => {
	let tier = "pro";
	mock.on("entitlements", tagged(() => at(tier)));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`);
	const page = await new_page();
	await open(page);
	assert.deepEqual([await visible(page, "inside"), await page.locator("#offer, #wait, #broken").count()], [true, 0]);
	const guard = page.locator("tier-guard");
	assert.deepEqual([await guard.getAttribute("current-tier"), await guard.getAttribute("need"), await guard.getAttribute("allowed")], ["pro", "pro", ""]);
	tier = "free";
	await open(page, "denied");
	assert.deepEqual([await visible(page, "offer"), await page.locator("#inside, #wait, #broken").count()], [true, 0]);
	assert.equal(await guard.getAttribute("allowed"), null);
	await no_violations(page);
});

test("feature, higher tiers, both, and not", async () => {
	mock.on("entitlements", tagged(() => at("pro")));
	const guard = (id, names) => `<tier-guard id="${id}" ${names}><template><p>${id}</p></template></tier-guard>`;
	page_with(guard("g1", 'feature="live_trading"') + guard("g2", 'feature="fix_connectivity"') + guard("g3", 'tier="free"') +
		guard("g4", 'tier="institutional"') + guard("g5", 'tier="institutional" not') + guard("g6", 'tier="pro" not') +
		guard("g7", 'tier="pro" feature="fix_connectivity"') + guard("g8", 'tier="free" feature="live_trading"'));
	const page = await new_page();
	await open(page);
	const states = await page.locator("tier-guard").evaluateAll(all => all.map(one => `${one.id} ${one.getAttribute("state")} ${one.querySelector("p") !== null}`));
	assert.deepEqual(states, ["g1 allowed true", "g2 denied false", "g3 allowed true", "g4 denied false", "g5 allowed true", "g6 denied false",
		"g7 denied false", "g8 allowed true"]);
	assert.equal(await page.locator("#g7").getAttribute("need"), "institutional");
});

test("one request a page, however many guards", async () => {
	mock.on("entitlements", tagged(() => at("pro")));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>` + '<tier-guard feature="live_trading"><template><i>x</i></template></tier-guard>'.repeat(200));
	const page = await new_page();
	await open(page);
	assert.equal(await page.locator('tier-guard[state="allowed"]').count(), 201);
	await page.evaluate(() => document.querySelector("main").append(document.querySelector("tier-guard").cloneNode(true)));
	assert.equal(await page.locator('tier-guard[state="allowed"]').count(), 202);
	assert.equal(mock.asked("entitlements").length, 1);
});

test("nothing of content or offer exists or is painted before the answer", async () => {
	let answer;
	mock.on("entitlements", () => new Promise(resolve => { answer = () => resolve({ body: at("free") }); }));
	// recorded from before the first element is parsed: every element that ever had a box, and every node that was added
	const record = `globalThis.painted = new Set(); globalThis.added = new Set();
		const look = () => { for (const id of ["inside", "offer", "broken", "plain-offer"]) {
			if (document.getElementById(id)?.getClientRects().length) painted.add(id); } requestAnimationFrame(look); }; look();
		new MutationObserver(all => { for (const { addedNodes } of all) for (const node of addedNodes) if (node.id) added.add(node.id); })
			.observe(document, { childList: true, subtree: true });`;
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard><tier-guard tier="pro"><template><script type="module" src="/ran.js"></script></template>
		<p slot="fallback" id="plain-offer">Offer</p></tier-guard>`, "", '<link rel="stylesheet" href="/settings/billing/assets/guard.css">');
	mock.pages.set("/ran.js", "//\nglobalThis.ran = true;");
	const page = await new_page({ now: null });
	await page.addInitScript(record);
	await page.goto(`${mock.origin}/example`);
	await page.locator("#wait").waitFor();
	await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))));
	assert.deepEqual(await page.evaluate(() => [...painted]), []);
	assert.equal(await page.evaluate(() => added.has("inside") || added.has("offer")), false);
	await shot(page, "guard-loading", false);
	await until(() => answer);
	answer();
	await page.locator("#offer").waitFor();
	await page.waitForFunction(() => painted.size === 2); // the record does see what is painted
	assert.deepEqual(await page.evaluate(() => [...painted].sort()), ["offer", "plain-offer"]);
	assert.equal(await page.evaluate(() => globalThis.ran ?? false), false, "nothing in the content ran");
});

test("mode=disable shows a picture of the content that cannot be used and runs nothing", async () => {
	let tier = "free";
	mock.on("entitlements", tagged(() => at(tier)));
	page_with(`<tier-guard tier="pro" mode="disable"><template><button id="trade">Trade</button><x-chart class="c">Chart</x-chart>
		<script type="module" src="/ran.js"></script><iframe src="/frame"></iframe></template>
		<template slot="fallback"><button id="offer" data-tier-upgrade>Upgrade to Pro</button></template></tier-guard>`,
	'globalThis.made = 0; customElements.define("x-chart", class extends HTMLElement { connectedCallback() { made++; } });');
	mock.pages.set("/ran.js", "//\nglobalThis.ran = true;");
	const page = await new_page({ quiet: /Framing/ });
	await open(page, "denied");
	const trade = page.getByText("Trade");
	assert.equal(await trade.isVisible(), true);
	assert.equal(await trade.isDisabled(), true);
	assert.deepEqual(await page.evaluate(() => [made, globalThis.ran ?? false, document.querySelectorAll("iframe, script:not(head script), x-chart").length]), [0, false, 0]);
	await page.keyboard.press("Tab");
	assert.equal(await page.evaluate(() => document.activeElement.id), "offer", "Tab passes over it");
	await no_violations(page);
	await shot(page, "guard-disabled", false);
	tier = "pro";
	await page.evaluate(() => dispatchEvent(new Event("online")));
	await page.locator('tier-guard[state="allowed"]').waitFor();
	assert.equal(await page.locator("#trade").isEnabled(), true);
	assert.equal(await page.evaluate(() => made), 1);
	await page.waitForFunction(() => globalThis.ran);
});

test("an error shows the error slot and nothing else, says so once a failure, and recovers by itself", async () => {
	let down = true;
	mock.on("entitlements", () => (down ? problem(503, "unavailable") : { body: at("pro") }));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`, 'globalThis.told = []; addEventListener("tier-error", event => told.push(event.detail));');
	const page = await new_page();
	await open(page, "error");
	assert.deepEqual([await visible(page, "broken"), await page.locator("#inside, #offer, #wait").count()], [true, 0]);
	assert.deepEqual(await page.evaluate(() => told), [{ kind: "unreachable", code: "unavailable" }]);
	down = false;
	await page.clock.runFor(1100);
	await page.locator('tier-guard[state="allowed"]').waitFor();
	assert.equal(await visible(page, "inside"), true);
});

test("what was known counts through an outage for ten minutes, and then no more", async () => {
	mock.on("entitlements", tagged(() => at("pro")));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`);
	const page = await new_page();
	await open(page);
	mock.on("entitlements", () => "hang up");
	const before = mock.requests.length;
	const state = () => page.locator("tier-guard").getAttribute("state");
	const ten_minutes = 10 * 60 - 5; // the last answer came within the first five seconds
	for (let seconds = 0; seconds < ten_minutes; seconds += 5) {
		await page.clock.runFor(5000);
		await idle(page);
	}
	assert.equal(await state(), "allowed");
	assert.ok(mock.requests.length > before, "it went on asking");
	await run_until(page, async () => await state() === "error", 70);
	assert.equal(await page.locator("#inside").count(), 0);
});

test("a guard that comes hours after the last one went waits for an answer", async () => {
	mock.on("entitlements", tagged(() => at("pro", { until: "2026-03-10T12:02:00Z" })));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`);
	const page = await new_page();
	await open(page);
	await idle(page);
	const again = () => page.evaluate(() => {
		const guard = globalThis.taken;
		document.querySelector("main").append(guard);
		return [guard.getAttribute("state"), guard.querySelector("#inside") !== null];
	});
	const take = () => page.evaluate(() => { globalThis.taken = document.querySelector("tier-guard"); taken.remove(); });
	await take();
	await page.clock.runFor(60000);
	assert.deepEqual(await again(), ["allowed", true], "a moment later it is known");
	await idle(page);
	await take();
	await page.clock.runFor(61000);
	let answer;
	mock.on("entitlements", () => new Promise(resolve => { answer = () => resolve({ body: at("free", { ver: 2 }) }); }));
	assert.deepEqual(await again(), ["loading", false], "what was good until a moment that has passed is none");
	await until(() => answer);
	answer();
	await page.locator('tier-guard[state="denied"]').waitFor();
	mock.on("entitlements", tagged(() => at("pro", { ver: 3 })));
	await page.evaluate(() => dispatchEvent(new Event("online")));
	await page.locator('tier-guard[state="allowed"]').waitFor();
	await idle(page);
	await take();
	await page.clock.runFor(3 * 3600000);
	mock.on("entitlements", () => "hang up");
	assert.deepEqual(await again(), ["loading", false]);
	await page.locator('tier-guard[state="error"]').waitFor();
	mock.on("entitlements", tagged(() => at("pro", { ver: 3 }))); // a 304
	await page.evaluate(() => dispatchEvent(new Event("online")));
	await page.locator('tier-guard[state="allowed"]').waitFor();
});

test("signed out: closed at once, and the token function is asked again before", async () => {
	mock.on("entitlements", request => (request.headers.authorization === "Bearer good" ? { body: at("pro") } : problem(401, "token_expired")));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`, `import { configure } from "/settings/billing/assets/entitlements.js";
		globalThis.asked = []; globalThis.tokens = ["old", "good"];
		configure({ token: async ({ again }) => { asked.push(again); return tokens.shift() ?? "old"; } }); globalThis.configure = configure;`);
	const page = await new_page();
	await open(page);
	assert.deepEqual(await page.evaluate(() => asked), [false, true]);
	await page.evaluate(() => dispatchEvent(new Event("online")));
	await page.locator('tier-guard[state="error"]').waitFor();
	assert.equal(await page.locator("#inside").count(), 0);
	await page.evaluate(() => { configure({ token: "good" }); });
	await page.locator('tier-guard[state="allowed"]').waitFor();
});

test("a watcher that throws is no failure of the others, nor of the answer", async () => {
	mock.on("entitlements", tagged(() => at("pro")));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`, `import { watch } from "/settings/billing/assets/entitlements.js";
		globalThis.thrown = [];
		addEventListener("error", event => { thrown.push(event.message); event.preventDefault(); });
		watch(({ state }) => { if (state !== "loading") throw new Error("no use for it"); });`);
	const page = await new_page();
	await open(page);
	await idle(page);
	assert.equal(await visible(page, "inside"), true);
	assert.deepEqual(await page.evaluate(() => thrown), ["Uncaught Error: no use for it"]);
	await page.clock.runFor(60000);
	await idle(page);
	assert.equal(mock.asked("entitlements").length, 1, "no other try");
});

test("a token that never comes holds nothing up for good", async () => {
	mock.on("entitlements", request => (request.headers.authorization === "Bearer good" ? { body: at("pro") } : problem(401, "token_missing")));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`, `import { configure } from "/settings/billing/assets/entitlements.js";
		globalThis.asked = 0;
		configure({ token: () => { asked++; return asked > 1 ? "good" : new Promise(() => {}); } });`);
	const page = await new_page();
	await open(page, "loading");
	await until(() => page.evaluate(() => asked === 1), "the token is asked for");
	await page.clock.runFor(15000);
	await page.locator('tier-guard[state="error"]').waitFor({ state: "attached" });
	await page.clock.runFor(1000);
	await page.locator('tier-guard[state="allowed"]').waitFor({ state: "attached" });
	assert.equal(await visible(page, "inside"), true);
});

test("a name that nobody knows is denied, also with not, and warned of once", async () => {
	mock.on("entitlements", tagged(() => at("institutional")));
	page_with('<tier-guard feature="live_tradin"><template><p>a</p></template></tier-guard>'.repeat(3) +
		'<tier-guard feature="live_tradin" not><template><p>b</p></template></tier-guard><tier-guard tier="gold"><template><p>c</p></template></tier-guard>' +
		"<tier-guard><template><p>d</p></template></tier-guard>");
	const page = await new_page({ quiet: /tier-guard/ });
	const warnings = [];
	page.on("console", message => { if (message.type() === "warning") warnings.push(message.text()); });
	await open(page, "denied");
	assert.equal(await page.locator("tier-guard p").count(), 0);
	assert.equal(await page.locator('tier-guard[state="denied"]').count(), 6);
	await until(() => warnings.length >= 3, "three warnings");
	await idle(page);
	assert.equal(warnings.length, 3);
	assert.match(warnings[0], /no such tier or feature in the catalog: live_tradin/);
	assert.match(warnings[2], /neither tier nor feature/);
});

test("tier-change says what changed; asked again by If-None-Match, and a 304 changes nothing", async () => {
	let tier = "free";
	mock.on("entitlements", tagged(() => at(tier)));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`, 'globalThis.told = []; addEventListener("tier-change", event => told.push(event.detail));');
	const page = await new_page();
	await open(page, "denied");
	await idle(page);
	await page.clock.runFor(2000);
	await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
	await until(() => mock.asked("entitlements").length === 2);
	assert.equal(mock.asked("entitlements")[1].headers["if-none-match"], '"1-free"');
	tier = "pro";
	await page.evaluate(() => { const channel = new BroadcastChannel("tiergate"); channel.postMessage({ type: "tier-change" }); channel.close(); });
	await page.locator('tier-guard[state="allowed"]').waitFor();
	assert.deepEqual((await page.evaluate(() => told)).map(({ allowed, current_tier: now, need }) => [allowed, now, need]), [[false, "free", "pro"], [true, "pro", "pro"]]);
});

test("another page's checkout opens the guards here, without a reload", async () => {
	let tier = "free";
	mock.on("entitlements", tagged(() => at(tier)));
	mock.on("subscription-status", () => ({ body: tier === "free" ? status.free : status.active }));
	mock.on("plans", { body: plans }).on("invoices", { body: { invoices: [], next_cursor: null } });
	mock.on("confirm-checkout-session", () => ({ body: { state: "activated", tier, ver: 41 } }));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`);
	const page = await new_page();
	await open(page, "denied");
	tier = "pro";
	const other = await page.context().newPage();
	await other.goto(`${mock.origin}/settings/billing?checkout=success&session_id=cs_1`);
	await page.locator('tier-guard[state="allowed"]').waitFor();
});

test("when until comes the server is asked, and its answer counts", async () => {
	let tier = "pro";
	mock.on("entitlements", tagged(() => at(tier, tier === "pro" ? { until: "2026-03-10T12:02:00Z" } : { ver: 2 })));
	page_with(`<tier-guard tier="pro">${PRO}</tier-guard>`);
	const page = await new_page();
	await open(page);
	await idle(page);
	await page.clock.runFor(119000);
	await idle(page);
	assert.equal(mock.asked("entitlements").length, 1);
	tier = "free";
	await page.clock.runFor(2000);
	await page.locator('tier-guard[state="denied"]').waitFor();
	assert.equal(await page.locator("#inside").count(), 0);
});

test("tier-upgrade goes to the billing page unless somebody else sees to it", async () => {
	mock.on("entitlements", tagged(() => at("free")));
	page_with(`<tier-guard feature="fix_connectivity" billing-url="/elsewhere">${PRO}</tier-guard>`,
		'globalThis.told = []; addEventListener("tier-upgrade", event => { told.push(event.detail); if (told.length === 1) event.preventDefault(); });');
	mock.pages.set("/elsewhere", "<!doctype html><title>elsewhere</title>");
	const page = await new_page();
	await open(page, "denied");
	await page.locator("#offer").focus();
	await page.keyboard.press("Enter");
	assert.deepEqual(await page.evaluate(() => told), [{ need: "institutional", tier: null, feature: "fix_connectivity" }]);
	await page.locator("#offer").click();
	await page.waitForURL("**/elsewhere");
});

test("a billing-url that is no address does not count, and is warned of once", async () => {
	mock.on("entitlements", tagged(() => at("free")));
	page_with(`<tier-guard tier="pro" billing-url="https://[">${PRO}</tier-guard><tier-guard tier="pro" billing-url="https://[">
		<template slot="fallback"><button id="second" data-tier-upgrade>Upgrade</button></template></tier-guard>`);
	const page = await new_page({ quiet: /Failed to load resource|does not count/ });
	let gone = 0;
	await page.route("**/settings/billing", route => { gone++; return route.fulfill({ status: 204 }); }); // nothing there: the page stays
	const warnings = [];
	page.on("console", message => { if (message.type() === "warning") warnings.push(message.text()); });
	await open(page, "denied");
	for (const [i, id] of ["offer", "second"].entries()) {
		await page.locator(`#${id}`).waitFor();
		await page.evaluate(one => document.getElementById(one).click(), id);
		await until(() => gone === i + 1, "it goes to the billing page");
	}
	await until(() => warnings.length >= 1, "a warning");
	await page.evaluate(() => 0); // what the console was told before this was heard here
	assert.deepEqual(warnings, ["<tier-guard>: the attribute billing-url is not an address, and does not count: https://["]);
});

test("templates that come after the element, attributes that change, and elements that move", async () => {
	mock.on("entitlements", tagged(() => at("pro")));
	page_with('<tier-guard tier="pro"><template><p id="inside">x</p></template></tier-guard><div id="there"></div>');
	const page = await new_page();
	await open(page);
	await page.evaluate(() => {
		const guard = document.createElement("tier-guard");
		guard.id = "late";
		guard.setAttribute("tier", "pro");
		document.querySelector("main").append(guard);
		guard.innerHTML = "<template><p id=late-inside>y</p></template>";
	});
	await page.locator("#late-inside").waitFor();
	await page.evaluate(() => document.querySelector("tier-guard").setAttribute("tier", "institutional"));
	await page.locator('tier-guard[state="denied"]').waitFor({ state: "attached" });
	assert.equal(await page.locator("#inside").count(), 0);
	await page.evaluate(() => document.querySelector("#there").append(document.querySelector("#late")));
	await page.locator("#there #late-inside").waitFor();
	assert.equal(await page.locator("#late-inside").count(), 1);
});
