/* The second half of a pass: every object that matters is compared with the store, since Stripe can fail to make an
 * event at all. What differs is appended as a snapshot; the fold decides what it means. */
#include <stdlib.h>

#include "reconciler.h"

struct sweep_list {
	const char *path; /* its query is complete but for the page */
	bool recent;      /* only what was created of late, unless all is asked for */
};

/* status=all: without it the cancelled ones are left out. Customers first, so that the others find theirs. */
static const struct sweep_list lists[] = {
	{"/v1/customers?limit=100", false},
	{"/v1/subscriptions?status=all&limit=100", false},
	{"/v1/subscription_schedules?limit=100&expand[]=data.phases.items.price", false},
	{"/v1/checkout/sessions?limit=100", true},
	{"/v1/refunds?limit=100", true},
	{"/v1/disputes?limit=100", true},
};

void pass_objects_free(struct pass *p) {
	json_decref(p->objects);
	p->objects = NULL;
}

/* ---- before it ------------------------------------------------------------------------------ */

static void on_head(void *ctx, const struct link_reply *reply) {
	struct reconciler *r = ctx;
	struct pass *p = &r->pass;
	p->looking = false;
	if (reply->error) {
		pass_fail(r, RECONCILE_NO_JOURNAL, "the journal does not answer");
		return;
	}
	p->origin = reply->reply.origin;
	p->head = reply->reply.head;
	p->wait_until_ms = r->now_ms + BEHIND_MS;
	p->stage = PASS_BEHIND;
}

/* What was appended is in the journal before its head is asked for. */
static bool ask_head(struct reconciler *r) {
	struct pass *p = &r->pass;
	const struct stream_request q = {.op = STREAM_HEAD};
	if (p->looking || p->batch.left) return false;
	if (link_send(r->link, &q, r->now_ms, on_head, r) == OK) p->looking = true;
	return false;
}

static bool applied(struct reconciler *r) {
	uint64_t cursor = 0;
	if (!store_renew(r)) return false;
	bool there = look_cursor(r->look, r->pass.origin, &cursor) == OK && cursor >= r->pass.head;
	store_rest(r);
	return there;
}

/* A store that lags would seem to differ in all that it has not come to. */
static bool wait_for_worker(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (applied(r)) {
		p->swept_at = stripe_now_s(r);
		p->last_id[0] = '\0';
		p->stage = PASS_SWEEP;
		return true;
	}
	if (r->now_ms >= p->wait_until_ms)
		pass_fail(r, RECONCILE_BEHIND, "the worker has not applied what is in the journal");
	return false;
}

/* ---- pages -------------------------------------------------------------------------------------- */

static bool ask_objects(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (p->list == ARRAY_LEN(lists)) {
		p->stage = PASS_DRAIN;
		return true;
	}
	if (outbox_full(r)) return false;
	const struct sweep_list *l = &lists[p->list];
	struct writer w = writer_of(p->path, sizeof p->path);
	stripe_path(&w, l->path, VIEW_NONE);
	if (l->recent && !p->full) stripe_param_number(&w, "created[gte]", p->swept_at - RECENT_S);
	if (p->last_id[0]) stripe_param(&w, "starting_after", view_str(p->last_id));
	pass_want_path(r, &w, PASS_SWEEP);
	return false;
}

static bool take_objects(struct reconciler *r) {
	struct pass *p = &r->pass;
	const char *last = page_last(p->page);
	p->more = page_more(p->page) && last && strlen(last) <= STRIPE_ID_MAX;
	if (p->more) memcpy(p->last_id, last, strlen(last) + 1);
	p->objects = json_incref(json_object_get(p->page, "data"));
	p->next_object = 0;
	p->waited = !p->scheduled || p->in_vain;
	p->differing_before = p->done.differing;
	pass_drop_page(p);
	p->stage = PASS_OBJECTS;
	return true;
}

static bool end_page(struct reconciler *r) {
	struct pass *p = &r->pass;
	pass_objects_free(p);
	if (p->done.differing > p->differing_before) p->in_vain = true;
	if (!p->more) {
		p->list++;
		p->last_id[0] = '\0';
	}
	p->stage = PASS_SWEEP;
	return true;
}

/* ---- objects ---------------------------------------------------------------------------------------- */

/* An object as a record and as an observation; the text is the record's. */
struct compared {
	char *text;
	char id[STRIPE_ID_MAX + 1];
	struct record record;
	struct observation o;
	bool differs, known;
};

/* False: it cannot be read; said in *why. r->look is fresh. */
static bool compare(struct reconciler *r, const json_t *object, struct compared *c, struct problem *why) {
	const struct scope scope = pass_scope(r);
	*c = (struct compared){0};
	if (!snapshot_of(r, object, &scope, r->pass.page_second, &c->text, c->id, &c->record, why)) return false;
	if (stripe_decode(r->decoder, &c->record, &c->o, why) != OK) return false;
	enum error e = OK;
	if (c->o.kind != OBSERVE_NOTHING) e = look_differs(r->look, &c->o, &c->differs, &c->known);
	if (e) (void)problem_set(why, e, "the store cannot be read");
	return e == OK;
}

static bool report(struct reconciler *r, const struct compared *c, const json_t *object) {
	struct drift d;
	drift_describe(r, &c->o, &d);
	const char *id = json_string_value(json_object_get(object, "id"));
	const struct reconcile_found f = {.scope = {c->record.livemode, c->record.account},
					  .object = c->record.type,
					  .id = view_str(id),
					  .stripe = view_str(d.stripe),
					  .store = view_str(d.store),
					  .subject = view_str(d.subject),
					  .before = view_str(d.before),
					  .after = view_str(d.after)};
	if (!socket_found(r, &f)) return false;
	log_write(&r->service.log, r->pass.done.differing < DIFFERS_SAID ? LEVEL_INFO : LEVEL_DEBUG,
		  LOG_FIELDS(log_ev("differs"), kv_view("object", f.object), kv_view("id", f.id),
			     kv_view("stripe", f.stripe), kv_view("store", f.store), kv_view("before", f.before),
			     kv_view("after", f.after)));
	return true;
}

static void note_unread(struct reconciler *r, const json_t *object, const struct problem *why) {
	r->pass.done.unread++;
	counter_add(r->metrics.unread, 1);
	log_warn(&r->service.log, log_ev("object_not_read"),
		 kv_str("id", json_string_value(json_object_get(object, "id"))), kv_why(why));
}

/* False: not now, again later. */
static bool sweep_object(struct reconciler *r, const json_t *object) {
	struct pass *p = &r->pass;
	struct compared c;
	struct problem why = {0};
	bool go_on = true;
	if (!store_renew(r)) {
		pass_fail(r, RECONCILE_BEHIND, "the entitlement store is gone");
		return false;
	}
	if (!compare(r, object, &c, &why)) {
		note_unread(r, object, &why);
	} else {
		go_on = !c.differs || report(r, &c, object);
		if (go_on && c.differs) {
			p->done.differing++;
			p->scope_differing++;
		}
		if (go_on && !p->dry && (c.differs || (p->full && c.o.kind != OBSERVE_NOTHING)))
			batch_add(r, &p->batch, &c.record);
	}
	free(c.text);
	store_rest(r);
	if (!go_on) return false;
	p->done.swept++;
	p->scope_swept++;
	return true;
}

static bool any_differs(struct reconciler *r) {
	size_t i;
	json_t *object;
	bool differs = false;
	if (!store_renew(r)) return false;
	json_array_foreach(r->pass.objects, i, object) {
		struct compared c;
		differs = compare(r, object, &c, NULL) && c.differs;
		free(c.text);
		if (differs) break;
	}
	store_rest(r);
	return differs;
}

static bool complete(struct reconciler *r) {
	struct pass *p = &r->pass;
	json_t *object = json_array_get(p->objects, p->next_object);
	if (p->wants_request || p->asking) return false;
	if (p->page) {
		bool added = lists_add(object, p->page) == OK;
		pass_drop_page(p);
		if (!added || p->pages >= LISTS_PAGES_MAX) {
			const struct problem why = {.text = "its list cannot be completed"};
			note_unread(r, object, &why);
			p->next_object++;
		}
		p->stage = PASS_OBJECTS;
		return true;
	}
	p->pages++;
	pass_want(r, PASS_COMPLETE);
	return false;
}

static bool next_object(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (!p->waited) {
		p->waited = true;
		p->wait_until_ms = r->now_ms + LATE_MS;
		if (any_differs(r)) p->stage = PASS_LATE;
		return true;
	}
	if (p->next_object >= json_array_size(p->objects)) return end_page(r);
	const json_t *object = json_array_get(p->objects, p->next_object);
	if (lists_next(object, p->path, sizeof p->path)) {
		p->stage = PASS_COMPLETE;
		return true;
	}
	if (outbox_full(r) || !sweep_object(r, object)) return false;
	p->next_object++;
	p->pages = 0;
	return true;
}

bool pass_step_sweep(struct reconciler *r) {
	struct pass *p = &r->pass;
	switch (p->stage) {
	case PASS_HEAD:
		return ask_head(r);
	case PASS_BEHIND:
		return wait_for_worker(r);
	case PASS_LATE:
		if (r->now_ms < p->wait_until_ms) return false;
		p->stage = PASS_OBJECTS;
		return true;
	case PASS_OBJECTS:
		return next_object(r);
	case PASS_COMPLETE:
		return complete(r);
	default:
		if (p->wants_request || p->asking) return false;
		return p->page ? take_objects(r) : ask_objects(r);
	}
}
