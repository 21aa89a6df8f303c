#include "proto/state_parts.h"

enum error read_version(struct reader *r) {
	uint8_t version = read_u8(r);
	if (r->failed) return ERR_MALFORMED;
	return version == STATE_VERSION ? OK : ERR_VERSION;
}

static void remember(struct item_sets *known, const struct item_set *set) {
	if (known->count < ITEM_SETS_MAX) known->sets[known->count++] = set;
}

static unsigned number_of(const struct item_sets *known, const struct item_set *set) {
	for (unsigned i = 0; i < known->count; i++)
		if (item_set_cmp(known->sets[i], set) == 0) return i + 1;
	return 0;
}

static void names_write(struct writer *w, const struct item_set *set) {
	write_varint(w, set->count);
	for (unsigned i = 0; i < set->count; i++) {
		write_string(w, set->items[i].price, STRIPE_ID_MAX);
		write_string(w, set->items[i].product, STRIPE_ID_MAX);
		write_string(w, set->items[i].lookup_key, LOOKUP_KEY_MAX);
	}
}

void item_set_write(struct writer *w, struct item_sets *known, const struct item_set *set, bool quantities) {
	if (set->count > ITEMS_MAX) {
		w->failed = true;
		return;
	}
	unsigned ref = number_of(known, set);
	write_varint(w, ref);
	if (!ref) {
		names_write(w, set);
		remember(known, set);
	}
	if (!quantities) return;
	for (unsigned i = 0; i < set->count; i++) write_varint(w, set->items[i].quantity);
}

static void names_read(struct reader *r, struct item_set *into) {
	uint64_t count = read_varint(r);
	if (count > ITEMS_MAX) r->failed = true;
	into->count = r->failed ? 0 : (unsigned)count;
	for (unsigned i = 0; i < into->count; i++) {
		struct item *item = &into->items[i];
		item->price = read_string(r, STRIPE_ID_MAX);
		item->product = read_string(r, STRIPE_ID_MAX);
		item->lookup_key = read_string(r, LOOKUP_KEY_MAX);
		item->quantity = 0;
	}
}

static void names_copy(struct item_set *into, const struct item_set *from) {
	into->count = from->count;
	for (unsigned i = 0; i < from->count; i++) {
		into->items[i] = from->items[i];
		into->items[i].quantity = 0;
	}
}

void item_set_read(struct reader *r, struct item_sets *known, struct item_set *into, bool quantities) {
	uint64_t ref = read_varint(r);
	into->count = 0;
	if (ref > known->count) r->failed = true;
	if (r->failed) return;
	if (ref) {
		names_copy(into, known->sets[ref - 1]);
	} else {
		names_read(r, into);
		remember(known, into);
	}
	if (!quantities) return;
	for (unsigned i = 0; i < into->count; i++) into->items[i].quantity = read_varint(r);
}
