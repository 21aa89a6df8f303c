/* The first half of a pass: every event that Stripe lists and that may have gone missing is looked for in the journal.
 *
 * Stripe lists the newest first. Pages are kept in memory and then searched for from the oldest on; when they are too
 * many for memory, what is there is searched for first. For the state the order makes no difference; it makes the
 * history read as it happened. */
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "reconciler.h"

#define TYPES_AT_ONCE 20 /* Stripe's limit of types[] */
#define WEBHOOK_LOOK 16u /* records looked at first for the newest webhook; more each time */
#define WEBHOOK_LOOK_MAX LINK_RECORDS_MAX
#define WEBHOOK_BACK_MAX 1024u /* and in all */

void pass_events_free(struct pass *p) {
	for (size_t i = 0; i < p->event_count; i++) free(p->events[i].text);
	free(p->events);
	p->events = NULL;
	p->event_count = p->event_room = p->event_bytes = p->next_event = 0;
}

/* ---- listing ------------------------------------------------------------------------------- */

static int64_t list_from(struct reconciler *r) {
	const struct scope scope = pass_scope(r);
	struct reconcile_mark m = {0};
	int64_t to = r->scopes[r->pass.scope].events_to;
	if (store_renew(r)) {
		if (look_mark(r->look, &scope, &m) == OK && m.events_to > to) to = m.events_to;
		store_rest(r);
	}
	int64_t back = stripe_now_s(r) - EVENTS_BACK_S;
	return to - EVENTS_OVERLAP_S > back ? to - EVENTS_OVERLAP_S : back > 0 ? back : 0;
}

static bool ask_list(struct reconciler *r) {
	struct pass *p = &r->pass;
	struct writer w = writer_of(p->path, sizeof p->path);
	if (p->first_type == 0 && !p->last_id[0]) p->from = list_from(r);
	stripe_path(&w, "/v1/events", VIEW_NONE);
	stripe_param_number(&w, "limit", 100);
	stripe_param_number(&w, "created[gte]", p->from);
	for (unsigned i = 0; i < TYPES_AT_ONCE; i++) {
		struct view type = stripe_event_type(p->first_type + i);
		if (type.len) stripe_param(&w, "types[]", type);
	}
	if (p->last_id[0]) stripe_param(&w, "starting_after", view_str(p->last_id));
	pass_want_path(r, &w, PASS_LIST);
	return false;
}

static bool copy_text(const json_t *o, const char *key, char *into, size_t size, bool required) {
	const json_t *v = json_object_get(o, key);
	size_t n = json_string_length(v);
	if (!json_is_string(v) || n == 0) return !required;
	if (n >= size) return false;
	memcpy(into, json_string_value(v), n + 1);
	return true;
}

static struct listed_event *room_for_event(struct pass *p) {
	if (p->event_count == p->event_room) {
		size_t room = p->event_room ? p->event_room * 2 : 128;
		struct listed_event *more = realloc(p->events, room * sizeof *more);
		if (!more) return NULL;
		p->events = more;
		p->event_room = room;
	}
	struct listed_event *e = &p->events[p->event_count];
	*e = (struct listed_event){.place = (unsigned)p->event_count};
	return e;
}

static bool keep_event(struct reconciler *r, const json_t *o) {
	struct pass *p = &r->pass;
	struct listed_event *e = room_for_event(p);
	const json_t *created = json_object_get(o, "created"), *livemode = json_object_get(o, "livemode");
	if (!e || !json_is_integer(created) || !copy_text(o, "id", e->id, sizeof e->id, true) ||
	    !copy_text(o, "type", e->type, sizeof e->type, true) ||
	    !copy_text(o, "api_version", e->api_version, sizeof e->api_version, false) ||
	    !copy_text(o, "account", e->account, sizeof e->account, false) || json_is_true(livemode) != r->livemode)
		return false;
	e->text = json_dumps(o, JSON_COMPACT);
	if (!e->text) return false;
	e->len = strlen(e->text);
	e->created = json_integer_value(created);
	if (e->created > r->newest_event) r->newest_event = e->created;
	p->event_bytes += e->len;
	p->event_count++;
	return true;
}

static void keep_page(struct reconciler *r) {
	struct pass *p = &r->pass;
	size_t i;
	json_t *o;
	json_array_foreach(json_object_get(p->page, "data"), i, o) {
		p->done.listed++;
		p->scope_listed++;
		if (keep_event(r, o)) continue;
		p->done.unread++;
		counter_add(r->metrics.unread, 1);
		log_warn(&r->service.log, log_ev("event_not_read"),
			 kv_str("id", json_string_value(json_object_get(o, "id"))));
	}
}

/* By second; within it as the list has it. */
static int oldest_first(const void *a, const void *b) {
	const struct listed_event *x = a, *y = b;
	if (x->created != y->created) return x->created < y->created ? -1 : 1;
	return (x->place < y->place) - (x->place > y->place);
}

static bool take_list(struct reconciler *r) {
	struct pass *p = &r->pass;
	const char *last = page_last(p->page);
	if (!page_valid(p->page)) p->refused = true;
	if (!p->events_to) p->events_to = p->page_second; /* what happens from here on is not in all of the lists */
	if (p->page_date > p->list_date) p->list_date = p->page_date;
	keep_page(r);
	if (page_more(p->page) && last && strlen(last) <= STRIPE_ID_MAX) {
		memcpy(p->last_id, last, strlen(last) + 1);
	} else {
		p->last_id[0] = '\0';
		p->first_type += TYPES_AT_ONCE;
	}
	pass_drop_page(p);
	bool all = !stripe_event_type(p->first_type).len;
	if (!all && p->event_count < KEEP_EVENTS_MAX && p->event_bytes < KEEP_BYTES_MAX) return true;
	if (p->event_count) qsort(p->events, p->event_count, sizeof *p->events, oldest_first);
	p->next_event = 0;
	p->stage = PASS_SEARCH;
	return true;
}

/* ---- searching ------------------------------------------------------------------------------- */

static struct record record_of(const struct reconciler *r, const struct listed_event *e) {
	const struct scope scope = pass_scope(r);
	return (struct record){.kind = RECORD_EVENT,
			       .livemode = scope.livemode,
			       .created = e->created,
			       .account = e->account[0] ? view_str(e->account) : scope.account,
			       .id = view_str(e->id),
			       .type = view_str(e->type),
			       .api_version = view_str(e->api_version),
			       .body = view_of(e->text, e->len)};
}

/* The link's reply does not say for which event it is: a search is one of these. */
struct search {
	struct reconciler *r;
	size_t index;
};

static void found(void *ctx, const struct link_reply *reply) {
	struct search *s = ctx;
	struct pass *p = &s->r->pass;
	p->searching--;
	if (s->index < p->event_count) {
		p->events[s->index].found = reply->error == OK;
		p->events[s->index].missed = reply->error == ERR_NOT_FOUND;
	}
	if (reply->error && reply->error != ERR_NOT_FOUND)
		pass_fail(s->r, RECONCILE_NO_JOURNAL, "the journal does not answer");
	free(s);
}

/* Several searches at a time, and room left for records. */
static void search_some(struct reconciler *r) {
	struct pass *p = &r->pass;
	while (p->next_event < p->event_count && link_room(r->link) > LINK_CALLS_MAX / 3) {
		struct search *s = malloc(sizeof *s);
		if (!s) return;
		*s = (struct search){r, p->next_event};
		const struct stream_request q = {.op = STREAM_FIND, .record = record_of(r, &p->events[p->next_event])};
		if (link_send(r->link, &q, r->now_ms, found, s)) {
			free(s);
			return;
		}
		p->searching++;
		p->next_event++;
	}
}

/* False: who asked for the pass does not read at the moment. */
static bool bring(struct reconciler *r, struct listed_event *e) {
	struct pass *p = &r->pass;
	const struct record record = record_of(r, e);
	bool fresh = p->list_date - e->created < EVENTS_FRESH_S;
	if (p->scheduled && fresh) return true;
	char when[RFC3339_SIZE];
	char text[64];
	format_rfc3339(e->created, when);
	(void)snprintf(text, sizeof text, "created %s", when);
	const struct reconcile_found f = {.event = true,
					  .scope = {record.livemode, record.account},
					  .object = record.type,
					  .id = record.id,
					  .stripe = view_str(text),
					  .store = VIEW("not in the journal")};
	if (!socket_found(r, &f)) return false;
	log_debug(&r->service.log, log_ev("event_missed"), kv_view("id", record.id), kv_view("type", record.type));
	p->done.missed++;
	p->scope_missed++;
	if (!fresh) p->stale_missed = true;
	if (!p->dry) batch_add(r, &p->batch, &record);
	return true;
}

static bool search(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (outbox_full(r)) return false;
	search_some(r);
	if (p->searching) return false;
	/* those searched so far, in order; their texts go */
	for (size_t i = 0; i < p->next_event; i++) {
		struct listed_event *e = &p->events[i];
		if (e->missed && !bring(r, e)) return false;
		e->missed = false;
		p->event_bytes -= e->len;
		free(e->text);
		e->text = NULL;
		e->len = 0;
		if (outbox_full(r)) return false;
	}
	if (p->next_event < p->event_count) {
		/* not "again at once": while others fill the link, only its replies make room */
		search_some(r);
		return false;
	}
	pass_events_free(p);
	p->stage = stripe_event_type(p->first_type).len ? PASS_LIST : PASS_NEWEST;
	p->head_known = false;
	p->look_span = 0;
	return true;
}

/* ---- the newest webhook in the journal -------------------------------------------------------- */

/* Backwards from the head in growing steps, to where was looked before. */
static void looked(void *ctx, const struct link_reply *reply) {
	struct reconciler *r = ctx;
	struct pass *p = &r->pass;
	p->looking = false;
	if (reply->error) {
		pass_fail(r, RECONCILE_NO_JOURNAL, "the journal does not answer");
		return;
	}
	if (!p->head_known) {
		p->head_known = true;
		p->look_to = reply->reply.head;
		p->look_from = reply->reply.head + 1;
		return;
	}
	bool webhook = false;
	for (unsigned i = 0; i < reply->record_count; i++) {
		struct record x;
		if (record_read(reply->records[i], &x) || x.kind != RECORD_WEBHOOK || x.livemode != r->livemode)
			continue;
		webhook = true;
		if (x.created > r->newest_webhook) r->newest_webhook = x.created;
	}
	if (webhook) p->look_from = 0;
}

static bool newest(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (p->looking) return false;
	struct stream_request q = {.op = STREAM_HEAD};
	if (p->head_known) {
		bool over = p->look_from <= r->webhook_seen_to + 1 || p->look_to + 1 - p->look_from >= WEBHOOK_BACK_MAX;
		if (over) {
			r->webhook_seen_to = p->look_to;
			p->stage = p->sweeps ? PASS_HEAD : PASS_DRAIN;
			p->wait_until_ms = 0;
			return true;
		}
		p->look_span = p->look_span ? WEBHOOK_LOOK_MAX : WEBHOOK_LOOK;
		uint64_t span = p->look_from - 1 < p->look_span ? p->look_from - 1 : p->look_span;
		p->look_from -= span;
		q = (struct stream_request){.op = STREAM_REPLAY, .from = p->look_from, .max = span};
	}
	if (link_send(r->link, &q, r->now_ms, looked, r)) return false; /* room comes */
	p->looking = true;
	return false;
}

bool pass_step_events(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (p->stage == PASS_SEARCH) return search(r);
	if (p->stage == PASS_NEWEST) return newest(r);
	if (p->wants_request || p->asking) return false;
	return p->page ? take_list(r) : ask_list(r);
}
