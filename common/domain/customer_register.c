#include "domain/registers.h"

bool claim_valid(struct view subject, struct view customer) {
	if (subject.len == 0 || subject.len > SUBJECT_MAX) return false;
	return !view_starts(subject, VIEW("cus_")) || view_eq(subject, customer);
}

static int i64_cmp(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* Order without the subject: how good a claim is. */
static int strength_cmp(const struct claim *a, const struct claim *b) {
	int c = i64_cmp(a->is_new, b->is_new);
	if (!c) c = i64_cmp(a->seen, b->seen);
	if (!c) c = view_cmp(a->event, b->event);
	if (!c) c = i64_cmp(a->own, b->own);
	return c;
}

static int claim_cmp(const struct claim *a, const struct claim *b) {
	int c = strength_cmp(a, b);
	return c ? c : view_cmp(a->subject, b->subject);
}

/* A map from subject to its strongest claim, of which the strongest are kept: as the price sets
 * of a subscription, what is dropped would be dropped in any order. */
static void claim_add(struct customer_register *r, const struct claim *c) {
	for (unsigned i = 0; i < r->claim_count; i++) {
		if (!view_eq(r->claims[i].subject, c->subject)) continue;
		if (strength_cmp(&r->claims[i], c) >= 0) return;
		r->claim_count--;
		memmove(&r->claims[i], &r->claims[i + 1], (r->claim_count - i) * sizeof r->claims[0]);
		break;
	}
	unsigned at = 0;
	while (at < r->claim_count && claim_cmp(&r->claims[at], c) > 0) at++;
	if (at == CLAIMS_MAX) return;
	if (r->claim_count < CLAIMS_MAX) r->claim_count++;
	memmove(&r->claims[at + 1], &r->claims[at], (r->claim_count - 1 - at) * sizeof r->claims[0]);
	r->claims[at] = *c;
}

static void deletion_add(struct customer_register *r, int64_t at, struct view event) {
	if (r->deleted) {
		if (at > r->deleted_at) return;
		if (at == r->deleted_at && view_cmp(event, r->deleted_event) >= 0) return;
	}
	r->deleted = true;
	r->deleted_at = at;
	r->deleted_event = event;
}

/* What the metadata was last seen with: the greatest by (second, subject). */
static void standing_add(struct customer_register *r, int64_t at, struct view subject) {
	if (r->has_standing) {
		int c = i64_cmp(at, r->standing_at);
		if (!c) c = view_cmp(subject, r->standing);
		if (c <= 0) return;
	}
	r->has_standing = true;
	r->standing_at = at;
	r->standing = subject;
}

void customer_register_claim(struct customer_register *r, struct view subject, bool is_new, bool standing,
			     const struct stamp *stamp) {
	const struct claim c = {subject, is_new, standing, stamp->created, stamp->event};
	if (subject.len || is_new) claim_add(r, &c);
	if (standing) standing_add(r, stamp->created, subject);
}

void customer_register_delete(struct customer_register *r, const struct stamp *stamp) {
	deletion_add(r, stamp->created, stamp->event);
}

void customer_register_join(struct customer_register *into, const struct customer_register *other) {
	for (unsigned i = 0; i < other->claim_count; i++) claim_add(into, &other->claims[i]);
	if (other->has_standing) standing_add(into, other->standing_at, other->standing);
	if (other->deleted) deletion_add(into, other->deleted_at, other->deleted_event);
}

static bool claimed_anew(const struct customer_register *r, struct view subject) {
	for (unsigned i = 0; i < r->claim_count; i++)
		if (view_eq(r->claims[i].subject, subject)) return r->claims[i].is_new;
	return false;
}

/* Does the metadata show that the first claim was overtaken by an event that is not known? */
static bool overtaken(const struct customer_register *r, const struct claim *first) {
	if (!r->has_standing || r->standing_at <= first->seen || view_eq(r->standing, first->subject)) return false;
	return first->own || (r->standing.len && !claimed_anew(r, r->standing));
}

struct view customer_register_subject(const struct customer_register *r, struct view customer) {
	if (r->claim_count == 0) return customer;
	const struct claim *first = &r->claims[0];
	struct view subject = overtaken(r, first) ? r->standing : first->subject;
	return subject.len ? subject : customer;
}

int64_t customer_register_bound_at(const struct customer_register *r) {
	if (r->claim_count == 0) return 0;
	return overtaken(r, &r->claims[0]) ? r->standing_at : r->claims[0].seen;
}
