#include "proto/json_scan.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS (ONES << 7)

bool json_scan_fail(struct json_scan *s, const char *fault) {
	s->fault = fault;
	return false;
}

static uint64_t load8(const uint8_t *p) {
	uint64_t w;
	memcpy(&w, p, sizeof w);
	return w;
}

void json_scan_space(struct json_scan *s) {
	const uint8_t *p = s->at;
	/* Stripe indents its webhooks: a newline and a run of spaces is what is usually here */
	if (p < s->end && *p == '\n') p++;
	while (s->end - p >= 8 && load8(p) == ONES * ' ') p += 8;
	while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
	s->at = p;
}

bool json_scan_byte(struct json_scan *s, char byte, const char *fault) {
	if (s->at == s->end || *s->at != (uint8_t)byte) return json_scan_fail(s, fault);
	s->at++;
	return true;
}

/* Not zero if any byte of the word needs a look: a quote, a backslash, a control or a non-ASCII byte.
 * (w ^ c) - 1 borrows into the high bit where the byte equals c; a borrow may run on into higher
 * bytes, so a hit says "look", not where. */
static uint64_t special(uint64_t w) {
	uint64_t quote = w ^ ONES * '"';
	uint64_t backslash = w ^ ONES * '\\';
	return (((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) | (w - ONES * 0x20) | w) & HIGHS;
}

static bool is_plain(uint8_t c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }
static bool is_digit(const struct json_scan *s) { return s->at < s->end && *s->at >= '0' && *s->at <= '9'; }
static bool is_tail(uint8_t c) { return (c & 0xc0) == 0x80; }

/* One character of two to four bytes: the table of well-formed sequences in Unicode, section 3.9. */
static bool utf8(struct json_scan *s) {
	const uint8_t *p = s->at;
	size_t left = (size_t)(s->end - p);
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (*p >= 0xc2 && *p <= 0xdf)
		n = 2;
	else if (*p >= 0xe0 && *p <= 0xef)
		n = 3;
	else if (*p >= 0xf0 && *p <= 0xf4)
		n = 4;
	else
		return json_scan_fail(s, "invalid UTF-8");
	if (*p == 0xe0) low = 0xa0;  /* shorter forms */
	if (*p == 0xed) high = 0x9f; /* surrogates */
	if (*p == 0xf0) low = 0x90;
	if (*p == 0xf4) high = 0x8f; /* beyond U+10FFFF */
	if (left < n || p[1] < low || p[1] > high) return json_scan_fail(s, "invalid UTF-8");
	for (size_t i = 2; i < n; i++)
		if (!is_tail(p[i])) return json_scan_fail(s, "invalid UTF-8");
	s->at += n;
	return true;
}

/* The four digits of \uXXXX; at is on the first. */
static bool hex4(struct json_scan *s, unsigned *ret_unit) {
	unsigned unit = 0;
	if (s->end - s->at < 4) return json_scan_fail(s, "an escape ends too early");
	for (int i = 0; i < 4; i++, s->at++) {
		uint8_t c = *s->at, letter = c | 0x20;
		if (c >= '0' && c <= '9')
			unit = unit << 4 | (unsigned)(c - '0');
		else if (letter >= 'a' && letter <= 'f')
			unit = unit << 4 | (unsigned)(letter - 'a' + 10);
		else
			return json_scan_fail(s, "an escape that is not hexadecimal");
	}
	*ret_unit = unit;
	return true;
}

static bool escape(struct json_scan *s) {
	unsigned unit = 0; /* for gcc, which does not see that json_scan_fail is always false */
	s->at++;
	if (s->at == s->end) return json_scan_fail(s, "an escape ends too early");
	uint8_t c = *s->at++;
	if (c != 'u') return (c && strchr("\"\\/bfnrt", c)) || json_scan_fail(s, "an unknown escape");
	if (!hex4(s, &unit)) return false;
	if (unit < 0xd800 || unit > 0xdfff) return true;
	if (unit > 0xdbff || s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
		return json_scan_fail(s, "a lone surrogate");
	s->at += 2;
	if (!hex4(s, &unit)) return false;
	return (unit >= 0xdc00 && unit <= 0xdfff) || json_scan_fail(s, "a lone surrogate");
}

bool json_scan_string(struct json_scan *s, struct view *ret_inside, bool *ret_escaped) {
	bool escaped = false;
	if (!json_scan_byte(s, '"', "a string is missing")) return false;
	const uint8_t *inside = s->at;
	for (;;) {
		while (s->end - s->at >= 8 && !special(load8(s->at))) s->at += 8;
		while (s->at < s->end && is_plain(*s->at)) s->at++;
		if (s->at == s->end) return json_scan_fail(s, "a string without its end");
		if (*s->at == '"') break;
		if (*s->at < 0x20) return json_scan_fail(s, "a control character in a string");
		if (*s->at == '\\') escaped = true;
		if (*s->at == '\\' ? !escape(s) : !utf8(s)) return false;
	}
	if (ret_inside) *ret_inside = view_of(inside, (size_t)(s->at - inside));
	if (ret_escaped) *ret_escaped = escaped;
	s->at++;
	return true;
}

static bool digits(struct json_scan *s) {
	if (!is_digit(s)) return json_scan_fail(s, "a digit is missing");
	while (is_digit(s)) s->at++;
	return true;
}

static bool number(struct json_scan *s) {
	if (*s->at == '-') s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!digits(s))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!digits(s)) return false;
	}
	if (s->at < s->end && (*s->at | 0x20) == 'e') {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
		if (!digits(s)) return false;
	}
	return true;
}

static bool literal(struct json_scan *s, const char *word, size_t len) {
	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return json_scan_fail(s, "an unknown word");
	s->at += len;
	return true;
}

static bool scalar(struct json_scan *s) {
	switch (*s->at) {
	case '"':
		return json_scan_string(s, NULL, NULL);
	case 't':
		return literal(s, "true", 4);
	case 'f':
		return literal(s, "false", 5);
	case 'n':
		return literal(s, "null", 4);
	default:
		break;
	}
	if (*s->at != '-' && !is_digit(s)) return json_scan_fail(s, "a value is missing");
	return number(s);
}

/* "key" : */
static bool key(struct json_scan *s) {
	json_scan_space(s);
	if (!json_scan_string(s, NULL, NULL)) return false;
	json_scan_space(s);
	return json_scan_byte(s, ':', "a colon is missing");
}

/* The nesting so far. Bit 0 of `objects` is the innermost level: is it an object? */
struct nesting {
	uint64_t objects;
	unsigned depth;
};

/* After a value: closes what ends here, and steps over the comma in front of the next value. */
static bool next(struct json_scan *s, struct nesting *n) {
	while (n->depth) {
		bool object = n->objects & 1;
		json_scan_space(s);
		if (s->at == s->end) return json_scan_fail(s, "it ends too early");
		if (*s->at == ',') {
			s->at++;
			return !object || key(s);
		}
		if (*s->at != (object ? '}' : ']')) return json_scan_fail(s, "a comma or a closing bracket is missing");
		s->at++;
		n->objects >>= 1;
		n->depth--;
	}
	return true;
}

/* At an opening bracket. *ret_empty: it closed at once. */
static bool open_level(struct json_scan *s, struct nesting *n, unsigned levels, bool *ret_empty) {
	bool object = *s->at == '{';
	if (n->depth == levels) return json_scan_fail(s, "it is nested too deeply");
	s->at++;
	json_scan_space(s);
	*ret_empty = s->at < s->end && *s->at == (object ? '}' : ']');
	if (*ret_empty) {
		s->at++;
		return true;
	}
	n->objects = n->objects << 1 | object;
	n->depth++;
	return !object || key(s);
}

bool json_scan_value(struct json_scan *s, unsigned levels) {
	struct nesting n = {0, 0};
	do {
		json_scan_space(s);
		if (s->at == s->end) return json_scan_fail(s, "it ends too early");
		if (*s->at == '{' || *s->at == '[') {
			bool empty = false;
			if (!open_level(s, &n, levels, &empty)) return false;
			if (!empty) continue;
		} else if (!scalar(s)) {
			return false;
		}
		if (!next(s, &n)) return false;
	} while (n.depth);
	return true;
}
