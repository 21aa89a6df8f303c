/* Back from a checkout or the portal. Who has paid is told so when the server's answer has the new tier, and not before.
 *
 * The address's ?checkout=…&session_id=… is taken out of it at once. What was begun is kept in sessionStorage, so that a
 * reload goes on where it was. The session is handed to the server (confirm-checkout-session), which fetches it from Stripe
 * when the webhook is late; then it is asked at once and after 1, 2, 4 … s, at most every 30 s, for as long as the page is
 * open.
 *
 * The portal gives nothing to hand over, and may have changed anything: the server is asked to look (refresh-subscription)
 * before the page is believed again; some times more, when it cannot be reached.
 *
 * ?checkout=success alone is no word of a payment, since anybody can write it: who began a checkout here is believed. */
import { random_key } from "./api.js";
import { announce } from "./news.js";

const KEPT = "tiergate.checkout";
const PAUSE_MAX_MS = 30000;
const SLOW_MS = 30000;        // from then on: "this takes longer than usual"
const PAID = ["active", "trialing"];
const LOOKS_MS = [1000, 3000, 7000, 15000]; // when nothing is handed over, or the server cannot tell: a webhook may come
const DETAILS_WAIT_S = 5;     // what comes next is Stripe's word: worth a moment
const KEPT_MAX_MS = 86400000; // what was begun a day ago is no news

function storage() {
	try {
		return globalThis.sessionStorage;
	} catch {
		return null;
	}
}

function kept() {
	try {
		const value = JSON.parse(storage()?.getItem(KEPT) ?? "null");
		return value && typeof value === "object" && Date.now() - value.begun_ms < KEPT_MAX_MS ? value : null;
	} catch {
		return null;
	}
}

const keep = value => value ? storage()?.setItem(KEPT, JSON.stringify(value)) : storage()?.removeItem(KEPT);

export class Checkout {
	waiting = null; // {session, tier, since_ms, unpaid} from the return until the tier is there
	#work; #addresses; #tries = 0; #confirmed = null; #refreshing = false;

	constructor(work, addresses) {
		this.#work = work;
		this.#addresses = addresses;
	}

	/* Before leaving for Stripe: what is being bought. */
	begin({ id, tier, from }) {
		keep({ session: id ?? null, tier, from, begun_ms: Date.now(), back: false });
	}

	begin_portal() { keep({ portal: true, begun_ms: Date.now() }); }

	/* Also by the browser's Back button, or out of another tab. True: it is being looked after. */
	back_from_portal() {
		if (this.#refreshing || !kept()?.portal) return this.#refreshing;
		this.#refresh(0);
		return true;
	}

	async #refresh(tries) {
		let known = false;
		let again = false;
		this.#refreshing = true;
		try {
			const { body } = await this.#work.ask({ method: "POST", path: "refresh-subscription", body: {} });
			known = body.state === "refreshed";
		} catch (failure) { // then by and by
			again = failure.kind === "unreachable" && tries < LOOKS_MS.length;
		}
		this.#refreshing = false;
		if (kept()?.portal) keep(null);
		this.#work.look_again({ at_once: true, wait: DETAILS_WAIT_S });
		const pause_ms = LOOKS_MS[tries] - (LOOKS_MS[tries - 1] ?? 0);
		if (again) this.#work.later("portal", pause_ms, () => this.#refresh(tries + 1));
		if (known || again) return;
		this.#look_by_and_by();
	}

	#look_by_and_by() {
		LOOKS_MS.forEach((ms, i) => this.#work.later(`look ${i}`, ms, () => this.#work.look_again({ at_once: true })));
	}

	take_from_address() {
		const url = new URL(this.#addresses.href);
		const outcome = url.searchParams.get("checkout");
		const session = url.searchParams.get("session_id");
		if (outcome !== null || session !== null) {
			for (const name of ["checkout", "session_id"]) url.searchParams.delete(name);
			history.replaceState(history.state, "", url.href);
		}
		const begun = kept();
		const bought = begun && !begun.portal ? begun : null;
		if (outcome === "success" && (session || bought)) {
			const same = bought && (!session || bought.session === session);
			const now = { session: session || bought.session, tier: same ? bought.tier : null, from: same ? bought.from : null,
				begun_ms: Date.now(), back: true };
			keep(now);
			this.#wait(now);
		} else if (outcome !== null && outcome !== "success") {
			keep(null);
			this.#work.notice("checkout.canceled");
		} else if (begun?.portal) {
			this.back_from_portal();
		} else if (begun?.back) {
			this.#wait(begun);
		} else if (outcome === "success") {
			this.#look_by_and_by(); // whoever wrote that may have paid or not: the status tells
		}
	}

	#wait({ session, tier, from, begun_ms }) {
		this.waiting = { session, tier, from, since_ms: begun_ms, unpaid: false };
	}

	get slow() { return this.waiting !== null && Date.now() - this.waiting.since_ms > SLOW_MS; }

	go_on() { if (this.waiting) this.#ask(); }

	check_now() {
		this.#tries = 0;
		this.#ask();
	}

	async #ask() {
		if (!this.waiting) return;
		await Promise.all([this.#confirm(), this.#work.load_status()]);
		if (!this.waiting) return;
		const pause = Math.min(PAUSE_MAX_MS, 1000 * 2 ** Math.min(this.#tries++, 5));
		this.#work.later("checkout", pause, () => this.#ask());
	}

	async #confirm() {
		const { session } = this.waiting;
		if (!session) return;
		try {
			const { body } = await this.#work.ask({ method: "POST", path: "confirm-checkout-session",
				body: { session_id: session }, headers: { "Idempotency-Key": random_key() } });
			if (this.waiting?.session === session) this.#heard(body);
		} catch (failure) {
			if (failure.kind !== "refused" || this.waiting?.session !== session) return;
			if (["not_found", "bad_request"].includes(failure.code)) this.#end(); // not this subject's: nobody knows of a payment
			else this.waiting.session = null; // then the tier tells
			this.#work.changed();
		}
	}

	#heard(body) {
		if (body.state === "expired") {
			this.#end();
			this.#work.notice("checkout.expired");
			return;
		}
		this.waiting.unpaid = body.state === "unpaid";
		if (body.state === "activated") {
			this.#confirmed = { tier: body.tier ?? null, ver: body.ver ?? 0 };
			if (this.#work.status) this.saw(this.#work.status);
			this.#look_behind_the_last();
		}
		this.#work.changed();
	}

	/* An answer that was under way before may be older than what was heard. */
	async #look_behind_the_last() {
		await this.#work.load_status();
		if (this.waiting) await this.#work.load_status();
	}

	#end() {
		this.waiting = null;
		keep(null);
	}

	/* Every answer of subscription-status comes by here. */
	saw(status) {
		if (!this.waiting || !this.#has_it(status)) return;
		this.#end();
		this.#work.notice("checkout.done", { params: { tier: status.tier }, tone: "good" });
		announce({ tier: status.tier, ver: status.ver ?? null });
		this.#work.load_history();
	}

	#has_it(status) {
		if (this.#confirmed) {
			const { tier, ver } = this.#confirmed;
			return (status.ver ?? 0) >= ver && (tier === null ? PAID.includes(status.state) : status.tier === tier);
		}
		if (this.waiting.unpaid) return false;
		if (this.waiting.tier) return status.tier === this.waiting.tier && status.tier !== this.waiting.from;
		// nothing is known of what was bought (another browser, say): a plan that is paid for or on trial
		return !this.waiting.session && PAID.includes(status.state);
	}
}
