/* Rates of one subject: by RATE_LIMIT, by what an action does, and by what it costs at Stripe. */
#include "ask_private.h"
#include "service/clock.h"

#define CALLS VIEW("calls") /* no action's path */

/* Of a number that is right when RATE_LIMIT is the default. */
static unsigned scaled(const struct billing *b, unsigned n) {
	uint64_t own = n * b->settings.rate_limit / RATE_LIMIT_DEFAULT;
	return (unsigned)(own ? own : 1);
}

static struct rate calls_rate(const struct billing *b) {
	unsigned at_once = scaled(b, CALLS_AT_ONCE);
	return (struct rate){scaled(b, CALLS_PER_MINUTE), at_once > CALLS_OF_A_VISIT ? at_once : CALLS_OF_A_VISIT};
}

static int64_t take(struct ask *a, struct view name, struct rate rate, unsigned n) {
	return limits_take(a->b->limits, view_str(a->who.subject), name, rate, n, mono_ms());
}

/* False: refused, and the ask may be gone. */
static bool within(struct ask *a, int64_t wait_ms) {
	if (!wait_ms) return true;
	a->retry_after_s = (wait_ms + 999) / 1000;
	ask_refuse(a, REFUSAL_TOO_MANY, NULL);
	return false;
}

/* Who asks without a token is nobody in particular: the proxy limits each address, and here all of them together share
 * OPEN_PER_MINUTE. */
bool ask_within_rate(struct ask *a) {
	const struct action *x = a->action;
	const struct rate rate = {scaled(a->b, x->open ? OPEN_PER_MINUTE : RATE_LIMIT_DEFAULT), 0};
	return within(a, take(a, x->open ? view_str(x->path) : VIEW_NONE, rate, 1));
}

bool ask_within_share(struct ask *a) {
	const struct action *x = a->action;
	const struct rate own = {x->per_minute ? scaled(a->b, x->per_minute) : 0, 0};
	int64_t wait_ms = take(a, view_str(x->path), own, 1);
	if (wait_ms) return within(a, wait_ms);
	wait_ms = take(a, CALLS, calls_rate(a->b), x->calls);
	if (wait_ms) limits_give(a->b->limits, view_str(a->who.subject), view_str(x->path), own, 1);
	return within(a, wait_ms);
}

void ask_add_calls(struct ask *a, unsigned n) {
	limits_add(a->b->limits, view_str(a->who.subject), CALLS, calls_rate(a->b), n, mono_ms());
}
