// A stand-in for billing: serves the page's files under the very Content-Security-Policy that billing sends, and answers the
// API as a test says. mock.on("subscription-status", (request) => ({status: 200, body: {…}})) ; every request is recorded.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { extname } from "node:path";

export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE = fileURLToPath(new URL("../../services/billing/page/", import.meta.url));
const TYPES = { ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8" };

export const problem = (status, code, more = {}) => ({ status, type: "application/problem+json",
	body: { type: "about:blank", title: code, status, code, request_id: "request-1", retryable: status >= 500, ...more } });

export class Mock {
	requests = []; // {method, path, query, headers, body}
	pages = new Map(); // path → HTML, served under the same policy
	#answers = new Map();
	#server;

	on(path, answer) {
		this.#answers.set(path, typeof answer === "function" ? answer : () => answer);
		return this;
	}

	asked(path, method = null) {
		return this.requests.filter(request => request.path === path && (!method || request.method === method));
	}

	async start() {
		this.#server = createServer((request, response) => {
			this.#serve(request, response).catch(() => response.destroy());
		});
		await new Promise(resolve => this.#server.listen(0, "127.0.0.1", resolve));
		this.origin = `http://127.0.0.1:${this.#server.address().port}`;
		return this;
	}

	async stop() {
		this.#server.closeAllConnections();
		await new Promise(resolve => this.#server.close(resolve));
	}

	// For the next test. What a page that is gone has still sent is not its.
	reset() {
		this.#server.closeAllConnections();
		this.requests = [];
		this.pages.clear();
		this.#answers.clear();
	}

	async #serve(request, response) {
		const url = new URL(request.url, this.origin);
		// a connection each: on one that it has used before, Chromium sends again what was not answered
		response.setHeader("Connection", "close");
		const secure = { "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };
		if (url.pathname.startsWith("/api/v1/billing/")) return this.#api(request, response, url);
		const asset = url.pathname.match(/^\/settings\/billing\/assets\/([a-z-]+\.(?:js|css))$/)?.[1];
		const page = this.pages.get(url.pathname);
		if (page !== undefined) {
			response.writeHead(200, { ...secure, "Content-Type": page.startsWith("<") ? TYPES[".html"] : TYPES[".js"] });
			return response.end(page);
		}
		const name = url.pathname === "/settings/billing" ? "index.html" : asset;
		if (!name) {
			response.writeHead(404, { "Content-Type": "text/plain" });
			return response.end("not found");
		}
		const body = await readFile(PAGE + name);
		response.writeHead(200, { ...secure, "Content-Type": TYPES[extname(name)], "Cache-Control": "no-cache" });
		response.end(body);
	}

	async #api(request, response, url) {
		const { requests } = this;
		let text = "";
		for await (const piece of request) text += piece;
		const path = url.pathname.slice("/api/v1/billing/".length);
		const seen = { method: request.method, path, query: Object.fromEntries(url.searchParams), headers: request.headers,
			body: text ? JSON.parse(text) : null };
		requests.push(seen);
		const answer = await (this.#answers.get(path) ?? (() => problem(404, "not_found")))(seen);
		if (answer === "hang up") return response.destroy();
		const { status = 200, body = null, type = "application/json", headers = {} } = answer;
		response.writeHead(status, { "Content-Type": type, "Cache-Control": "private, no-store", ...headers });
		response.end(body === null ? "" : typeof body === "string" ? body : JSON.stringify(body));
	}
}
