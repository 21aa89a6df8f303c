/* "The tier may have changed": from the dashboard to every guard and dashboard, on this page and on others of the same
 * origin. What is said is a reason to ask the server, never an answer. */
const NAME = "tiergate";

/* news: {tier, ver} or {} */
export function announce(news) {
	if (!("BroadcastChannel" in globalThis)) return;
	const channel = new BroadcastChannel(NAME);
	channel.postMessage({ type: "tier-change", ...news });
	channel.close();
}

/* then(news); returns what ends it */
export function on_news(then) {
	if (!("BroadcastChannel" in globalThis)) return () => {};
	const channel = new BroadcastChannel(NAME);
	channel.onmessage = ({ data }) => { if (data?.type === "tier-change") then(data); };
	return () => channel.close();
}
