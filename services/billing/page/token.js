/* The caller's token. In this order: what the application gave (text, or a function that returns it or a promise of
 * it), what sessionStorage has under "tiergate.token", none: then the server looks for a cookie.
 *
 *     use_token(() => session.accessToken());
 *
 * A token in the address's fragment (#token=…) is taken off at once: an address ends up in histories. On the machine itself,
 * for development, it moves to sessionStorage; elsewhere a link could sign its reader in as whoever wrote it. */

const STORED = "tiergate.token";
const OWN_MACHINE = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
let given = null;

export function use_token(token) {
	given = token ?? null;
}

export function has_token_source() {
	return given !== null;
}

function storage() {
	try {
		return globalThis.sessionStorage; // throws where storage is forbidden
	} catch {
		return null;
	}
}

function from_fragment() {
	const fragment = new URLSearchParams(location.hash.slice(1));
	const token = fragment.get("token");
	if (!token) return;
	if (OWN_MACHINE.test(location.hostname)) storage()?.setItem(STORED, token);
	fragment.delete("token");
	const rest = fragment.size > 0 ? `#${fragment}` : "";
	history.replaceState(history.state, "", location.pathname + location.search + rest);
}

/* Null: there is none to send. `again`: the last one was refused; the function is told and may fetch a new one. */
export async function token({ own = null, again = false } = {}) {
	const source = own ?? given;
	if (typeof source === "function") return (await source({ again })) || null;
	if (typeof source === "string" && source) return source;
	return storage()?.getItem(STORED) || null;
}

from_fragment();
addEventListener("hashchange", from_fragment);
