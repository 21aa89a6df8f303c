/* Texts, numbers and dates in the viewer's language and time zone. */
import { h } from "./draw.js";
import { money } from "./money.js";

const DAY_MS = 86400000;
const own = (table, key) => (Object.hasOwn(table, key) ? table[key] : undefined);

function supported(locale) {
	try {
		return Intl.NumberFormat.supportedLocalesOf(locale)[0] ?? "en";
	} catch {
		return "en"; // a lang="…" that is no language tag
	}
}

/* "live_trading" → "Live trading" */
function humanise(name) {
	const text = String(name ?? "").replace(/[_-]+/g, " ").trim();
	return text.charAt(0).toUpperCase() + text.slice(1);
}

export class Words {
	#tables;
	#plural;
	#number;
	#foreign;

	/* tables: the first that has a key counts. The last is English, whatever the locale: it stands in for what is not translated. */
	constructor(locale, ...tables) {
		this.locale = supported(locale);
		this.#tables = tables;
		this.#plural = new Intl.PluralRules(this.locale);
		this.#number = new Intl.NumberFormat(this.locale);
		this.#foreign = !/^en\b/.test(this.locale) && new Intl.PluralRules("en");
	}

	has(key) {
		return this.#tables.some(table => own(table, key) !== undefined);
	}

	/* {text, foreign}: `foreign` has English's plural rules when it is English in a page of another language. */
	#template(key, params) {
		for (const [i, table] of this.#tables.entries()) {
			const foreign = i === this.#tables.length - 1 ? this.#foreign : null;
			const found = own(table, key);
			if (typeof found === "string") return { text: found, foreign };
			if (found && typeof found === "object") {
				const rules = foreign || this.#plural;
				const text = own(found, rules.select(params.count ?? 0)) ?? own(found, "other");
				if (typeof text === "string") return { text, foreign };
			}
		}
		return { text: humanise(key.split(".").pop()), foreign: null };
	}

	/* Pieces for draw(): a parameter may be an element, which a translation places where it belongs. */
	say(key, params = {}) {
		const { text, foreign } = this.#template(key, params);
		const pieces = text.split(/(\{\w+\})/).map(piece => {
			const name = piece.startsWith("{") ? piece.slice(1, -1) : null;
			if (name === null || !Object.hasOwn(params, name)) return piece;
			const value = name === "count" ? this.#number.format(params.count) : params[name];
			return typeof value === "string" ? h("bdi", {}, value) : value; // it may run the other way than the sentence
		});
		return foreign ? [h("bdi", { lang: "en", dir: "ltr" }, ...pieces)] : pieces;
	}

	text(key, params = {}) {
		return this.say(key, params).map(piece => plain(piece)).join("");
	}

	/* The sentence, or null when something that it needs is not known. */
	if_known(key, params) {
		return Object.values(params).some(value => value === null || value === undefined) ? null : this.say(key, params);
	}

	#name(kind, name) {
		const key = `${kind}.${name}`;
		return this.has(key) ? this.text(key) : humanise(name);
	}

	tier(name) { return name ? h("bdi", {}, this.#name("tier", name)) : null; }
	feature(name) { return h("bdi", {}, this.#name("feature", name)); }
	brand(name) { return this.#name("card", name); }

	money(amount, currency) { return money(amount, currency, this.locale); }

	#date(text, shape) {
		const at = new Date(text ?? NaN);
		if (Number.isNaN(at.getTime())) return null;
		const whole = new Intl.DateTimeFormat(this.locale, { dateStyle: "full", timeStyle: "short" }).format(at);
		return h("time", { datetime: at.toISOString(), title: whole }, new Intl.DateTimeFormat(this.locale, shape).format(at));
	}

	/* RFC 3339 → <time>; null when it is none */
	day(text) { return this.#date(text, { dateStyle: "long" }); }
	short_day(text) { return this.#date(text, { dateStyle: "medium" }); }

	/* "Mar 3 – Apr 3, 2026", each end a <time>; null unless both are dates. */
	days(from_text, to_text) {
		const [from, to] = [new Date(from_text ?? NaN), new Date(to_text ?? NaN)];
		if (!(from < to)) return null;
		const parts = new Intl.DateTimeFormat(this.locale, { dateStyle: "medium" }).formatRangeToParts(from, to);
		const end = (source, at) => h("time", { datetime: at.toISOString() },
			parts.filter(part => part.source === source).map(part => part.value).join(""));
		if (!parts.some(part => part.source === "startRange")) return this.short_day(from_text); // one and the same day
		const said = new Set();
		return parts.map(part => {
			if (part.source === "shared") return part.value;
			if (said.has(part.source)) return "";
			said.add(part.source);
			return part.source === "startRange" ? end("startRange", from) : end("endRange", to);
		});
	}

	/* A card's month has no zone. */
	month(year, month) {
		if (!Number.isInteger(year) || !Number.isInteger(month) || month < 1 || month > 12) return null;
		const shape = { month: "2-digit", year: "numeric", timeZone: "UTC" };
		return new Intl.DateTimeFormat(this.locale, shape).format(Date.UTC(year, month - 1, 1));
	}

	/* "5 minutes ago" */
	age(ms) {
		const format = new Intl.RelativeTimeFormat(this.locale, { numeric: "auto" });
		const seconds = Math.max(0, Math.round(ms / 1000));
		if (seconds < 60) return format.format(-seconds, "second");
		if (seconds < 3600) return format.format(-Math.round(seconds / 60), "minute");
		if (seconds < 86400) return format.format(-Math.round(seconds / 3600), "hour");
		return format.format(-Math.round(seconds / 86400), "day");
	}

	/* "per month", "every 3 months" */
	per(interval, count) {
		const key = `per.${interval}`;
		return this.has(key) ? this.text(key, { count: count || 1 }) : this.text("per.unknown");
	}
}

function plain(piece) {
	return typeof piece === "object" && piece !== null ? piece.children.map(plain).join("") : String(piece);
}

/* Begun days until then; 0: it is over or ends now. Null when there is no such date. */
export function days_left(text, now_ms) {
	const at = Date.parse(text ?? "");
	return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now_ms) / DAY_MS));
}
