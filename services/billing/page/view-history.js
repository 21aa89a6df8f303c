/* What was paid, the newest first. A table; on a narrow screen its rows become blocks, and the roles keep it a table. */
import { h, safe_url } from "./draw.js";
import { icon } from "./icons.js";

const TONE = { paid: "good", open: "notice", uncollectible: "bad" };

/* What a change of plan gave back: no payment, and "$0.00 paid" would hide it. */
const is_credit = invoice => invoice.status === "paid" && Number.isInteger(invoice.total) && invoice.total < 0;

function state_of(invoice) {
	if (is_credit(invoice)) return "credit";
	const back = invoice.refunded;
	if (back === true || back === "full" || (typeof back === "number" && back > 0 && back >= invoice.amount_paid)) return "refunded";
	if (back === "partial" || (typeof back === "number" && back > 0)) return "partly_refunded";
	return invoice.status;
}

function description(view, invoice) {
	const { words } = view;
	const text = invoice.description || words.text("history.invoice", { number: invoice.number ?? invoice.id ?? "" });
	const spans = words.days(invoice.period_start, invoice.period_end);
	return [h("span", { class: "row-title" }, h("bdi", {}, text)),
		spans && h("span", { class: "row-more" }, spans)];
}

function receipt(view, invoice) {
	const { words } = view;
	const number = invoice.number ?? invoice.id ?? "";
	const link = (address, name) => {
		const url = safe_url(address);
		return url && h("a", { key: name, href: url, target: "_blank", rel: "noopener noreferrer", part: "receipt-link",
			"aria-label": `${words.text(`history.${name}.of`, { number })} ${words.text("new_window")}` }, words.text(`history.${name}`));
	};
	return [link(invoice.hosted_url, "view"), link(invoice.pdf_url, "pdf")];
}

function row(view, invoice, i) {
	const { words } = view;
	const cell = (name, ...content) => h("td", { role: "cell", class: `cell-${name}` }, ...content);
	const state = state_of(invoice);
	const key = `invoice.${state}`;
	const paid = invoice.status === "paid" && Number.isInteger(invoice.amount_paid) && !is_credit(invoice);
	return h("tr", { role: "row", key: invoice.id ?? `row ${i}`, part: "history-row" },
		cell("date", words.short_day(invoice.created) ?? "–"),
		cell("what", description(view, invoice)),
		cell("amount", h("bdi", {}, words.money(paid ? invoice.amount_paid : invoice.total, invoice.currency) ?? "–")),
		cell("state", h("span", { class: `pill ${TONE[state] ?? "calm"}` },
			words.has(key) ? words.text(key) : words.feature(state ?? "–"))),
		cell("links", receipt(view, invoice)));
}

function table(view, rows) {
	const { words } = view;
	const head = name => h("th", { role: "columnheader", scope: "col", class: `cell-${name}` }, words.text(`history.${{
		date: "date", what: "description", amount: "amount", state: "status", links: "receipt" }[name]}`));
	return h("table", { role: "table", class: "history-table", part: "history-table", key: "table", "aria-labelledby": "history-title" },
		h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["date", "what", "amount", "state", "links"].map(head))),
		h("tbody", { role: "rowgroup" }, rows.map((invoice, i) => row(view, invoice, i))));
}

function skeleton() {
	return h("div", { class: "history-blank", key: "blank", "aria-hidden": "true" },
		[0, 1, 2].map(i => h("div", { key: i, class: "history-blank-row" }, h("span", { class: "bar wide" }))));
}

function body(view) {
	const { work: { history, checkout }, words } = view;
	const paying = checkout.waiting && !checkout.waiting.unpaid && history.rows.length === 0;
	if (history.phase === "loading" || (paying && history.phase === "ready")) return skeleton();
	if (history.phase === "failed") return h("p", { class: "empty", key: "failed" }, words.text("history.failed"));
	if (history.rows.length === 0)
		return h("div", { class: "empty", part: "history-empty", key: "none" }, icon("receipt"),
			h("p", { class: "empty-title" }, words.text("history.none")), h("p", {}, words.text("history.none.text")));
	return table(view, history.rows);
}

export function history_card(view) {
	const { work: { history }, words, level } = view;
	const busy = history.phase === "more";
	return h("section", { class: "history", part: "history", key: "history", "aria-labelledby": "history-title" },
		h("div", { class: "section-head" },
			h(`h${level + 1}`, { id: "history-title", part: "section-title" }, words.text("history.title"))),
		h("div", { class: "card" }, body(view),
			history.cursor && h("div", { class: "more", key: "more" },
				h("button", { type: "button", class: "button secondary", part: "button history-more", "aria-busy": busy ? "true" : null,
					"aria-disabled": busy ? "true" : null, onclick: () => view.more_history() },
				h("span", {}, words.text("history.more")), busy && h("span", { class: "spinner", "aria-hidden": "true" })))));
}
