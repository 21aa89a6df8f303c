// How the page comes: its files, and what is there when one of them does not come.
import { readFileSync } from "node:fs";
import { assert, mock, new_page, no_violations, open_dashboard, shot, test } from "./harness.mjs";
import { serve } from "./answers.mjs";

test("every module is named in the page, so that none waits for another", async () => {
	serve(mock, "active");
	const page = await new_page();
	const asked = [];
	page.on("request", request => { if (request.url().endsWith(".js")) asked.push(new URL(request.url()).pathname); });
	await open_dashboard(page);
	const html = readFileSync(new URL("../../services/billing/page/index.html", import.meta.url), "utf8");
	const named = [...html.matchAll(/(?:href|src)="([^"]+\.js)"/g)].map(found => found[1]);
	assert.deepEqual(asked.sort(), named.sort(), "each once, and no other");
});

test("a module that does not come: the page says so without any script, and loads again", async () => {
	serve(mock, "active");
	const page = await new_page();
	const said = page.getByText("This page has not loaded completely.");
	await page.route("**/assets/words.js", route => route.abort("connectionreset"));
	await page.goto(`${mock.origin}/settings/billing`);
	const before = await page.evaluate(() => { // its own time, moved by hand: the machine may be slow
		const [late] = document.querySelector(".not-loaded").getAnimations();
		const { delay } = late.effect.getComputedTiming();
		const runs = late.playState !== "paused"; // or is over
		late.currentTime = delay - 1;
		const { visibility } = getComputedStyle(document.querySelector(".not-loaded"));
		late.play();
		return { runs, delay, visibility };
	});
	assert.deepEqual(before, { runs: true, delay: 8000, visibility: "hidden" }, "not at once");
	await said.waitFor();
	await no_violations(page);
	await shot(page, "not-loaded-light-desktop");
	await page.unroute("**/assets/words.js");
	await page.getByRole("link", { name: "Load it again" }).click();
	await page.locator('billing-dashboard[data-phase="ready"]').waitFor();
	assert.equal(await said.isVisible(), false);
});
