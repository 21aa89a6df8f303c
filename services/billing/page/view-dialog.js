/* What a change of plan costs, before anything is asked of anybody. */
import { h } from "./draw.js";

const bar = size => h("span", { class: `bar ${size}` });

function money_row(words, label, amount, more, strong) {
	return h("div", { class: `sum${strong ? " strong" : ""}` }, h("dt", {}, label, more && h("span", { class: "row-more" }, more)),
		h("dd", {}, amount));
}

function sums(view, preview) {
	const { words } = view;
	const now = preview.now ?? {};
	const next = preview.next;
	const credit = Number.isInteger(now.amount) && now.amount < 0;
	return h("dl", { class: "sums", part: "preview", key: "sums" },
		money_row(words, words.text(credit ? "preview.credit" : "preview.due_now"),
			words.money(credit ? -now.amount : now.amount, now.currency) ?? "–",
			credit && words.text("preview.credit.use"), true),
		next && money_row(words, words.text("preview.due_next"), words.money(next.amount, next.currency) ?? "–",
			words.if_known("preview.on", { date: words.day(next.at) })));
}

function lines(view, preview) {
	const { words } = view;
	const currency = preview.now?.currency ?? preview.next?.currency;
	const list = Array.isArray(preview.lines) ? preview.lines : [];
	return list.length > 0 && h("details", { class: "lines", key: "lines", part: "preview-lines" },
		h("summary", {}, words.text("preview.lines")),
		h("dl", {}, list.map((line, i) => h("div", { key: i, class: "line" }, h("dt", {}, h("bdi", {}, line.description ?? "")),
			h("dd", {}, words.money(line.amount, line.currency ?? currency) ?? "–")))));
}

function when(view, preview) {
	const { words, work: { status } } = view;
	if (preview.effective !== "period_end") return words.say("preview.starts.now");
	const tier = words.tier(status.tier);
	const at = preview.next?.at ?? status.details?.subscription?.current_period_end ?? status.next_billing?.at;
	return words.if_known("preview.starts.period_end", { date: words.day(at), tier }) ??
		words.say("preview.starts.period_end.date_unknown", { tier });
}

function content(view, change) {
	const { words, work: { status } } = view;
	if (change.phase === "free") return h("p", { key: "text" }, words.say("preview.free", { tier: words.tier(status.tier) }));
	if (change.phase === "loading")
		return [h("p", { class: "hidden", role: "status", key: "status" }, words.text("preview.loading")),
			h("dl", { class: "sums", key: "blank", "aria-hidden": "true" }, [0, 1].map(i =>
				h("div", { class: "sum", key: i }, h("dt", {}, bar("medium")), h("dd", {}, bar("small"))))),
			["when", "lines"].map(key => h("p", { key, "aria-hidden": "true" }, bar("wide")))];
	if (change.phase === "failed")
		return h("p", { class: "note bad", role: "alert", key: "failed" }, words.text(change.why));
	return [sums(view, change.preview), h("p", { key: "when" }, when(view, change.preview)), lines(view, change.preview)];
}

const TITLES = { up: "preview.title.up", down: "preview.title.down", same: "preview.title.switch" };

export function change_dialog(view) {
	const change = view.change;
	if (!change) return [];
	const { words } = view;
	const again = change.phase === "failed" && change.again;
	const go_on = ["ready", "free"].includes(change.phase);
	const busy = view.work.busy === "change";
	return [
		h("h2", { id: "change-title", part: "dialog-title", tabindex: "-1", key: "title" },
			words.say(TITLES[change.direction], { tier: words.tier(change.tier) })),
		h("div", { class: "dialog-body", key: "body" }, content(view, change),
			(go_on || change.phase === "loading") && h("p", { class: "fine", key: "fine" }, words.text("preview.nothing_yet"))),
		view.notices_in_dialog(),
		h("div", { class: "dialog-actions", key: "actions" },
			h("button", { type: "button", class: "button secondary", part: "button", key: "cancel", onclick: () => view.close_change() },
				h("span", {}, words.text(change.phase === "failed" && !again ? "do.close" : "preview.cancel"))),
			(go_on || change.phase === "loading" || again) && h("button", { type: "button", class: "button primary", key: "continue",
				part: "button primary-action dialog-primary", "aria-disabled": change.phase === "loading" || busy ? "true" : null,
				"aria-busy": busy ? "true" : null, onclick: () => (again ? view.load_preview() : view.confirm_change()) },
			h("span", {}, words.text(again ? "do.retry" : "preview.continue")), busy && h("span", { class: "spinner", "aria-hidden": "true" }))),
	];
}
