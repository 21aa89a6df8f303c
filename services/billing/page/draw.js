/* h() describes an element; draw() makes an element's children so, with the least change: nodes that stay keep their
 * focus, their scroll position and their animation. Text goes in as text only; there is no way in for HTML.
 *
 *     draw(root, [h("p", {class: "age", key: "age"}, "Updated ", h("time", {datetime}, "now"))]);
 *
 * Props: `key` names a child among its siblings; `onclick` and the like are set as properties (a strict
 * Content-Security-Policy refuses them as attributes); true, false and null are a bare attribute and none; the rest
 * are attributes. */

const DRAWN = Symbol("what was drawn");
const SVG = new Set(["svg", "path", "circle", "rect"]);

export function h(tag, props, ...children) {
	return { tag, props: props ?? {}, children };
}

/* Numbers and text as text; null, undefined and booleans as nothing; lists are opened. */
function* flat(children) {
	for (const child of children) {
		if (Array.isArray(child)) yield* flat(child);
		else if (child !== null && child !== undefined && typeof child !== "boolean")
			yield typeof child === "object" ? child : String(child);
	}
}

function fits(node, wanted) {
	if (typeof wanted === "string") return node.nodeType === Node.TEXT_NODE;
	return node.nodeType === Node.ELEMENT_NODE && node.localName === wanted.tag &&
		node[DRAWN]?.key === wanted.props.key;
}

function make(wanted) {
	if (typeof wanted === "string") return document.createTextNode(wanted);
	return SVG.has(wanted.tag) ? document.createElementNS("http://www.w3.org/2000/svg", wanted.tag)
		: document.createElement(wanted.tag);
}

function set(node, name, value) {
	if (name === "key") return;
	if (name.startsWith("on")) node[name] = value ?? null;
	else if (name === "checked") node.checked = Boolean(value);
	else if (value === null || value === undefined || value === false) node.removeAttribute(name);
	else if (node.getAttribute(name) !== String(value === true ? "" : value))
		node.setAttribute(name, value === true ? "" : value);
}

function update(node, wanted) {
	if (typeof wanted === "string") {
		if (node.data !== wanted) node.data = wanted;
		return;
	}
	const before = node[DRAWN] ?? {};
	for (const name of Object.keys(before))
		if (!(name in wanted.props)) set(node, name, null);
	for (const [name, value] of Object.entries(wanted.props)) set(node, name, value);
	node[DRAWN] = wanted.props;
	draw(node, wanted.children);
}

export function draw(parent, children) {
	const keyed = new Map();
	for (const node of parent.childNodes)
		if (node[DRAWN]?.key !== undefined) keyed.set(node[DRAWN].key, node);
	let at = parent.firstChild;
	for (const wanted of flat([children])) {
		const key = wanted.props?.key;
		let node = key === undefined ? at : keyed.get(key);
		if (!node || !fits(node, wanted)) node = make(wanted);
		// what stands in the way and is not wanted here goes first, so that what stays is not moved
		while (at && at !== node && node.parentNode === parent) {
			const next = at.nextSibling;
			at.remove();
			at = next;
		}
		if (node === at) at = at.nextSibling;
		else parent.insertBefore(node, at);
		update(node, wanted);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}

/* The only addresses that data may bring: http and https. Else null. */
export function safe_url(text) {
	if (typeof text !== "string" || !/^https?:\/\//i.test(text)) return null;
	try {
		const url = new URL(text);
		return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
	} catch {
		return null;
	}
}

const warned = new Set(); // once for what is written, whatever the number of elements

/* An attribute in which the page's author wrote where to go: it may be relative, but nothing that runs. Null: there is none,
 * or it is no such address, which the console is told. */
export function own_url(element, name) {
	const text = element.getAttribute(name);
	if (!text) return null;
	let url = null;
	try {
		url = safe_url(new URL(text, document.baseURI).href);
	} catch { /* no address at all */ }
	const what = `<${element.localName}>: the attribute ${name} is not an address, and does not count: ${text}`;
	if (!url && !warned.has(what)) console.warn(what);
	if (!url) warned.add(what);
	return url;
}
