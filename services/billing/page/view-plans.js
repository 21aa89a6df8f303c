/* The plan table: what each tier has, what it costs, and the way there. */
import { h } from "./draw.js";
import { icon } from "./icons.js";
import { is_billed, is_locked, planned } from "./screens.js";
import { action_button } from "./view-plan.js";

const LONG_AMOUNT = 10; // characters of it that fit a narrow column

/* A billing period as text, of a price or a subscription: "month", "3 month". Null: it has none. */
export function interval_of({ interval, interval_count: count } = {}) {
	return interval ? (count > 1 ? `${count} ${interval}` : interval) : null;
}

/* In the order in which they are met. */
export function intervals_of(plans) {
	return [...new Set((plans?.tiers ?? []).flatMap(tier => (tier.prices ?? []).map(interval_of)))].filter(Boolean);
}

/* Of several currencies that of the subscription, since it pays in no other; else the default. */
export function price_in(tier, interval, { status, plans }) {
	const { subscription } = status?.details ?? {};
	const all = (tier.prices ?? []).filter(price => interval_of(price) === interval);
	if (is_billed(status ?? {}) && subscription?.currency) return all.find(price => price.currency === subscription.currency) ?? null;
	return all.find(price => price.currency === plans?.currency) ?? all[0] ?? null;
}

/* "Monthly", "Every 3 months"; `kind` is the table's. */
function interval_text(words, kind, interval) {
	const [count, name] = interval.includes(" ") ? interval.split(" ") : [null, interval];
	const key = `${kind}.${count ? `${name}s` : name}`;
	return words.has(key) ? words.say(key, { count: Number(count ?? 1) }) : [interval];
}

function interval_choice(view, intervals) {
	const { words } = view;
	return h("fieldset", { class: "intervals", part: "intervals", key: "intervals" },
		h("legend", { class: "hidden" }, words.text("plans.interval")),
		intervals.map(interval => h("label", { key: interval, class: "interval" },
			h("input", { type: "radio", name: "interval", value: interval, checked: view.interval === interval,
				onchange: () => view.choose_interval(interval) }),
			h("span", {}, interval_text(words, "plans.interval", interval)))));
}

function feature_list(view, tiers, i) {
	const { words } = view;
	const below = i > 0 ? tiers[i - 1] : null;
	const all = tiers[i].features ?? [];
	const includes = below !== null && (below.features ?? []).length > 0 && below.features.every(name => all.includes(name));
	const own = includes ? all.filter(name => !below.features.includes(name)) : all;
	return h("div", { class: "tier-has" },
		includes && h("p", { class: "includes", key: "includes" }, words.say("plans.everything", { tier: words.tier(below.name) })),
		h("ul", { class: "features", part: "features", key: "features", role: "list" },
			own.map(name => h("li", { key: name }, icon("check"), h("span", {}, words.feature(name))))));
}

function price_tag(view, tier) {
	const { words } = view;
	const price = price_in(tier, view.interval, view.work);
	const amount = price && (words.money(price.amount, price.currency) ?? words.text("plans.by_usage"));
	if (price)
		return h("p", { class: "price", part: "price" }, h("bdi", { class: amount.length > LONG_AMOUNT ? "amount long" : "amount" }, amount),
			" ", h("span", { class: "per" }, words.per(price.interval, price.interval_count)));
	const all = tier.prices ?? [];
	const key = all.some(one => interval_of(one) === view.interval) ? "plans.not_in_currency" : all.length > 0 ? "plans.not_in_interval"
		: tier === view.work.plans.tiers[0] ? "plans.no_price" : "plans.not_for_sale";
	return h("p", { class: "price", part: "price" }, h("span", { class: "no-price" }, words.text(key)));
}

/* What its button does; null: it has none. */
function action_of(view, tiers, i) {
	const { words, work: { status } } = view;
	const tier = tiers[i];
	const at = tiers.findIndex(other => other.name === status.tier);
	const label = key => words.say(key, { tier: words.tier(tier.name) });
	const billed = is_billed(status);
	const sells = price_in(tier, view.interval, view.work) !== null;
	const { subscription } = status.details ?? {};
	if (i !== at && billed && subscription?.tier === tier.name && interval_of(subscription) === view.interval) return null; // bought already, though it grants nothing now
	if (i === at) {
		const has = subscription && interval_of(subscription);
		const other = billed && sells && has && has !== view.interval && subscription.tier === tier.name;
		return other ? { kind: "checkout", tier: tier.name, label: interval_text(words, "do.interval", view.interval) } : null;
	}
	if (i > at) return sells ? { kind: "checkout", tier: tier.name, label: label("do.upgrade") } : null;
	if (!billed || status.state === "canceling") return null;
	if (planned(status).next === tier.name) return null;
	return sells || (tier.prices ?? []).length === 0 ? { kind: "checkout", tier: tier.name, label: label("do.downgrade") } : null;
}

const can_change = ({ work }) => work.status && !is_locked(work.status) && !work.checkout.waiting;

function plan_column(view, tiers, i) {
	const { words, work: { status }, level } = view;
	const tier = tiers[i];
	const current = tier.name === status?.tier;
	const coming = planned(status ?? {});
	const from = coming.next === tier.name && !current ? words.if_known("plans.from", { date: words.short_day(coming.at) }) : null;
	const action = can_change(view) ? action_of(view, tiers, i) : null;
	return h("li", { class: `tier${current ? " current" : ""}`, part: current ? "tier tier-current" : "tier", key: tier.name },
		h("div", { class: "tier-head" },
			h(`h${level + 2}`, { class: "tier-name", part: "tier-name" }, words.tier(tier.name)),
			from && h("span", { class: "pill notice" }, h("span", {}, from))),
		price_tag(view, tier),
		h("div", { class: "tier-action" }, action ? action_button(view, action, {
			name: `tier ${tier.name}`, kind: action.tier === view.suggested ? "accent" : "secondary", part: "tier-action" })
			: current && h("p", { class: "yours", part: "tier-yours" }, icon("check"), words.text("plans.current"))),
		feature_list(view, tiers, i));
}

function skeleton_column(i) {
	const bar = size => h("span", { class: `bar ${size}` });
	return h("li", { class: "tier", key: `skeleton ${i}` },
		h("div", { class: "tier-head" }, h("div", { class: "tier-name" }, bar("small"))),
		h("p", { class: "price" }, h("span", { class: "amount" }, bar("medium"))),
		h("div", { class: "tier-action" }, h("span", { class: "button blank" }, bar("full"))),
		h("div", { class: "tier-has" }, h("ul", { class: "features" }, [0, 1, 2].map(n => h("li", { key: n }, bar("wide"))))));
}

export function plan_table(view) {
	const { work, words, level } = view;
	const tiers = work.plans?.tiers ?? null;
	const intervals = intervals_of(work.plans);
	const waiting = !tiers || !work.status;
	return h("section", { class: "plans", part: "plans", key: "plans", "aria-labelledby": "plans-title" },
		h("div", { class: "section-head" },
			h(`h${level + 1}`, { id: "plans-title", part: "section-title", tabindex: "-1" }, words.text("plans.title")),
			intervals.length > 1 ? interval_choice(view, intervals)
				: waiting && !work.plans_failed && h("span", { class: "intervals blank", key: "blank", "aria-hidden": "true" })),
		work.status && is_locked(work.status) && h("p", { class: "section-note", key: "locked" }, words.text("plans.locked")),
		work.plans_failed ? h("p", { class: "card empty", key: "failed" }, words.text("plans.failed"))
			: h("ul", { class: "tiers", part: "tiers", key: "tiers", role: waiting ? null : "list",
				"aria-hidden": waiting ? "true" : null },
				waiting ? [0, 1, 2].map(skeleton_column) : tiers.map((_, i) => plan_column(view, tiers, i))));
}
