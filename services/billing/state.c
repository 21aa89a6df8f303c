#include "state.h"

#include <string.h>

static const char *const names[] = {
#define X(symbol, name) [symbol] = name,
	BILLING_STATE_TABLE(X)
#undef X
};

const char *billing_state_name(enum billing_state s) { return (unsigned)s < BILLING_STATE_COUNT ? names[s] : "?"; }

static bool is(const char *text, const char *word) { return text && strcmp(text, word) == 0; }

/* Reasons that alone decide. */
static bool decided(const char *reason, enum billing_state *ret_s) {
	static const struct {
		const char *reason;
		enum billing_state state;
	} table[] = {
		{"override", STATE_GRANTED}, {"disputed", STATE_DISPUTED}, {"refunded", STATE_REFUNDED},
		{"grace", STATE_PAST_DUE},   {"past_due", STATE_PAST_DUE}, {"incomplete", STATE_INCOMPLETE},
		{"unpaid", STATE_UNPAID},    {"paused", STATE_PAUSED},     {"canceling", STATE_CANCELING},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!is(reason, table[i].reason)) continue;
		*ret_s = table[i].state;
		return true;
	}
	return false;
}

/* A step down to nothing is a cancellation only when its reason says so: a renewal that may fail to come is a step
 * down as well. */
static enum billing_state by_steps(const struct state_facts *f) {
	for (size_t i = 0; i < f->step_count && i < STATE_STEPS_MAX; i++) {
		const struct state_step *s = &f->steps[i];
		if (s->at <= f->now || s->rank < 0 || s->rank >= f->rank) continue;
		if (is(s->reason, "no_subscription")) return STATE_CANCELING;
		if (is(s->reason, "active") || is(s->reason, "trialing") || is(s->reason, "canceling"))
			return STATE_DOWNGRADE;
	}
	return STATE_ACTIVE;
}

enum billing_state billing_state_of(const struct state_facts *f) {
	enum billing_state s = STATE_FREE;
	bool runs = is(f->reason, "active") || is(f->reason, "trialing");
	if (decided(f->reason, &s)) return s;
	if (!runs) return is(f->status, "canceled") ? STATE_CANCELED : STATE_FREE;
	if (f->cancel_at > f->now) return STATE_CANCELING;
	if (is(f->reason, "trialing")) return STATE_TRIALING;
	s = by_steps(f);
	bool lower = f->schedule_at > f->now && f->schedule_rank >= 0 && f->schedule_rank < f->rank;
	return s == STATE_ACTIVE && lower ? STATE_DOWNGRADE : s;
}
