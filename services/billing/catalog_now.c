#include <stdlib.h>

#include "billing.h"

struct catalog_held {
	struct catalog_file *file;
	json_t *tiers;
	unsigned users; /* under billing's mutex; one of them is billing itself, while it is the present one */
};

static json_t *tier_json(const struct catalog *c, unsigned tier) {
	json_t *features = json_array();
	for (unsigned f = 0; f < c->feature_count; f++)
		if (catalog_tier_has(c, tier, f))
			json_array_append_new(features, json_stringn(c->features[f].ptr, c->features[f].len));
	return json_pack("{s:s%, s:o}", "name", c->tiers[tier].name.ptr, c->tiers[tier].name.len, "features", features);
}

static void held_free(struct catalog_held *h) {
	catalog_file_destroy(&h->file);
	json_decref(h->tiers);
	free(h);
}

enum error catalog_now_load(struct billing *b, struct problem *why) {
	struct catalog_held *h = calloc(1, sizeof *h);
	if (!h) return problem_set(why, ERR_MEMORY, "out of memory");
	enum error e = catalog_file_load(b->settings.catalog, &h->file, why);
	if (e) {
		free(h);
		return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
	}
	const struct catalog *c = catalog_file_get(h->file);
	h->tiers = json_array();
	for (unsigned t = 0; t < c->tier_count; t++) json_array_append_new(h->tiers, tier_json(c, t));
	h->users = 1;
	pthread_mutex_lock(&b->catalog_mutex);
	struct catalog_held *old = b->catalog;
	b->catalog = h;
	pthread_mutex_unlock(&b->catalog_mutex);
	catalog_now_release(b, &old);
	return OK;
}

struct catalog_held *catalog_now_hold(struct billing *b) {
	pthread_mutex_lock(&b->catalog_mutex);
	struct catalog_held *h = b->catalog;
	h->users++;
	pthread_mutex_unlock(&b->catalog_mutex);
	return h;
}

void catalog_now_release(struct billing *b, struct catalog_held **pointer) {
	struct catalog_held *h = *pointer;
	if (!h) return;
	pthread_mutex_lock(&b->catalog_mutex);
	bool last = --h->users == 0;
	pthread_mutex_unlock(&b->catalog_mutex);
	if (last) held_free(h);
	*pointer = NULL;
}

const struct catalog *catalog_held_get(const struct catalog_held *h) { return catalog_file_get(h->file); }
json_t *catalog_held_tiers(const struct catalog_held *h) { return h->tiers; }
