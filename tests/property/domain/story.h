/* Stories: a few observations, told in every order, and what is answered then. */
#ifndef PROPERTY_STORY_H
#define PROPERTY_STORY_H

#include "lives/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define T 1760000000
#define DAY 86400
#define TOLD_MAX 12

static const struct catalog_grant catalog_grants[] = {{GRANT_PRICE, VIEW_INIT("price_inst"), 2},
						      {GRANT_PRICE, VIEW_INIT("price_pro"), 1}};
/* the policies are those of the shipped catalog */
static const struct catalog catalog = {
	.tier_count = 3,
	.tiers = {{.name = VIEW_INIT("free")}, {.name = VIEW_INIT("pro")}, {.name = VIEW_INIT("institutional")}},
	.grant_count = ARRAY_LEN(catalog_grants),
	.grants = catalog_grants,
	.policies = {.past_due_grace_s = 7 * DAY,
		     .renewal_grace_s = 3 * DAY,
		     .paused_collection_grants = true,
		     .unmapped_keeps_tier = true,
		     .scheduled_phases_count = true},
};

/* A story: what was told, in the order of time. Event ids count down, so that their order is wrong. It must stay where
 * it is: what was told points into it. */
struct story {
	unsigned count;
	struct observation told[TOLD_MAX];
	char ids[TOLD_MAX][16];
};

static inline struct observation *tell(struct story *s, enum observation_kind kind, int64_t at, enum rank rank) {
	assert_true(s->count < TOLD_MAX);
	struct observation *o = &s->told[s->count];
	*o = (struct observation){.kind = kind};
	snprintf(s->ids[s->count], sizeof s->ids[0], "evt_%02u", 99 - s->count);
	o->stamp = (struct stamp){at, rank, view_str(s->ids[s->count])};
	s->count++;
	return o;
}

/* before NULL: the event does not say. */
static inline void tell_sub(struct story *s, int64_t at, enum rank rank, const struct subscription *before,
			    const struct subscription *now) {
	struct subscription_observation *o = &tell(s, OBSERVE_SUBSCRIPTION, at, rank)->of.subscription;
	o->now = *now;
	o->post = subscription_digest(now);
	o->has_pre = before != NULL;
	if (before) o->pre = subscription_digest(before);
}

static inline struct subscription sub(const char *id, const char *price, enum sub_status status) {
	return (struct subscription){.id = view_str(id),
				     .customer = VIEW("cus_1"),
				     .latest_invoice = VIEW("in_0"),
				     .status = status,
				     .created = T,
				     .period_start = T,
				     .period_end = T + 30 * DAY,
				     .items = {1, {{view_str(price), VIEW("prod"), VIEW(""), 1}}}};
}

/* What is known after every permutation of the story must be the same; the answer for cus_1 is returned. */
static inline struct entitlement after_any_order(const struct story *s, int64_t now) {
	static struct world w;
	unsigned order[TOLD_MAX] = {0}, counter[TOLD_MAX] = {0};
	struct entitlement first = {0};
	AUTO(text_free)
	struct text expected = {0}, got = {0};
	for (unsigned i = 0; i < s->count; i++) order[i] = i;
	for (unsigned i = 0, round = 0; i < s->count; round++) {
		memset(&w, 0, sizeof w);
		for (unsigned j = 0; j < s->count; j++) world_apply(&w, &s->told[order[j]]);
		world_print(round ? &got : &expected, &w);
		if (!round)
			first = world_entitlement(&w, &catalog, now, VIEW("cus_1"));
		else
			assert_true(text_eq(&got, &expected));
		i = i ? i : 1;
		while (i < s->count && counter[i] >= i) counter[i++] = 0;
		if (i >= s->count) break;
		unsigned j = i % 2 ? counter[i] : 0, kept = order[j];
		order[j] = order[i];
		order[i] = kept;
		counter[i]++;
		i = 1;
	}
	return first;
}

#endif
