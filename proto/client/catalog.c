#include "private.h"

#include <stdio.h>
#include <stdlib.h>

void tg_catalog_free(struct tg_catalog *catalog) {
	if (!catalog) return;
	for (size_t i = 0; catalog->tiers && i < catalog->tier_count; i++) free(catalog->tiers[i].features);
	free(catalog->tiers);
	catalog->tiers = NULL;
	catalog->tier_count = 0;
}

static bool copy_tier(const struct catalog *c, unsigned tier, struct tg_tier *to) {
	to->features = calloc(c->feature_count ? c->feature_count : 1, sizeof *to->features);
	if (!to->features) return false;
	for (unsigned f = 0; f < c->feature_count; f++)
		if (catalog_tier_has(c, tier, f)) to->features[to->feature_count++] = c->features[f].ptr;
	to->name = c->tiers[tier].name.ptr;
	return true;
}

enum tg_status tgc_catalog_copy(const struct catalog *c, struct tg_catalog *ret) {
	struct tg_catalog out = {.hash = c->hash, .tiers = calloc(c->tier_count, sizeof *out.tiers)};
	for (; out.tiers && out.tier_count < c->tier_count; out.tier_count++)
		if (!copy_tier(c, (unsigned)out.tier_count, &out.tiers[out.tier_count])) break;
	if (out.tier_count < c->tier_count) {
		tg_catalog_free(&out);
		return TG_MEMORY;
	}
	*ret = out;
	return TG_OK;
}

enum tg_status tg_catalog(struct tg_client *c, struct tg_catalog *ret_catalog, char why[TG_WHY_SIZE]) {
	memset(ret_catalog, 0, sizeof *ret_catalog);
	struct request r = {
		.kind = ASK_CATALOG, .only = -1, .timeout_ms = c->settings.timeout_ms, .catalog = ret_catalog};
	tgc_ask(c, &r);
	if (why) (void)snprintf(why, TG_WHY_SIZE, "%s", r.why);
	if (r.status == TG_FALLBACK) COUNT(c, fallbacks);
	return r.status;
}
