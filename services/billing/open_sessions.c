#include "open_sessions.h"

#include <stdio.h>
#include <stdlib.h>

#include "shop_private.h"

#define LIST "/v1/checkout/sessions?customer={id}&status=open&limit=100"
#define EXPIRE "/v1/checkout/sessions/{id}/expire"

struct round {
	bool used;
	struct shop *shop;
	char subject[SUBJECT_MAX + 1], customer[STRIPE_ID_MAX];
	enum open_sessions_keep keep;
	bool again; /* somebody asked meanwhile */
	enum open_sessions_keep keep_then;
	json_t *open;           /* the page that is gone through; NULL: it is being listed */
	size_t at, kept;        /* kept: its place; SIZE_MAX: none */
	bool more;              /* there is another page */
	unsigned expired, late; /* late: that were not open any more */
	unsigned failed;
};

struct open_sessions {
	struct round at[OPEN_SESSIONS_ROUNDS_MAX];
};

struct open_sessions *open_sessions_create(void) {
	return calloc(1, sizeof(struct open_sessions));
}

void open_sessions_destroy(struct open_sessions **po) {
	if (!po || !*po) return;
	for (unsigned i = 0; i < OPEN_SESSIONS_ROUNDS_MAX; i++) json_decref((*po)->at[i].open);
	free(*po);
	*po = NULL;
}

static void list(struct round *r);

/* ---- the end of a round -------------------------------------------------------------------------- */

static void end(struct round *r) {
	if (r->expired || r->failed)
		log_info(r->shop->log, log_ev("sessions_expired"), kv_str("customer", r->customer),
			 kv_u64("expired", r->expired), kv_u64("late", r->late), kv_u64("failed", r->failed));
	json_decref(r->open);
	r->open = NULL;
	bool goes_on = r->again || (r->more && r->expired); /* what was expired has left the list */
	if (!goes_on) {
		r->used = false;
		return;
	}
	if (r->again) r->keep = r->keep_then;
	r->again = false;
	list(r);
}

static void failed(struct round *r, const struct stripe_answer *s) {
	r->failed++;
	log_warn(r->shop->log, log_ev("sessions_left_open"), kv_str("customer", r->customer),
		 kv_str("outcome", s ? stripe_outcome_name(s->outcome) : "not_asked"), kv_str("why", s ? s->why : ""),
		 kv_str("stripe_request", s ? s->request_id : ""));
}

/* ---- expiring ------------------------------------------------------------------------------------ */

static bool is_ours(const struct round *r, const json_t *session) {
	const json_t *reference = json_object_get(session, "client_reference_id");
	bool other = json_is_string(reference) && strcmp(json_string_value(reference), r->subject) != 0;
	return !other && text_is(session, "mode", "subscription") && text_is(session, "status", "open") &&
	       text_is(json_object_get(session, "metadata"), r->shop->metadata_key, r->subject);
}

/* Stripe lists the newest first, also within a second. */
static size_t newest(const struct round *r) {
	size_t best = SIZE_MAX;
	int64_t created = -1;
	for (size_t i = 0; i < json_array_size(r->open); i++) {
		const json_t *session = json_array_get(r->open, i);
		if (!is_ours(r, session) || whole_of(session, "created", 0) <= created) continue;
		best = i;
		created = whole_of(session, "created", 0);
	}
	return best;
}

static void next(struct round *r);

static void expired(void *ctx, const struct stripe_answer *s) {
	struct round *r = ctx;
	if (s->outcome == STRIPE_OK)
		r->expired++;
	else if (s->outcome == STRIPE_INVALID && s->status == 400)
		r->late++; /* paid or expired since it was listed */
	else
		failed(r, s);
	next(r);
}

static void next(struct round *r) {
	char room[STRIPE_PATH_MAX];
	for (; r->at < json_array_size(r->open); r->at++) {
		const json_t *session = json_array_get(r->open, r->at);
		const char *id = text_of(session, "id");
		if (r->at == r->kept || !id || !is_ours(r, session)) continue;
		struct writer w = writer_of(room, sizeof room);
		stripe_path(&w, EXPIRE, view_str(id));
		const struct stripe_call c = {.post = true, .path = stripe_text_end(&w), .done = expired, .ctx = r};
		r->at++;
		if (c.path && r->shop->ports.stripe(r->shop->ports.ctx, &c, true)) return;
		failed(r, NULL);
		break; /* no more are taken now */
	}
	end(r);
}

/* ---- listing ------------------------------------------------------------------------------------- */

static void listed(void *ctx, const struct stripe_answer *s) {
	struct round *r = ctx;
	json_t *data = s->outcome == STRIPE_OK ? data_of(s->body) : NULL;
	if (!data) {
		failed(r, s);
		end(r);
		return;
	}
	r->open = json_incref(data);
	r->more = yes_of(s->body, "has_more");
	r->at = 0;
	r->kept = r->keep == KEEP_NEWEST ? newest(r) : SIZE_MAX;
	next(r);
}

static void list(struct round *r) {
	char room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	r->expired = r->late = r->failed = 0;
	r->more = false;
	stripe_path(&w, LIST, view_str(r->customer));
	const struct stripe_call c = {.path = stripe_text_end(&w), .done = listed, .ctx = r};
	if (c.path && r->shop->ports.stripe(r->shop->ports.ctx, &c, true)) return;
	failed(r, NULL);
	r->again = false;
	end(r);
}

void open_sessions_expire(struct shop *s, const char *subject, const char *customer, enum open_sessions_keep keep) {
	struct round *place = NULL;
	if (strlen(subject) > SUBJECT_MAX || strlen(customer) >= STRIPE_ID_MAX) return;
	for (unsigned i = 0; i < OPEN_SESSIONS_ROUNDS_MAX; i++) {
		struct round *r = &s->open_sessions->at[i];
		if (r->used && strcmp(r->customer, customer) == 0 && strcmp(r->subject, subject) == 0) {
			r->again = true;
			r->keep_then = keep;
			return;
		}
		if (!r->used && !place) place = r;
	}
	if (!place) {
		log_warn(s->log, log_ev("sessions_left_open"), kv_str("customer", customer),
			 kv_str("why", "too many at once"));
		return;
	}
	*place = (struct round){.used = true, .shop = s, .keep = keep};
	copy_text(place->subject, sizeof place->subject, subject);
	copy_text(place->customer, sizeof place->customer, customer);
	list(place);
}
