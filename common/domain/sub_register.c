#include "domain/registers.h"

static int i64_cmp(int64_t a, int64_t b) { return (a > b) - (a < b); }
static int u64_cmp(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* ---- building --------------------------------------------------------------- */

void sub_register_observe(struct sub_register *r, const struct stamp *stamp, const struct subscription_observation *o) {
	struct sub_seen *seen = &r->latest[0];
	r->latest_count = 1;
	seen->stamp = *stamp;
	seen->pre = o->has_pre ? o->pre : 0;
	seen->post = o->post;
	seen->has_pre = o->has_pre;
	seen->sub = o->now;
	/* a deletion is final whatever status its object still shows */
	if (stamp->rank == RANK_DELETED && !sub_status_final(seen->sub.status)) seen->sub.status = SUB_CANCELED;

	r->has_ended = sub_status_final(seen->sub.status);
	if (r->has_ended) r->ended = *seen;

	r->price_count = 0;
	if (o->now.items.count > 0) {
		struct price_set_seen *p = &r->prices[r->price_count++];
		p->seen = stamp->created;
		p->set = o->now.items;
		for (unsigned i = 0; i < p->set.count; i++) p->set.items[i].quantity = 0;
	}
	r->unpaid_count = 0;
	if (seen->sub.status == SUB_PAST_DUE)
		r->unpaid[r->unpaid_count++] = (struct unpaid_seen){o->now.period_start, stamp->created};
	bool good = seen->sub.status == SUB_ACTIVE || seen->sub.status == SUB_TRIALING;
	r->good = good ? stamp->created : 0;
}

/* ---- joining ---------------------------------------------------------------- */

/* The canonical order of `latest`, without the event id: equal means alike. */
static int latest_cmp(const struct sub_seen *a, const struct sub_seen *b) {
	int c = i64_cmp(a->stamp.rank, b->stamp.rank);
	if (!c) c = u64_cmp(a->post, b->post);
	if (!c) c = i64_cmp(a->has_pre, b->has_pre);
	if (!c) c = u64_cmp(a->pre, b->pre);
	return c;
}

/* Dropping the least when the array is full keeps this a join: the order looks only at
 * what makes elements distinct, so whatever pushed one out once pushes it out always. */
static void latest_add(struct sub_register *r, const struct sub_seen *s) {
	unsigned at = 0;
	while (at < r->latest_count && latest_cmp(&r->latest[at], s) > 0) at++;
	if (at < r->latest_count && latest_cmp(&r->latest[at], s) == 0) {
		if (view_cmp(s->stamp.event, r->latest[at].stamp.event) > 0) r->latest[at] = *s;
		return;
	}
	if (at == SUB_LATEST_MAX) return;
	if (r->latest_count < SUB_LATEST_MAX) r->latest_count++;
	memmove(&r->latest[at + 1], &r->latest[at], (r->latest_count - 1 - at) * sizeof r->latest[0]);
	r->latest[at] = *s;
}

static void latest_join(struct sub_register *into, const struct sub_register *other) {
	if (other->latest_count == 0) return;
	int c = into->latest_count ? i64_cmp(into->latest[0].stamp.created, other->latest[0].stamp.created) : -1;
	if (c > 0) return;
	if (c < 0) into->latest_count = 0;
	for (unsigned i = 0; i < other->latest_count; i++) latest_add(into, &other->latest[i]);
}

static int ended_cmp(const struct sub_seen *a, const struct sub_seen *b) {
	int c = i64_cmp(a->stamp.created, b->stamp.created);
	if (!c) c = view_cmp(a->stamp.event, b->stamp.event);
	if (!c) c = latest_cmp(a, b);
	return c;
}

static int price_cmp(const struct price_set_seen *a, const struct price_set_seen *b) {
	int c = i64_cmp(a->seen, b->seen);
	return c ? c : item_set_cmp(&a->set, &b->set);
}

/* A map from price set to the last second it was seen in, of which the newest are kept. What is dropped had
 * enough newer ones beside it, and those only get newer, so dropping is part of the join too. */
static void price_add(struct sub_register *r, const struct price_set_seen *p) {
	for (unsigned i = 0; i < r->price_count; i++) {
		if (item_set_cmp(&r->prices[i].set, &p->set) != 0) continue;
		if (r->prices[i].seen >= p->seen) return;
		r->price_count--;
		memmove(&r->prices[i], &r->prices[i + 1], (r->price_count - i) * sizeof r->prices[0]);
		break;
	}
	unsigned at = 0;
	while (at < r->price_count && price_cmp(&r->prices[at], p) > 0) at++;
	if (at == SUB_PRICES_MAX) return;
	if (r->price_count < SUB_PRICES_MAX) r->price_count++;
	memmove(&r->prices[at + 1], &r->prices[at], (r->price_count - 1 - at) * sizeof r->prices[0]);
	r->prices[at] = *p;
}

static int unpaid_cmp(const struct unpaid_seen *a, const struct unpaid_seen *b) {
	int c = i64_cmp(a->seen, b->seen);
	return c ? c : i64_cmp(a->period_start, b->period_start);
}

/* As price_add, for unpaid periods. */
static void unpaid_add(struct sub_register *r, const struct unpaid_seen *u) {
	for (unsigned i = 0; i < r->unpaid_count; i++) {
		if (r->unpaid[i].period_start != u->period_start) continue;
		if (r->unpaid[i].seen >= u->seen) return;
		r->unpaid_count--;
		memmove(&r->unpaid[i], &r->unpaid[i + 1], (r->unpaid_count - i) * sizeof r->unpaid[0]);
		break;
	}
	unsigned at = 0;
	while (at < r->unpaid_count && unpaid_cmp(&r->unpaid[at], u) > 0) at++;
	if (at == SUB_UNPAID_MAX) return;
	if (r->unpaid_count < SUB_UNPAID_MAX) r->unpaid_count++;
	memmove(&r->unpaid[at + 1], &r->unpaid[at], (r->unpaid_count - 1 - at) * sizeof r->unpaid[0]);
	r->unpaid[at] = *u;
}

void sub_register_join(struct sub_register *into, const struct sub_register *other) {
	latest_join(into, other);
	if (other->has_ended && (!into->has_ended || ended_cmp(&other->ended, &into->ended) < 0)) {
		into->has_ended = true;
		into->ended = other->ended;
	}
	for (unsigned i = 0; i < other->price_count; i++) price_add(into, &other->prices[i]);
	for (unsigned i = 0; i < other->unpaid_count; i++) unpaid_add(into, &other->unpaid[i]);
	if (other->good > into->good) into->good = other->good;
}

/* ---- the value -------------------------------------------------------------- */

/* Did another observation of the group start where this one ended? */
static bool departed_from(const struct sub_seen *s, const struct sub_seen *group, unsigned count) {
	for (unsigned i = 0; i < count; i++)
		if (group[i].has_pre && group[i].pre == s->post && group[i].post != s->post) return true;
	return false;
}

/* By what the customer paid for last; the digest only makes it a total order. */
static bool preferred(const struct sub_seen *a, const struct sub_seen *b) {
	int c = i64_cmp(a->sub.period_end, b->sub.period_end);
	if (!c) c = u64_cmp(a->post, b->post);
	if (!c) c = view_cmp(a->stamp.event, b->stamp.event);
	return c > 0;
}

static const struct sub_seen *last_seen(const struct sub_register *r, bool *ret_unconfirmed) {
	const struct sub_seen *last = NULL, *any = &r->latest[0];
	unsigned group = 1;
	bool several = false, silent = false;

	while (group < r->latest_count && r->latest[group].stamp.rank == r->latest[0].stamp.rank) group++;
	for (unsigned i = 0; i < group; i++) {
		const struct sub_seen *s = &r->latest[i];
		if (preferred(s, any)) any = s;
		if (departed_from(s, r->latest, group)) {
			silent |= !s->has_pre;
			continue;
		}
		if (last && last->post != s->post) several = true;
		if (!last || preferred(s, last)) last = s;
	}
	/* A full array may have dropped the link that would tell. And a state that does not say where it came
	 * from may be a return to it, from the one that looks last. */
	*ret_unconfirmed = !last || several || silent || r->latest_count == SUB_LATEST_MAX;
	return last ? last : any;
}

static int64_t unpaid_since(const struct sub_register *r, const struct subscription *now) {
	if (now->status != SUB_PAST_DUE) return 0;
	int64_t since = now->period_start;
	unsigned after_good = 0;
	for (unsigned i = 0; i < r->unpaid_count; i++) {
		const struct unpaid_seen *u = &r->unpaid[i];
		if (u->seen < r->good) continue; /* in the same second it may have failed after */
		after_good++;
		if (u->period_start < since) since = u->period_start;
	}
	/* The first of them may have been dropped: then the last good moment stands for it, or each renewal
	 * of a subscription that stays past_due for ever would begin its grace anew. And a payment that fails in the
	 * middle of a period, for an upgrade in the fourth month of a year, was owed from then and not from the start.
	 */
	if (r->good > since || (after_good == SUB_UNPAID_MAX && r->good)) since = r->good;
	return since;
}

struct sub_value sub_register_value(const struct sub_register *r) {
	struct sub_value v = {.seen = &r->ended};
	if (!r->has_ended) {
		v.seen = last_seen(r, &v.unconfirmed);
		v.unpaid_since = unpaid_since(r, &v.seen->sub);
	}
	return v;
}
