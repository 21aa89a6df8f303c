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
	return (struct rate){scaled(b, CALLS_PER_MINUTE), scaled(b, CALLS_AT_ONCE)};
}

static bool take(struct ask *a, struct view name, struct rate rate, unsigned n) {
	int64_t wait_ms = limits_take(a->b->limits, view_str(a->who.subject), name, rate, n, mono_ms());
	if (!wait_ms) return true;
	a->retry_after_s = (wait_ms + 999) / 1000;
	ask_refuse(a, REFUSAL_TOO_MANY, NULL);
	return false;
}

/* Who asks without a token is nobody in particular: the proxy limits each address, and here all of them together share
 * OPEN_PER_MINUTE. */
bool ask_within_rate(struct ask *a) {
	if (a->action->open)
		return take(a, view_str(a->action->path), (struct rate){scaled(a->b, OPEN_PER_MINUTE), 0}, 1);
	return take(a, VIEW_NONE, (struct rate){scaled(a->b, RATE_LIMIT_DEFAULT), 0}, 1);
}

bool ask_within_share(struct ask *a) {
	const struct action *x = a->action;
	if (x->per_minute && !take(a, view_str(x->path), (struct rate){scaled(a->b, x->per_minute), 0}, 1))
		return false;
	return take(a, CALLS, calls_rate(a->b), x->calls);
}

void ask_add_calls(struct ask *a, unsigned n) {
	limits_add(a->b->limits, view_str(a->who.subject), CALLS, calls_rate(a->b), n, mono_ms());
}
