#include "domain/catalog.h"

int catalog_grant_cmp(const struct catalog_grant *a, const struct catalog_grant *b) {
	if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
	return view_cmp(a->name, b->name);
}

int catalog_tier(const struct catalog *c, struct view name) {
	for (unsigned i = 0; i < c->tier_count; i++)
		if (view_eq(c->tiers[i].name, name)) return (int)i;
	return -1;
}

int catalog_feature(const struct catalog *c, struct view name) {
	for (unsigned i = 0; i < c->feature_count; i++)
		if (view_eq(c->features[i], name)) return (int)i;
	return -1;
}

bool catalog_tier_has(const struct catalog *c, unsigned tier, unsigned feature) {
	return c->tiers[tier].features[feature / 64] >> (feature % 64) & 1;
}

int catalog_lowest_with(const struct catalog *c, unsigned feature) {
	for (unsigned i = 0; i < c->tier_count; i++)
		if (catalog_tier_has(c, i, feature)) return (int)i;
	return -1;
}

static int granted_tier(const struct catalog *c, enum grant_kind kind, struct view name) {
	const struct catalog_grant key = {kind, name, 0};
	unsigned low = 0, high = c->grant_count;

	if (name.len == 0) return -1;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = catalog_grant_cmp(&c->grants[middle], &key);
		if (order == 0) return (int)c->grants[middle].tier;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int catalog_item_tier(const struct catalog *c, const struct item *item) {
	int tier = granted_tier(c, GRANT_PRICE, item->price);
	if (tier < 0) tier = granted_tier(c, GRANT_LOOKUP_KEY, item->lookup_key);
	if (tier < 0) tier = granted_tier(c, GRANT_PRODUCT, item->product);
	return tier;
}

int catalog_set_tier(const struct catalog *c, const struct item_set *set) {
	int highest = -1;
	for (unsigned i = 0; i < set->count; i++) {
		int tier = catalog_item_tier(c, &set->items[i]);
		if (tier > highest) highest = tier;
	}
	return highest;
}
