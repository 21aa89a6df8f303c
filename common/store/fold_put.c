/* What every part of a fold writes with: registers, and counters that are gathered until the end. */
#include "store/entitlements_internal.h"

#define OTHER VIEW("other")

void id_set(struct id_copy *c, struct view id) {
	c->len = id.len < sizeof c->bytes ? id.len : sizeof c->bytes;
	if (c->len) memcpy(c->bytes, id.ptr, c->len);
}

void fold_damaged(struct fold *f) {
	lmdb_fail(&f->t, ERR_STORAGE, "a register in the entitlement store does not decode");
}

void fold_store(struct fold *f, enum store_table table, const struct key *key, struct view value, bool known) {
	/* no value is: its writer failed, and it would never be read again */
	if (value.len == 0) lmdb_fail(&f->t, ERR_INTERNAL, "a register is larger than it can be");
	if (known)
		lmdb_put(&f->t, table, key_view(key), value);
	else
		lmdb_add(&f->t, table, key_view(key), value);
}

static void write_counter(struct fold *f, struct view name, uint64_t n) {
	uint64_t before = 0;
	bool known = lmdb_get_u64(&f->t, TABLE_COUNTERS, name, &before);
	if (!known && lmdb_count(&f->t, TABLE_COUNTERS) >= COUNTERS_MAX && !view_eq(name, OTHER)) {
		write_counter(f, OTHER, n);
		return;
	}
	lmdb_put_u64(&f->t, TABLE_COUNTERS, name, before + n);
}

void fold_write_counters(struct fold *f) {
	for (unsigned i = 0; i < f->counter_count; i++)
		write_counter(f, view_of(f->counters[i].name, f->counters[i].len), f->counters[i].n);
	f->counter_count = 0;
}

enum error fold_count(struct fold *f, struct view counter) {
	fold_tally(f, counter);
	return f->t.error;
}

void fold_tally(struct fold *f, struct view counter) {
	if (f->t.error) return;
	if (counter.len == 0 || counter.len > EVENT_TYPE_MAX) counter = OTHER;
	for (unsigned i = 0; i < f->counter_count; i++) {
		struct counter *c = &f->counters[i];
		if (!view_eq(view_of(c->name, c->len), counter)) continue;
		c->n++;
		return;
	}
	if (f->counter_count == FOLD_COUNTERS_MAX) fold_write_counters(f);
	struct counter *c = &f->counters[f->counter_count++];
	memcpy(c->name, counter.ptr, counter.len);
	c->len = counter.len;
	c->n = 1;
}
