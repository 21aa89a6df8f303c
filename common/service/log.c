#include "service/log.h"

#include "base/parse.h"
#include "service/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Kept free at the end of every line for what closes it: ` cut=true` or `,"cut":true}`, and the newline. */
#define TAIL_MAX 16

struct line {
	char *out;
	size_t len;
	bool json;
	bool full; /* the current field does not fit */
	bool cut;  /* something was left out */
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static void put(struct line *l, const char *bytes, size_t n) {
	if (l->full || n > LOG_LINE_MAX - TAIL_MAX - l->len) {
		l->full = true;
		return;
	}
	memcpy(l->out + l->len, bytes, n);
	l->len += n;
}

static void put_str(struct line *l, const char *s) { put(l, s, strlen(s)); }

/* Length of the well-formed UTF-8 character at p (Unicode 15, table 3-7), or 0. */
static size_t utf8_length(const unsigned char *p, size_t left) {
	if (p[0] < 0x80) return 1;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80) return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)) return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0;
	return n;
}

/* Characters that a terminal or a viewer may act on: C0, DEL, C1, the line separators U+2028 and U+2029, and the
 * marks that change the direction of text (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069). */
static bool acts(const unsigned char *p, size_t n) {
	if (n == 1) return p[0] < 0x20 || p[0] == 0x7f;
	if (n == 2) return p[0] == 0xc2 && p[1] < 0xa0;
	if (n != 3 || p[0] != 0xe2) return false;
	if (p[1] == 0x80) return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

static void put_escaped_byte(struct line *l, unsigned char c) {
	char text[8];
	int n = c == '\n'   ? snprintf(text, sizeof text, "\\n")
		: c == '\t' ? snprintf(text, sizeof text, "\\t")
			    : snprintf(text, sizeof text, l->json ? "\\u00%02x" : "\\x%02x", c);
	put(l, text, (size_t)n);
}

static void put_quoted(struct line *l, struct view v) {
	const unsigned char *p = (const unsigned char *)v.ptr;
	put(l, "\"", 1);
	for (size_t i = 0; i < v.len;) {
		size_t n = utf8_length(p + i, v.len - i);
		if (n == 0 || acts(p + i, n)) {
			size_t bytes = n ? n : 1;
			for (size_t k = 0; k < bytes; k++) put_escaped_byte(l, p[i + k]);
			i += bytes;
			continue;
		}
		if (p[i] == '"' || p[i] == '\\') put(l, "\\", 1);
		put(l, v.ptr + i, n);
		i += n;
	}
	put(l, "\"", 1);
}

static bool is_bare(struct view v) {
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
	}
	return v.len > 0;
}

static void put_text(struct line *l, struct view v) {
	if (v.len > LOG_VALUE_MAX) {
		v.len = LOG_VALUE_MAX; /* and not inside a character, where there is one */
		for (int i = 0; i < 3 && ((unsigned char)v.ptr[v.len] & 0xc0) == 0x80; i++) v.len--;
		l->cut = true;
	}
	if (!l->json && is_bare(v)) {
		put(l, v.ptr, v.len);
	} else {
		put_quoted(l, v);
	}
}

static void put_value(struct line *l, const struct kv *f) {
	char number[24];
	switch (f->kind) {
	case KV_EVENT:
	case KV_TEXT:
		put_text(l, f->v.text);
		return;
	case KV_U64:
		(void)snprintf(number, sizeof number, "%" PRIu64, f->v.u);
		break;
	case KV_I64:
		(void)snprintf(number, sizeof number, "%" PRId64, f->v.i);
		break;
	case KV_HEX:
		(void)snprintf(number, sizeof number, "%016" PRIx64, f->v.u);
		put_text(l, view_str(number));
		return;
	case KV_BOOL:
		(void)snprintf(number, sizeof number, "%s", f->v.b ? "true" : "false");
		break;
	case KV_END:
		return;
	}
	put_str(l, number);
}

/* A field goes in whole or not at all. */
static void put_field(struct line *l, const struct kv *f) {
	size_t before = l->len;
	l->full = false;
	if (l->json) {
		put_str(l, before == 0 ? "{\"" : ",\"");
		put_str(l, f->key);
		put_str(l, "\":");
	} else {
		if (before > 0) put(l, " ", 1);
		put_str(l, f->key);
		put(l, "=", 1);
	}
	put_value(l, f);
	if (!l->full) return;
	l->len = before;
	l->cut = true;
}

static void stamp(int64_t ms, char out[RFC3339_SIZE + 4]) {
	if (ms < 0) ms = 0;
	format_rfc3339(ms / 1000, out);
	(void)snprintf(out + RFC3339_SIZE - 2, 6, ".%03dZ", (int)(ms % 1000));
}

size_t log_format_line(const struct log *l, enum log_level level, const struct kv *fields, int64_t now_ms,
		       char out[LOG_LINE_MAX]) {
	struct line line = {.out = out, .json = l->format == FORMAT_JSON};
	char ts[RFC3339_SIZE + 4];
	stamp(now_ms, ts);
	put_field(&line, &(struct kv){"ts", KV_TEXT, {.text = view_str(ts)}});
	put_field(&line, &(struct kv){"lvl", KV_TEXT, {.text = view_str(level_names[level])}});
	put_field(&line, &(struct kv){"svc", KV_TEXT, {.text = view_str(l->service)}});
	for (const struct kv *f = fields; f->kind != KV_END; f++) put_field(&line, f);

	const char *tail = line.json ? (line.cut ? ",\"cut\":true}\n" : "}\n") : (line.cut ? " cut=true\n" : "\n");
	size_t n = strlen(tail);
	for (size_t i = 0; i < n; i++) out[line.len + i] = tail[i]; /* TAIL_MAX is free */
	return line.len + n;
}

void log_write(const struct log *l, enum log_level level, const struct kv *fields) {
	if (!l || level < l->level) return;
	char out[LOG_LINE_MAX];
	size_t n = log_format_line(l, level, fields, wall_ms(), out);
	int keep = errno; /* logging is not part of what went wrong */
	while (write(l->fd, out, n) < 0 && errno == EINTR) {
	}
	errno = keep;
}
