/* Stripe's amounts as text for people.
 *
 * Stripe counts in a currency's smallest unit, and its units are not always ISO 4217's (docs.stripe.com/currencies):
 *   none     the list below: 500 is 500 yen. MGA is one of them, although ISO 4217 gives it two decimals
 *   three    BHD, JOD, KWD, OMR, TND: 5120 is 5.120 dinars
 *   two      all the rest. Also ISK and UGX, which have no decimals any more: Stripe goes on counting them in hundredths
 *            ("to charge 5 UGX, provide an amount value of 500"), so they are divided and shown whole. HUF and TWD are
 *            whole only for payouts, which nobody sees here; charges of them have two decimals. */

const NONE = new Set(["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]);
const THREE = new Set(["BHD", "JOD", "KWD", "OMR", "TND"]);
const WHOLE = new Set(["ISK", "UGX"]); // shown without decimals, unless there is a fraction after all

export function decimals_at_stripe(currency) {
	const code = String(currency ?? "").toUpperCase();
	return NONE.has(code) ? 0 : THREE.has(code) ? 3 : 2;
}

/* The amount in whole units as decimal text: exact where a floating-point division is not. */
function decimal(amount, digits) {
	const sign = amount < 0 ? "-" : "";
	const text = String(Math.abs(amount)).padStart(digits + 1, "0");
	return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/* Null when there is no amount to show, or nobody knows of what. A currency that nobody knows: its code beside the number. */
export function money(amount, currency, locale) {
	if (!Number.isSafeInteger(amount) || !currency) return null;
	const code = String(currency ?? "").toUpperCase();
	const stripe = decimals_at_stripe(code);
	const digits = WHOLE.has(code) && amount % 100 === 0 ? 0 : stripe;
	const shape = { minimumFractionDigits: digits, maximumFractionDigits: digits };
	const value = decimal(amount, stripe);
	try {
		return new Intl.NumberFormat(locale, { style: "currency", currency: code, ...shape }).format(value);
	} catch {
		return `${new Intl.NumberFormat(locale, shape).format(value)} ${code}`.trim();
	}
}
