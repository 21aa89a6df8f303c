/* <billing-dashboard>: a customer's plan, payments and the way to change them. README.md has its attributes, parts,
 * custom properties and events. */
import { Failure } from "./api.js";
import { draw, h, own_url, safe_url } from "./draw.js";
import { icon } from "./icons.js";
import { english } from "./messages.js";
import { on_news } from "./news.js";
import { is_billed, next_tier_up } from "./screens.js";
import { sheet } from "./style.js";
import { history_card } from "./view-history.js";
import { change_dialog } from "./view-dialog.js";
import { instead_card, plan_card } from "./view-plan.js";
import { interval_of, intervals_of, plan_table, price_in } from "./view-plans.js";
import { Words } from "./words.js";
import { Work } from "./work.js";

const AGE_TICK_MS = 30000; // "5 minutes ago" goes on

export class BillingDashboard extends HTMLElement {
	static observedAttributes = ["api", "lang", "messages", "heading-level"];

	#token = null; #messages = {}; #root; #body; #dialog; #work = null; #change = null; #interval = null; #words = null;
	#drawing = false; #ends = []; #said = "";

	constructor() {
		super();
		this.#root = this.attachShadow({ mode: "open" });
		this.#root.adoptedStyleSheets = [sheet()];
		this.#body = document.createElement("div");
		this.#body.className = "dashboard";
		this.#body.part = "dashboard";
		this.#dialog = document.createElement("dialog");
		this.#dialog.part = "dialog";
		this.#dialog.setAttribute("aria-labelledby", "change-title");
		this.#dialog.addEventListener("cancel", event => { event.preventDefault(); this.#close_change(); });
		this.#dialog.addEventListener("click", event => { if (event.target === this.#dialog) this.#close_change(); });
		this.#dialog.addEventListener("keydown", event => this.#keep_focus_inside(event));
		this.#root.append(this.#body, this.#dialog);
	}

	/* The token, or a function that returns it or a promise of it ({again: true}: the last one was refused). */
	get token() { return this.#token; }
	set token(token) { this.#token = token ?? null; }

	/* Texts that replace those of messages.js. */
	get messages() { return this.#messages; }
	set messages(table) {
		this.#messages = table && typeof table === "object" ? table : {};
		this.#words = null;
		this.#draw_soon();
	}

	/* The server's last answer of subscription-status; null before it. */
	get status() { return this.#work?.status ?? null; }

	refresh() { this.#work?.look_again({ at_once: true }); }

	connectedCallback() {
		for (const name of ["token", "messages"]) this.#upgrade_property(name);
		this.#work = new Work({
			api: () => ({ base: this.getAttribute("api") || "/api/v1/billing/", own_token: this.token }),
			changed: () => this.#draw_soon(),
		});
		const look = () => { if (!document.hidden) this.#work?.look_again(); };
		const tick = setInterval(() => this.#draw_soon(), AGE_TICK_MS);
		document.addEventListener("visibilitychange", look);
		addEventListener("online", look);
		const shown = event => { if (event.persisted) look(); }; // out of the browser's memory, by its Back button
		addEventListener("pageshow", shown);
		this.#ends = [
			() => document.removeEventListener("visibilitychange", look), () => removeEventListener("online", look),
			() => removeEventListener("pageshow", shown), () => clearInterval(tick),
			on_news(news => { if (news.tier !== this.status?.tier) this.#work?.look_again({ at_once: true }); }),
		];
		this.#draw();
		// in a moment of its own: whoever made the element sets its token first
		queueMicrotask(() => { if (this.isConnected) this.#work?.start(); });
	}

	disconnectedCallback() {
		for (const end of this.#ends) end();
		this.#ends = [];
		this.#work?.stop();
		this.#work = null;
		if (this.#dialog.open) this.#dialog.close();
		this.#change = null;
	}

	attributeChangedCallback(name) {
		this.#words = null;
		if (name === "api" && this.#work?.status) this.refresh();
		this.#draw_soon();
	}

	/* Set before the module was loaded: such a property hides ours. */
	#upgrade_property(name) {
		if (!Object.hasOwn(this, name)) return;
		const value = this[name];
		delete this[name];
		this[name] = value;
	}

	#make_words() {
		let told = {};
		try {
			told = JSON.parse(this.getAttribute("messages") || "{}");
		} catch {
			console.warn("<billing-dashboard>: the attribute messages is not JSON");
		}
		const lang = this.closest("[lang]")?.lang || document.documentElement.lang || navigator.language;
		return new Words(lang, this.#messages, told && typeof told === "object" ? told : {}, english);
	}

	/* ---- drawing ---------------------------------------------------------------------------------- */

	#draw_soon() {
		if (this.#drawing || !this.isConnected) return;
		this.#drawing = true;
		queueMicrotask(() => {
			this.#drawing = false;
			if (this.isConnected && this.#work) this.#draw();
		});
	}

	/* What the views are given. */
	#view() {
		this.#words ??= this.#make_words();
		const work = this.#work;
		const level = Math.min(4, Math.max(1, Number(this.getAttribute("heading-level")) || 1));
		return {
			work, words: this.#words, level, now_ms: Date.now(), change: this.#change, interval: this.#chosen_interval(),
			support: safe_url(this.getAttribute("support-url")), sign_in: own_url(this, "sign-in-url"),
			suggested: work.status ? next_tier_up(work.status, work.plans) : null,
			run: (action, name) => this.#run(action, name),
			choose_interval: interval => { this.#interval = interval; this.#draw_soon(); },
			more_history: () => work.more_history(),
			load_preview: () => this.#load_preview(), confirm_change: () => this.#confirm_change(),
			close_change: () => this.#close_change(),
			notices_in_dialog: () => this.#notices(notice => notice.key.startsWith("failed.")),
		};
	}

	/* Where Stripe's pages lead back to, when this element stands elsewhere than on billing's own page. */
	#return_url() {
		const text = own_url(this, "return-url");
		if (!text) return null;
		const url = new URL(text);
		url.hash = "";
		return url;
	}

	#ways_back() {
		const success = this.#return_url();
		if (!success) return {};
		if (is_billed(this.#work.status)) return { success_url: success.href }; // a switch in the portal has no session
		const cancel = new URL(success);
		success.searchParams.set("checkout", "success");
		cancel.searchParams.set("checkout", "cancelled");
		// Stripe looks for these very characters: they must not be encoded
		return { success_url: `${success.href}&session_id={CHECKOUT_SESSION_ID}`, cancel_url: cancel.href };
	}

	#chosen_interval() {
		const all = intervals_of(this.#work.plans);
		const wanted = [this.#interval, interval_of(this.#work.status?.details?.subscription ?? {}), "month"];
		return wanted.find(interval => all.includes(interval)) ?? all[0] ?? "month";
	}

	#notices(which) {
		const { words } = this.#view_words();
		return this.#work.notices.filter(which).map(notice => h("div", { class: `note ${notice.tone}`, part: "notice",
			key: `notice ${notice.key}`, role: notice.tone === "bad" ? "alert" : null },
		icon(notice.tone === "good" ? "check" : notice.tone === "bad" ? "alert" : "info"),
		h("p", {}, words.say(notice.key, { ...notice.params, ...(notice.params.tier ? { tier: words.tier(notice.params.tier) } : {}) }),
			notice.reference && h("span", { class: "reference" }, " ", words.say("failed.reference", { id: notice.reference }))),
		h("button", { type: "button", class: "icon-button", part: "dismiss", "aria-label": words.text("do.dismiss"),
			onclick: () => this.#work.dismiss(notice.key) }, icon("close"))));
	}

	#view_words() { return { words: (this.#words ??= this.#make_words()) }; }

	#freshness(view) {
		const { work, words, now_ms } = view;
		const age = words.age(now_ms - (work.received_ms - 1000 * (work.status?.age_s ?? 0)));
		const key = work.away ? "away.banner" : work.status?.stale ? "stale.banner" : null;
		return key && h("div", { class: "note notice", part: "freshness", key: "freshness" }, icon("cloud"),
			h("p", {}, words.say(key, { age })),
			h("button", { type: "button", class: "text-button", part: "button", onclick: () => this.refresh() }, words.text("do.retry")));
	}

	/* What screen readers are told, once for each change. */
	#speech(view) {
		const { work, words } = view;
		if (work.phase === "loading") return words.text("loading");
		if (work.checkout.waiting) return words.text(work.checkout.waiting.unpaid ? "checkout.unpaid.title" : "checkout.activating.title");
		const good = work.notices.findLast(notice => notice.tone !== "bad");
		if (good) return words.text(good.key, { tier: words.tier(good.params.tier) ?? "" });
		return work.away ? words.text("away.title") : "";
	}

	#draw() {
		const view = this.#view();
		const { work, words } = view;
		const instead = ["unreachable", "signed_out"].includes(work.phase);
		const urgent = work.notices.some(notice => notice.tone === "bad");
		this.dataset.phase = work.phase;
		draw(this.#body, [
			h(`h${view.level}`, { class: "title", part: "title", key: "title" }, words.text("title")),
			h("p", { class: "hidden", role: "status", key: "speech" }, this.#speech(view)),
			h("div", { class: "notes", key: "notes" }, this.#freshness(view)),
			// what has failed is said where it is seen, however far down the button is
			h("div", { class: urgent ? "notes urgent" : "notes", key: "notices" }, this.#change ? null : this.#notices(() => true)),
			instead ? instead_card(view) : [plan_card(view), plan_table(view), history_card(view)],
		]);
		draw(this.#dialog, change_dialog(view));
		if (this.#change && !this.#dialog.open) {
			this.#dialog.showModal();
			this.#dialog.querySelector("#change-title")?.focus();
		} else if (!this.#change && this.#dialog.open) this.#dialog.close();
		if (work.status && this.#said !== work.status.tier) {
			const first = this.#said === "";
			this.#said = work.status.tier;
			if (!first) this.#tell("tier-change", { tier: work.status.tier });
		}
	}

	#tell(name, detail, cancelable = false) {
		return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }));
	}

	/* ---- doing ------------------------------------------------------------------------------------ */

	#run(action, name) {
		if (this.#work.busy) return;
		if (action.kind === "retry") this.#work.refresh_all();
		else if (action.kind === "check") this.#work.checkout.check_now();
		else if (action.kind === "plans") this.#show_plans();
		else if (action.kind === "portal") this.#open_portal(action, name);
		else if (action.kind === "checkout") this.#change_plan(action.tier, name);
	}

	#show_plans() {
		const title = this.#root.getElementById("plans-title");
		const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
		title?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
		title?.focus({ preventScroll: true });
	}

	/* Leaves for Stripe; a listener may keep us here. */
	#leave(url, kind) {
		const address = safe_url(url);
		if (!address) {
			this.#work.tell_failure(new Failure("unreachable"));
			return;
		}
		if (this.#tell("billing-leave", { url: address, kind }, true)) location.assign(address);
	}

	/* What `act` answers; null also when the dialog was closed, or the element taken away, while it was waited for. */
	async #act(...request) {
		const [work, change] = [this.#work, this.#change];
		const answer = await work.act(...request);
		return work === this.#work && change === this.#change ? answer : null;
	}

	async #open_portal({ flow }, name) {
		const back = this.#return_url();
		const body = { ...(flow === "manage" ? {} : { flow }), ...(back ? { return_url: back.href } : {}) };
		const answer = await this.#act(name, "create-portal-session", body);
		if (!answer) return;
		this.#work.checkout.begin_portal();
		this.#leave(answer.url, "portal");
	}

	/* Who pays for nothing yet sees the cost on Stripe's page; who has a plan sees here what the change costs. */
	#change_plan(tier, name) {
		const { status, plans } = this.#work;
		if (!is_billed(status)) {
			this.#buy(tier, name);
			return;
		}
		const order = plans.tiers.map(one => one.name);
		const step = order.indexOf(tier) - order.indexOf(status.tier);
		this.#work.forget_failures();
		const price = this.#price_of(tier)?.id; // what is previewed is what is bought, whatever is known later
		this.#change = { tier, price, direction: step > 0 ? "up" : step < 0 ? "down" : "same", phase: price ? "loading" : "free" };
		if (price) this.#load_preview();
		this.#draw_soon();
	}

	/* What stands beside the button is what is bought. */
	#price_of(tier) {
		return price_in(this.#work.plans.tiers.find(one => one.name === tier) ?? {}, this.#chosen_interval(), this.#work);
	}

	async #buy(tier, name, price = this.#price_of(tier)?.id) {
		const body = { tier, price, ...this.#ways_back() };
		const answer = await this.#act(name, "create-checkout-session", body);
		if (!answer) return;
		if (answer.flow === "portal") this.#work.checkout.begin_portal();
		else this.#work.checkout.begin({ id: answer.id, tier, from: this.#work.status.tier });
		this.#leave(answer.url, answer.flow ?? "checkout");
	}

	async #load_preview() {
		const change = this.#change;
		Object.assign(change, { phase: "loading" });
		this.#draw_soon();
		try {
			const query = { tier: change.tier, price: change.price }; // as many seats as there are
			const { body } = await this.#work.ask({ path: "change-preview", query });
			Object.assign(change, { phase: "ready", preview: body });
		} catch (failure) {
			const why = failure.code === "no_change" ? "preview.no_change"
				: failure.kind === "refused" ? "preview.not_possible"
				: failure.kind === "signed_out" ? "failed.signed_out" : "preview.failed";
			Object.assign(change, { phase: "failed", why, again: failure.kind === "unreachable" });
		}
		this.#draw_soon();
	}

	async #confirm_change() {
		if (!this.#change || this.#work.busy) return;
		if (this.#change.phase === "ready") await this.#buy(this.#change.tier, "change", this.#change.price);
		else if (this.#change.phase === "free") await this.#open_portal({ flow: "subscription_cancel" }, "change");
	}

	#close_change() {
		this.#change = null;
		this.#work.forget_failures();
		this.#draw_soon();
	}

	/* A modal dialog lets Tab out to the browser's own buttons; here it goes round. */
	#keep_focus_inside(event) {
		if (event.key !== "Tab") return;
		const all = [...this.#dialog.querySelectorAll("button, a[href], summary")];
		const now = this.#root.activeElement;
		const edge = event.shiftKey ? all[0] : all.at(-1);
		if (now !== edge && all.includes(now)) return;
		if (!all.includes(now) && !event.shiftKey) return;
		event.preventDefault();
		(event.shiftKey ? all.at(-1) : all[0])?.focus();
	}
}

customElements.define("billing-dashboard", BillingDashboard);
