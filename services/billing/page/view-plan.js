/* The card on top: the plan, what to do about it, and what stands beside it. */
import { h } from "./draw.js";
import { icon } from "./icons.js";
import { is_billed, screen_of } from "./screens.js";

const TONE_ICON = { calm: "info", good: "check", notice: "clock", bad: "alert" };

/* A button, or for an address a link. `view.run(action, name)` does it. */
export function action_button(view, action, { name, kind = "secondary", part = "action", describe = null }) {
	const busy = view.work.busy === name;
	const props = {
		key: name, class: `button ${kind}`, part: `button ${part}`, "data-action": action.kind,
		"aria-describedby": describe,
	};
	if (action.kind === "link")
		return h("a", { ...props, href: action.url, rel: "noopener noreferrer" }, h("span", {}, action.label));
	return h("button", { ...props, type: "button", "aria-busy": busy ? "true" : null,
		"aria-disabled": view.work.busy ? "true" : null, onclick: () => view.run(action, name) },
		h("span", {}, action.label), busy && h("span", { class: "spinner", "aria-hidden": "true" }));
}

function badge(tone, text) {
	return h("p", { class: `badge ${tone}`, part: "badge", key: "badge" }, icon(TONE_ICON[tone]), h("span", {}, text));
}

function hero(view, { tone, badge: label, eyebrow, title, text, primary, more = [], spinning = false }) {
	const { level } = view;
	return h("div", { class: "hero", part: "plan-summary", key: "hero", "data-tone": tone },
		h("div", { class: "hero-words" },
			spinning ? h("p", { class: "badge calm", part: "badge", key: "badge" },
				h("span", { class: "spinner", "aria-hidden": "true" }), h("span", {}, label)) : badge(tone, label),
			h(`h${level + 1}`, { class: "plan-name", part: "plan-name", id: "plan-name", tabindex: "-1" },
				h("span", { class: "eyebrow" }, eyebrow, h("span", { class: "hidden" }, ". ")), title),
			h("p", { class: "plan-text", part: "plan-text" }, text.map((sentence, i) => [i > 0 && " ", sentence]))),
		h("div", { class: "hero-actions" },
			action_button(view, primary, { name: "primary", kind: "primary", part: "primary-action" }),
			more.map((action, i) => action_button(view, action, { name: `more ${i}`, kind: "quiet", part: "secondary-action" }))));
}

function activating(view) {
	const { words, work } = view;
	const { unpaid } = work.checkout.waiting;
	return hero(view, {
		tone: "calm", spinning: true, badge: words.say("checkout.activating.badge"),
		eyebrow: words.say("current_plan.named", { tier: words.tier(work.status.tier) }),
		title: words.say(unpaid ? "checkout.unpaid.title" : "checkout.activating.title"),
		text: [words.say(unpaid ? "checkout.unpaid.text"
			: work.checkout.slow ? "checkout.activating.slow" : "checkout.activating.text")],
		primary: { kind: "check", label: words.say("do.check") },
	});
}

const bar = size => h("span", { class: `bar ${size}` });

function skeleton(view) {
	return [
		h("div", { class: "hero", key: "hero", "aria-hidden": "true" },
			h("div", { class: "hero-words" }, h("p", { class: "badge blank" }, bar("small")),
				h("div", { class: "plan-name" }, h("span", { class: "eyebrow" }, bar("small")), bar("title")),
				h("p", { class: "plan-text" }, bar("wide"))),
			h("div", { class: "hero-actions" }, h("span", { class: "button blank" }, bar("full")))),
		h("dl", { class: "facts", key: "facts", "aria-hidden": "true" }, ["next", "card", "price"].map(name =>
			h("div", { class: "fact", key: name }, h("dt", {}, view.words.text(`fact.${name}`)),
				h("dd", {}, bar("medium")), h("dd", { class: "fact-more" }, bar("small"))))),
	];
}

/* ---- facts: always three of the same height, so that nothing moves when they come --------------------- */

function fact(name, label, first, second) {
	return h("div", { class: "fact", part: `fact fact-${name}`, key: name },
		h("dt", {}, label), h("dd", {}, first), h("dd", { class: "fact-more" }, second));
}

function waiting_fact({ words }, name) {
	return fact(name, words.text(`fact.${name}`), [h("span", { class: "hidden" }, words.text("fact.waiting")), bar("medium")], bar("small"));
}

function unknown_fact(view, name) {
	const { status, waits_for_details } = view.work;
	if (status.details_state === "pending" || (is_behind(status) && waits_for_details)) return waiting_fact(view, name);
	return fact(name, view.words.text(`fact.${name}`), h("span", { class: "muted" }, view.words.text("fact.unavailable")));
}

/* Details from before there was a subscription say nothing of it. */
const is_behind = status => status.details_state === "stale" && !status.details?.subscription && is_billed(status);

/* What was paid for a moment ago is not there yet: "nothing to pay" would be odd. */
function facts(view) {
	if (view.work.checkout.waiting && !view.work.status.details) return ["next", "card", "price"].map(name => waiting_fact(view, name));
	if (is_behind(view.work.status)) return ["next", "card", "price"].map(name => unknown_fact(view, name));
	return [next_payment(view), card(view), price(view)];
}

const no_details = status => !status.details && ["pending", "unavailable"].includes(status.details_state);

/* What is owed comes before what comes next. */
function owed({ words }, open) {
	const amount = words.money(open.amount_due, open.currency);
	const when = words.if_known("fact.due.attempt", { date: words.short_day(open.next_attempt_at) }) ??
		words.if_known("fact.due.by", { date: words.short_day(open.due_at) });
	return amount && fact("next", words.text("fact.due"), h("bdi", {}, amount), when);
}

function next_payment(view) {
	const { words, work: { status } } = view;
	const open = ["past_due", "unpaid", "incomplete"].includes(status.state) ? status.details?.open_invoice : null;
	const due = open && owed(view, open);
	if (due) return due;
	const ends = ["canceling", "canceled", "free"].includes(status.state); // a refund alone ends nothing: it renews
	const coming = ends ? null : status.details?.upcoming ?? status.next_billing;
	const amount = coming && words.money(coming.amount, coming.currency);
	const day = words.short_day(coming?.at);
	if (!amount && !day && !ends && no_details(status)) return unknown_fact(view, "next");
	if (!amount && !day)
		return fact("next", words.text("fact.next"), h("span", { class: "muted" }, words.text("fact.next.none")));
	return fact("next", words.text("fact.next"), amount ? h("bdi", {}, amount) : day, amount ? day : null);
}

function card(view) {
	const { words, work: { status } } = view;
	const method = status.details?.payment_method;
	if (!method && no_details(status)) return unknown_fact(view, "card");
	const label = words.text("fact.card");
	if (!method) return fact("card", label, h("span", { class: "muted" }, words.text("fact.card.none")));
	const brand = words.brand(method.brand ?? method.type ?? "card");
	const month = words.month(method.exp_year, method.exp_month);
	const expired = month && Date.UTC(method.exp_year, method.exp_month, 1) <= view.now_ms;
	return fact("card", label,
		[icon("card"), method.last4 ? [h("span", { class: "hidden" }, words.text("fact.card.number", { brand, last4: method.last4 })),
			h("span", { "aria-hidden": "true" }, h("bdi", {}, brand), " ", h("bdi", { class: "digits", dir: "ltr" }, `•••• ${method.last4}`))] : brand],
		month && h("span", { class: expired ? "warn" : null },
			words.say(expired ? "fact.card.expired" : "fact.card.expires", { date: month })));
}

function price(view) {
	const { words, work: { status } } = view;
	const subscription = status.details?.subscription;
	const seats = status.seats > 1 ? words.text("fact.seats", { count: status.seats }) : null;
	if (!subscription && no_details(status)) return unknown_fact(view, "price");
	const over = status.state === "canceled";
	const amount = subscription && !over ? words.money(subscription.amount, subscription.currency) : null;
	if (!amount)
		return fact("price", words.text("fact.price"),
			h("span", { class: "muted" }, words.text(subscription && !over ? "fact.price.by_usage" : "fact.price.none")), seats);
	const per = words.per(subscription.interval, subscription.interval_count);
	return fact("price", words.text("fact.price"), [h("bdi", {}, amount), " ", h("span", { class: "per" }, per)], seats);
}

export function plan_card(view) {
	const { work, words, now_ms, support } = view;
	const loaded = work.phase === "ready";
	const content = !loaded ? skeleton(view) : [
		work.checkout.waiting ? activating(view)
			: hero(view, screen_of({ words, status: work.status, plans: work.plans, now_ms, support })),
		h("dl", { class: "facts", part: "facts", key: "facts" }, facts(view)),
	];
	return h("section", { class: "card plan", part: "plan", key: "plan", "aria-labelledby": loaded ? "plan-name" : null,
		"aria-label": loaded ? null : words.text("loading"), "data-state": loaded ? work.status.state : null }, content);
}

/* Nothing to show at all: one card instead of everything. */
export function instead_card(view) {
	const { work, words, level, sign_in } = view;
	const out = work.phase === "signed_out";
	const primary = out && sign_in ? { kind: "link", url: sign_in, label: words.say("do.sign_in") }
		: { kind: "retry", label: words.say("do.retry") };
	return h("section", { class: "card instead", part: "instead", key: "instead", "aria-labelledby": "instead-title", role: "alert" },
		h("div", { class: "instead-icon" }, icon(out ? "info" : "cloud")),
		h(`h${level + 1}`, { id: "instead-title", part: "instead-title" }, words.text(out ? "signed_out.title" : "away.title")),
		h("p", {}, words.text(out ? "signed_out.text" : "away.text")),
		action_button(view, primary, { name: "primary", kind: "primary", part: "primary-action" }));
}
