import { assert, axe_violations, mock, new_page, no_violations, open_dashboard, primary, shot, test } from "./harness.mjs";
import { serve, status } from "./answers.mjs";

// state → what must stand on its screen, and what its one primary action is and does
const SCREENS = {
	free: { has: [/Free plan/, /You are not paying for anything/, /No payments yet/], primary: "Upgrade to Pro", posts: ["create-checkout-session", { tier: "pro", price: "price_pro_monthly" }] },
	trialing: { has: [/12 days left/, /ends on March 22, 2026/, /\$49\.00 will be charged/], primary: "Manage billing", posts: ["create-portal-session", {}] },
	trialing_without_card: { has: [/1 day left/, /There is no payment method yet/, /None yet/], primary: "Add a payment method", posts: ["create-portal-session", { flow: "payment_method_update" }] },
	active: { has: [/Active/, /Renews on April 3, 2026/, /\$147\.00/, /3 seats/, /ending in 4242/, /Expires 04\/2028/], primary: "Manage billing", posts: ["create-portal-session", {}] },
	past_due: { has: [/\$49\.00 is still to be paid/, /Amount due\s*\$49\.00\s*Next attempt Mar 12, 2026/, /You keep Pro until March 14, 2026/, /next attempt is on March 12, 2026/], primary: "Fix payment", href: "https://invoice.stripe.com/i/acct_1/open" },
	incomplete: { has: [/Your bank needs you to confirm/, /payment of \$49\.00/], primary: "Confirm payment", href: "https://invoice.stripe.com/i/acct_1/open" },
	canceling: { has: [/Pro until April 3, 2026/, /nothing more will be charged/, /From Apr 3, 2026/], primary: "Resume plan", posts: ["create-portal-session", {}] },
	canceled: { has: [/Your Pro plan has ended/, /You are on Free now/], primary: "Choose a plan", focuses: "plans-title" },
	unpaid: { has: [/Your plan is on hold/, /\$49\.00 could not be collected/, /Amount due\s*\$49\.00/], primary: "Pay $49.00", href: "https://invoice.stripe.com/i/acct_1/open" },
	paused: { has: [/Your plan is paused/, /Add a payment method to go on/], primary: "Add a payment method", posts: ["create-portal-session", { flow: "payment_method_update" }] },
	downgrade_scheduled: { has: [/Institutional until April 3, 2026/, /After that your plan is Pro/, /From Apr 3, 2026/], primary: "Keep Institutional", posts: ["create-portal-session", {}] },
	disputed: { has: [/A payment is being disputed/, /on hold until that is settled/], primary: "Manage billing", posts: ["create-portal-session", {}] },
	refunded: { has: [/Your payment was refunded/, /starts again with the next payment, on April 3, 2026/, /\$49\.00\s*Apr 3, 2026/], primary: "Manage billing", posts: ["create-portal-session", {}] },
	granted: { has: [/Complimentary/, /This plan was given to you/, /ends on June 1, 2026/], primary: "Compare plans", focuses: "plans-title" },
};

async function does(page, button, { posts, href, focuses }) {
	if (href) {
		assert.equal(await button.getAttribute("href"), href);
		assert.match(await button.getAttribute("rel"), /noopener/);
		return;
	}
	if (focuses) {
		await button.click();
		assert.equal(await page.evaluate(() => document.querySelector("billing-dashboard").shadowRoot.activeElement?.id), focuses);
		return;
	}
	mock.on(posts[0], { body: { url: `${mock.origin}/hosted`, id: "cs_1", flow: "checkout" } });
	mock.pages.set("/hosted", "<!doctype html><title>hosted</title><h1>Hosted by Stripe</h1>");
	await button.click();
	await page.waitForURL("**/hosted");
	const [request] = mock.asked(posts[0], "POST");
	assert.deepEqual(request.body, posts[1]);
	assert.match(request.headers["idempotency-key"], /^[\x21-\x7e]{1,255}$/);
	assert.equal(request.headers.authorization, "Bearer t");
}

for (const [state, screen] of Object.entries(SCREENS)) {
	test(`${state}: says it, offers one primary action, has nothing that axe finds`, async () => {
		serve(mock, state);
		const page = await new_page();
		await open_dashboard(page);
		const text = await page.locator("billing-dashboard .dashboard").innerText();
		for (const wanted of screen.has) assert.match(text, wanted);
		await no_violations(page);
		await shot(page, `${state}-light-desktop`);
		await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
		await no_violations(page);
		await shot(page, `${state}-dark-desktop`);
		await page.setViewportSize({ width: 320, height: 640 });
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, "nothing sticks out of a narrow phone");
		await shot(page, `${state}-dark-phone`);
		await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
		await shot(page, `${state}-light-phone`);
		const button = await primary(page, screen.primary);
		await does(page, button, screen);
	});
}
