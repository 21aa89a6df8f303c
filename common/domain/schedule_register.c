#include "domain/registers.h"

static int i64_cmp(int64_t a, int64_t b) { return (a > b) - (a < b); }
static int u64_cmp(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* How far its life had come: what the order within a second rests on. */
static int progress_cmp(const struct schedule_register *a, const struct schedule_register *b) {
	int c = i64_cmp(a->stamp.created, b->stamp.created);
	if (!c) c = i64_cmp(a->schedule.status, b->schedule.status);
	if (!c) c = i64_cmp(a->stamp.rank, b->stamp.rank);
	return c;
}

void schedule_register_observe(struct schedule_register *r, const struct stamp *stamp, const struct schedule *s) {
	r->known = true;
	r->unconfirmed = false;
	r->stamp = *stamp;
	r->schedule = *s;
}

void schedule_register_join(struct schedule_register *into, const struct schedule_register *other) {
	if (!other->known) return;
	int c = into->known ? progress_cmp(other, into) : 1;
	if (c < 0) return;
	if (c > 0) {
		*into = *other;
		return;
	}
	c = u64_cmp(schedule_digest(&other->schedule), schedule_digest(&into->schedule));
	bool unconfirmed = c != 0 || into->unconfirmed || other->unconfirmed;
	if (!c) c = view_cmp(other->stamp.event, into->stamp.event);
	if (c > 0) *into = *other;
	into->unconfirmed = unconfirmed;
}
