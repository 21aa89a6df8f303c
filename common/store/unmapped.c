/* Prices that no tier of the catalog has, each noted once. */
#include "store/entitlements_internal.h"

#define UNMAPPED_SIZE_MAX 1024

/* What a person would put into the catalog. */
static struct view name_of(const struct item *i) {
	if (i->price.len) return i->price;
	return i->lookup_key.len ? i->lookup_key : i->product;
}

enum error fold_unmapped(struct fold *f, const struct scope *scope, const struct item *item,
			 const struct observation *o, bool *ret_new) {
	struct unmapped_price old, u = {.first_ms = f->now_ms, .last_ms = f->now_ms, .seen = 1};
	uint8_t bytes[UNMAPPED_SIZE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	struct view value;
	struct key key;

	key_of(&key, scope, name_of(item));
	if (f->t.error) return f->t.error;
	if (key.len == 0) return ERR_LIMIT;
	bool known = lmdb_get(&f->t, TABLE_UNMAPPED, key_view(&key), &value);
	if (!known && lmdb_count(&f->t, TABLE_UNMAPPED) >= UNMAPPED_MAX) {
		*ret_new = false;
		return fold_count(f, VIEW("unmapped_dropped"));
	}
	if (known && unmapped_read(value, &old) == OK) {
		u.first_ms = old.first_ms;
		u.seen = old.seen + 1;
	}
	u.product = item->product;
	u.lookup_key = item->lookup_key;
	if (o->kind == OBSERVE_SUBSCRIPTION) u.subscription = o->of.subscription.now.id;
	u.event = o->stamp.event;
	unmapped_write(&w, &u);
	if (w.failed) return ERR_LIMIT;
	lmdb_put(&f->t, TABLE_UNMAPPED, key_view(&key), writer_view(&w));
	if (!f->t.error) *ret_new = !known;
	return f->t.error;
}

static enum error read_at(struct view key, struct view value, struct unmapped_price *ret_u) {
	enum error e = unmapped_read(value, ret_u);
	return e ? e : state_key_parse(key, &ret_u->scope, &ret_u->price);
}

enum error fold_unmapped_heal(struct fold *f, uint64_t *ret_healed) {
	struct lmdb_cursor c;
	uint64_t healed = 0;
	lmdb_cursor_open(&f->t, TABLE_UNMAPPED, &c);
	for (bool more = f->catalog && lmdb_first(&c); more; more = lmdb_next(&c)) {
		struct unmapped_price u;
		if (read_at(c.key, c.value, &u)) {
			lmdb_fail(&f->t, ERR_STORAGE, "an unmapped price in the entitlement store does not decode");
			break;
		}
		const struct item item = {.price = u.price, .product = u.product, .lookup_key = u.lookup_key};
		if (catalog_item_tier(f->catalog, &item) < 0) continue;
		lmdb_cursor_del(&c);
		healed++;
	}
	lmdb_cursor_close(&c);
	if (!f->t.error) *ret_healed = healed;
	return f->t.error;
}

enum error look_unmapped(struct look *l, bool (*each)(void *ctx, const struct unmapped_price *u), void *ctx) {
	struct lmdb_cursor c;
	enum error e = OK;
	lmdb_cursor_open(&l->t, TABLE_UNMAPPED, &c);
	for (bool more = lmdb_first(&c); more && !e; more = lmdb_next(&c)) {
		struct unmapped_price u;
		e = read_at(c.key, c.value, &u);
		if (!e && !each(ctx, &u)) break;
	}
	lmdb_cursor_close(&c);
	return l->t.error ? l->t.error : e;
}
