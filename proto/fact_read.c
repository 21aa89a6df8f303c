/* The other side of proto/fact.c. These are our own records, so every field must be there; but a journal
 * may be written by others, so nothing is believed. */
#include "proto/fact.h"
#include "proto/stripe_object.h"

static void need(struct stripe_reader *r, const struct stripe_place *at, const char *key) {
	struct stripe_place p = stripe_member(at, key);
	if (!stripe_present(&p)) stripe_fail(r, &p, "is missing");
}

static struct view need_text(struct stripe_reader *r, const struct stripe_place *at, const char *key, size_t min,
			     size_t max) {
	struct stripe_place p = stripe_member(at, key);
	need(r, at, key);
	struct view text = stripe_text(r, at, key, max);
	if (text.len < min) stripe_fail(r, &p, "is empty");
	return text;
}

static int64_t need_natural(struct stripe_reader *r, const struct stripe_place *at, const char *key) {
	need(r, at, key);
	return stripe_natural(r, at, key);
}

void fact_read_answer(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
		      struct observation *o) {
	struct stripe_place fetch = stripe_member(at, "fetch");
	(void)e;
	o->kind = OBSERVE_NOTHING;
	o->is_answer = true;
	o->answered.kind = fetch_parse(need_text(r, at, "fetch", 1, NAME_MAX_BYTES));
	o->answered.id = need_text(r, at, "id", 1, STRIPE_ID_MAX);
	if (o->answered.kind == FETCH_NOTHING) stripe_fail(r, &fetch, "is not known");
}

/* The record's id names the override and what was done to it. */
static bool names(struct view record, struct view id, char op) {
	return record.len == id.len + 2 && view_starts(record, id) && record.ptr[id.len] == '_' &&
	       record.ptr[id.len + 1] == op;
}

void fact_read_override(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
			struct observation *o) {
	struct override_observation *x = &o->of.override;
	struct stripe_place id = stripe_member(at, "id"), op = stripe_member(at, "op");
	(void)e;
	x->id = need_text(r, at, "id", 1, FACT_OVERRIDE_ID_MAX);
	x->subject = need_text(r, at, "subject", 1, SUBJECT_MAX);
	struct view done = need_text(r, at, "op", 1, NAME_MAX_BYTES);
	x->revoked = view_eq(done, VIEW("revoke"));
	if (!x->revoked && !view_eq(done, VIEW("grant"))) stripe_fail(r, &op, "is neither grant nor revoke");
	if (!x->revoked) {
		x->tier = need_text(r, at, "tier", 1, NAME_MAX_BYTES);
		x->from = need_natural(r, at, "from");
		x->until = need_natural(r, at, "until");
	}
	x->why = need_text(r, at, "why", 0, OVERRIDE_WHY_MAX);
	x->by = need_text(r, at, "by", 0, OVERRIDE_BY_MAX);
	if (!r->failed && !names(o->stamp.event, x->id, x->revoked ? 'r' : 'g'))
		stripe_fail(r, &id, "contradicts the record");
}

void fact_read_mark(struct stripe_reader *r, const struct stripe_place *at, const struct stripe_event *e,
		    struct observation *o) {
	struct reconcile_mark *m = &o->of.mark;
	(void)e;
	m->events_to = need_natural(r, at, "events_to");
	m->swept_at = need_natural(r, at, "swept_at");
	m->listed = (uint64_t)need_natural(r, at, "listed");
	m->missed = (uint64_t)need_natural(r, at, "missed");
	m->swept = (uint64_t)need_natural(r, at, "swept");
	m->differing = (uint64_t)need_natural(r, at, "differing");
}
