/* A view: bytes that somebody else owns. Never NUL-terminated, never freed.
 * It lives as long as what it points into; the function that hands one out says
 * how long that is. Everything here is inline and links to mem* alone. */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
	const char *ptr; /* may be NULL when len is 0 */
	size_t len;
};

#define VIEW(literal) ((struct view){(literal), sizeof(literal) - 1})
/* the same where C17 wants a constant initializer */
#define VIEW_INIT(literal)                                                                                             \
	{ (literal), sizeof(literal) - 1 }
#define VIEW_NONE ((struct view){NULL, 0})
/* printf("%.*s", VIEW_FMT(v)) */
#define VIEW_FMT(v) (int)(v).len, (v).ptr ? (v).ptr : ""

static inline struct view view_of(const void *ptr, size_t len) { return (struct view){ptr, len}; }
static inline struct view view_str(const char *s) { return (struct view){s, s ? strlen(s) : 0}; }

static inline bool view_eq(struct view a, struct view b) {
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Bytewise order; a prefix sorts before what it is a prefix of. <0, 0, >0. */
static inline int view_cmp(struct view a, struct view b) {
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool view_starts(struct view v, struct view prefix) {
	return v.len >= prefix.len && (prefix.len == 0 || memcmp(v.ptr, prefix.ptr, prefix.len) == 0);
}

/* FNV-1a, 64 bit. Not for adversaries: a collision may cost time or mark a tie
 * as unconfirmed, never an answer. `seed` chains calls; start with HASH_SEED. */
#define HASH_SEED UINT64_C(14695981039346656037)
static inline uint64_t view_hash(uint64_t seed, struct view v) {
	for (size_t i = 0; i < v.len; i++) seed = (seed ^ (unsigned char)v.ptr[i]) * UINT64_C(1099511628211);
	return seed;
}
static inline uint64_t hash_u64(uint64_t seed, uint64_t n) {
	for (int i = 0; i < 8; i++, n >>= 8) seed = (seed ^ (n & 0xff)) * UINT64_C(1099511628211);
	return seed;
}

#endif
