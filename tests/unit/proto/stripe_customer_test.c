#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/decoded.h"

static void a_claim_is_new_only_once(void **state) {
	static const struct {
		const char *type, *previous;
		bool is_new;
	} cases[] = {
		{"customer.subscription.created", NULL, true},
		{"customer.subscription.updated", NULL, false},
		{"customer.subscription.updated", "{\"status\":\"incomplete\"}", false},
		{"customer.subscription.updated", "{\"metadata\":{\"campaign\":null}}", false},
		{"customer.subscription.updated", "{\"metadata\":{\"user_id\":null}}", true},
		{"customer.subscription.updated", "{\"metadata\":{\"user_id\":\"other\"}}", true},
		{"customer.subscription.updated", "{\"metadata\":null}", true},
		{"customer.subscription.deleted", NULL, false},
		{"customer.subscription.deleted", "{\"metadata\":{\"user_id\":null}}", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char type[64], customer_type[64];
		(void)snprintf(type, sizeof type, "\"%s\"", cases[i].type);
		(void)snprintf(customer_type, sizeof customer_type, "\"customer%s\"", strrchr(cases[i].type, '.'));
		const char *previous = cases[i].previous ? cases[i].previous : "null";
		LET(sub) = DECODE(SUB_BASIL, {"type", type}, {"data.previous_attributes", previous});
		LET(cus) = DECODE("customer_created.json", {"type", customer_type},
				  {"data.previous_attributes", previous});
		LET(none) = DECODE(SUB_BASIL, {"type", type}, {"data.previous_attributes", previous},
				   {"data.object.metadata", "{}"});
		must(&sub, OBSERVE_SUBSCRIPTION);
		must(&cus, OBSERVE_CUSTOMER);
		must(&none, OBSERVE_SUBSCRIPTION);
		if (sub.o.of.subscription.new_claim != cases[i].is_new) fail_msg("subscription, case %zu", i);
		if (cus.o.of.customer.new_claim != cases[i].is_new) fail_msg("customer, case %zu", i);
		assert_false(none.o.of.subscription.new_claim);
	}
}

static void a_monstrous_claim_is_none(void **state) {
	char text[SUBJECT_MAX + 4];
	(void)state;
	for (size_t n = SUBJECT_MAX; n <= SUBJECT_MAX + 1; n++) {
		memset(text, 'u', sizeof text);
		text[0] = text[n + 1] = '"';
		text[n + 2] = 0;
		LET(sub) = DECODE(SUB_BASIL, {"data.object.metadata.user_id", text});
		LET(session) = DECODE("checkout_session_completed.json", {"data.object.client_reference_id", text});
		must(&sub, OBSERVE_SUBSCRIPTION);
		must(&session, OBSERVE_CHECKOUT);
		assert_int_equal(sub.o.of.subscription.now.subject.len, n > SUBJECT_MAX ? 0 : n);
		assert_int_equal(session.o.of.checkout.subject.len, n > SUBJECT_MAX ? strlen("user-42") : n);
	}
	LET(nul) = DECODE(SUB_BASIL, {"data.object.metadata.user_id", "\"user-1\\u0000\""});
	LET(number) = DECODE(SUB_BASIL, {"data.object.metadata.user_id", "1"});
	must(&nul, OBSERVE_SUBSCRIPTION);
	must(&number, OBSERVE_SUBSCRIPTION);
	assert_int_equal(nul.o.of.subscription.now.subject.len, 0);
	assert_int_equal(number.o.of.subscription.now.subject.len, 0);
}

static void reads_customers(void **state) {
	LET(created) = DECODE("customer_created.json");
	LET(deleted) = DECODE("customer_created.json", {"type", "\"customer.deleted\""});
	LET(bare) = SNAPSHOT("customer_created.json", {"metadata", NULL}, {"livemode", NULL}, {"deleted", "true"});
	(void)state;
	must(&created, OBSERVE_CUSTOMER);
	is_text(created.o.of.customer.id, "cus_TgFixture1");
	is_text(created.o.of.customer.subject, "user-42");
	assert_false(created.o.of.customer.deleted);
	assert_true(created.o.of.customer.new_claim);
	must(&deleted, OBSERVE_CUSTOMER);
	assert_true(deleted.o.of.customer.deleted);
	assert_false(deleted.o.of.customer.new_claim);
	must(&bare, OBSERVE_CUSTOMER);
	assert_true(bare.o.of.customer.deleted);
	assert_int_equal(bare.o.of.customer.subject.len, 0);
}

static void reads_checkout_sessions(void **state) {
	LET(done) = DECODE("checkout_session_completed.json");
	LET(free_trial) =
		DECODE("checkout_session_completed.json", {"data.object.payment_status", "\"no_payment_required\""});
	LET(unpaid) = DECODE("checkout_session_completed.json", {"data.object.payment_status", "\"unpaid\""});
	LET(guest) = DECODE("checkout_session_completed.json", {"data.object.customer", "null"},
			    {"data.object.subscription", "null"}, {"data.object.client_reference_id", "null"});
	LET(open) = SNAPSHOT("checkout_session_completed.json", {"status", "\"open\""});
	LET(complete) = SNAPSHOT("checkout_session_completed.json");
	(void)state;
	must(&done, OBSERVE_CHECKOUT);
	is_text(done.o.of.checkout.id, "cs_test_TgFixture1");
	is_text(done.o.of.checkout.customer, "cus_TgFixture1");
	is_text(done.o.of.checkout.subscription, "sub_TgFixture1");
	is_text(done.o.of.checkout.subject, "user-42");
	assert_true(done.o.of.checkout.paid);
	must(&free_trial, OBSERVE_CHECKOUT);
	assert_true(free_trial.o.of.checkout.paid);
	must(&unpaid, OBSERVE_CHECKOUT);
	assert_false(unpaid.o.of.checkout.paid);
	assert_int_equal(unpaid.o.of.checkout.customer.len, 0);
	must(&guest, OBSERVE_CHECKOUT);
	assert_int_equal(guest.o.of.checkout.customer.len + guest.o.of.checkout.subscription.len, 0);
	is_text(guest.o.of.checkout.subject, "user-42"); /* metadata's */
	must(&open, OBSERVE_NOTHING);
	must(&complete, OBSERVE_CHECKOUT);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_is_new_only_once),
		cmocka_unit_test(a_monstrous_claim_is_none),
		cmocka_unit_test(reads_customers),
		cmocka_unit_test(reads_checkout_sessions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
