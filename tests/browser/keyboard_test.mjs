// Everything without a mouse: in a sensible order, each with a focus that is seen.
import { assert, mock, new_page, open_dashboard, shot, test } from "./harness.mjs";
import { invoice, serve } from "./answers.mjs";

const at = page => page.evaluate(() => {
	const node = document.querySelector("billing-dashboard").shadowRoot.activeElement;
	if (!node) return null;
	const style = getComputedStyle(node.localName === "input" ? node.nextElementSibling : node);
	return { name: (node.getAttribute("aria-label") ?? (node.localName === "input" ? node.value : node.textContent)).trim(),
		ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
});

test("Tab goes through the page in the order in which it is read", async () => {
	serve(mock, "past_due", { invoices: [invoice(0)], next_cursor: "c1" });
	const page = await new_page();
	await open_dashboard(page);
	const order = [];
	for (let i = 0; i < 20; i++) {
		await page.keyboard.press("Tab");
		const now = await at(page);
		if (!now) break;
		assert.ok(now.ring, `${now.name}: the focus is not seen`);
		order.push(now.name);
	}
	assert.deepEqual(order, ["Fix payment", "Use another payment method", "Manage billing", "month",
		"View invoice TG-0100 (opens in a new tab)", "Download invoice TG-0100 as PDF (opens in a new tab)", "Show more"]);
});

test("the billing period by arrow keys, an upgrade by Enter, and away again by Escape", async () => {
	serve(mock, "active");
	mock.on("change-preview", { body: { tier: "institutional", price: "p", effective: "now", now: { amount: 100, currency: "usd" }, next: null, lines: [] } });
	const page = await new_page();
	await open_dashboard(page);
	await page.keyboard.press("Tab");
	await page.keyboard.press("Tab");
	assert.equal((await at(page)).name, "month");
	await page.keyboard.press("ArrowRight");
	assert.equal((await at(page)).name, "year");
	assert.equal(await page.getByRole("radio", { name: "Yearly" }).isChecked(), true);
	await shot(page, "focus-light-desktop");
	for (let i = 0; i < 6 && (await at(page)).name !== "Upgrade to Institutional"; i++) await page.keyboard.press("Tab");
	await page.keyboard.press("Enter");
	const dialog = page.locator("billing-dashboard dialog");
	await dialog.getByText("$1.00").waitFor();
	assert.equal(mock.asked("change-preview")[0].query.price, "price_institutional_yearly");
	await page.keyboard.press("Escape");
	await dialog.waitFor({ state: "hidden" });
	assert.equal((await at(page)).name, "Upgrade to Institutional");
});

test("a new answer takes the focus from nobody", async () => {
	serve(mock, "active");
	const page = await new_page();
	await open_dashboard(page);
	await page.getByRole("button", { name: "Upgrade to Institutional" }).focus();
	serve(mock, "trialing");
	await page.evaluate(() => document.querySelector("billing-dashboard").refresh());
	await page.getByText("12 days left").waitFor();
	assert.equal((await at(page)).name, "Upgrade to Institutional");
});

test("forced colours, reduced motion, 400 % zoom", async () => {
	serve(mock, "trialing_without_card");
	let page = await new_page({ forced: true });
	await open_dashboard(page);
	await shot(page, "forced-colours-desktop");
	const borders = await page.locator("billing-dashboard .badge, billing-dashboard .button.primary, billing-dashboard .tier").evaluateAll(all =>
		all.map(node => getComputedStyle(node).borderTopStyle));
	assert.ok(borders.every(border => border === "solid"), "shapes do not rest on colour alone");
	page = await new_page({ reduced: true });
	await open_dashboard(page);
	const moving = await page.evaluate(() => document.getAnimations().length);
	assert.equal(moving, 0);
	page = await new_page({ width: 320, height: 256 });
	await open_dashboard(page);
	assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
});
