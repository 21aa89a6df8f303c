/* The pieces that registers and rows share. Not for use outside the codecs of proto/state.h. */
#ifndef PROTO_STATE_PARTS_H
#define PROTO_STATE_PARTS_H

#include "proto/state.h"

/* A time as its distance from another that is likely near: 1 byte when equal, 4 for a month. The sums wrap,
 * so that any two int64 have a distance and reading undoes writing. */
static inline void write_after(struct writer *w, int64_t t, int64_t base) {
	write_zigzag(w, (int64_t)((uint64_t)t - (uint64_t)base));
}
static inline int64_t read_after(struct reader *r, int64_t base) {
	return (int64_t)((uint64_t)read_zigzag(r) + (uint64_t)base);
}

/* The mode and the account, which all keys begin with. Reading is false when they are none. */
void scope_write(struct writer *w, const struct scope *scope);
NODISCARD bool scope_read(struct reader *r, struct scope *scope);

/* Reads the version byte; OK, ERR_VERSION, or ERR_MALFORMED when there is none. */
NODISCARD enum error read_version(struct reader *r);

/* The item sets that one value holds: what is sold is written once, and named by its number after that.
 *
 *   varint ref        0: written here; n: what the n-th set of this value sells
 *   [varint count · count × (string price · string product · string lookup_key)]     only when ref is 0
 *   [count × varint quantity]                                                        only with quantities
 */
#define ITEM_SETS_MAX (SUB_LATEST_MAX + 1 + SUB_PRICES_MAX)
struct item_sets {
	unsigned count;
	const struct item_set *sets[ITEM_SETS_MAX];
};

void item_set_write(struct writer *w, struct item_sets *known, const struct item_set *set, bool quantities);
/* Without quantities they are 0. On failure r->failed is set. `into` must stay where it is while `known` is in use. */
void item_set_read(struct reader *r, struct item_sets *known, struct item_set *into, bool quantities);

#endif
