/* The catalog: which tiers there are, what they include, and what grants them.
 *
 * Filled by service/catalog_file.h from tiers.yaml; immutable afterwards, so it may be
 * shared by threads. Tiers are ordered: index 0 is the lowest, which everybody has.
 */
#ifndef DOMAIN_CATALOG_H
#define DOMAIN_CATALOG_H

#include "base/limits.h"
#include "base/view.h"
#include "domain/subscription.h"

#define TIERS_MAX 16
#define FEATURES_MAX 256
#define GRANTS_MAX 4096 /* prices, products and lookup keys of all tiers together */

enum grant_kind { GRANT_PRICE, GRANT_PRODUCT, GRANT_LOOKUP_KEY };

struct catalog_grant {
	enum grant_kind kind;
	struct view name;
	unsigned tier;
};

struct catalog_tier {
	struct view name;
	uint64_t features[FEATURES_MAX / 64]; /* bit set, with those inherited */
};

/* What to do where the facts leave a choice; each has a documented default in the loader. */
struct policies {
	int64_t past_due_grace_s; /* a past_due subscription grants this long from the start of the unpaid period */
	int64_t renewal_grace_s;  /* an active one whose period ended is `stale` after this long without a renewal */
	bool lapse_unrenewed;     /* and then grants no more */
	bool paused_collection_grants; /* pause_collection set: still granting? */
	bool unmapped_keeps_tier;      /* a price in no tier: the last price set that the catalog knows counts */
	bool open_dispute_grants;      /* a dispute is open: still granting? default no: hold */
	bool lost_dispute_grants;      /* the period that a lost dispute took back; default no: revoke */
	bool full_refund_grants;       /* the period that was refunded in full; default no: revoke */
	bool scheduled_phases_count;   /* a schedule's next phase takes effect at its start; default yes */
};

struct catalog {
	unsigned tier_count; /* 1 to TIERS_MAX */
	struct catalog_tier tiers[TIERS_MAX];
	unsigned feature_count;
	struct view features[FEATURES_MAX]; /* in order of first mention */
	unsigned grant_count;
	const struct catalog_grant *grants; /* sorted by catalog_grant_cmp, no two equal */
	struct policies policies;
	uint64_t hash; /* of the file's bytes: tells two catalogs apart in logs */
};

/* By (kind, name). */
int catalog_grant_cmp(const struct catalog_grant *a, const struct catalog_grant *b);

/* Index, or -1. */
int catalog_tier(const struct catalog *c, struct view name);
int catalog_feature(const struct catalog *c, struct view name);
bool catalog_tier_has(const struct catalog *c, unsigned tier, unsigned feature);
/* The lowest tier with that feature, or -1. */
int catalog_lowest_with(const struct catalog *c, unsigned feature);
/* The tier that an item grants: by price, else by lookup key, else by product; -1: the catalog knows none. */
int catalog_item_tier(const struct catalog *c, const struct item *item);
/* The highest that any item of the set grants, or -1. */
int catalog_set_tier(const struct catalog *c, const struct item_set *set);

#endif
