// May SUBJECT use FEATURE?   node check.mjs tcp://127.0.0.1:8721 alice live_trading   (npm: zeromq, @msgpack/msgpack)
// With - for SUBJECT: asks about each line of standard input.
import { createInterface } from "node:readline";
import { decode, encode } from "@msgpack/msgpack";
import { Request } from "zeromq";

const [endpoint, subject, feature] = process.argv.slice(2);
const query = new Request({
	relaxed: true, // may ask again when no answer came,
	correlate: true, // and takes no late one for the next
	immediate: true, // keeps nothing back for a server that is not there
	sendTimeout: 1000, // milliseconds; it waits for ever without them
	receiveTimeout: 1000,
	linger: 0,
});
query.connect(endpoint); // and again by itself, when the server was restarted

async function may(subject, feature, tries = 3) {
	let answer;
	try {
		await query.send(["TG01", encode({ op: "check", id: 1, sub: subject, feat: feature })]);
		answer = decode((await query.receive())[1]);
	} catch (error) {
		if (error.code !== "EAGAIN") throw error;
		answer = { err: { code: "timeout", msg: "no answer", retry: true } };
	}
	return answer.err?.retry && tries > 1 ? may(subject, feature, tries - 1) : answer;
}

for await (const who of subject === "-" ? createInterface({ input: process.stdin }) : [subject]) {
	const answer = await may(who, feature);
	if (answer.err) console.log("error", answer.err.code, answer.err.msg); // never a yes
	else console.log(answer.allowed ? "allowed" : "denied", answer.reason, answer.tier);
}
