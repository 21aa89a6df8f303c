#include <stdlib.h>

#include "prices.h"
#include "stripe_read.h"

int64_t interval_days(const char *interval, int64_t count) {
	int64_t days = strcmp(interval, "year") == 0    ? 365
		       : strcmp(interval, "month") == 0 ? 30
		       : strcmp(interval, "week") == 0  ? 7
							: 1;
	return count > 0 && count <= 10000 ? days * count : days;
}

/* By which kind of grant the catalog knows it: lookup key, price, product; 3: not at all. */
static int rank_of(const struct catalog *c, const struct price *p, struct view product) {
	const struct catalog_grant wanted[] = {
		{.kind = GRANT_LOOKUP_KEY, .name = view_str(p->lookup_key)},
		{.kind = GRANT_PRICE, .name = view_str(p->id)},
		{.kind = GRANT_PRODUCT, .name = product},
	};
	for (int rank = 0; rank < (int)ARRAY_LEN(wanted); rank++) {
		if (wanted[rank].name.len == 0) continue;
		for (unsigned low = 0, high = c->grant_count; low < high;) {
			unsigned mid = low + (high - low) / 2;
			int order = catalog_grant_cmp(&wanted[rank], &c->grants[mid]);
			if (order == 0) return rank;
			if (order < 0)
				high = mid;
			else
				low = mid + 1;
		}
	}
	return 3;
}

static bool read_price(const json_t *o, struct price *p) {
	const json_t *recurring = json_object_get(o, "recurring");
	copy_text(p->id, sizeof p->id, text_of(o, "id"));
	copy_text(p->lookup_key, sizeof p->lookup_key, text_of(o, "lookup_key"));
	copy_text(p->currency, sizeof p->currency, text_of(o, "currency"));
	copy_text(p->interval, sizeof p->interval, text_of(recurring, "interval"));
	p->interval_count = whole_of(recurring, "interval_count", 1);
	p->created = whole_of(o, "created", 0);
	p->amount = whole_of(o, "unit_amount", -1);
	bool active = yes_of(o, "active") && !text_is(recurring, "usage_type", "metered");
	const json_t *product = json_object_get(o, "product");
	if (json_is_object(product) && json_is_false(json_object_get(product, "active"))) active = false;
	return active && p->id[0] && p->interval[0] && p->currency[0] && p->interval_count > 0;
}

static bool same_offer(const struct price *a, const struct price *b) {
	return a->tier == b->tier && a->interval_count == b->interval_count && strcmp(a->interval, b->interval) == 0 &&
	       strcmp(a->currency, b->currency) == 0;
}

static bool better(const struct price *a, const struct price *b) {
	if (a->rank != b->rank) return a->rank < b->rank;
	if (a->created != b->created) return a->created > b->created;
	return strcmp(a->id, b->id) < 0;
}

bool price_list_add(struct price_list *list, const struct catalog *c, const json_t *o) {
	struct price p = {.tier = 0};
	if (!read_price(o, &p)) return true;
	const char *product = id_of(o, "product");
	struct item item = {
		.price = view_str(p.id), .product = view_str(product), .lookup_key = view_str(p.lookup_key)};
	int tier = catalog_item_tier(c, &item); /* what it grants is what it sells */
	p.rank = rank_of(c, &p, view_str(product));
	if (tier < 0) return true;
	p.tier = (unsigned)tier;
	for (unsigned i = 0; i < list->count; i++) {
		if (!same_offer(&list->at[i], &p)) continue;
		if (better(&p, &list->at[i])) list->at[i] = p;
		return true;
	}
	if (list->count == PRICES_MAX) return false;
	list->at[list->count++] = p;
	return true;
}

static int compare(const void *a, const void *b) {
	const struct price *x = a, *y = b;
	if (x->tier != y->tier) return x->tier < y->tier ? -1 : 1;
	int64_t m = interval_days(x->interval, x->interval_count), n = interval_days(y->interval, y->interval_count);
	if (m != n) return m < n ? -1 : 1;
	int order = strcmp(x->currency, y->currency);
	return order ? order : strcmp(x->id, y->id);
}

static unsigned in_currency(const struct price_list *list, const char *currency) {
	unsigned n = 0;
	for (unsigned i = 0; i < list->count; i++) n += strcmp(list->at[i].currency, currency) == 0;
	return n;
}

static void find_default(struct price_list *list) {
	unsigned most = 0;
	list->currency[0] = 0;
	for (unsigned i = 0; i < list->count; i++) {
		const char *c = list->at[i].currency;
		unsigned n = strcmp(c, list->currency) == 0 ? 0 : in_currency(list, c);
		if (n < most || n == 0 || (n == most && strcmp(c, list->currency) > 0)) continue;
		most = n;
		copy_text(list->currency, sizeof list->currency, c);
	}
}

void price_list_sort(struct price_list *list) {
	qsort(list->at, list->count, sizeof list->at[0], compare);
	find_default(list);
}

/* By the currency first, then by the interval. 0: not at all. */
static unsigned fit(const struct price_list *list, const struct price *p, const char *interval, const char *currency,
		    bool only) {
	bool wanted = currency && strcmp(p->currency, currency) == 0;
	bool exact = p->interval_count == 1 && strcmp(p->interval, interval ? interval : "month") == 0;
	if ((only && !wanted) || (interval && !exact)) return 0;
	return 1 + exact + 2 * (wanted ? 2U : strcmp(p->currency, list->currency) == 0);
}

const struct price *price_for(const struct price_list *list, unsigned tier, const char *interval, const char *currency,
			      bool only) {
	const struct price *best = NULL;
	unsigned best_fit = 0;
	for (unsigned i = 0; i < list->count; i++) {
		const struct price *p = &list->at[i];
		unsigned n = p->tier == tier ? fit(list, p, interval, currency, only) : 0;
		if (n <= best_fit) continue;
		best = p;
		best_fit = n;
	}
	return best;
}

const struct price *price_named(const struct price_list *list, const char *name) {
	for (unsigned i = 0; i < list->count; i++) {
		const struct price *p = &list->at[i];
		if (strcmp(p->id, name) == 0 || (p->lookup_key[0] && strcmp(p->lookup_key, name) == 0)) return p;
	}
	return NULL;
}
