/* One call of billing's API, and what can come of it.
 *
 *     const {status, body, etag} = await call({base, path: "plans"});
 *
 * Throws a Failure:
 *   unreachable   no answer, an answer that is none, 429 or 5xx: the same call may succeed later
 *   signed_out    401, also with a token that was asked for anew
 *   refused       the request itself was not accepted; `code` says why (openapi.json) */
import { token } from "./token.js";

const DEADLINE_MS = 15000; // longer than billing's own, so that its answer comes before
const BODY_MAX = 1 << 20;

export class Failure extends Error {
	constructor(kind, { code = null, status = 0, detail = null, request_id = null, after_ms = 0 } = {}) {
		super(`${kind}: ${code ?? status}`);
		Object.assign(this, { kind, code, status, detail, request_id, after_ms });
	}
}

/* As RFC 4122 wants them; randomUUID is there on secure origins alone. */
export function random_key() {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}

/* Between half of it and all of it: 1, 2, 4 … 60 s, so that many pages do not come back at the same moment. */
export function backoff_ms(tries) {
	const whole = Math.min(60000, 1000 * 2 ** Math.min(tries, 6));
	return whole / 2 + Math.random() * whole / 2;
}

/* The application may wait in vain for its token; whoever asks does not. */
function in_time(promise) {
	let timer;
	const late = new Promise((_, reject) => { timer = setTimeout(reject, DEADLINE_MS, new Error("no token")); });
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function send({ base, path, method, query, body, headers, own_token }, again) {
	const url = new URL(path, new URL(base.endsWith("/") ? base : `${base}/`, document.baseURI));
	for (const [name, value] of Object.entries(query ?? {}))
		if (value !== null && value !== undefined) url.searchParams.set(name, value);
	const bearer = await in_time(token({ own: own_token, again }));
	const late = new AbortController();
	setTimeout(() => late.abort(), DEADLINE_MS);
	return fetch(url, {
		method,
		headers: {
			Accept: "application/json",
			...headers,
			...(body === undefined ? {} : { "Content-Type": "application/json" }),
			...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
		},
		body: body === undefined ? undefined : JSON.stringify(body),
		cache: "no-store",
		signal: late.signal,
	});
}

async function problem(response) {
	const text = await response.text().catch(() => "");
	let told = {};
	try {
		told = text.length <= BODY_MAX ? JSON.parse(text) ?? {} : {};
	} catch { /* a proxy's page, say */ }
	const seconds = Number(response.headers.get("Retry-After"));
	return {
		status: response.status,
		code: typeof told.code === "string" ? told.code : null,
		detail: typeof told.detail === "string" ? told.detail : null,
		request_id: typeof told.request_id === "string" ? told.request_id : null,
		after_ms: seconds > 0 ? Math.min(seconds, 300) * 1000 : 0,
	};
}

export async function call({ method = "GET", ...request }) {
	let response;
	try {
		response = await send({ method, ...request }, false);
		if (response.status === 401) response = await send({ method, ...request }, true);
	} catch {
		throw new Failure("unreachable");
	}
	if (response.status === 304) return { status: 304, body: null, etag: response.headers.get("ETag") };
	if (!response.ok) {
		const told = await problem(response);
		const later = response.status >= 500 || response.status === 429 || told.code === "in_progress";
		throw new Failure(response.status === 401 ? "signed_out" : later ? "unreachable" : "refused", told);
	}
	try {
		const body = await response.json();
		if (body === null || typeof body !== "object") throw new TypeError("not an object");
		return { status: response.status, body, etag: response.headers.get("ETag") };
	} catch {
		throw new Failure("unreachable", { status: response.status });
	}
}
