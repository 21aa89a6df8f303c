#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "invoice_page.h"

/* hex of: version, hash of the subject, moment, ids */
#define VERSION 1
#define BYTES_MAX ((CURSOR_SIZE - 1) / 2)

bool invoice_cursor_write(const struct invoice_cursor *c, const char *subject, char out[CURSOR_SIZE]) {
	uint8_t bytes[BYTES_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	write_u8(&w, VERSION);
	write_be64(&w, view_hash(HASH_SEED, view_str(subject)));
	write_zigzag(&w, c->at);
	write_varint(&w, c->shown_count);
	for (unsigned i = 0; i < c->shown_count; i++) write_string(&w, view_str(c->shown[i]), STRIPE_ID_MAX - 1);
	struct view v = writer_view(&w);
	if (!v.len) return false;
	hex_encode(bytes, v.len, out);
	return true;
}

bool invoice_cursor_read(const char *text, const char *subject, struct invoice_cursor *ret_c) {
	uint8_t bytes[BYTES_MAX];
	size_t n = strlen(text);
	struct invoice_cursor c = {.at = 0};
	if (n == 0 || n % 2 || n / 2 > sizeof bytes || !hex_decode(view_str(text), bytes, n / 2)) return false;
	struct reader r = reader_of(view_of(bytes, n / 2));
	bool ours = read_u8(&r) == VERSION && read_be64(&r) == view_hash(HASH_SEED, view_str(subject));
	c.at = read_zigzag(&r);
	uint64_t count = read_varint(&r);
	if (!ours || r.failed || count > CURSOR_SHOWN_MAX || c.at <= 0) return false;
	for (; c.shown_count < count; c.shown_count++) {
		struct view id = read_string(&r, STRIPE_ID_MAX - 1);
		if (id.len == 0 || memchr(id.ptr, 0, id.len)) return false;
		memcpy(c.shown[c.shown_count], id.ptr, id.len);
	}
	if (!reader_done(&r)) return false;
	*ret_c = c;
	return true;
}
