/* The dashboard's look. A constructable style sheet: it needs no inline style, is made once for all dashboards, and is there
 * before the first paint. Colours, radii and fonts are custom properties; README.md lists them. */

const CSS = `
:host {
	--_accent: var(--tiergate-accent, light-dark(#4b45d6, #9d99ff));
	--_accent-hover: var(--tiergate-accent-hover, light-dark(#3c36bd, #b4b1ff));
	--_on-accent: var(--tiergate-on-accent, light-dark(#ffffff, #14122e));
	--_surface: var(--tiergate-surface, light-dark(#ffffff, #17191f));
	--_sunken: var(--tiergate-sunken, light-dark(#f4f5f8, #101217));
	--_text: var(--tiergate-text, light-dark(#14161c, #f1f2f5));
	--_muted: var(--tiergate-muted, light-dark(#585e6d, #a3a9b8));
	--_line: var(--tiergate-line, light-dark(#e2e4ea, #2b2f39));
	--_line-strong: var(--tiergate-line-strong, light-dark(#c3c7d1, #454b59));
	--_good: var(--tiergate-good, light-dark(#0b6b41, #6fdba6));
	--_good-soft: var(--tiergate-good-soft, light-dark(#e3f6ec, #12301f));
	--_notice: var(--tiergate-notice, light-dark(#854a00, #f3bd6a));
	--_notice-soft: var(--tiergate-notice-soft, light-dark(#fdf1dc, #35260d));
	--_bad: var(--tiergate-bad, light-dark(#b3192e, #ff9aa5));
	--_bad-soft: var(--tiergate-bad-soft, light-dark(#fdeaec, #3d161b));
	--_calm: var(--tiergate-calm, light-dark(#3b3f8f, #c0c2ff));
	--_calm-soft: var(--tiergate-calm-soft, light-dark(#ecedfb, #23254a));
	--_radius: var(--tiergate-radius, 16px);
	--_radius-small: var(--tiergate-radius-small, 10px);
	--_font: var(--tiergate-font, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif);
	--_shadow: 0 1px 2px light-dark(rgb(20 22 28 / .05), rgb(0 0 0 / .4)), 0 8px 24px -12px light-dark(rgb(20 22 28 / .12), rgb(0 0 0 / .6));
	display: block;
	color-scheme: light dark;
	container-type: inline-size;
	color: var(--_text);
	font: 400 1rem/1.5 var(--_font);
	-webkit-text-size-adjust: 100%;
}
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
*, *::before, *::after { box-sizing: border-box; }
h1, h2, h3, h4, h5, h6, p, dl, dd, ul, fieldset { margin: 0; padding: 0; }
ul { list-style: none; }
fieldset { border: 0; min-inline-size: 0; }
button, input { font: inherit; color: inherit; }
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.muted { color: var(--_muted); font-weight: 400; }
.icon { inline-size: 1.125em; block-size: 1.125em; flex: none; fill: none; stroke: currentColor; stroke-width: 1.75;
	stroke-linecap: round; stroke-linejoin: round; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 3px; border-radius: 4px; }
[tabindex="-1"]:focus { outline: none; }
time { white-space: nowrap; }

.dashboard { display: flex; flex-direction: column; gap: 2.75rem; max-inline-size: 64rem; margin-inline: auto; }
.title { font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -.018em; }
.notes { display: flex; flex-direction: column; gap: .75rem; margin-block-start: -1.5rem; }
.notes:empty { margin-block-start: -2.75rem; }
.card { background: var(--_surface); border: 1px solid var(--_line); border-radius: var(--_radius); box-shadow: var(--_shadow); }
.section-head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .75rem 1.5rem;
	min-block-size: 2.75rem; margin-block-end: 1rem; }
.section-head > :first-child { font-size: 1.25rem; font-weight: 640; letter-spacing: -.012em; line-height: 1.3; }
.section-note { margin-block: -.5rem 1rem; color: var(--_muted); }

/* ---- buttons ---- */
.button { display: inline-flex; align-items: center; justify-content: center; gap: .5rem; min-block-size: 2.75rem; padding: .5rem 1.125rem;
	border: 1px solid transparent; border-radius: var(--_radius-small); background: none; font-weight: 560; line-height: 1.25;
	text-align: center; text-decoration: none; cursor: pointer; transition: background-color .12s, border-color .12s, color .12s; }
.button.primary { background: var(--_accent); color: var(--_on-accent); }
.button.primary:hover { background: var(--_accent-hover); }
.button.secondary { background: var(--_surface); border-color: var(--_line-strong); color: var(--_text); }
.button.secondary:hover { background: var(--_sunken); }
.button.accent { border-color: var(--_accent); color: var(--_accent); }
.button.accent:hover { background: var(--_calm-soft); }
.button.quiet { color: var(--_muted); }
.button.quiet:hover { color: var(--_text); background: var(--_sunken); }
.button[aria-disabled="true"]:not([aria-busy="true"]) { opacity: .55; cursor: default; }
.button[aria-busy="true"] { cursor: progress; }
.text-button { border: 0; background: none; padding: .25rem .5rem; margin-block: -.25rem; min-block-size: 2rem; font-weight: 600; text-decoration: underline;
	text-underline-offset: .2em; cursor: pointer; white-space: nowrap; }
.icon-button { display: inline-grid; place-items: center; inline-size: 2rem; block-size: 2rem; margin: -.25rem; border: 0; border-radius: 8px;
	background: none; cursor: pointer; flex: none; }
.icon-button:hover { background: light-dark(rgb(0 0 0 / .07), rgb(255 255 255 / .1)); }
.spinner { inline-size: 1em; block-size: 1em; flex: none; border: 2px solid currentColor; border-inline-end-color: transparent; border-radius: 50%;
	animation: turn .8s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }

/* ---- badges, pills, notes ---- */
.badge, .pill { display: inline-flex; align-items: center; gap: .375rem; border-radius: 99px; font-size: .8125rem; font-weight: 600; line-height: 1.25; }
.badge { padding: .3125rem .75rem .3125rem .5rem; min-block-size: 1.75rem; }
.pill { padding: .1875rem .625rem; white-space: nowrap; vertical-align: middle; }
.calm { background: var(--_calm-soft); color: var(--_calm); }
.good { background: var(--_good-soft); color: var(--_good); }
.notice { background: var(--_notice-soft); color: var(--_notice); }
.bad { background: var(--_bad-soft); color: var(--_bad); }
.note { display: flex; align-items: flex-start; gap: .75rem; padding: .875rem 1rem; border-radius: var(--_radius-small); line-height: 1.45; }
.note > .icon { margin-block-start: .16em; }
.note > p { flex: 1; min-inline-size: 0; overflow-wrap: anywhere; }
.urgent { position: sticky; inset-block-start: .75rem; z-index: 1; }
.urgent .note { box-shadow: 0 0 0 1px currentColor, var(--_shadow); }
.note .reference { display: block; font-size: .8125rem; }

/* ---- the plan ---- */
.plan { overflow: hidden; }
.hero { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 1.5rem 2rem; padding: 2rem; align-items: center; min-block-size: 12.5rem; }
.hero-words { display: flex; flex-direction: column; align-items: flex-start; gap: .875rem; min-inline-size: 0; }
.hero-words > * { max-inline-size: 100%; }
.eyebrow { display: block; font-size: .875rem; line-height: 1.4; font-weight: 500; letter-spacing: 0; color: var(--_muted); margin-block-end: .125rem; }
.plan-name { font-size: 2rem; line-height: 1.2; font-weight: 680; letter-spacing: -.022em; overflow-wrap: anywhere; text-wrap: balance; }
.hero-words .plan-text { max-inline-size: min(36rem, 100%); color: var(--_muted); text-wrap: pretty; }
.hero-actions { display: flex; flex-direction: column; gap: .5rem; min-inline-size: 13rem; max-inline-size: 20rem; }
.facts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); border-block-start: 1px solid var(--_line); }
.fact { padding: 1.25rem 2rem 1.375rem; min-block-size: 6.75rem; min-inline-size: 0; }
.fact + .fact { border-inline-start: 1px solid var(--_line); }
.fact dt { font-size: .875rem; color: var(--_muted); margin-block-end: .25rem; }
.fact dd { font-weight: 600; overflow-wrap: anywhere; }
.fact dd .icon { color: var(--_muted); vertical-align: -.2em; margin-inline-end: .5rem; }
.fact .fact-more { font-weight: 400; font-size: .875rem; color: var(--_muted); min-block-size: 1.5em; }
.fact .per { font-weight: 400; color: var(--_muted); }
.digits, .amount, .sum dd, .line dd, .cell-amount { font-variant-numeric: tabular-nums; }
.digits { white-space: nowrap; }
.warn { color: var(--_bad); }
.instead { display: flex; flex-direction: column; align-items: center; gap: .75rem; padding: 4.5rem 2rem; text-align: center; }
.instead h2, .instead h3, .instead h4, .instead h5 { font-size: 1.375rem; font-weight: 640; letter-spacing: -.012em; }
.instead p { color: var(--_muted); margin-block-end: 1rem; max-inline-size: 30rem; }
.instead-icon { display: grid; place-items: center; inline-size: 3.5rem; block-size: 3.5rem; border-radius: 50%; background: var(--_sunken);
	color: var(--_muted); font-size: 1.375rem; }

/* ---- waiting ---- */
.bar { display: inline-block; vertical-align: middle; block-size: .7em; border-radius: 99px; background: var(--_line); animation: breathe 1.6s ease-in-out infinite; }
.bar.small { inline-size: 5.5rem; } .bar.medium { inline-size: 8rem; max-inline-size: 80%; } .bar.wide { inline-size: 18rem; max-inline-size: 90%; }
.bar.title { inline-size: 10rem; } .bar.full { inline-size: 6rem; background: var(--_line-strong); opacity: .6; }
.blank { background: var(--_sunken); color: transparent; border-color: transparent; }
.intervals.blank { inline-size: 11rem; block-size: 2.75rem; }
@keyframes breathe { 50% { opacity: .45; } }

/* ---- plans ---- */
.tiers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13.5rem), 1fr)); gap: 1rem; } /* head, price, action, features: aligned */
.tier { display: grid; grid-template-rows: subgrid; grid-row: span 4; padding: 1.5rem; background: var(--_surface); border: 1px solid var(--_line);
	border-radius: var(--_radius); min-block-size: 23rem; min-inline-size: 0; align-content: start; }
.tier.current { border-color: var(--_accent); box-shadow: inset 0 0 0 1px var(--_accent); }
.tier-head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .25rem .5rem; min-block-size: 1.75rem; }
.tier-name { font-size: 1.0625rem; font-weight: 620; overflow-wrap: anywhere; min-inline-size: 0; }
.price { line-height: 1.3; min-block-size: 2.5rem; overflow-wrap: anywhere; }
.price .amount { font-size: 1.875rem; font-weight: 680; letter-spacing: -.022em; }
.price .amount.long { font-size: 1.1875rem; line-height: 2.4375rem; }
.per { display: inline-block; }
.price .per { color: var(--_muted); }
.price .no-price { font-size: 1.125rem; line-height: 2.4375rem; color: var(--_muted); }
.tier-action { min-block-size: 2.75rem; display: grid; }
.yours { display: flex; align-items: center; justify-content: center; gap: .5rem; font-weight: 560; color: var(--_muted);
	background: var(--_sunken); border-radius: var(--_radius-small); }
.tier-has { min-inline-size: 0; }
.includes { font-size: .9375rem; color: var(--_muted); margin-block-end: .75rem; }
.features { display: flex; flex-direction: column; gap: .5rem; font-size: .9375rem; }
.features li { min-block-size: 1.5em; display: flex; gap: .625rem; align-items: flex-start; overflow-wrap: anywhere; }
.features .icon { color: var(--_good); margin-block-start: .2em; }
.intervals { display: inline-flex; flex-wrap: wrap; gap: .25rem; padding: .25rem; border-radius: calc(var(--_radius-small) + .125rem); background: var(--_sunken); border: 1px solid var(--_line); }
.interval { position: relative; }
.interval input { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; margin: 0; opacity: 0; cursor: pointer; }
.interval span { display: block; padding: .375rem 1rem; border-radius: 8px; font-size: .9375rem; font-weight: 560; color: var(--_muted); }
.interval input:checked + span { background: light-dark(var(--_surface), var(--_line)); color: var(--_text); box-shadow: 0 1px 3px light-dark(rgb(0 0 0 / .16), rgb(0 0 0 / .6)); }
.interval input:focus-visible + span { outline: 2px solid var(--_accent); outline-offset: 2px; }

/* ---- payments ---- */
.history-table { inline-size: 100%; border-collapse: collapse; }
.history-table th { padding: .875rem 1rem; text-align: start; font-size: .8125rem; font-weight: 500; color: var(--_muted); }
.history-table td { padding: 1rem; border-block-start: 1px solid var(--_line); vertical-align: middle; }
.history-table :is(th, td):first-child { padding-inline-start: 2rem; }
.history-table :is(th, td):last-child { padding-inline-end: 2rem; }
.cell-date { white-space: nowrap; color: var(--_muted); font-size: .9375rem; }
.cell-what { overflow-wrap: anywhere; inline-size: 45%; }
.history-table .cell-amount { text-align: end; font-weight: 600; }
.history-table th.cell-amount { font-weight: 500; }
.cell-links { white-space: nowrap; }
.cell-links a { display: inline-block; padding: .5rem; margin-block: -.5rem; color: var(--_accent); font-weight: 560; text-decoration: none; }
.cell-links a:first-child { margin-inline-start: -.5rem; }
.cell-links a:hover { text-decoration: underline; text-underline-offset: .2em; }
.row-title { display: block; font-weight: 500; }
.row-more { display: block; color: var(--_muted); font-size: .875rem; font-weight: 400; }
.row-more time { white-space: normal; }
.more { display: grid; place-items: center; padding: 1rem; border-block-start: 1px solid var(--_line); }
.empty { display: flex; flex-direction: column; align-items: center; gap: .25rem; padding: 3rem 2rem; text-align: center; color: var(--_muted); }
.empty > .icon { font-size: 1.5rem; margin-block-end: .5rem; }
.empty-title { color: var(--_text); font-weight: 600; }
.history-blank { padding: 1rem 2rem; }
.history-blank-row { min-block-size: 3.5rem; display: flex; align-items: center; }

/* ---- the dialog ---- */
dialog { inline-size: min(30rem, calc(100vi - 2rem)); max-block-size: calc(100vb - 2rem); padding: 0; border: 1px solid var(--_line); border-radius: var(--_radius);
	background: var(--_surface); color: var(--_text); box-shadow: 0 24px 64px -16px rgb(0 0 0 / .45); overflow: hidden; }
dialog[open] { display: flex; flex-direction: column; --_pad: 2rem; }
dialog > * { padding-inline: var(--_pad); }
dialog > h2 { padding-block-start: var(--_pad); }
dialog::backdrop { background: rgb(10 12 18 / .5); }
dialog h2 { font-size: 1.375rem; font-weight: 660; letter-spacing: -.016em; line-height: 1.25; overflow-wrap: anywhere; }
.dialog-body { display: flex; flex-direction: column; gap: 1.25rem; padding-block: 1.25rem 1.75rem; flex: 0 1 auto; min-block-size: 4rem; overflow: auto; }
.dialog-body > * { flex: none; }
.sums { border: 1px solid var(--_line); border-radius: var(--_radius-small); overflow: hidden; }
.sum { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .25rem 1rem; padding: .875rem 1rem; min-block-size: 4.25rem; }
.sum + .sum { border-block-start: 1px solid var(--_line); }
.sum dd { font-weight: 600; overflow-wrap: anywhere; }
.sum.strong dd { font-size: 1.375rem; letter-spacing: -.016em; }
.lines summary { cursor: pointer; font-weight: 560; padding-block: .25rem; inline-size: fit-content; }
.line { display: flex; justify-content: space-between; gap: 1rem; padding-block: .375rem; font-size: .9375rem; }
.line dt { color: var(--_muted); overflow-wrap: anywhere; min-inline-size: 0; }
.fine { color: var(--_muted); font-size: .875rem; }
dialog .note { margin: 0 var(--_pad) 1.25rem; padding: .875rem 1rem; }
.dialog-body .note { margin: 0; }
.dialog-actions { display: flex; justify-content: flex-end; gap: .75rem; padding-block: 1.25rem; border-block-start: 1px solid var(--_line); }
.dialog-actions .button { min-inline-size: 7rem; }

/* ---- narrow: the element's own width counts, not the window's ---- */
@container (max-width: 42rem) {
	.dashboard { gap: 2rem; }
	.notes { margin-block-start: -1rem; }
	.notes:empty { margin-block-start: -2rem; }
	.note:has(.text-button) { flex-wrap: wrap; row-gap: .25rem; }
	.note:has(.text-button) > p { flex-basis: calc(100% - 3rem); }
	.note > .text-button { margin-inline-start: 1.375rem; }
	.hero { grid-template-columns: minmax(0, 1fr); padding: 1.5rem 1.25rem; min-block-size: 18rem; align-content: space-between; }
	.hero-actions { min-inline-size: 0; max-inline-size: none; }
	.plan-name { font-size: 1.625rem; }
	.facts { grid-template-columns: minmax(0, 1fr); }
	.fact { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1rem; padding: .875rem 1.25rem; min-block-size: 4.75rem; align-content: center; }
	.fact + .fact { border-inline-start: 0; border-block-start: 1px solid var(--_line); }
	.fact dd .icon { display: none; }
	.fact dt { grid-row: 1 / 3; margin: 0; align-self: center; }
	.fact:has(.fact-more:empty) dt { grid-row: 1; }
	.fact:has(.fact-more:empty) dd { align-self: center; }
	.fact dd { text-align: end; grid-column: 2; }
	.fact .fact-more:empty { display: none; }
	.tier { display: flex; flex-direction: column; gap: 1rem; grid-row: auto; min-block-size: 0; padding: 1.25rem; }
	.tier-action:empty { display: none; }
	.section-head .intervals { inline-size: 100%; display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; text-align: center; }
	.history-table thead { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
	.history-table, .history-table tbody { display: block; }
	.history-table tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .25rem 1rem; padding: 1rem 1.25rem; }
	.history-table tr + tr { border-block-start: 1px solid var(--_line); }
	.history-table td, .history-table td:first-child, .history-table td:last-child { display: block; padding: 0; border: 0; inline-size: auto; }
	.cell-what { grid-area: 1 / 1; }
	.history-table .cell-amount { grid-area: 1 / 2; }
	.cell-date { grid-area: 2 / 1 / 3 / 3; }
	.cell-state { grid-area: 2 / 1 / 3 / 3; justify-self: end; }
	.cell-links { grid-area: 3 / 1 / 4 / 3; }
	.history-table .cell-links:empty { display: none; }
	.cell-links a { margin-block: 0 -.5rem; }
}
@media (max-width: 30rem) {
	dialog[open] { --_pad: 1.25rem; }
	.dialog-actions { flex-direction: column-reverse; }
}
@media (prefers-reduced-motion: reduce) {
	*, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
	.spinner { border-inline-end-color: currentColor; border-style: dotted; }
}
@media (forced-colors: active) {
	.badge, .pill, .note, .tier, .card, .intervals, .button { border: 1px solid ButtonBorder; }
	.button.primary { background: Highlight; color: HighlightText; forced-color-adjust: none; }
	.tier.current { border: 3px solid Highlight; }
	.interval input:checked + span { background: Highlight; color: HighlightText; forced-color-adjust: none; }
	.bar { background: GrayText; }
	.blank { border-color: GrayText; }
}
`;

let made = null;

export function sheet() {
	if (!made) {
		made = new CSSStyleSheet();
		made.replaceSync(CSS);
	}
	return made;
}
