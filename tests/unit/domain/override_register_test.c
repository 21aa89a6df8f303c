#include "domain/registers.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void say(struct override_register *r, int64_t at, const char *event, bool revoked, const char *tier) {
	struct override_register just;
	const struct override_observation o = {.id = VIEW("ovr_1"),
					       .subject = VIEW("anna"),
					       .revoked = revoked,
					       .tier = view_str(tier),
					       .why = view_str(event),
					       .by = VIEW("ops")};
	const struct stamp stamp = {at, RANK_UPDATED, view_str(event)};
	override_register_observe(&just, &stamp, &o);
	override_register_join(r, &just);
}

static void granted_and_revoked_in_any_order(void **state) {
	(void)state;
	struct override_register a = {0}, b = {0};
	say(&a, 5, "ovr_1_g", false, "pro");
	assert_true(a.granted && !a.revoked);
	say(&a, 9, "ovr_1_r", true, "");
	say(&b, 9, "ovr_1_r", true, "");
	assert_true(!b.granted && b.revoked);
	assert_true(view_eq(b.subject, VIEW("anna")));
	say(&b, 5, "ovr_1_g", false, "pro");
	const struct override_register *both[] = {&a, &b};
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		assert_true(both[i]->granted && both[i]->revoked);
		assert_true(view_eq(both[i]->given.tier, VIEW("pro")));
		assert_true(view_eq(both[i]->revoked_why, VIEW("ovr_1_r")));
	}
}

static void a_later_grant_under_the_id_does_not_unrevoke(void **state) {
	(void)state;
	struct override_register r = {0};
	say(&r, 5, "ovr_1_r", true, "");
	say(&r, 9, "ovr_1_g", false, "pro");
	say(&r, 12, "ovr_1_h", false, "institutional");
	assert_true(r.revoked);
	assert_true(view_eq(r.given.tier, VIEW("institutional")));
}

static void the_first_revocation_is_remembered(void **state) {
	(void)state;
	struct override_register r = {0};
	say(&r, 9, "ovr_1_b", true, "");
	say(&r, 5, "ovr_1_c", true, "");
	say(&r, 5, "ovr_1_a", true, "");
	assert_int_equal(r.revoked_stamp.created, 5);
	assert_true(view_eq(r.revoked_why, VIEW("ovr_1_a")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(granted_and_revoked_in_any_order),
		cmocka_unit_test(a_later_grant_under_the_id_does_not_unrevoke),
		cmocka_unit_test(the_first_revocation_is_remembered),
	};
	return cmocka_run_group_tests_name("override_register", tests, NULL, NULL);
}
