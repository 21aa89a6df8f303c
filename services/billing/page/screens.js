/* What the dashboard says of each state of a subscription: a badge, a headline, sentences, one primary action. Pure: from
 * the server's answer (subscription-status) and the plans to pieces for draw().
 *
 * An action is {kind, label, …}:
 *   checkout {tier}   preview or checkout of a tier       portal {flow}   Stripe's portal
 *   link {url}        a page of Stripe's or of support    plans {}        go to the plan table on this page */
import { safe_url } from "./draw.js";
import { days_left } from "./words.js";

/* States in which Stripe bills somebody; the others start with a checkout. */
const BILLED = new Set(["trialing", "active", "past_due", "incomplete", "canceling", "unpaid", "paused",
	"downgrade_scheduled", "disputed", "refunded"]);
/* In which the plan cannot be changed before something else is settled. */
const LOCKED = new Set(["past_due", "incomplete", "unpaid", "disputed"]);

const ENDED = new Set(["canceled", "incomplete_expired"]); // Stripe's words

function has_subscription(status) {
	const subscription = status.details?.subscription;
	return Boolean(subscription && !ENDED.has(subscription.status));
}

export const is_billed = status => BILLED.has(status.state) || has_subscription(status);

export const is_locked = status => LOCKED.has(status.state);

/* The lowest tier above the subject's that can be bought; null: there is none. */
export function next_tier_up(status, plans) {
	const tiers = plans?.tiers ?? [];
	const at = tiers.findIndex(tier => tier.name === status.tier);
	return tiers.find((tier, i) => i > at && tier.prices?.length > 0)?.name ?? null;
}

const portal = (words, key, flow = "manage") => ({ kind: "portal", flow, label: words.say(key) });
const manage = words => portal(words, "do.manage");
const sentences = (...texts) => texts.filter(Boolean);

/* Upgrade to the next tier if there is one to buy. */
function upgrade(words, status, plans) {
	const tier = next_tier_up(status, plans);
	return tier ? { kind: "checkout", tier, label: words.say("do.upgrade", { tier: words.tier(tier) }) }
		: { kind: "plans", label: words.say("do.compare") };
}

/* The hosted page of the open invoice, where it can be paid; without one, another payment method. */
function settle(words, status, key, params) {
	const url = safe_url(status.details?.open_invoice?.hosted_url);
	return url ? { kind: "link", url, label: words.say(key, params) } : portal(words, "do.update_card", "payment_method_update");
}

function open_amount(words, status) {
	const invoice = status.details?.open_invoice;
	return invoice ? words.money(invoice.amount_due, invoice.currency) : null;
}

const screens = {
	free: ({ words, status, plans, tier }) => ({
		tone: "calm", title: words.say("free.title", { tier }), text: [words.say("free.text")],
		primary: upgrade(words, status, plans),
	}),
	trialing({ words, status, tier, now_ms }) {
		const trial = status.trial ?? {};
		const days = days_left(trial.ends_at, now_ms);
		const upcoming = status.details?.upcoming ?? status.next_billing;
		const amount = upcoming ? words.money(upcoming.amount, upcoming.currency) : null;
		const without = trial.payment_method === false;
		return {
			tone: without ? "notice" : "calm",
			badge: days === null ? words.say("trialing.badge", { count: 0 })
				: days === 0 ? words.say("trialing.badge.today") : words.say("trialing.badge", { count: days }),
			title: words.say("trialing.title", { tier }),
			text: sentences(words.if_known("trialing.ends", { date: words.day(trial.ends_at) }),
				without && words.say("trialing.no_card", { tier }),
				trial.payment_method === true && (words.if_known("trialing.card", { amount }) ??
					words.say("trialing.card.amount_unknown"))),
			primary: without ? portal(words, "do.add_card", "payment_method_update") : manage(words),
		};
	},
	active: ({ words, status, tier }) => ({
		tone: "good", title: words.say("active.title", { tier }),
		text: [words.if_known("active.renews", { date: words.day(status.next_billing?.at) }) ?? words.say("active.text")],
		primary: manage(words),
	}),
	past_due({ words, status, tier }) {
		const amount = open_amount(words, status);
		return {
			tone: "bad", title: words.say("past_due.title"),
			text: sentences(words.if_known("past_due.amount", { amount }),
				words.if_known("past_due.until", { tier, date: words.day(status.until) }),
				words.if_known("past_due.attempt", { date: words.day(status.details?.open_invoice?.next_attempt_at) }),
				words.say("past_due.text")),
			primary: settle(words, status, "do.fix_payment"),
			more: [portal(words, "do.update_card", "payment_method_update")],
		};
	},
	incomplete({ words, status }) {
		const amount = open_amount(words, status);
		const unpaid = status.details?.open_invoice?.needs_confirmation === false ? ".unpaid" : "";
		return {
			tone: "notice", title: words.say(`incomplete.title${unpaid}`),
			text: [words.if_known(`incomplete.text${unpaid}`, { amount }) ??
				words.say(`incomplete.text${unpaid}.amount_unknown`)],
			primary: unpaid ? settle(words, status, amount ? "do.pay" : "do.pay.amount_unknown", { amount })
				: settle(words, status, "do.confirm"),
		};
	},
	canceling: ({ words, status, tier }) => ({
		tone: "notice",
		title: words.if_known("canceling.title", { tier, date: words.day(status.cancel_at ?? status.until) }) ??
			words.say("canceling.title.date_unknown", { tier }),
		text: [words.say("canceling.text", { tier })],
		primary: portal(words, "do.resume"),
	}),
	canceled({ words, status, plans, tier }) {
		const had = status.details?.subscription?.tier;
		return {
			tone: "calm",
			title: had && had !== status.tier ? words.say("canceled.title", { tier: words.tier(had) })
				: words.say("canceled.title.tier_unknown"),
			text: [words.say("canceled.text", { tier })],
			primary: next_tier_up(status, plans) ? { kind: "plans", label: words.say("do.choose_plan") } : manage(words),
		};
	},
	unpaid({ words, status }) {
		const amount = open_amount(words, status);
		return {
			tone: "bad", title: words.say("unpaid.title"),
			text: sentences(words.if_known("unpaid.amount", { amount }), words.say("unpaid.text")),
			primary: settle(words, status, amount ? "do.pay" : "do.pay.amount_unknown", { amount }),
		};
	},
	paused({ words, status }) {
		const collection = status.details?.subscription?.collection_paused === true;
		return {
			tone: "notice", title: words.say("paused.title"),
			text: [words.say(collection ? "paused.collection" : "paused.text")],
			primary: collection ? manage(words) : portal(words, "do.add_card", "payment_method_update"),
		};
	},
	downgrade_scheduled({ words, status, tier }) {
		const { at, next } = planned(status);
		return {
			tone: "notice",
			title: words.if_known("downgrade_scheduled.title", { tier, date: words.day(at) }) ??
				words.say("downgrade_scheduled.title.date_unknown", { tier }),
			text: [words.if_known("downgrade_scheduled.text", { next: words.tier(next) }) ??
				words.say("downgrade_scheduled.text.next_unknown")],
			primary: portal(words, "do.keep"), keep: true,
		};
	},
	disputed: ({ words, support }) => ({
		tone: "bad", title: words.say("disputed.title"), text: [words.say("disputed.text")],
		primary: support ? { kind: "link", url: support, label: words.say("do.support") } : manage(words),
	}),
	refunded: ({ words, status, tier }) => ({
		tone: "calm", title: words.say("refunded.title"),
		text: sentences(words.say("refunded.text", { tier }),
			words.if_known("refunded.again", { date: words.day(status.details?.upcoming?.at) })),
		primary: has_subscription(status) ? manage(words) : { kind: "plans", label: words.say("do.choose_plan") },
	}),
	granted: ({ words, status, tier }) => ({
		tone: "good", title: words.say("granted.title", { tier }),
		text: sentences(words.say("granted.text"), words.if_known("granted.until", { date: words.day(status.until) })),
		primary: { kind: "plans", label: words.say("do.compare") },
	}),
};

/* What comes by itself: of a schedule, or of the first of the server's `next`. */
export function planned(status) {
	const schedule = status.details?.schedule;
	const first = Array.isArray(status.next) ? status.next[0] : null;
	return { at: schedule?.at ?? first?.at ?? null, next: schedule?.tier ?? first?.tier ?? null };
}

/* A state that this page does not know (the server is newer): its name, the tier, and a way to look after it. */
function unknown({ words, tier }) {
	return { tone: "calm", title: words.say("unknown.title", { tier }), text: [words.say("unknown.text")], primary: manage(words) };
}

/* The headline of these has the tier's name in it. */
const NAMED = new Set(["free", "trialing", "active", "canceling", "downgrade_scheduled", "granted"]);

/* {tone: calm|good|notice|bad, badge, title, text: [sentences], primary, more: [actions]} */
export function screen_of({ words, status, plans, now_ms, support = null }) {
	const known = Object.hasOwn(screens, status.state);
	const tier = words.tier(status.tier) ?? "";
	const screen = (known ? screens[status.state] : unknown)({ words, status, plans, tier, now_ms, support });
	if (screen.keep) screen.primary = { ...screen.primary, label: words.say("do.keep", { tier }) };
	screen.badge ??= known ? words.say(`${status.state}.badge`)
		: words.say("unknown.badge", { state: words.feature(status.state ?? "") });
	const others = (screen.more ?? []).filter(action => action.flow !== screen.primary.flow);
	const has_account = is_billed(status) || ["canceled"].includes(status.state) || Boolean(status.details?.payment_method);
	if (has_account && screen.primary.flow !== "manage") others.push(manage(words));
	const named = !known || NAMED.has(status.state);
	return { ...screen, more: others, eyebrow: named ? words.text("current_plan") : words.say("current_plan.named", { tier }) };
}
