#include "sale.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The form as it reads when it is decoded, one field a line. */
static void form_is(struct writer *w, const char *expected) {
	char out[8192];
	size_t n = 0;
	struct view v = writer_view(w);
	assert_true(v.len > 0);
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];
		if (c == '&') c = '\n';
		if (c == '%') {
			char digits[3] = {v.ptr[i + 1], v.ptr[i + 2], 0};
			c = (char)strtol(digits, NULL, 16);
			i += 2;
		}
		out[n++] = c;
	}
	out[n] = 0;
	assert_string_equal(out, expected);
}

static struct sale pro = {
	.price = {.id = "price_1"},
	.customer = "cus_1",
	.success_url = "https://a.example/ok?session_id={CHECKOUT_SESSION_ID}&x=1",
	.cancel_url = "https://a.example/no",
	.return_url = "https://a.example/back",
};

static void a_checkout_names_its_subject_everywhere(void **state) {
	(void)state;
	char room[8192], long_subject[SUBJECT_MAX + 1] = "";
	struct writer w = writer_of(room, sizeof room);
	checkout_form(&w, &pro, "o'neill & co=1", "user_id");
	form_is(&w, "mode=subscription\ncustomer=cus_1\nclient_reference_id=o'neill & co=1\n"
		    "line_items[0][price]=price_1\nline_items[0][quantity]=1\nmetadata[user_id]=o'neill & co=1\n"
		    "subscription_data[metadata][user_id]=o'neill & co=1\n"
		    "success_url=https://a.example/ok?session_id={CHECKOUT_SESSION_ID}&x=1\ncancel_url=https://"
		    "a.example/no");
	/* Stripe's limit: the metadata alone must do */
	memset(long_subject, 'u', SUBJECT_MAX);
	w = writer_of(room, sizeof room);
	checkout_form(&w, &pro, long_subject, "user_id");
	struct view v = writer_view(&w);
	assert_null(memmem(v.ptr, v.len, "client_reference_id", 19));
	assert_non_null(memmem(v.ptr, v.len, long_subject, SUBJECT_MAX));
}

static void each_flow_has_its_form(void **state) {
	(void)state;
	char room[8192];
	struct sale s = pro;
	struct writer w = writer_of(room, sizeof room);
	portal_form(&w, &s, true);
	form_is(&w, "customer=cus_1\nreturn_url=https://a.example/back");

	memcpy(s.subscription, "sub_1", 6);
	s.success_url = NULL;
	s.flow = FLOW_CARD;
	w = writer_of(room, sizeof room);
	portal_form(&w, &s, true);
	form_is(&w, "customer=cus_1\nreturn_url=https://a.example/back\nflow_data[type]=payment_method_update\n"
		    "flow_data[after_completion][type]=redirect\n"
		    "flow_data[after_completion][redirect][return_url]=https://a.example/back");
	w = writer_of(room, sizeof room);
	portal_form(&w, &s, false);
	form_is(&w, "customer=cus_1\nreturn_url=https://a.example/back");

	s.flow = FLOW_CANCEL;
	w = writer_of(room, sizeof room);
	portal_form(&w, &s, true);
	form_is(&w, "customer=cus_1\nreturn_url=https://a.example/back\nflow_data[type]=subscription_cancel\n"
		    "flow_data[after_completion][type]=redirect\n"
		    "flow_data[after_completion][redirect][return_url]=https://a.example/back\n"
		    "flow_data[subscription_cancel][subscription]=sub_1");

	s.flow = FLOW_SWITCH;
	memcpy(s.item, "si_1", 5);
	s.item_quantity = 3;
	s.success_url = "https://a.example/ok";
	w = writer_of(room, sizeof room);
	portal_form(&w, &s, true);
	form_is(&w, "customer=cus_1\nreturn_url=https://a.example/back\nflow_data[type]=subscription_update_confirm\n"
		    "flow_data[after_completion][type]=redirect\n"
		    "flow_data[after_completion][redirect][return_url]=https://a.example/ok\n"
		    "flow_data[subscription_update_confirm][subscription]=sub_1\n"
		    "flow_data[subscription_update_confirm][items][0][id]=si_1\n"
		    "flow_data[subscription_update_confirm][items][0][price]=price_1\n"
		    "flow_data[subscription_update_confirm][items][0][quantity]=3");
}

static void the_largest_form_fits(void **state) {
	(void)state;
	static char room[SALE_FORM_MAX], url[2001], subject[SUBJECT_MAX + 1];
	memset(url, '&', 2000);
	memset(subject, '&', SUBJECT_MAX);
	struct sale s = pro;
	s.success_url = s.cancel_url = s.return_url = url;
	struct writer w = writer_of(room, sizeof room);
	checkout_form(&w, &s, subject, "user_id");
	assert_true(writer_view(&w).len > 12000);
	s.flow = FLOW_SWITCH;
	w = writer_of(room, sizeof room);
	portal_form(&w, &s, true);
	assert_true(writer_view(&w).len > 12000);
}

static void a_customers_key_is_a_function_of_mode_and_subject(void **state) {
	(void)state;
	char a[CUSTOMER_KEY_SIZE], b[CUSTOMER_KEY_SIZE];
	customer_key(false, "user_id", "alice", 0, a);
	customer_key(false, "user_id", "alice", 0, b);
	assert_string_equal(a, b);
	/* golden: another version of the service must find the same customer */
	assert_int_equal(strncmp(a, "tiergate-customer-test-0-", 25), 0);
	assert_int_equal(strlen(a), 25 + 64);
	customer_key(true, "user_id", "alice", 0, b);
	assert_string_not_equal(a, b);
	customer_key(false, "user_id", "alice", 1, b);
	assert_string_not_equal(a, b);
	customer_key(false, "user_i", "dalice", 0, b);
	assert_string_not_equal(a + 25, b + 25);
	char query[64];
	assert_true(customer_query("user_id", "o'ne\\ill", query, sizeof query));
	assert_string_equal(query, "metadata['user_id']:'o\\'ne\\\\ill'");
	assert_false(customer_query("user_id", "o'neill", query, 20));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_checkout_names_its_subject_everywhere),
		cmocka_unit_test(each_flow_has_its_form),
		cmocka_unit_test(the_largest_form_fits),
		cmocka_unit_test(a_customers_key_is_a_function_of_mode_and_subject),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
