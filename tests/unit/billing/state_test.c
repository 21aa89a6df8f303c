#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "state.h"

#define NOW INT64_C(1800000000)
#define LATER (NOW + 86400)
#define BEFORE (NOW - 86400)

struct row {
	const char *what;
	struct state_facts f;
	enum billing_state want;
};

#define STEP(at, rank, reason) .step_count = 1, .steps = {{(at), (rank), (reason)}}

static const struct row rows[] = {
	{"an unknown subject", {.status = "none", .reason = "unknown_subject"}, STATE_FREE},
	{"known, and nothing bought", {.status = "none", .reason = "no_subscription"}, STATE_FREE},
	{"the first payment never came", {.status = "incomplete_expired", .reason = "no_subscription"}, STATE_FREE},
	{"a trial", {.status = "trialing", .reason = "trialing", .rank = 1}, STATE_TRIALING},
	{"a trial that ends with a cancellation",
	 {.status = "trialing", .reason = "canceling", .rank = 1},
	 STATE_CANCELING},
	{"a trial that Stripe says is cancelled",
	 {.status = "trialing", .reason = "trialing", .rank = 1, .cancel_at = LATER},
	 STATE_CANCELING},
	{"a trial with a lower plan to come",
	 {.status = "trialing", .reason = "trialing", .rank = 2, STEP(LATER, 1, "active")},
	 STATE_TRIALING},
	{"active", {.status = "active", .reason = "active", .rank = 1, .schedule_rank = -1}, STATE_ACTIVE},
	{"active, and the same tier goes on",
	 {.status = "active", .reason = "active", .rank = 1, STEP(LATER, 1, "active")},
	 STATE_ACTIVE},
	{"a higher tier to come",
	 {.status = "active", .reason = "active", .rank = 1, STEP(LATER, 2, "active")},
	 STATE_ACTIVE},
	{"a lower tier to come",
	 {.status = "active", .reason = "active", .rank = 2, STEP(LATER, 1, "active")},
	 STATE_DOWNGRADE},
	{"a lower tier, which then ends",
	 {.status = "active", .reason = "active", .rank = 2, STEP(LATER, 1, "canceling")},
	 STATE_DOWNGRADE},
	{"it was to come and has",
	 {.status = "active", .reason = "active", .rank = 2, STEP(BEFORE, 1, "active")},
	 STATE_ACTIVE},
	{"a tier that the catalog does not know",
	 {.status = "active", .reason = "active", .rank = 2, STEP(LATER, -1, "active")},
	 STATE_ACTIVE},
	{"a schedule that Stripe tells of",
	 {.status = "active", .reason = "active", .rank = 2, .schedule_at = LATER, .schedule_rank = 1},
	 STATE_DOWNGRADE},
	{"a schedule to a higher tier",
	 {.status = "active", .reason = "active", .rank = 1, .schedule_at = LATER, .schedule_rank = 2},
	 STATE_ACTIVE},
	{"a schedule to what nobody knows",
	 {.status = "active", .reason = "active", .rank = 1, .schedule_at = LATER, .schedule_rank = -1},
	 STATE_ACTIVE},
	{"a schedule that is past",
	 {.status = "active", .reason = "active", .rank = 2, .schedule_at = BEFORE, .schedule_rank = 1},
	 STATE_ACTIVE},
	{"a renewal that may fail to come",
	 {.status = "active", .reason = "active", .rank = 1, STEP(LATER, 0, "past_due")},
	 STATE_ACTIVE},
	{"a schedule that ends it",
	 {.status = "active", .reason = "active", .rank = 1, STEP(LATER, 0, "no_subscription")},
	 STATE_CANCELING},
	{"canceling",
	 {.status = "active", .reason = "canceling", .rank = 1, STEP(LATER, 0, "no_subscription")},
	 STATE_CANCELING},
	{"cancelled at Stripe, and the event is late",
	 {.status = "active", .reason = "active", .rank = 1, .cancel_at = LATER},
	 STATE_CANCELING},
	{"a cancellation of the past",
	 {.status = "active", .reason = "active", .rank = 1, .cancel_at = BEFORE},
	 STATE_ACTIVE},
	{"canceled", {.status = "canceled", .reason = "no_subscription"}, STATE_CANCELED},
	{"within the grace", {.status = "past_due", .reason = "grace", .rank = 1}, STATE_PAST_DUE},
	{"after the grace", {.status = "past_due", .reason = "past_due"}, STATE_PAST_DUE},
	{"incomplete", {.status = "incomplete", .reason = "incomplete"}, STATE_INCOMPLETE},
	{"unpaid", {.status = "unpaid", .reason = "unpaid"}, STATE_UNPAID},
	{"paused", {.status = "paused", .reason = "paused"}, STATE_PAUSED},
	{"collection is paused, and that denies", {.status = "active", .reason = "paused"}, STATE_PAUSED},
	{"disputed", {.status = "active", .reason = "disputed"}, STATE_DISPUTED},
	{"refunded", {.status = "active", .reason = "refunded"}, STATE_REFUNDED},
	{"granted", {.status = "none", .reason = "override", .rank = 2}, STATE_GRANTED},
	{"granted beside a trial",
	 {.status = "trialing", .reason = "override", .rank = 2, .cancel_at = LATER},
	 STATE_GRANTED},
	{"a reason of a later version", {.status = "active", .reason = "quantum"}, STATE_FREE},
	{"nothing at all", {.status = NULL, .reason = NULL}, STATE_FREE},
};

static void every_row(void **unused) {
	(void)unused;
	bool met[BILLING_STATE_COUNT] = {false};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct state_facts f = rows[i].f;
		f.now = NOW;
		enum billing_state got = billing_state_of(&f);
		if (got != rows[i].want)
			fail_msg("%s: %s and not %s", rows[i].what, billing_state_name(got),
				 billing_state_name(rows[i].want));
		met[got] = true;
	}
	for (unsigned s = 0; s < BILLING_STATE_COUNT; s++)
		if (!met[s]) fail_msg("no row gives %s", billing_state_name((enum billing_state)s));
}

static void steps_beyond_the_most_are_not_read(void **unused) {
	(void)unused;
	struct state_facts f = {.status = "active", .reason = "active", .rank = 1, .now = NOW, .step_count = 1000};
	for (size_t i = 0; i < STATE_STEPS_MAX; i++) f.steps[i] = (struct state_step){LATER, 1, "active"};
	assert_int_equal(billing_state_of(&f), STATE_ACTIVE);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_row),
					   cmocka_unit_test(steps_beyond_the_most_are_not_read)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
