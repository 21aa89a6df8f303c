#include "url_allowed.h"

#include "base/show.h"

/* A URL taken apart; the views point into it. */
struct url {
	bool https;
	struct view host; /* with the brackets of an IPv6 literal */
	unsigned port;    /* the scheme's default when none is said */
	struct view path; /* from its slash on; empty: none */
	struct view rest; /* from '?' or '#' on */
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

static struct view from(struct view v, size_t at) { return view_of(v.ptr + at, v.len - at); }

static bool same_host(struct view a, struct view b) {
	if (a.len != b.len) return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
	return true;
}

static bool is_loopback(struct view host) {
	return same_host(host, VIEW("localhost")) || same_host(host, VIEW("127.0.0.1")) ||
	       same_host(host, VIEW("[::1]"));
}

/* Visible ASCII that no reader of URLs takes for something else. */
static bool plain(struct view text) {
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' ||
		    c == '^' || c == '|')
			return false;
		if (c == '%' && (i + 2 >= text.len || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2])))
			return false;
	}
	return true;
}

/* ---- host and port ------------------------------------------------------------------------------- */

static bool name_right(struct view host) {
	char before = '.';
	bool letter = false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.') return false;
		if (c == '.' && before == '.') return false;
		letter = letter || is_letter(c) || c == '-';
		before = c;
	}
	if (host.len == 0 || before == '.') return false;
	if (letter) return true;
	/* digits and dots: four numbers in their one form, so that nobody reads 127.1 or 0177.0.0.1 */
	unsigned parts = 0, n = 0, digits = 0;
	for (size_t i = 0; i <= host.len; i++) {
		if (i < host.len && is_digit(host.ptr[i])) {
			if (digits == 1 && n == 0) return false;
			n = n * 10 + (unsigned)(host.ptr[i] - '0');
			if (++digits > 3 || n > 255) return false;
			continue;
		}
		parts++;
		n = digits = 0;
	}
	return parts == 4;
}

static bool literal_right(struct view host) {
	for (size_t i = 1; i + 1 < host.len; i++)
		if (!is_hex(host.ptr[i]) && host.ptr[i] != ':' && host.ptr[i] != '.') return false;
	return host.len > 3 && host.len <= 47;
}

static bool read_port(struct view text, unsigned *ret_port) {
	unsigned n = 0;
	if (text.len == 0 || text.len > 5 || text.ptr[0] == '0') return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.ptr[i])) return false;
		n = n * 10 + (unsigned)(text.ptr[i] - '0');
	}
	*ret_port = n;
	return n <= 65535;
}

static bool read_authority(struct view authority, struct url *u) {
	size_t n = 0;
	bool literal = authority.len && authority.ptr[0] == '[';
	while (n < authority.len && authority.ptr[n] != (literal ? ']' : ':')) n++;
	if (literal && n++ == authority.len) return false;
	u->host = view_of(authority.ptr, n);
	u->port = u->https ? 443 : 80;
	if (!(literal ? literal_right(u->host) : name_right(u->host)) || n > 253) return false;
	if (n == authority.len) return true;
	return authority.ptr[n] == ':' && read_port(from(authority, n + 1), &u->port);
}

/* ---- path ---------------------------------------------------------------------------------------- */

static int hex_of(char c) { return is_digit(c) ? c - '0' : lower(c) - 'a' + 10; }

/* "." and "..", whichever of their dots are percent-encoded. */
static bool is_dots(struct view segment) {
	unsigned dots = 0;
	for (size_t i = 0; i < segment.len; dots++) {
		if (segment.ptr[i] == '.')
			i++;
		else if (segment.len - i >= 3 && segment.ptr[i] == '%' && segment.ptr[i + 1] == '2' &&
			 lower(segment.ptr[i + 2]) == 'e')
			i += 3;
		else
			return false;
	}
	return dots == 1 || dots == 2;
}

/* plain() has seen that two digits follow each '%'. */
static bool path_right(struct view path) {
	size_t start = 1;
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] != '%') continue;
		int c = hex_of(path.ptr[i + 1]) * 16 + hex_of(path.ptr[i + 2]);
		if (c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == '%') return false;
	}
	for (size_t i = 1; i <= path.len; i++) {
		if (i < path.len && path.ptr[i] != '/') continue;
		struct view segment = view_of(path.ptr + start, i - start);
		if (is_dots(segment) || (segment.len == 0 && i < path.len)) return false;
		start = i + 1;
	}
	return true;
}

static bool read_scheme(struct view text, bool *ret_https, struct view *ret_rest) {
	static const char schemes[2][9] = {"http://", "https://"};
	for (unsigned i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);
		if (text.len < n || !same_host(view_of(text.ptr, n), view_str(schemes[i]))) continue;
		*ret_https = i == 1;
		*ret_rest = from(text, n);
		return true;
	}
	return false;
}

static bool read_url(struct view text, struct url *u) {
	struct view rest;
	if (text.len == 0 || text.len > URL_ALLOWED_MAX || !plain(text) || !read_scheme(text, &u->https, &rest))
		return false;
	size_t n = 0;
	while (n < rest.len && rest.ptr[n] != '/' && rest.ptr[n] != '?' && rest.ptr[n] != '#') n++;
	if (!read_authority(view_of(rest.ptr, n), u)) return false;
	rest = from(rest, n);
	for (n = 0; n < rest.len && rest.ptr[n] != '?' && rest.ptr[n] != '#';) n++;
	u->path = view_of(rest.ptr, n);
	u->rest = from(rest, n);
	return (u->https || is_loopback(u->host)) && path_right(u->path);
}

/* ---- rules --------------------------------------------------------------------------------------- */

enum error url_rule_check(struct view rule, struct problem *why) {
	struct url u;
	bool upper = false;
	for (size_t i = 0; i < rule.len && rule.ptr[i] != '/'; i++) upper = upper || lower(rule.ptr[i]) != rule.ptr[i];
	bool right = read_url(rule, &u) && u.rest.len == 0 && !upper;
	for (size_t i = 0; right && i < u.host.len; i++) right = lower(u.host.ptr[i]) == u.host.ptr[i];
	if (right) return OK;
	return problem_set(why, ERR_CONFIG,
			   "'%s' is no https:// (or http:// for a loopback host) origin or URL prefix without a query",
			   show(rule).text);
}

/* The path of a rule, as a prefix that ends before a slash. */
static bool path_under(struct view path, struct view prefix) {
	while (prefix.len && prefix.ptr[prefix.len - 1] == '/') prefix.len--;
	if (!view_starts(path, prefix)) return false;
	return path.len == prefix.len || path.ptr[prefix.len] == '/';
}

bool url_allowed(struct view url, const struct view *rules, size_t count) {
	struct url u, r;
	if (!read_url(url, &u)) return false;
	for (size_t i = 0; i < count; i++) {
		if (url_rule_check(rules[i], NULL) || !read_url(rules[i], &r)) continue;
		if (u.https == r.https && u.port == r.port && same_host(u.host, r.host) && path_under(u.path, r.path))
			return true;
	}
	return false;
}
