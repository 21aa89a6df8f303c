#include "base/bytes.h"

#define VARINT_MAX 10

struct view read_bytes(struct reader *r, size_t n) {
	if (r->failed || n > (size_t)(r->end - r->at)) {
		r->failed = true;
		return VIEW_NONE;
	}
	struct view v = view_of(r->at, n);
	if (n) r->at += n;
	return v;
}

static uint64_t read_be(struct reader *r, size_t n) {
	struct view v = read_bytes(r, n);
	uint64_t x = 0;
	for (size_t i = 0; i < v.len; i++) x = x << 8 | (uint8_t)v.ptr[i];
	return x;
}

uint8_t read_u8(struct reader *r) {
	if (r->failed || r->at == r->end) {
		r->failed = true;
		return 0;
	}
	return *r->at++;
}

uint32_t read_be32(struct reader *r) { return (uint32_t)read_be(r, 4); }
uint64_t read_be64(struct reader *r) { return read_be(r, 8); }

/* Half of what a tier check does, so it is quick: what the last byte must not be is looked at there. */
uint64_t read_varint(struct reader *r) {
	size_t left = reader_left(r);
	uint64_t x = 0;
	for (unsigned i = 0; i < VARINT_MAX && i < left; i++) {
		uint8_t b = r->at[i];
		x |= (uint64_t)(b & 0x7f) << (7 * i);
		if (b & 0x80) continue;
		/* the tenth byte has room for one bit, and a last byte of zero is padding */
		if ((i == VARINT_MAX - 1 && b > 1) || (i > 0 && b == 0)) break;
		r->at += i + 1;
		return x;
	}
	r->failed = true;
	return 0;
}

int64_t read_zigzag(struct reader *r) {
	uint64_t n = read_varint(r);
	return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

struct view read_string(struct reader *r, size_t max) {
	uint64_t n = read_varint(r);
	if (n > max) r->failed = true;
	return read_bytes(r, (size_t)n);
}

void write_bytes(struct writer *w, struct view v) {
	if (w->failed || v.len > (size_t)(w->end - w->at)) {
		w->failed = true;
		return;
	}
	if (v.len) {
		memcpy(w->at, v.ptr, v.len);
		w->at += v.len;
	}
}

static void write_be(struct writer *w, uint64_t x, unsigned n) {
	uint8_t b[8];
	for (unsigned i = n; i-- > 0; x >>= 8) b[i] = (uint8_t)x;
	write_bytes(w, view_of(b, n));
}

void write_u8(struct writer *w, uint8_t n) { write_be(w, n, 1); }
void write_be32(struct writer *w, uint32_t n) { write_be(w, n, 4); }
void write_be64(struct writer *w, uint64_t n) { write_be(w, n, 8); }

void write_varint(struct writer *w, uint64_t n) {
	uint8_t b[VARINT_MAX];
	unsigned len = 0;
	while (n > 0x7f) {
		b[len++] = (uint8_t)(n | 0x80);
		n >>= 7;
	}
	b[len++] = (uint8_t)n;
	write_bytes(w, view_of(b, len));
}

void write_zigzag(struct writer *w, int64_t n) { write_varint(w, (uint64_t)n << 1 ^ (uint64_t)(n >> 63)); }

void write_string(struct writer *w, struct view v, size_t max) {
	if (v.len > max) w->failed = true;
	write_varint(w, v.len);
	write_bytes(w, v);
}
