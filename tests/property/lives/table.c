#include "lives/table.h"

#include <inttypes.h>

static const struct view names[] = {VIEW_INIT("a"), VIEW_INIT("b"), VIEW_INIT("c"), VIEW_INIT("d"), VIEW_INIT("e")};
static const struct view ids[] = {VIEW_INIT("sub_1"), VIEW_INIT("sub_2"), VIEW_INIT("sub_3"), VIEW_INIT("sub_4"),
				  VIEW_INIT("sub_5")};
static const struct view override_ids[] = {VIEW_INIT("ovr_1"), VIEW_INIT("ovr_2"), VIEW_INIT("ovr_3")};

/* ---- random cases ------------------------------------------------------------ */

static struct view any_name(struct random *r) { return names[random_below(r, ARRAY_LEN(names))]; }

int64_t table_second(struct random *r) { return 1 + (int64_t)random_below(r, 50); }

void table_random_catalog(struct table *t, struct random *r) {
	struct catalog *c = &t->catalog;
	memset(c, 0, sizeof *c);
	c->tier_count = 1 + (unsigned)random_below(r, 4);
	c->feature_count = 1 + (unsigned)random_below(r, ARRAY_LEN(names));
	for (unsigned i = 0; i < c->feature_count; i++) c->features[i] = names[i];
	for (unsigned i = 0; i < c->tier_count; i++) {
		c->tiers[i].name = names[i];
		c->tiers[i].features[0] = random_u64(r) & ((UINT64_C(1) << c->feature_count) - 1);
		if (i && random_chance(r, 70)) c->tiers[i].features[0] |= c->tiers[i - 1].features[0];
	}
	for (unsigned kind = GRANT_PRICE; kind <= GRANT_LOOKUP_KEY; kind++)
		for (unsigned i = 0; i < ARRAY_LEN(names); i++)
			if (random_chance(r, 30))
				t->catalog_grants[c->grant_count++] = (struct catalog_grant){
					(enum grant_kind)kind, names[i], (unsigned)random_below(r, c->tier_count)};
	c->grants = t->catalog_grants;
	c->policies = (struct policies){.past_due_grace_s = (int64_t)random_below(r, 12),
					.renewal_grace_s = (int64_t)random_below(r, 6),
					.lapse_unrenewed = random_chance(r, 40),
					.paused_collection_grants = random_chance(r, 60),
					.unmapped_keeps_tier = random_chance(r, 60),
					.open_dispute_grants = random_chance(r, 40),
					.lost_dispute_grants = random_chance(r, 40),
					.full_refund_grants = random_chance(r, 40),
					.scheduled_phases_count = random_chance(r, 60)};
}

static struct item_set random_set(struct random *r) {
	struct item_set set = {.count = 1 + (unsigned)random_below(r, 2)};
	for (unsigned i = 0; i < set.count; i++) {
		set.items[i] = (struct item){.price = any_name(r), .quantity = 1 + random_below(r, 4)};
		if (random_chance(r, 50)) set.items[i].product = any_name(r);
		if (random_chance(r, 30)) set.items[i].lookup_key = any_name(r);
	}
	item_set_sort(&set);
	return set;
}

static void random_reversals(struct grant *g, struct random *r) {
	g->disputed = random_chance(r, 30);
	if (random_chance(r, 40)) g->dispute_lost_until = table_second(r);
	if (random_chance(r, 40)) g->refunded_until = table_second(r);
	if (random_chance(r, 80)) g->reversal_event = any_name(r);
}

static void random_phases(struct grant *g, struct random *r) {
	int64_t start = g->seen;
	g->phase_count = (unsigned)random_below(r, GRANT_PHASES_MAX + 1);
	for (unsigned i = 0; i < g->phase_count; i++) {
		start += 1 + (int64_t)random_below(r, 5);
		g->phases[i] = (struct grant_phase){start, random_set(r)};
	}
	if (random_chance(r, 30)) g->schedule_ends = start + (int64_t)random_below(r, 8);
}

static void random_grant(struct grant *g, struct random *r, struct view id) {
	*g = (struct grant){.subscription = id,
			    .event = any_name(r),
			    .status = (enum sub_status)(1 + random_below(r, SUB_STATUS_COUNT - 1)),
			    .unconfirmed = random_chance(r, 15),
			    .invoice_paid = random_chance(r, 30),
			    .collection_paused = random_chance(r, 15),
			    .customer_deleted = random_chance(r, 5),
			    .created = table_second(r),
			    .seen = table_second(r),
			    .items = random_set(r),
			    .earlier_count = (unsigned)random_below(r, SUB_PRICES_MAX)};
	if (random_chance(r, 50)) g->status = random_chance(r, 70) ? SUB_ACTIVE : SUB_PAST_DUE;
	g->period_start = table_second(r);
	g->period_end = g->period_start + 1 + (int64_t)random_below(r, 20);
	if (g->status == SUB_TRIALING) g->trial_end = g->period_end;
	if (random_chance(r, 15)) g->cancel_at = table_second(r);
	g->cancel_at_period_end = random_chance(r, 15);
	if (g->status == SUB_PAST_DUE) g->unpaid_since = table_second(r);
	for (unsigned i = 0; i < g->earlier_count; i++)
		g->earlier[i] = (struct price_set_seen){g->seen - 1 - (int64_t)i, random_set(r)};
	if (random_chance(r, 30)) random_reversals(g, r);
	if (random_chance(r, 30)) random_phases(g, r);
}

void table_random_grants(struct table *t, struct random *r, unsigned max) {
	t->grant_count = (unsigned)random_below(r, max + 1);
	for (unsigned i = 0; i < t->grant_count; i++) random_grant(&t->grants[i], r, ids[i]);
}

void table_random_overrides(struct table *t, struct random *r, unsigned max) {
	t->override_count = (unsigned)random_below(r, max + 1);
	for (unsigned i = 0; i < t->override_count; i++)
		t->overrides[i] = (struct override){.id = override_ids[i],
						    .tier = any_name(r),
						    .from = random_chance(r, 50) ? 0 : table_second(r),
						    .until = random_chance(r, 50) ? 0 : table_second(r),
						    .event = any_name(r),
						    .seen = table_second(r)};
}

/* ---- the naive model ----------------------------------------------------------- */

static int naive_lookup(const struct catalog *c, enum grant_kind kind, struct view name) {
	for (unsigned i = 0; i < c->grant_count; i++)
		if (c->grants[i].kind == kind && view_eq(c->grants[i].name, name)) return (int)c->grants[i].tier;
	return -1;
}

int naive_item_tier(const struct catalog *c, const struct item *item) {
	int tier = naive_lookup(c, GRANT_PRICE, item->price);
	if (tier < 0) tier = naive_lookup(c, GRANT_LOOKUP_KEY, item->lookup_key);
	if (tier < 0) tier = naive_lookup(c, GRANT_PRODUCT, item->product);
	return tier;
}

static int naive_set_tier(const struct catalog *c, const struct item_set *set) {
	int tier = -1;
	for (unsigned i = 0; i < set->count; i++)
		if (naive_item_tier(c, &set->items[i]) > tier) tier = naive_item_tier(c, &set->items[i]);
	return tier;
}

/* All that was ever sold, the newest first: phases that have begun by `now`, the items, the earlier sets. The first
 * is what is sold, the first that the catalog knows tells the tier. */
static void naive_tier(const struct catalog *c, const struct grant *g, bool phases, int64_t now, struct verdict *v) {
	const struct item_set *sold[GRANT_PHASES_MAX + 1 + SUB_PRICES_MAX];
	unsigned n = 0;
	for (unsigned i = g->phase_count; phases && i-- > 0;)
		if (g->phases[i].start <= now) sold[n++] = &g->phases[i].items;
	sold[n++] = &g->items;
	for (unsigned i = 0; i < g->earlier_count; i++) sold[n++] = &g->earlier[i].set;
	v->items = sold[0];
	v->tier = naive_set_tier(c, sold[0]);
	v->unmapped = v->tier < 0;
	for (unsigned i = 1; i < n && v->tier < 0 && c->policies.unmapped_keeps_tier; i++)
		v->tier = naive_set_tier(c, sold[i]);
}

static int64_t first_of(int64_t a, int64_t b) { return !a ? b : !b ? a : a < b ? a : b; }

/* Every line is one rule; the first that applies decides. */
struct verdict naive_verdict(const struct catalog *c, const struct grant *g, int64_t now) {
	const struct policies *p = &c->policies;
	struct verdict v = {0};

	int64_t cancel = g->cancel_at ? g->cancel_at : g->cancel_at_period_end ? g->period_end : 0;
	if (p->scheduled_phases_count) cancel = first_of(cancel, g->schedule_ends);
	int64_t grace_end = (g->unpaid_since ? g->unpaid_since : g->seen) + p->past_due_grace_s;
	int64_t stale_from = g->period_end + p->renewal_grace_s;
	/* paying the latest invoice makes all of these active */
	bool waits = g->status == SUB_INCOMPLETE || g->status == SUB_UNPAID || g->status == SUB_PAST_DUE;
	bool owes = waits && !g->invoice_paid;
	bool canceled_first = cancel && cancel <= grace_end;
	bool renews = !cancel || cancel > stale_from;
	bool overdue = !owes && renews && now >= stale_from;
	bool held = g->disputed && !p->open_dispute_grants;
	bool lost = now < g->dispute_lost_until && !p->lost_dispute_grants;
	bool refunded = now < g->refunded_until && !p->full_refund_grants;

#define DECIDE(condition, does_grant, why, by)                                                                         \
	if (v.rule == RULE_NONE && (condition)) v.grants = (does_grant), v.reason = (why), v.rule = (by)
	DECIDE(g->customer_deleted, false, REASON_NO_SUBSCRIPTION, RULE_CUSTOMER_DELETED);
	DECIDE(sub_status_final(g->status), false, REASON_NO_SUBSCRIPTION, RULE_ENDED);
	DECIDE(owes && g->status == SUB_INCOMPLETE, false, REASON_INCOMPLETE, RULE_INCOMPLETE);
	DECIDE(owes && g->status == SUB_UNPAID, false, REASON_UNPAID, RULE_UNPAID);
	DECIDE(g->status == SUB_PAUSED, false, REASON_PAUSED, RULE_PAUSED);
	DECIDE(g->collection_paused && !p->paused_collection_grants, false, REASON_PAUSED, RULE_COLLECTION_PAUSED);
	DECIDE(owes && !canceled_first && now >= grace_end, false, REASON_PAST_DUE, RULE_PAST_DUE_OVER);
	DECIDE(overdue && p->lapse_unrenewed, false, REASON_PAST_DUE, RULE_LAPSED);
	DECIDE(cancel && now >= cancel, false, REASON_NO_SUBSCRIPTION, RULE_CANCEL_REACHED);
	/* up to here its own status, and from here on it would grant */
	naive_tier(c, g, p->scheduled_phases_count && v.rule == RULE_NONE, now, &v);
	DECIDE(held, false, REASON_DISPUTED, RULE_DISPUTED);
	DECIDE(lost, false, REASON_DISPUTED, RULE_DISPUTE_LOST);
	DECIDE(refunded, false, REASON_REFUNDED, RULE_REFUNDED);
	DECIDE(v.tier < 0 && owes, true, REASON_GRACE, RULE_UNMAPPED);
	DECIDE(v.tier < 0 && cancel, true, REASON_CANCELING, RULE_UNMAPPED);
	DECIDE(v.tier < 0, true, g->status == SUB_TRIALING ? REASON_TRIALING : REASON_ACTIVE, RULE_UNMAPPED);
	DECIDE(owes, true, REASON_GRACE, RULE_PAST_DUE_GRACE);
	DECIDE(cancel, true, REASON_CANCELING, RULE_CANCELING);
	DECIDE(v.items != &g->items, true, g->status == SUB_TRIALING ? REASON_TRIALING : REASON_ACTIVE, RULE_SCHEDULED);
	DECIDE(waits, true, REASON_ACTIVE, RULE_INVOICE_PAID);
	DECIDE(g->status == SUB_TRIALING, true, REASON_TRIALING, RULE_TRIALING);
	DECIDE(g->status == SUB_ACTIVE, true, REASON_ACTIVE, RULE_ACTIVE);
#undef DECIDE
	v.stale = v.grants && overdue;
	if (v.grants && v.tier < 0) v.tier = 0;
	return v;
}

struct verdict naive_override(const struct catalog *c, const struct override *o, int64_t now) {
	struct verdict v = {.tier = -1, .reason = REASON_NO_SUBSCRIPTION, .rule = RULE_OVERRIDE_OVER};
	for (unsigned i = 0; i < c->tier_count; i++)
		if (view_eq(c->tiers[i].name, o->tier)) v.tier = (int)i;
	bool begun = now >= o->from, ends = o->until != 0;
	v.grants = v.tier >= 0 && begun && (!ends || now < o->until);
	if (v.grants) {
		v.reason = REASON_OVERRIDE;
		v.rule = RULE_OVERRIDE;
	} else if (v.tier < 0) {
		v.rule = RULE_OVERRIDE_UNKNOWN;
	} else if (!begun && (!ends || o->until > o->from)) {
		v.rule = RULE_OVERRIDE_WAITING;
	}
	return v;
}

/* ---- telling ---------------------------------------------------------------------- */

static void print_flag(struct text *t, bool is, const char *name) {
	if (is) text_add(t, " %s", name);
}

static void print_time(struct text *t, int64_t at, const char *name) {
	if (at) text_add(t, " %s=%" PRId64, name, at);
}

static void print_grant_case(struct text *t, const struct catalog *c, const struct grant *g) {
	text_add(t, "  %.*s %s tier=%d seen=%" PRId64 " period=%" PRId64 "..%" PRId64, VIEW_FMT(g->subscription),
		 sub_status_name(g->status), naive_set_tier(c, &g->items), g->seen, g->period_start, g->period_end);
	print_flag(t, g->cancel_at_period_end, "cancel_at_period_end");
	print_flag(t, g->collection_paused, "collection_paused");
	print_flag(t, g->invoice_paid, "invoice_paid");
	print_flag(t, g->customer_deleted, "customer_deleted");
	print_flag(t, g->unconfirmed, "unconfirmed");
	print_flag(t, g->disputed, "disputed");
	print_time(t, g->unpaid_since, "unpaid_since");
	print_time(t, g->cancel_at, "cancel_at");
	print_time(t, g->dispute_lost_until, "dispute_lost_until");
	print_time(t, g->refunded_until, "refunded_until");
	print_time(t, g->schedule_ends, "schedule_ends");
	for (unsigned i = 0; i < g->phase_count; i++)
		text_add(t, " phase=%d@%" PRId64, naive_set_tier(c, &g->phases[i].items), g->phases[i].start);
	for (unsigned i = 0; i < g->earlier_count; i++)
		text_add(t, " earlier=%d", naive_set_tier(c, &g->earlier[i].set));
	text_add(t, "\n");
}

void table_print(struct text *into, const struct table *t, int64_t now) {
	const struct policies *p = &t->catalog.policies;
	text_add(into, "now=%" PRId64 " past_due_grace=%" PRId64 " renewal_grace=%" PRId64, now, p->past_due_grace_s,
		 p->renewal_grace_s);
	print_flag(into, p->lapse_unrenewed, "lapse_unrenewed");
	print_flag(into, p->paused_collection_grants, "paused_collection_grants");
	print_flag(into, p->unmapped_keeps_tier, "unmapped_keeps_tier");
	print_flag(into, p->open_dispute_grants, "open_dispute_grants");
	print_flag(into, p->lost_dispute_grants, "lost_dispute_grants");
	print_flag(into, p->full_refund_grants, "full_refund_grants");
	print_flag(into, p->scheduled_phases_count, "scheduled_phases_count");
	text_add(into, "\n");
	for (unsigned i = 0; i < t->grant_count; i++) print_grant_case(into, &t->catalog, &t->grants[i]);
	for (unsigned i = 0; i < t->override_count; i++)
		text_add(into, "  %.*s tier %.*s from=%" PRId64 " until=%" PRId64 "\n", VIEW_FMT(t->overrides[i].id),
			 VIEW_FMT(t->overrides[i].tier), t->overrides[i].from, t->overrides[i].until);
}
