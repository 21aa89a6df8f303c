#include <stdlib.h>

#include "reconciler.h"
#include "service/clock.h"

struct looking {
	struct reconciler *r;
	int64_t wall_ms;
	uint64_t count, other_mode;
	int64_t oldest_ms; /* since; INT64_MAX: none */
	int64_t cutoff_ms; /* only those as old are taken */
	int64_t *since;    /* of all, when there are more than the queue has room for */
	size_t since_room;
	unsigned left;
};

static bool is_ours(const struct reconciler *r, const struct want *w) { return w->scope.livemode == r->livemode; }

static bool count_want(void *ctx, const struct want *w) {
	struct looking *l = ctx;
	if (!is_ours(l->r, w)) {
		l->other_mode++;
		return true;
	}
	if (w->since_ms < l->oldest_ms) l->oldest_ms = w->since_ms;
	if (l->since && l->count < l->since_room) l->since[l->count] = w->since_ms;
	l->count++;
	return true;
}

/* Not before Stripe's clock has passed the second that is to be settled by two. Its clock is known by its last answer
 * alone, and may have been moved in a test: after a while it is asked all the same, and asked again if that was early.
 */
static int64_t not_before_ms(const struct reconciler *r, const struct want *w) {
	if (!w->after) return 0;
	int64_t left = (w->after + 2 - stripe_now_s(r)) * 1000;
	if (left <= 0) return 0;
	return r->now_ms + (left < CLOCK_WAIT_MS ? left : CLOCK_WAIT_MS);
}

static bool take_want(void *ctx, const struct want *w) {
	struct looking *l = ctx;
	struct reconciler *r = l->r;
	if (!is_ours(r, w) || w->since_ms > l->cutoff_ms) return true;
	/* the queue's clock does not go back; an age keeps the order */
	int64_t age = l->wall_ms > w->since_ms ? l->wall_ms - w->since_ms : 0;
	const struct question q = {.scope = w->scope,
				   .fetch = w->fetch,
				   .urgency = URGENT_WANT,
				   .since_ms = r->now_ms - age,
				   .not_before_ms = not_before_ms(r, w),
				   .after = w->after,
				   .turn = r->wants_turn};
	if (!queue_ask(r->queue, &q) && l->left) l->left--;
	return true;
}

static int by_time(const void *a, const void *b) {
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The oldest of more wants than there is room for. */
static void find_cutoff(struct looking *l) {
	size_t room = QUEUE_MAX / 2;
	l->cutoff_ms = INT64_MAX;
	if (l->count <= room) return;
	l->since = calloc((size_t)l->count, sizeof *l->since);
	l->since_room = (size_t)l->count;
	if (!l->since) return;
	l->count = l->other_mode = 0;
	if (look_wants(l->r->look, count_want, l) == OK && l->count > room) {
		qsort(l->since, (size_t)l->count < l->since_room ? (size_t)l->count : l->since_room, sizeof *l->since,
		      by_time);
		l->cutoff_ms = l->since[room];
	}
	free(l->since);
}

static bool due(struct reconciler *r) {
	if (r->now_ms < r->wants_due_ms) return false;
	r->wants_due_ms = r->now_ms + WANTS_LOOK_MS;
	return true;
}

void wants_look(struct reconciler *r) {
	struct looking l = {.r = r, .wall_ms = wall_ms(), .oldest_ms = INT64_MAX};
	if (!due(r) || !store_renew(r)) return;
	uint64_t ver = look_version(r->look);
	if (ver == r->wants_ver && r->now_ms < r->wants_anew_ms) {
		store_rest(r);
		return;
	}
	r->wants_anew_ms = r->now_ms + WANTS_ANEW_MS;
	if (look_wants(r->look, count_want, &l) == OK) {
		find_cutoff(&l);
		r->wants_turn++;
		r->wants_ver = ver;
		r->wants = l.count;
		r->other_mode = l.other_mode;
		r->oldest_want_ms = l.count && l.wall_ms > l.oldest_ms ? l.wall_ms - l.oldest_ms : 0;
		if (r->api && look_wants(r->look, take_want, &l) == OK) queue_settle(r->queue, r->wants_turn);
	}
	store_rest(r);
}
