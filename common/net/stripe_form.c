#include "net/stripe_form.h"

#include <inttypes.h>
#include <stdio.h>

static bool unreserved(unsigned char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

static void write_encoded(struct writer *w, struct view v) {
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];
		if (unreserved(c)) {
			write_u8(w, c);
		} else {
			write_u8(w, '%');
			write_u8(w, (uint8_t)digits[c >> 4]);
			write_u8(w, (uint8_t)digits[c & 15]);
		}
	}
}

void stripe_path(struct writer *w, const char *template, struct view id) {
	for (const char *at = template; *at;) {
		if (strncmp(at, "{id}", 4) == 0) {
			write_encoded(w, id);
			at += 4;
		} else if (*at == '[' || *at == ']') {
			write_encoded(w, view_of(at++, 1));
		} else {
			write_u8(w, (uint8_t)*at++);
		}
	}
}

static void write_pair(struct writer *w, char before, const char *key, struct view value) {
	if (before) write_u8(w, (uint8_t)before);
	write_encoded(w, view_str(key));
	write_u8(w, '=');
	write_encoded(w, value);
}

struct number {
	char text[24];
};

static struct number number(int64_t n) {
	struct number x;
	(void)snprintf(x.text, sizeof x.text, "%" PRId64, n);
	return x;
}

void stripe_param(struct writer *w, const char *key, struct view value) {
	struct view written = writer_view(w);
	bool first = !written.len || !memchr(written.ptr, '?', written.len);
	write_pair(w, first ? '?' : '&', key, value);
}

void stripe_param_number(struct writer *w, const char *key, int64_t n) {
	stripe_param(w, key, view_str(number(n).text));
}

void stripe_field(struct writer *w, const char *key, struct view value) {
	write_pair(w, writer_view(w).len ? '&' : 0, key, value);
}

void stripe_field_number(struct writer *w, const char *key, int64_t n) {
	stripe_field(w, key, view_str(number(n).text));
}

const char *stripe_text_end(struct writer *w) {
	write_u8(w, 0);
	if (w->failed) return NULL;
	w->at--;
	return (const char *)w->start;
}
