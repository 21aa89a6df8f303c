#include "proto/msgpack_out.h"

#include <msgpack.h>

#include "base/hex.h"

static int append(void *w, const char *bytes, size_t n) {
	write_bytes(w, view_of(bytes, n));
	return 0; /* the writer remembers a failure */
}

static msgpack_packer packer(struct writer *w) {
	msgpack_packer p;
	msgpack_packer_init(&p, w, append);
	return p;
}

void out_long_map(struct writer *w, unsigned keys) {
	msgpack_packer p = packer(w);
	msgpack_pack_map(&p, keys);
}

void out_long_array(struct writer *w, unsigned count) {
	msgpack_packer p = packer(w);
	msgpack_pack_array(&p, count);
}

void out_long_string(struct writer *w, struct view v) {
	msgpack_packer p = packer(w);
	msgpack_pack_str(&p, v.len);
	write_bytes(w, v);
}

void out_long_number(struct writer *w, uint64_t n) {
	msgpack_packer p = packer(w);
	msgpack_pack_uint64(&p, n);
}

void out_bytes(struct writer *w, struct view key, struct view v) {
	msgpack_packer p = packer(w);
	out_string(w, key);
	msgpack_pack_bin(&p, v.len);
	write_bytes(w, v);
}

void out_i64(struct writer *w, struct view key, int64_t n) {
	msgpack_packer p = packer(w);
	out_string(w, key);
	if (n >= 0)
		out_number(w, (uint64_t)n);
	else
		msgpack_pack_int64(&p, n);
}

void out_time(struct writer *w, struct view key, int64_t t) {
	if (t) {
		out_i64(w, key, t);
	} else {
		out_string(w, key);
		out_nil(w);
	}
}

void out_hex64(struct writer *w, struct view key, uint64_t n) {
	out_string(w, key);
	if (n == 0) {
		out_nil(w);
		return;
	}
	uint8_t b[8];
	for (unsigned i = sizeof b; i-- > 0; n >>= 8) b[i] = (uint8_t)n;
	char digits[2 * sizeof b + 1];
	hex_encode(b, sizeof b, digits);
	out_string(w, view_of(digits, 2 * sizeof b));
}
