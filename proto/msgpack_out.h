/* msgpack into a struct writer. What replies mostly consist of, short strings and small numbers, is written here, where
 * the compiler sees each key's length; all else goes through msgpack-c's packer. Both choose the shortest form.
 * https://github.com/msgpack/msgpack/blob/master/spec.md has the formats. */
#ifndef PROTO_MSGPACK_OUT_H
#define PROTO_MSGPACK_OUT_H

#include <string.h>

#include "base/bytes.h"

/* Of any length, or into too little space. */
void out_long_map(struct writer *w, unsigned keys);
void out_long_array(struct writer *w, unsigned count);
void out_long_string(struct writer *w, struct view v);
void out_long_number(struct writer *w, uint64_t n);

static inline bool out_room(const struct writer *w, size_t n) { return !w->failed && n <= (size_t)(w->end - w->at); }

static inline void out_byte(struct writer *w, uint8_t b) {
	if (out_room(w, 1))
		*w->at++ = b;
	else
		w->failed = true;
}

static inline void out_map(struct writer *w, unsigned keys) {
	if (keys < 16)
		out_byte(w, (uint8_t)(0x80 | keys));
	else
		out_long_map(w, keys);
}

static inline void out_array(struct writer *w, unsigned count) {
	if (count < 16)
		out_byte(w, (uint8_t)(0x90 | count));
	else
		out_long_array(w, count);
}

static inline void out_string(struct writer *w, struct view v) {
	if (v.len >= 32 || !out_room(w, 1 + v.len)) {
		out_long_string(w, v);
		return;
	}
	*w->at++ = (uint8_t)(0xa0 | v.len);
	if (v.len) memcpy(w->at, v.ptr, v.len);
	w->at += v.len;
}

static inline void out_nil(struct writer *w) { out_byte(w, 0xc0); }

/* Times are 32 bits, most other numbers are small. */
static inline void out_number(struct writer *w, uint64_t n) {
	if (n < 128) {
		out_byte(w, (uint8_t)n);
	} else if (n > UINT16_MAX && n <= UINT32_MAX && out_room(w, 5)) {
		const uint8_t b[5] = {0xce, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
		memcpy(w->at, b, sizeof b);
		w->at += sizeof b;
	} else {
		out_long_number(w, n);
	}
}

/* a key and its value */
static inline void out_key(struct writer *w, struct view key) { out_string(w, key); }

static inline void out_text(struct writer *w, struct view key, struct view v) {
	out_string(w, key);
	out_string(w, v);
}

static inline void out_u64(struct writer *w, struct view key, uint64_t n) {
	out_string(w, key);
	out_number(w, n);
}

static inline void out_flag(struct writer *w, struct view key, bool yes) {
	out_string(w, key);
	out_byte(w, yes ? 0xc3 : 0xc2);
}

void out_bytes(struct writer *w, struct view key, struct view v);
void out_i64(struct writer *w, struct view key, int64_t n);
void out_time(struct writer *w, struct view key, int64_t t);   /* nil for 0 */
void out_hex64(struct writer *w, struct view key, uint64_t n); /* nil for 0 */

#endif
