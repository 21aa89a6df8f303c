#include "domain/registers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char long_subject[SUBJECT_MAX + 1];

static void which_claims_are_valid(void **state) {
	(void)state;
	const struct view customer = VIEW("cus_1");
	memset(long_subject, 'u', sizeof long_subject);
	assert_true(claim_valid(VIEW("user"), customer));
	assert_true(claim_valid(view_of(long_subject, SUBJECT_MAX), customer));
	assert_false(claim_valid(view_of(long_subject, SUBJECT_MAX + 1), customer));
	assert_false(claim_valid(VIEW(""), customer));
	assert_false(claim_valid(VIEW_NONE, customer));
	/* a payment link lets its visitor choose: another customer's id would be another's subscriptions */
	assert_false(claim_valid(VIEW("cus_2"), customer));
	assert_false(claim_valid(VIEW("cus_"), customer));
	assert_false(claim_valid(VIEW("cus_11"), customer));
	assert_true(claim_valid(VIEW("cus_1"), customer));
	assert_true(claim_valid(VIEW("cus"), customer));
	assert_true(claim_valid(VIEW("customer"), customer));
}

static void claim(struct customer_register *r, const char *subject, bool is_new, int64_t at, const char *event) {
	struct stamp s = {at, RANK_UPDATED, view_str(event)};
	customer_register_claim(r, view_str(subject), is_new, false, &s);
}

static bool pays_for(const struct customer_register *r, const char *subject) {
	return view_eq(customer_register_subject(r, VIEW("cus_1")), view_str(subject));
}

static void without_a_claim_it_pays_for_itself(void **state) {
	(void)state;
	struct customer_register r = {0};
	assert_true(pays_for(&r, "cus_1"));
}

static void the_latest_new_claim_wins(void **state) {
	(void)state;
	struct customer_register r = {0};
	claim(&r, "anna", true, 10, "evt_1");
	claim(&r, "ben", true, 20, "evt_2");
	assert_true(pays_for(&r, "ben"));
	/* the old claim, repeated by each later event of an object that still carries it */
	claim(&r, "anna", false, 30, "evt_3");
	assert_true(pays_for(&r, "ben"));
	/* claimed anew */
	claim(&r, "anna", true, 40, "evt_4");
	assert_true(pays_for(&r, "anna"));
	/* and a stale redelivery of the first rebinding */
	claim(&r, "ben", true, 20, "evt_2");
	assert_true(pays_for(&r, "anna"));
	assert_int_equal(r.claim_count, 2);
}

static void a_repeated_claim_is_better_than_none(void **state) {
	(void)state;
	struct customer_register r = {0};
	claim(&r, "anna", false, 10, "evt_1");
	assert_true(pays_for(&r, "anna"));
	claim(&r, "ben", false, 20, "evt_2");
	assert_true(pays_for(&r, "ben"));
	claim(&r, "carl", true, 5, "evt_3");
	assert_true(pays_for(&r, "carl"));
}

static void stands(struct customer_register *r, const char *subject, bool is_new, int64_t at, const char *event) {
	struct stamp s = {at, RANK_UPDATED, view_str(event)};
	customer_register_claim(r, view_str(subject), is_new, true, &s);
}

static void a_claim_taken_out_leaves_the_customer_itself(void **state) {
	(void)state;
	struct customer_register r = {0};
	stands(&r, "anna", true, 10, "evt_1");
	stands(&r, "", true, 20, "evt_2");
	assert_true(pays_for(&r, "cus_1"));
	assert_int_equal(r.claim_count, 2);
	claim(&r, "ben", true, 30, "evt_3");
	assert_true(pays_for(&r, "ben"));
	/* the removal of what stood there before: said late */
	stands(&r, "", true, 15, "evt_4");
	assert_true(pays_for(&r, "ben"));
}

static void an_empty_claim_that_is_not_new_is_only_a_sight(void **state) {
	(void)state;
	struct customer_register r = {0};
	stands(&r, "", false, 10, "evt_1");
	assert_int_equal(r.claim_count, 0);
	assert_true(r.has_standing && r.standing.len == 0);
	assert_true(pays_for(&r, "cus_1"));
}

static void the_metadata_shows_what_was_missed(void **state) {
	(void)state;
	static const struct {
		bool own; /* the first claim was made in the metadata */
		const char *stands;
		int64_t at;
		const char *subject;
	} rows[] = {
		{true, "ben", 11, "ben"},    {true, "ben", 10, "anna"}, /* in the same second: no news */
		{true, "", 11, "cus_1"},     {true, "anna", 11, "anna"},
		{false, "ben", 11, "ben"},   /* nobody was seen to bind ben: that event is missing */
		{false, "", 11, "anna"},     /* it was bound elsewhere, and the metadata never said anything */
		{false, "carl", 11, "anna"}, /* who bound carl is known, and it was before */
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct customer_register r = {0};
		claim(&r, "carl", true, 5, "evt_0");
		if (rows[i].own)
			stands(&r, "anna", true, 10, "evt_1");
		else
			claim(&r, "anna", true, 10, "evt_1");
		stands(&r, rows[i].stands, false, rows[i].at, "evt_2");
		if (!pays_for(&r, rows[i].subject)) fail_msg("row %zu", i);
	}
}

static void the_first_deletion_stays(void **state) {
	(void)state;
	struct customer_register r = {0};
	customer_register_delete(&r, &(struct stamp){20, RANK_DELETED, VIEW("evt_2")});
	customer_register_delete(&r, &(struct stamp){10, RANK_DELETED, VIEW("evt_3")});
	customer_register_delete(&r, &(struct stamp){10, RANK_DELETED, VIEW("evt_1")});
	customer_register_delete(&r, &(struct stamp){30, RANK_DELETED, VIEW("evt_0")});
	assert_true(r.deleted);
	assert_int_equal(r.deleted_at, 10);
	assert_true(view_eq(r.deleted_event, VIEW("evt_1")));
	claim(&r, "anna", true, 40, "evt_4");
	assert_true(r.deleted);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_claims_are_valid),
		cmocka_unit_test(without_a_claim_it_pays_for_itself),
		cmocka_unit_test(the_latest_new_claim_wins),
		cmocka_unit_test(a_repeated_claim_is_better_than_none),
		cmocka_unit_test(a_claim_taken_out_leaves_the_customer_itself),
		cmocka_unit_test(an_empty_claim_that_is_not_new_is_only_a_sight),
		cmocka_unit_test(the_metadata_shows_what_was_missed),
		cmocka_unit_test(the_first_deletion_stays),
	};
	return cmocka_run_group_tests_name("customer_register", tests, NULL, NULL);
}
