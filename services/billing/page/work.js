/* What the dashboard knows, and how it comes to know it: loading, asking again, coming back from a checkout, acting.
 * No DOM but the address, storage and the page's visibility. `changed()` is called whenever there is something new to draw.
 *
 * Bounds: one request of a kind at a time; what fails is tried again after 1, 2, 4 … 60 s (a random part of it). */
import { Failure, backoff_ms, call, random_key } from "./api.js";
import { Checkout } from "./checkout.js";
import { announce } from "./news.js";

const HISTORY_PAGE = 10;
const HISTORY_MAX = 1000; // rows kept
const FRESH_MS = 5000;    // not asked again sooner because the page is looked at again
const DETAILS_SOON = 3;   // tries, some 15 s
const TIMER_MAX_MS = 2 ** 31 - 1;
const NOTICES_MAX = 3;

export class Work {
	phase = "loading"; // ready, unreachable, signed_out
	status = null;     // the server's answers, as they came
	plans = null;
	plans_failed = false;
	history = { phase: "loading", rows: [], cursor: null };
	away = false;      // the last try failed: what is shown is from received_ms
	received_ms = 0;
	notices = [];      // {key, params, tone, reference}
	busy = null;       // the action under way
	#api; #changed; #timers = new Map(); #tries = new Map(); #running = new Map(); #again = new Map(); #stopped = false;
	#turn = 0; #asked = 0; // of whom is here, and of whom the payments were asked for that are under way

	constructor({ api, changed, addresses = location }) {
		this.#api = api; // () => {base, own_token}
		this.#changed = changed;
		this.checkout = new Checkout(this, addresses);
	}

	changed() { if (!this.#stopped) this.#changed(); }
	ask(request) { return call({ ...this.#api(), ...request }); }

	start() {
		this.checkout.take_from_address();
		this.refresh_all();
		this.checkout.go_on();
	}

	stop() {
		this.#stopped = true;
		for (const timer of this.#timers.values()) clearTimeout(timer);
		this.#timers.clear();
	}

	refresh_all() {
		this.load_status();
		this.load_plans();
		this.load_history();
	}

	/* The page is looked at again, is online again, or somebody said that the tier changed. */
	look_again({ at_once = false, wait = 0 } = {}) {
		if (this.checkout.back_from_portal()) return; // which looks again when the server has looked
		if (!at_once && Date.now() - this.received_ms < FRESH_MS && !this.away) return;
		if (at_once) for (const name of this.#running.keys()) this.#again.set(name, null); // its answer may be older than the news
		this.load_status({ wait });
		if (!this.plans) this.load_plans();
		this.load_history();
	}

	later(name, ms, then) {
		clearTimeout(this.#timers.get(name));
		if (this.#stopped) return;
		this.#timers.set(name, setTimeout(() => {
			this.#timers.delete(name);
			then();
		}, Math.min(Math.max(ms, 0), TIMER_MAX_MS)));
	}

	/* One at a time; what fails in a way that may pass comes again by itself. */
	#load(name, ask, got, failed) {
		if (this.#again.has(name)) this.#again.set(name, ask);
		if (this.#running.has(name) || this.#stopped) return this.#running.get(name); // one answer is as good as two
		const run = (async () => {
			try {
				got((await ask()).body);
				this.#tries.delete(name);
			} catch (error) {
				const failure = error instanceof Failure ? error : new Failure("unreachable");
				if (failure.kind !== "signed_out") {
					const tries = this.#tries.get(name) ?? 0;
					this.#tries.set(name, tries + 1);
					this.later(name, Math.max(backoff_ms(tries), failure.after_ms), () => this.#load(name, ask, got, failed));
				}
				failed(failure);
			} finally {
				this.#running.delete(name);
				const next = this.#again.get(name) ?? ask;
				if (this.#again.delete(name)) this.#load(name, next, got, failed);
				this.changed();
			}
		})();
		this.#running.set(name, run);
		return run;
	}

	load_status({ wait = 0 } = {}) {
		const headers = wait > 0 ? { Prefer: `wait=${wait}` } : {};
		return this.#load("status", () => this.ask({ path: "subscription-status", headers }),
			body => this.#got_status(body), failure => this.#status_failed(failure));
	}

	#got_status(status) {
		const before = this.status;
		if (before && before.subject !== status.subject) this.#somebody_else();
		this.status = status;
		this.received_ms = Date.now();
		this.away = false;
		this.phase = "ready";
		if (before && before.tier !== status.tier) announce({ tier: status.tier, ver: status.ver ?? null });
		this.checkout.saw(status);
		this.#look_for_details();
		this.#wake_at_next_change();
	}

	/* What one has paid is not shown to another, nor what is under way to be told. */
	#forget_history() {
		this.#turn++;
		this.history = { phase: "loading", rows: [], cursor: null };
		if (this.#running.has("history")) this.#again.set("history", null);
	}

	#somebody_else() {
		this.#forget_history();
		this.load_history();
	}

	#status_failed(failure) {
		if (failure.kind === "signed_out") {
			this.phase = "signed_out";
			this.status = null;
			this.#forget_history();
		}
		else if (this.status) this.away = true;
		else this.phase = "unreachable";
	}

	/* They should be there soon: it was not asked for them in vain that often yet. */
	get waits_for_details() { return (this.#tries.get("details") ?? 0) <= DETAILS_SOON; }

	/* The server fetches them in the background; the next answer may wait a little for them. */
	#look_for_details() {
		const waiting = this.status.details_state === "pending";
		const missing = ["stale", "unavailable"].includes(this.status.details_state) || this.status.stale === true;
		const tries = this.#tries.get("details") ?? 0;
		if (!waiting && !missing) {
			this.#tries.delete("details");
			return;
		}
		this.#tries.set("details", tries + 1);
		const pause = waiting && tries === 0 ? 0 : backoff_ms(tries + 1);
		this.later("details", pause, () => this.load_status({ wait: 5 }));
	}

	/* Tiers end and begin by the clock: ask when they do. */
	#wake_at_next_change() {
		const { until, cancel_at, trial, next } = this.status;
		const moments = [until, cancel_at, trial?.ends_at, ...(Array.isArray(next) ? next.map(step => step?.at) : [])]
			.map(text => Date.parse(text ?? "")).filter(at => at > Date.now());
		if (moments.length === 0) return;
		this.later("moment", Math.min(...moments) - Date.now() + 1000, () => this.look_again({ at_once: true }));
	}

	load_plans() {
		return this.#load("plans", () => this.ask({ path: "plans" }), body => {
			this.plans = body;
			this.plans_failed = false;
		}, () => { this.plans_failed = this.plans === null; });
	}

	#ask_history() {
		this.#asked = this.#turn;
		return this.ask({ path: "invoices", query: { limit: HISTORY_PAGE } });
	}

	load_history() {
		return this.#load("history", () => this.#ask_history(),
			body => { if (this.#asked === this.#turn) this.#got_first_page(body); },
			() => { if (this.history.phase === "loading") this.history = { ...this.history, phase: "failed" }; });
	}

	/* New payments come on top; pages that were opened below stay open. */
	#got_first_page(body) {
		const rows = Array.isArray(body.invoices) ? body.invoices : [];
		const seen = new Set(rows.map(row => row.id));
		const below = this.history.rows.filter(row => !seen.has(row.id));
		const joined = this.history.rows.some(row => seen.has(row.id));
		const { phase, cursor } = this.history;
		const now = joined && below.length > 0 ? { rows: [...rows, ...below], cursor } : { rows, cursor: body.next_cursor ?? null };
		this.history = { ...now, phase: phase === "more" && now.cursor === cursor ? "more" : "ready" };
	}

	async more_history() {
		const { cursor } = this.history;
		const begun_anew = () => this.history.cursor !== cursor; // meanwhile: what comes does not follow any more
		if (!cursor || this.history.phase === "more") return;
		this.history = { ...this.history, phase: "more" };
		this.changed();
		try {
			const { body } = await this.ask({ path: "invoices", query: { limit: HISTORY_PAGE, cursor } });
			if (begun_anew()) return;
			const { rows } = this.history; // newer than the question
			const seen = new Set(rows.map(row => row.id));
			const added = (Array.isArray(body.invoices) ? body.invoices : []).filter(row => !seen.has(row.id));
			const all = [...rows, ...added].slice(0, HISTORY_MAX);
			const done = added.length === 0 || all.length === HISTORY_MAX; // a cursor that leads nowhere ends here
			this.history = { phase: "ready", rows: all, cursor: done ? null : body.next_cursor ?? null };
		} catch (failure) {
			if (begun_anew()) return;
			this.history = { ...this.history, phase: "ready" };
			this.tell_failure(failure);
		}
		this.changed();
	}

	notice(key, { params = {}, tone = "calm", reference = null } = {}) {
		this.notices = [...this.notices.filter(notice => notice.key !== key), { key, params, tone, reference }].slice(-NOTICES_MAX);
		this.changed();
	}

	dismiss(key) {
		this.notices = this.notices.filter(notice => notice.key !== key);
		this.changed();
	}

	forget_failures() { this.notices = this.notices.filter(notice => !notice.key.startsWith("failed.")); }

	tell_failure(failure) {
		const by_code = `failed.${failure.code}`;
		const known = ["no_customer", "no_change", "too_many_requests"].includes(failure.code);
		const key = known ? by_code : failure.kind === "signed_out" ? "failed.signed_out"
			: failure.kind === "refused" ? "failed.refused" : "failed.action";
		this.notice(key, { tone: "bad", reference: failure.request_id ?? null });
	}

	/* One action at a time; `name` tells the view which button waits. Resolves to the answer's body, or null. */
	async act(name, path, body) {
		if (this.busy) return null;
		this.busy = name;
		this.forget_failures();
		this.changed();
		try {
			return (await this.ask({ method: "POST", path, body, headers: { "Idempotency-Key": random_key() } })).body;
		} catch (error) {
			this.tell_failure(error instanceof Failure ? error : new Failure("unreachable"));
			return null;
		} finally {
			this.busy = null;
			this.changed();
		}
	}
}
