/* Small pictures, drawn here so that no address and no font is needed. They say nothing that the text does not. */
import { h } from "./draw.js";

const PATHS = {
	check: "M4 10.5l4 4 8-9",
	alert: "M10 6v5M10 14h.01M10 2.5l8.2 14.3H1.8z",
	info: "M10 9v5M10 6h.01M10 1.8a8.2 8.2 0 1 0 0 16.4 8.2 8.2 0 0 0 0-16.4z",
	clock: "M10 5.5V10l3 2M10 1.8a8.2 8.2 0 1 0 0 16.4 8.2 8.2 0 0 0 0-16.4z",
	close: "M5 5l10 10M15 5L5 15",
	card: "M2 6.5A1.5 1.5 0 0 1 3.5 5h13A1.5 1.5 0 0 1 18 6.5v8a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 2 14.5zM2 8.5h16M5 12.5h3",
	receipt: "M5 2.5h10v15l-2.5-1.5L10 17.5 7.5 16 5 17.5zM8 7h4M8 10h4",
	cloud: "M3 3l14 14M6 8a4 4 0 0 0 0 8h8M8.5 5.3A5 5 0 0 1 15 9a3.3 3.3 0 0 1 2.2 5",
};

export function icon(name) {
	return h("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" },
		h("path", { d: PATHS[name] }));
}
