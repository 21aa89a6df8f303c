/* Whatever shape Stripe gave to a life's events, the decoder sees the same observations: those that the life is. */
#include "lives/bodies.h"
#include "proto/stripe_decode.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct life life;

/* What must be equal; ranks count for subscriptions alone. */
static void print_all(struct text *t, const struct observation *o) {
	text_clear(t);
	text_add(t, "rank %d pre %016" PRIx64 " post %016" PRIx64 " ",
		 o->kind == OBSERVE_SUBSCRIPTION ? (int)o->stamp.rank : 0,
		 o->kind == OBSERVE_SUBSCRIPTION && o->of.subscription.has_pre ? o->of.subscription.pre : 0,
		 o->kind == OBSERVE_SUBSCRIPTION ? o->of.subscription.post : 0);
	print_observation(t, o);
}

static void check_event(struct stripe_decoder *d, const struct life_event *e, const struct body_shape *shape) {
	static struct text body, wanted, got;
	struct record record;
	struct observation o = {0};
	struct problem why = {0};
	body_record(&body, e, shape, 1, &record);
	enum error failed = stripe_decode(d, &record, &o, &why);
	if (failed) fprintf(stderr, "%s: %s\n%s\n", error_code(failed), problem_text(&why), body.bytes);
	assert_int_equal(failed, OK);
	assert_int_equal(o.kind, e->o.kind);
	assert_false(o.scope.livemode);
	print_all(&wanted, &e->o);
	print_all(&got, &o);
	if (text_eq(&wanted, &got)) return;
	fprintf(stderr, "%s\n--- wanted\n%s--- got\n%s", body.bytes, wanted.bytes, got.bytes);
	fail_msg("%s is seen as something else", e->what);
}

static void every_shape_is_the_same_observation(void **state) {
	(void)state;
	AUTO(stripe_decoder_destroy)
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	struct random r = law_random("shapes of lives");
	uint64_t rounds = law_rounds(300);
	assert_non_null(d);
	for (uint64_t round = 0; round < rounds; round++) {
		struct life_shape shape = {
			.events = 60, .same_second_percent = 30, .subs = 2, .customers = 2, .silent = true};
		life_make(&life, &r, &shape);
		for (unsigned i = 0; i < life.count; i++) {
			struct body_shape body = random_body_shape(&r);
			check_event(d, &life.events[i], &body);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_shape_is_the_same_observation)};
	(void)law_seed();
	return cmocka_run_group_tests_name("stripe_lives", tests, NULL, NULL);
}
