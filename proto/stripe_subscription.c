/* https://docs.stripe.com/api/subscriptions/object */
#include "proto/stripe_object.h"

static enum sub_status read_status(struct stripe_reader *r, const struct stripe_place *at) {
	enum sub_status status = SUB_NONE;
	struct stripe_place place = stripe_member(at, "status");
	struct view name = stripe_text(r, at, "status", NAME_MAX_BYTES);
	if (r->failed || sub_status_parse(name, &status)) return status;
	for (size_t i = 0; i < name.len; i++)
		if ((name.ptr[i] < 'a' || name.ptr[i] > 'z') && name.ptr[i] != '_') name.len = 0; /* not for a log */
	if (name.len)
		stripe_fail(r, &place, "unknown status \"%.*s\"", VIEW_FMT(name));
	else
		stripe_fail(r, &place, "missing, or an unknown status");
	return SUB_NONE;
}

void stripe_read_item(struct stripe_reader *r, const struct stripe_place *at, struct item *item) {
	struct stripe_place price = stripe_member(at, "price");
	const char *key = stripe_present(&price) ? "price" : "plan";
	if (!stripe_present(&price)) price = stripe_member(at, "plan");
	item->price = stripe_id(r, at, key);
	if (stripe_is_object(&price)) {
		item->product = stripe_id(r, &price, "product");
		item->lookup_key = stripe_text(r, &price, "lookup_key", LOOKUP_KEY_MAX);
	}
	if (!item->price.len && !item->product.len && !item->lookup_key.len) stripe_fail(r, at, "has no price");
	struct stripe_place quantity = stripe_member(at, "quantity");
	item->quantity = stripe_present(&quantity) ? (uint64_t)stripe_natural(r, at, "quantity") : 1;
}

static int64_t earliest(int64_t a, int64_t b) { return a && (!b || a < b) ? a : b; }

/* The items, and since 2025-03-31.basil their periods, of which the earliest end comes first to mind
 * when one asks what is paid for until when. */
static void read_items(struct stripe_reader *r, const struct stripe_place *at, struct subscription *s) {
	struct stripe_place list = stripe_member(at, "items");
	struct stripe_place data = stripe_member(&list, "data");
	struct stripe_place plan = stripe_member(at, "plan");

	if (!stripe_present(&list) && stripe_present(&plan)) {
		s->items.count = 1;
		stripe_read_item(r, at, &s->items.items[0]);
		return;
	}
	if (!json_is_array(data.base)) stripe_fail(r, &data, "must be a list");
	if (stripe_flag(r, &list, "has_more")) r->cut = true;
	size_t count = stripe_length(&data);
	if (count > ITEMS_MAX) stripe_fail(r, &data, "has more than %d items", ITEMS_MAX);
	if (r->failed) return;
	for (size_t i = 0; i < count; i++) {
		struct stripe_place item = stripe_element(&data, i);
		if (!stripe_is_object(&item)) stripe_fail(r, &item, "must be an object");
		stripe_read_item(r, &item, &s->items.items[i]);
		s->period_start = earliest(s->period_start, stripe_natural(r, &item, "current_period_start"));
		s->period_end = earliest(s->period_end, stripe_natural(r, &item, "current_period_end"));
	}
	s->items.count = (unsigned)count;
	item_set_sort(&s->items);
}

static void read_now(struct stripe_reader *r, const struct stripe_place *at, struct subscription *s) {
	struct stripe_place pause = stripe_member(at, "pause_collection");
	struct stripe_place customer = {.parent = at, .key = "customer"};

	s->id = stripe_need_id(r, at, "id");
	s->customer = stripe_customer(r, at);
	if (!s->customer.len) stripe_fail(r, &customer, "is missing");
	s->subject = stripe_claim(r, at);
	s->latest_invoice = stripe_id(r, at, "latest_invoice");
	s->schedule = stripe_id(r, at, "schedule");
	s->status = read_status(r, at);
	s->created = stripe_natural(r, at, "created");
	s->trial_end = stripe_natural(r, at, "trial_end");
	s->cancel_at = stripe_natural(r, at, "cancel_at");
	s->canceled_at = stripe_natural(r, at, "canceled_at");
	s->ended_at = stripe_natural(r, at, "ended_at");
	s->cancel_at_period_end = stripe_flag(r, at, "cancel_at_period_end");
	s->collection_paused = stripe_present(&pause);
	read_items(r, at, s);
	/* before basil the subscription has the period, and its items have none */
	int64_t start = stripe_natural(r, at, "current_period_start"),
		end = stripe_natural(r, at, "current_period_end");
	if (start) s->period_start = start;
	if (end) s->period_end = end;
}

/* What was before serves to order two events of one second. If it cannot be read, that is all that is lost. */
static void read_before(struct stripe_reader *r, const struct stripe_place *at, json_t *previous,
			struct subscription_observation *o) {
	struct stripe_reader quiet = {.metadata_key = r->metadata_key};
	struct stripe_place before = *at;
	struct subscription was = {.status = SUB_NONE};
	before.over = previous;
	read_now(&quiet, &before, &was);
	if (quiet.failed || quiet.cut) return;
	o->pre = subscription_digest(&was);
	o->has_pre = true;
}

void stripe_read_subscription(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			      struct observation *out) {
	struct subscription_observation *o = &out->of.subscription;
	struct stripe_place items = stripe_member(at, "items");
	read_now(r, at, &o->now);
	if (r->cut && e->snapshot) stripe_fail(r, &items, "has more pages than the answer shows");
	if (r->failed) return;
	if (r->cut) { /* what is missing may be what grants */
		struct view id = o->now.id;
		out->kind = OBSERVE_NOTHING;
		stripe_ask(out, FETCH_SUBSCRIPTION, id);
		return;
	}
	o->post = subscription_digest(&o->now);
	o->new_claim = stripe_claim_is_new(r, e, o->now.subject);
	if (e->rank == RANK_UPDATED && e->previous) read_before(r, at, e->previous, o);
}
