/* The status table once more, as plainly as it can be read, over random catalogs, grants and overrides.
 *
 * Nothing here is taken from the domain but its types: what it says is what a person would work out from the tables in
 * ARCHITECTURE.md by hand. Times are small numbers, so that every deadline is met one second before, on and after it,
 * and what is said about the future can be checked second by second. */
#ifndef PROPERTY_TABLE_H
#define PROPERTY_TABLE_H

#include "domain/entitlement.h"
#include "lives/law.h"

#define TABLE_GRANTS_MAX 5
#define TABLE_OVERRIDES_MAX 3
#define TABLE_END 90 /* nothing changes by itself after this second */

struct table {
	struct catalog catalog;
	struct catalog_grant catalog_grants[15];
	unsigned grant_count;
	struct grant grants[TABLE_GRANTS_MAX];
	unsigned override_count;
	struct override overrides[TABLE_OVERRIDES_MAX];
};

/* A second of the time that the table's dates are in. */
int64_t table_second(struct random *r);
void table_random_catalog(struct table *t, struct random *r);
void table_random_grants(struct table *t, struct random *r, unsigned max);
void table_random_overrides(struct table *t, struct random *r, unsigned max);

/* What one gives at a moment, but for until, begins_at and changes_at: those follow from asking second by second. */
struct verdict naive_verdict(const struct catalog *c, const struct grant *g, int64_t now);
struct verdict naive_override(const struct catalog *c, const struct override *o, int64_t now);
int naive_item_tier(const struct catalog *c, const struct item *item);

/* The whole case in words. */
void table_print(struct text *into, const struct table *t, int64_t now);

#endif
