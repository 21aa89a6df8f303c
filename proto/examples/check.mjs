// May SUBJECT use FEATURE?   node check.mjs tcp://127.0.0.1:8721 alice live_trading   (npm: zeromq, @msgpack/msgpack)
import { decode, encode } from "@msgpack/msgpack";
import { Request } from "zeromq";

const [endpoint, subject, feature] = process.argv.slice(2);
const query = new Request({ receiveTimeout: 1000, linger: 0 }); // milliseconds; it waits for ever without a timeout
query.connect(endpoint);

await query.send(["TG01", encode({ op: "check", id: 1, sub: subject, feat: feature })]);
const [, reply] = await query.receive();
const answer = decode(reply);
if (answer.err) throw new Error(`${answer.err.code}: ${answer.err.msg}`);
console.log(answer.allowed ? "allowed" : "denied", answer.reason, answer.tier);
