#include "domain/registers.h"

bool claim_valid(struct view subject, struct view customer) {
	if (subject.len == 0 || subject.len > SUBJECT_MAX) return false;
	return !view_starts(subject, VIEW("cus_")) || view_eq(subject, customer);
}

/* Order without the subject: how good a claim is. */
static int strength_cmp(const struct claim *a, const struct claim *b) {
	if (a->is_new != b->is_new) return a->is_new ? 1 : -1;
	if (a->seen != b->seen) return a->seen > b->seen ? 1 : -1;
	return view_cmp(a->event, b->event);
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

void customer_register_claim(struct customer_register *r, struct view subject, bool is_new, bool standing,
			     const struct stamp *stamp) {
	const struct claim c = {subject, is_new, stamp->created, stamp->event, standing ? stamp->created : 0};
	claim_add(r, &c);
}

void customer_register_delete(struct customer_register *r, const struct stamp *stamp) {
	deletion_add(r, stamp->created, stamp->event);
}

void customer_register_join(struct customer_register *into, const struct customer_register *other) {
	for (unsigned i = 0; i < other->claim_count; i++) claim_add(into, &other->claims[i]);
	if (other->deleted) deletion_add(into, other->deleted_at, other->deleted_event);
}

struct view customer_register_subject(const struct customer_register *r, struct view customer) {
	return r->claim_count ? r->claims[0].subject : customer;
}
