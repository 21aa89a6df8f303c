#include "domain/subscription.h"

static const struct {
	struct view name;
	bool final;
} statuses[] = {
#define X(symbol, name, final) [symbol] = {VIEW_INIT(name), final},
	SUB_STATUS_TABLE(X)
#undef X
};

const char *sub_status_name(enum sub_status s) { return statuses[s < SUB_STATUS_COUNT ? s : SUB_NONE].name.ptr; }

bool sub_status_parse(struct view name, enum sub_status *ret_status) {
	for (unsigned i = SUB_NONE + 1; i < SUB_STATUS_COUNT; i++) {
		if (!view_eq(name, statuses[i].name)) continue;
		*ret_status = (enum sub_status)i;
		return true;
	}
	return false;
}

bool sub_status_final(enum sub_status s) { return s < SUB_STATUS_COUNT && statuses[s].final; }

static int u64_cmp(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* What is sold, without how much of it. */
static int item_cmp(const struct item *a, const struct item *b) {
	int c = view_cmp(a->price, b->price);
	if (!c) c = view_cmp(a->product, b->product);
	if (!c) c = view_cmp(a->lookup_key, b->lookup_key);
	return c;
}

void item_set_sort(struct item_set *set) {
	for (unsigned i = 1; i < set->count; i++) {
		struct item moving = set->items[i];
		unsigned at = i;
		for (; at > 0; at--) {
			const struct item *before = &set->items[at - 1];
			int c = item_cmp(before, &moving);
			if (!c) c = u64_cmp(before->quantity, moving.quantity);
			if (c <= 0) break;
			set->items[at] = *before;
		}
		set->items[at] = moving;
	}
}

int item_set_cmp(const struct item_set *a, const struct item_set *b) {
	for (unsigned i = 0; i < a->count && i < b->count; i++) {
		int c = item_cmp(&a->items[i], &b->items[i]);
		if (c) return c;
	}
	return u64_cmp(a->count, b->count);
}

/* The length goes in too: ("ab", "c") and ("a", "bc") differ. */
static uint64_t digest_view(uint64_t h, struct view v) { return view_hash(hash_u64(h, v.len), v); }

static uint64_t digest_items(uint64_t h, const struct item_set *set) {
	h = hash_u64(h, set->count);
	for (unsigned i = 0; i < set->count; i++) {
		const struct item *item = &set->items[i];
		h = digest_view(h, item->price);
		h = digest_view(h, item->product);
		h = digest_view(h, item->lookup_key);
		h = hash_u64(h, item->quantity);
	}
	return h;
}

uint64_t subscription_digest(const struct subscription *s) {
	const int64_t times[] = {s->created,   s->period_start, s->period_end, s->trial_end,
				 s->cancel_at, s->canceled_at,  s->ended_at};
	uint64_t h = HASH_SEED;
	h = digest_view(h, s->id);
	h = digest_view(h, s->customer);
	h = digest_view(h, s->subject);
	h = digest_view(h, s->latest_invoice);
	h = digest_view(h, s->schedule);
	h = hash_u64(h, s->status);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) h = hash_u64(h, (uint64_t)times[i]);
	h = hash_u64(h, (uint64_t)s->cancel_at_period_end << 1 | s->collection_paused);
	return digest_items(h, &s->items);
}

uint64_t schedule_digest(const struct schedule *s) {
	uint64_t h = HASH_SEED;
	h = digest_view(h, s->id);
	h = digest_view(h, s->customer);
	h = digest_view(h, s->subscription);
	h = hash_u64(h, (uint64_t)s->status << 1 | s->ends_subscription);
	h = hash_u64(h, s->phase_count);
	for (unsigned i = 0; i < s->phase_count; i++) {
		h = hash_u64(h, (uint64_t)s->phases[i].start);
		h = hash_u64(h, (uint64_t)s->phases[i].end);
		h = digest_items(h, &s->phases[i].items);
	}
	return h;
}

/* The place of a name; 0, which is `none`, when it is not there. */
static unsigned place_of(struct view name, const struct view *names, unsigned count) {
	for (unsigned i = 1; i < count; i++)
		if (view_eq(name, names[i])) return i;
	return 0;
}

static const struct view invoice_names[] = {
#define X(symbol, name) [symbol] = VIEW_INIT(name),
	INVOICE_STATUS_TABLE(X)
#undef X
};

const char *invoice_status_name(enum invoice_status s) {
	return invoice_names[s < INVOICE_STATUS_COUNT ? s : INVOICE_NONE].ptr;
}

bool invoice_status_parse(struct view name, enum invoice_status *ret_status) {
	const unsigned i = place_of(name, invoice_names, INVOICE_STATUS_COUNT);
	if (i) *ret_status = (enum invoice_status)i;
	return i;
}

static const struct view schedule_names[] = {
#define X(symbol, name) [symbol] = VIEW_INIT(name),
	SCHEDULE_STATUS_TABLE(X)
#undef X
};

const char *schedule_status_name(enum schedule_status s) {
	return schedule_names[s < SCHEDULE_STATUS_COUNT ? s : SCHEDULE_NONE].ptr;
}

bool schedule_status_parse(struct view name, enum schedule_status *ret_status) {
	const unsigned i = place_of(name, schedule_names, SCHEDULE_STATUS_COUNT);
	if (i) *ret_status = (enum schedule_status)i;
	return i;
}
