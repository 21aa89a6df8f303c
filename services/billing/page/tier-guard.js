/* <tier-guard>: shows what a tier includes to whom has it. A courtesy: the server decides (README.md).
 *
 *     <tier-guard feature="live_trading">
 *       <template>…the content; nothing of it exists before it is allowed…</template>
 *       <template slot="fallback"><button data-tier-upgrade>Upgrade</button></template>
 *     </tier-guard>
 *
 * Attributes: tier, feature, mode="hide|disable", not, billing-url. Reflected: state="loading|allowed|denied|error",
 * allowed, current-tier, need. Events: tier-change, tier-error, tier-upgrade (cancelable). */
import { judge, watch } from "./entitlements.js";
import { own_url } from "./draw.js";

const LIFELESS = "tier-guard, script, iframe, object, embed, link, meta, base, frame, portal";
const warned = new Set(); // once for a name, whatever the number of guards

let sheet = null;

function style() {
	if (!sheet) {
		sheet = new CSSStyleSheet();
		sheet.replaceSync(`
			:host { display: contents; }
			.content { display: contents; }
			.content[inert] { display: block; opacity: var(--tiergate-disabled-opacity, .5); cursor: not-allowed; user-select: none; }
			:host([hidden]), .content.off { display: none; }`);
	}
	return sheet;
}

export class TierGuard extends HTMLElement {
	static observedAttributes = ["tier", "feature", "mode", "not"];
	#slots; #end = null; #shown = null; #made = []; #seen = null; #told = null; #waiting = false;
	#late = new MutationObserver(changes => this.#came_late(changes));

	constructor() {
		super();
		const root = this.attachShadow({ mode: "open" });
		root.adoptedStyleSheets = [style()];
		this.#slots = Object.fromEntries(["content", "fallback", "loading", "error"].map(name => {
			const box = document.createElement("div");
			box.className = "content off";
			box.part = name;
			const slot = document.createElement("slot");
			if (name !== "content") slot.name = name;
			box.append(slot);
			root.append(box);
			return [name, box];
		}));
		this.addEventListener("click", event => this.#clicked(event));
	}

	/* Whether the server's last answer allows it; the server decides anew when it is asked. */
	get allowed() { return this.hasAttribute("allowed"); }

	connectedCallback() {
		this.#late.observe(this, { childList: true });
		this.#show("loading");
		this.#end ??= watch(seen => { this.#seen = seen; this.#settle(); });
	}

	disconnectedCallback() {
		this.#end?.();
		this.#end = null;
		this.#late.disconnect();
		this.#show("loading");
	}

	attributeChangedCallback() {
		if (!this.#seen || this.#waiting) return;
		this.#waiting = true; // several attributes at once are one change
		queueMicrotask(() => {
			this.#waiting = false;
			if (this.isConnected) this.#settle();
		});
	}

	#settle() {
		const { state, entitlements, failure } = this.#seen;
		if (state === "loading") return this.#show("loading");
		if (state === "error") {
			this.#show("error");
			if (this.#told !== failure) this.#tell("tier-error", { kind: failure?.kind ?? "unreachable", code: failure?.code ?? null });
			this.#told = failure;
			return undefined;
		}
		this.#told = null;
		const wants = { tier: this.getAttribute("tier"), feature: this.getAttribute("feature") };
		const { known, has, need } = judge(entitlements, wants);
		if (!known) this.#warn(wants);
		const allowed = known && has !== this.hasAttribute("not"); // a name that nobody knows is denied either way
		const before = this.getAttribute("state");
		this.#reflect("current-tier", entitlements.tier);
		this.#reflect("need", need);
		this.#show(allowed ? "allowed" : "denied");
		if (before !== this.getAttribute("state"))
			this.#tell("tier-change", { allowed, current_tier: entitlements.tier ?? null, need, reason: entitlements.reason ?? null, ...wants });
		return undefined;
	}

	#warn({ tier, feature }) {
		const name = tier === null && feature === null ? "neither tier nor feature" : [tier, feature].filter(Boolean).join(", ");
		if (warned.has(name)) return;
		warned.add(name);
		console.warn(`<tier-guard>: ${tier === null && feature === null ? "has neither tier nor feature"
			: `no such tier or feature in the catalog: ${name}`}; nothing is shown`);
	}

	#reflect(name, value) {
		if (value === null || value === undefined) this.removeAttribute(name);
		else if (this.getAttribute(name) !== value) this.setAttribute(name, value);
	}

	#tell(name, detail, cancelable = false) {
		return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }));
	}

	/* ---- showing ---------------------------------------------------------------------------------- */

	#show(state) {
		const disabled = state === "denied" && this.getAttribute("mode") === "disable";
		const shown = disabled ? "disabled" : state;
		this.#reflect("state", state);
		this.toggleAttribute("allowed", state === "allowed");
		if (shown === this.#shown) return;
		this.#shown = shown;
		for (const node of this.#made.splice(0)) node.remove();
		if (shown === "allowed") this.#instantiate(null, template => document.importNode(template.content, true));
		if (shown === "disabled") this.#instantiate(null, lifeless);
		const slot = { denied: "fallback", disabled: "fallback", loading: "loading", error: "error" }[shown];
		if (slot) this.#instantiate(slot, template => document.importNode(template.content, true));
		for (const [name, box] of Object.entries(this.#slots))
			box.classList.toggle("off", !(name === slot || (name === "content" && ["allowed", "disabled"].includes(shown))));
		const { content } = this.#slots;
		content.inert = disabled;
		if (disabled) content.setAttribute("aria-disabled", "true");
		else content.removeAttribute("aria-disabled");
	}

	/* The templates of a slot, as nodes beside them. */
	#instantiate(slot, make) {
		for (const template of [...this.children]) {
			if (template.localName !== "template" || template.getAttribute("slot") !== slot) continue;
			const nodes = [...make(template).childNodes];
			for (const node of nodes) {
				if (slot === null) {
					template.before(node);
					this.#made.push(node);
				} else {
					const holder = document.createElement("div"); // text has no slot of its own
					holder.slot = slot;
					holder.style.display = "contents";
					holder.append(node);
					template.before(holder);
					this.#made.push(holder);
				}
			}
		}
	}

	/* A parser or a framework may bring the templates after the element. */
	#came_late(changes) {
		if (!changes.some(change => [...change.addedNodes].some(node => node.localName === "template"))) return;
		this.#shown = null;
		this.#show(this.getAttribute("state"));
	}

	/* ---- the offer -------------------------------------------------------------------------------- */

	/* Whatever has data-tier-upgrade in the fallback asks for more. */
	#clicked(event) {
		const offer = event.target instanceof Element ? event.target.closest("[data-tier-upgrade]") : null;
		if (!offer || !this.contains(offer) || offer.closest("tier-guard") !== this) return;
		event.preventDefault();
		const need = this.getAttribute("need");
		if (!this.#tell("tier-upgrade", { need, tier: this.getAttribute("tier"), feature: this.getAttribute("feature") }, true)) return;
		location.assign(own_url(this, "billing-url") ?? new URL("/settings/billing", document.baseURI));
	}
}

/* A picture of the content: nothing in it runs, loads a document, or can be used. */
function lifeless(template) {
	const copy = template.content.cloneNode(true); // still of the template's own document, where nothing runs
	for (const node of copy.querySelectorAll(LIFELESS)) node.remove();
	for (const node of [...copy.querySelectorAll("*")]) {
		for (const { name } of [...node.attributes])
			if (/^on|^(id|name|for|href|action|formaction|autoplay|autofocus|srcdoc)$/i.test(name)) node.removeAttribute(name);
		if ("disabled" in node) node.disabled = true;
		if (!node.localName.includes("-") && !node.hasAttribute("is")) continue;
		const span = document.createElement("span"); // an element with a program of its own
		span.className = node.className;
		span.append(...node.childNodes);
		node.replaceWith(span);
	}
	return copy;
}

customElements.define("tier-guard", TierGuard);
