/* What the subject has, for every guard of a page: one request however many there are.
 *
 *     const end = watch(seen => …);      seen: {state: "loading"|"ready"|"error", entitlements, failure}
 *
 * Asked again, by If-None-Match: when the page is looked at again, when it is online again, when somebody says that the
 * tier changed (news.js), when an answer's `until` comes, and every five minutes while the page is seen. After a failure
 * after 1, 2, 4 … 60 s. What was known counts through an outage, and while nobody watches, for KEPT_MS and not past its
 * `until`. After an outage of that length, without any answer, and when nobody is signed in, the state is "error" and nothing
 * is allowed. */
import { Failure, backoff_ms, call } from "./api.js";
import { use_token } from "./token.js";
import { on_news } from "./news.js";

const KEPT_MS = 10 * 60000;
const EVERY_MS = 5 * 60000;
const SOON_MS = 1000; // not asked again sooner because the page is looked at
const TIMER_MAX_MS = 2 ** 31 - 1;

class Entitlements {
	state = "loading";
	entitlements = null;
	failure = null;
	#base = "/api/v1/billing/"; #etag = null; #good_ms = 0; #asked_ms = -SOON_MS; #tries = 0; #timer = null;
	#watchers = new Set(); #running = null; #again = false; #ends = []; #turn = 0;

	configure({ api, token } = {}) {
		if (api !== undefined) this.#base = api;
		if (token !== undefined) use_token(token);
		this.#turn++; // an answer for who was there before does not count
		this.#etag = null;
		this.entitlements = null;
		this.#set("loading");
		if (this.#watchers.size > 0) this.refresh();
	}

	watch(then) {
		this.#watchers.add(then);
		if (this.#watchers.size === 1) this.#start();
		then(this);
		return () => {
			this.#watchers.delete(then);
			if (this.#watchers.size === 0) this.#stop();
		};
	}

	#start() {
		if (this.state === "ready" && this.#is_old()) this.state = "loading"; // nobody asked for a while
		const look = () => { if (!document.hidden && Date.now() - this.#asked_ms >= SOON_MS) this.refresh(); };
		const online = () => this.refresh();
		document.addEventListener("visibilitychange", look);
		const shown = event => { if (event.persisted) look(); };
		addEventListener("pageshow", shown);
		addEventListener("online", online);
		this.#ends = [on_news(() => this.refresh()), () => document.removeEventListener("visibilitychange", look),
			() => removeEventListener("pageshow", shown), () => removeEventListener("online", online)];
		queueMicrotask(() => { if (this.#watchers.size > 0) this.refresh(); }); // the guards' scripts set the token first
	}

	#stop() {
		for (const end of this.#ends) end();
		this.#ends = [];
		clearTimeout(this.#timer);
	}

	#set(state, failure = null) {
		this.state = state;
		this.failure = failure;
		for (const then of [...this.#watchers])
			try {
				then(this);
			} catch (error) {
				reportError(error); // no failure of the others, nor of the answer
			}
	}

	#later(ms) {
		clearTimeout(this.#timer);
		if (this.#watchers.size > 0) this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(ms, 0), TIMER_MAX_MS));
	}

	#wake() {
		if (this.state === "ready" && this.#expired()) this.#set("error", this.failure ?? new Failure("unreachable"));
		if (!document.hidden || this.state === "error") this.refresh();
		else this.#later(EVERY_MS); // nobody looks; visibilitychange asks
	}

	/* Too old, or good until a moment that has passed. */
	#is_old() {
		return Date.now() - this.#good_ms > KEPT_MS || Date.parse(this.entitlements?.until ?? "") <= Date.now();
	}

	/* What was known counts no more, after a try that failed. */
	#expired() { return this.#tries > 0 && this.#is_old(); }

	/* One request at a time. What is wanted while one is under way is asked once after it: its answer may be older. */
	refresh() {
		if (this.#running) {
			this.#again = true;
			return this.#running;
		}
		this.#running = this.#ask().finally(() => {
			this.#running = null;
			if (!this.#again) return;
			this.#again = false;
			this.refresh();
		});
		return this.#running;
	}

	async #ask() {
		const turn = this.#turn;
		this.#asked_ms = Date.now();
		try {
			const headers = this.#etag && this.entitlements ? { "If-None-Match": this.#etag } : {};
			const { status, body, etag } = await call({ base: this.#base, path: "entitlements", headers });
			if (turn === this.#turn) this.#got(status === 304 ? this.entitlements : body, etag);
		} catch (error) {
			if (turn === this.#turn) this.#failed(error instanceof Failure ? error : new Failure("unreachable"));
		}
	}

	#got(entitlements, etag) {
		this.entitlements = entitlements;
		this.#etag = etag ?? this.#etag;
		this.#good_ms = Date.now();
		this.#tries = 0;
		this.#set("ready");
		const left = Date.parse(entitlements.until ?? "") - Date.now();
		// a little after the moment, so that the server's clock has passed it too
		this.#later(left > 0 && left < EVERY_MS ? left + 250 : EVERY_MS * (0.9 + Math.random() / 5));
	}

	#failed(failure) {
		const tries = this.#tries++;
		if (failure.kind !== "unreachable") this.entitlements = null; // signed out: nobody is here any more
		if (this.entitlements && !this.#expired()) this.failure = failure;
		else this.#set("error", failure);
		this.#later(failure.kind === "unreachable" ? Math.max(backoff_ms(tries), failure.after_ms) : EVERY_MS);
	}
}

const shared = new Entitlements();

/* Where the API is and whose token it gets; asks anew. Call it when somebody signs in or out. */
export const configure = settings => shared.configure(settings);
export const watch = then => shared.watch(then);
export const refresh = () => shared.refresh();

/* {known, has, need}: `need` is the lowest tier that would do. Both names given: both must hold. */
export function judge(entitlements, { tier = null, feature = null }) {
	const tiers = Array.isArray(entitlements?.tiers) ? entitlements.tiers : [];
	const order = tiers.map(one => one.name);
	const at = order.indexOf(entitlements?.tier);
	const wanted = tier === null ? -1 : order.indexOf(tier);
	const with_feature = feature === null ? -1 : tiers.findIndex(one => one.features?.includes(feature));
	const known = (tier !== null || feature !== null) && (tier === null || wanted >= 0) && (feature === null || with_feature >= 0);
	const has = known && (tier === null || at >= wanted) &&
		(feature === null || Boolean(entitlements.features?.includes(feature)));
	return { known, has, need: known ? order[Math.max(wanted, with_feature)] ?? null : null };
}
