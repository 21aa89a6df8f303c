#include "proto/stripe_decode.h"

#include <stdlib.h>

#include "proto/stripe_object.h"

struct stripe_decoder {
	json_t *root; /* of the last call */
	char metadata_key[];
};

struct stripe_decoder *stripe_decoder_create(struct view metadata_key) {
	struct stripe_decoder *d = calloc(1, sizeof *d + metadata_key.len + 1);
	if (d && metadata_key.len) memcpy(d->metadata_key, metadata_key.ptr, metadata_key.len);
	return d;
}

void stripe_decoder_destroy(struct stripe_decoder **d) {
	if (!d || !*d) return;
	json_decref((*d)->root);
	free(*d);
	*d = NULL;
}

/* ---- which events, and of what ---------------------------------------------- */

struct used {
	struct view type;
	enum observation_kind kind;
	enum rank rank;
};

/* https://docs.stripe.com/api/events/types */
static const struct used events[] = {
	{VIEW_INIT("customer.subscription.updated"), OBSERVE_SUBSCRIPTION, RANK_UPDATED},
	{VIEW_INIT("customer.subscription.created"), OBSERVE_SUBSCRIPTION, RANK_CREATED},
	{VIEW_INIT("customer.subscription.deleted"), OBSERVE_SUBSCRIPTION, RANK_DELETED},
	{VIEW_INIT("customer.subscription.paused"), OBSERVE_SUBSCRIPTION, RANK_UPDATED},
	{VIEW_INIT("customer.subscription.resumed"), OBSERVE_SUBSCRIPTION, RANK_UPDATED},
	{VIEW_INIT("customer.subscription.trial_will_end"), OBSERVE_SUBSCRIPTION, RANK_UPDATED},
	{VIEW_INIT("customer.subscription.pending_update_applied"), OBSERVE_SUBSCRIPTION, RANK_UPDATED},
	{VIEW_INIT("customer.subscription.pending_update_expired"), OBSERVE_SUBSCRIPTION, RANK_UPDATED},
	{VIEW_INIT("customer.updated"), OBSERVE_CUSTOMER, RANK_UPDATED},
	{VIEW_INIT("customer.created"), OBSERVE_CUSTOMER, RANK_CREATED},
	{VIEW_INIT("customer.deleted"), OBSERVE_CUSTOMER, RANK_DELETED},
	{VIEW_INIT("checkout.session.completed"), OBSERVE_CHECKOUT, RANK_UPDATED},
	{VIEW_INIT("checkout.session.async_payment_succeeded"), OBSERVE_CHECKOUT, RANK_UPDATED},
	{VIEW_INIT("invoice.paid"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.payment_succeeded"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.payment_failed"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.payment_action_required"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.finalization_failed"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.finalized"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.marked_uncollectible"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.overdue"), OBSERVE_INVOICE, RANK_UPDATED},
	{VIEW_INIT("invoice.voided"), OBSERVE_INVOICE, RANK_UPDATED},
};

static const struct used snapshots[] = {
	{VIEW_INIT("subscription"), OBSERVE_SUBSCRIPTION, RANK_UPDATED},
	{VIEW_INIT("customer"), OBSERVE_CUSTOMER, RANK_UPDATED},
	{VIEW_INIT("checkout.session"), OBSERVE_CHECKOUT, RANK_UPDATED},
	{VIEW_INIT("invoice"), OBSERVE_INVOICE, RANK_UPDATED},
};

static const struct used *used_in(const struct used *table, size_t count, struct view type) {
	for (size_t i = 0; i < count; i++)
		if (view_eq(table[i].type, type)) return &table[i];
	return NULL;
}

static const struct used *used_for(const struct record *r) {
	return r->kind == RECORD_SNAPSHOT ? used_in(snapshots, ARRAY_LEN(snapshots), r->type)
					  : used_in(events, ARRAY_LEN(events), r->type);
}

/* The "object" of what the observation comes from. */
static struct view object_name(enum observation_kind kind) {
	for (size_t i = 0; i < ARRAY_LEN(snapshots); i++)
		if (snapshots[i].kind == kind) return snapshots[i].type;
	return VIEW_NONE;
}

/* ---- the body and its record -------------------------------------------------- */

/* jansson's own sentences quote the body, which may hold what no log should. */
static enum error parse(struct stripe_decoder *d, struct view body, struct problem *why) {
	json_error_t error;
	json_decref(d->root);
	d->root = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (d->root) return OK;
	enum json_error_code code = json_error_code(&error);
	if (code == json_error_out_of_memory) return problem_set(why, ERR_MEMORY, "out of memory");
	return problem_set(why, ERR_MALFORMED, "line %d, column %d: %s", error.line, error.column,
			   code == json_error_duplicate_key      ? "a key occurs twice"
			   : code == json_error_numeric_overflow ? "a number is too big"
								 : "not JSON");
}

/* The member says `want`, or nothing. */
static void check_text(struct stripe_reader *r, const struct stripe_place *object, const char *key, struct view want) {
	struct stripe_place p = stripe_member(object, key);
	struct view text = stripe_text(r, object, key, EVENT_TYPE_MAX);
	if (stripe_present(&p) && !view_eq(text, want)) stripe_fail(r, &p, "contradicts the record");
}

static void check_livemode(struct stripe_reader *r, const struct stripe_place *object, bool want) {
	struct stripe_place p = stripe_member(object, "livemode");
	bool livemode = stripe_flag(r, object, "livemode");
	if (stripe_present(&p) && livemode != want) stripe_fail(r, &p, "contradicts the record");
}

/* An envelope that differs from its record would be applied under a name, a time or a mode that nobody signed. */
static void check_event(struct stripe_reader *r, const struct stripe_place *event, const struct record *record) {
	struct stripe_place created = stripe_member(event, "created");
	check_text(r, event, "object", VIEW("event"));
	check_text(r, event, "id", record->id);
	check_text(r, event, "type", record->type);
	check_text(r, event, "account", record->account);
	check_livemode(r, event, record->livemode);
	int64_t second = stripe_natural(r, event, "created");
	if (stripe_present(&created) && second != record->created) stripe_fail(r, &created, "contradicts the record");
}

static bool is_thin(json_t *root) {
	json_t *object = json_object_get(root, "object");
	return json_is_string(object) && strcmp(json_string_value(object), "v2.core.event") == 0;
}

/* ---- decoding ----------------------------------------------------------------- */

static void read_object(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			struct observation *o) {
	bool says = true;
	switch (o->kind) {
	case OBSERVE_SUBSCRIPTION:
		stripe_read_subscription(r, at, e, &o->of.subscription);
		break;
	case OBSERVE_CUSTOMER:
		stripe_read_customer(r, at, e, &o->of.customer);
		break;
	case OBSERVE_CHECKOUT:
		says = stripe_read_checkout(r, at, &o->of.checkout);
		break;
	case OBSERVE_INVOICE:
		stripe_read_invoice(r, at, &o->of.invoice);
		break;
	case OBSERVE_SCHEDULE:
	case OBSERVE_PAYMENT:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		break;
	}
	if (!says) o->kind = OBSERVE_NOTHING;
}

static void read_record(struct stripe_reader *r, json_t *root, const struct record *record, const struct used *used,
			struct observation *o) {
	struct stripe_event event = {.rank = used->rank};
	struct stripe_place at = {.base = root};

	if (record->kind != RECORD_SNAPSHOT) {
		check_event(r, &at, record);
		json_t *data = json_object_get(root, "data");
		json_t *previous = json_object_get(data, "previous_attributes");
		if (json_is_object(previous)) event.previous = previous;
		at = (struct stripe_place){.key = "data.object", .base = json_object_get(data, "object")};
	}
	if (!stripe_is_object(&at)) stripe_fail(r, &at, "must be an object");
	check_text(r, &at, "object", object_name(used->kind));
	check_livemode(r, &at, record->livemode);
	if (!r->failed) read_object(r, &at, &event, o);
}

enum error stripe_decode(struct stripe_decoder *d, const struct record *record, struct observation *ret_o,
			 struct problem *why) {
	struct stripe_reader r = {.why = why, .metadata_key = d->metadata_key};
	const struct used *used = used_for(record);
	struct observation o = {
		.kind = OBSERVE_NOTHING,
		.scope = {record->livemode, record->account},
		.stamp = {record->created, RANK_UPDATED, record->id},
	};

	if (used) {
		enum error e = parse(d, record->body, why);
		if (e) return e;
		if (record->kind == RECORD_SNAPSHOT || !is_thin(d->root)) {
			o.kind = used->kind;
			o.stamp.rank = used->rank;
			read_record(&r, d->root, record, used, &o);
			if (r.failed) return ERR_MALFORMED;
		}
	}
	*ret_o = o;
	return OK;
}
