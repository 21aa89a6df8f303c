// A platform's backend that lets only pro customers trade: /api/live-trading. The same as backend.py, for Node 18.
//
//     node backend.mjs [HOST:PORT]        npm: zeromq, @msgpack/msgpack, jose
//
//     QUERY     tcp://127.0.0.1:8721   where tiergate-query is asked
//     CURVE_DIR none                   for a query on another host: server.pub and client.key of `tiergate keygen`
//     JWT_KEYS  data/jwt/jwks.json     a JWKS file; JWT_ISSUER (tiergate-dev) and JWT_AUDIENCE (tiergate)
//
// <tier-guard> in a page only hides what a customer would be refused. This check is what refuses it.
import { randomUUID, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { decode, encode } from "@msgpack/msgpack";
import { createLocalJWKSet, jwtVerify } from "jose";
import { Dealer } from "zeromq";

globalThis.crypto ??= webcrypto; // jose 6 wants what Node has of itself from 20 on: without it each token is refused

const env = { QUERY: "tcp://127.0.0.1:8721", JWT_KEYS: "data/jwt/jwks.json", JWT_ISSUER: "tiergate-dev", JWT_AUDIENCE: "tiergate", ...process.env };
const [host, port] = (process.argv[2] ?? "127.0.0.1:8780").split(":");

// ---- who asks ---------------------------------------------------------------------------------------

const keys = createLocalJWKSet(JSON.parse(readFileSync(env.JWT_KEYS, "utf8")));

async function subjectOf(request) {
	const [, token] = /^Bearer +([\w.-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
	if (!token) throw new Error("no token");
	const { payload } = await jwtVerify(token, keys, {
		issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE, algorithms: ["RS256", "ES256"], // fixed; never what the token says
		clockTolerance: 60, requiredClaims: ["sub", "exp"],
	});
	if (payload.sub.startsWith("cus_")) throw new Error("no subject of ours"); // a customer of Stripe: somebody else, for who chose such an id
	return payload.sub;
}

// ---- may she? ---------------------------------------------------------------------------------------

// One socket for all: answers are told apart by id, and it survives query's restarts by itself.
const query = new Dealer({ linger: 0, sendTimeout: 1000, reconnectMaxInterval: 2000, ...curve(env.CURVE_DIR) });
const waiting = new Map();
let last = 0;
query.connect(env.QUERY);
(async () => {
	for await (const [, reply] of query) {
		const answer = decode(reply);
		waiting.get(answer.id)?.(answer);
	}
})();

// The answer, or null: nobody answered in time, or query could not.
function check(subject, feature) {
	const id = ++last;
	return new Promise((resolve) => {
		const done = (answer) => {
			clearTimeout(timer);
			waiting.delete(id);
			resolve(answer && !answer.err ? answer : null);
		};
		const timer = setTimeout(done, 1000, null);
		waiting.set(id, done);
		query.send(["TG01", encode({ op: "check", id, sub: subject, feat: feature })]).catch(() => done(null));
	});
}

function curve(dir) { // the files that `tiergate keygen NAME` made: lines of `public KEY` and `secret KEY`
	const field = (file, name) => new RegExp(`^${name} (\\S+)$`, "m").exec(readFileSync(`${dir}/${file}`, "utf8"))[1];
	return dir && {
		curveServerKey: field("server.pub", "public"),
		curvePublicKey: field("client.key", "public"), curveSecretKey: field("client.key", "secret"),
	};
}

// ---- the routes -------------------------------------------------------------------------------------

async function liveTrading(request, response) {
	let subject;
	try {
		subject = await subjectOf(request);
	} catch {
		return problem(request, response, 401, "token_invalid", "The token is not accepted", {}, { "WWW-Authenticate": "Bearer" });
	}
	const answer = await check(subject, "live_trading");
	if (!answer) // not known is not allowed
		return problem(request, response, 503, "unavailable", "This cannot be answered now", {}, { "Retry-After": "1" });
	if (!answer.allowed) {
		const { reason, need, tier } = answer;
		return problem(request, response, 403, "tier_required", "Your plan does not include this", { reason, need, tier });
	}
	return json(response, 200, { order: "accepted", subject, tier: answer.tier });
}

const pageTypes = { "index.html": "text/html; charset=utf-8", "example.js": "text/javascript", "example.css": "text/css" };
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async function page(request, response, name) {
	if (!Object.hasOwn(pageTypes, name)) return problem(request, response, 404, "not_found", "There is no such thing");
	const body = await readFile(new URL(`page/${name}`, import.meta.url));
	return answer(response, 200, body, { "Content-Type": pageTypes[name], "Cache-Control": "no-cache", "Content-Security-Policy": csp });
}

function problem(request, response, status, code, title, more = {}, headers = {}) { // RFC 9457, as billing's errors are
	const request_id = request.headers["x-request-id"] ?? randomUUID();
	json(response, status, { type: "about:blank", title, status, code, request_id, ...more }, "application/problem+json", headers);
}

function json(response, status, body, type = "application/json", headers = {}) {
	answer(response, status, JSON.stringify(body), { "Content-Type": type, "Cache-Control": "private, no-store", ...headers });
}

function answer(response, status, body, headers) {
	response.writeHead(status, { "X-Content-Type-Options": "nosniff", "Content-Length": Buffer.byteLength(body), ...headers }).end(body);
}

const server = createServer(async (request, response) => {
	const path = request.url.split("?")[0];
	try {
		if (request.method !== "GET") problem(request, response, 405, "method_not_allowed", "Only GET is answered here", {}, { Allow: "GET" });
		else if (path === "/api/live-trading") await liveTrading(request, response);
		else if (path === "/") answer(response, 302, "", { Location: "/example/" });
		else if (path.startsWith("/example/")) await page(request, response, path.slice("/example/".length) || "index.html");
		else problem(request, response, 404, "not_found", "There is no such thing");
	} catch (error) {
		console.error(`ev=failed error="${error.message}"`);
		if (!response.headersSent) problem(request, response, 500, "internal", "Something went wrong here");
	}
});
server.listen(Number(port), host, () => {
	const at = server.address();
	console.error(`ev=ready listen=${at.address}:${at.port}`);
});
for (const stop of ["SIGTERM", "SIGINT"]) process.on(stop, () => process.exit(0));
