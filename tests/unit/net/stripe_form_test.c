#include "net/stripe_form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char space[256];

static struct writer fresh(void) { return writer_of(space, sizeof space); }

static void paths(void **state) {
	(void)state;
	struct writer w = fresh();
	stripe_path(&w, "/v1/subscriptions/{id}", VIEW("sub_1"));
	stripe_param(&w, "expand[]", VIEW("items.data.price"));
	stripe_param_number(&w, "limit", 100);
	assert_string_equal(stripe_text_end(&w), "/v1/subscriptions/sub_1?expand%5B%5D=items.data.price&limit=100");
	w = fresh();
	stripe_path(&w, "/v1/x?payment[type]=charge&payment[charge]={id}", VIEW("ch_1"));
	stripe_param(&w, "a", VIEW("b"));
	assert_string_equal(stripe_text_end(&w), "/v1/x?payment%5Btype%5D=charge&payment%5Bcharge%5D=ch_1&a=b");
}

/* An id comes from outside: it stays one segment, and one value. */
static void no_value_ends_its_place(void **state) {
	(void)state;
	struct writer w = fresh();
	stripe_path(&w, "/v1/customers/{id}", VIEW("../a?b=c&d#e f%\n\xc3\xa9"));
	assert_string_equal(stripe_text_end(&w), "/v1/customers/..%2Fa%3Fb%3Dc%26d%23e%20f%25%0A%C3%A9");
	w = fresh();
	stripe_field(&w, "metadata[user_id]", VIEW("a&b=c"));
	stripe_field_number(&w, "n", -5);
	assert_string_equal(stripe_text_end(&w), "metadata%5Buser_id%5D=a%26b%3Dc&n=-5");
}

static void what_does_not_fit_fails(void **state) {
	(void)state;
	struct writer w = writer_of(space, 8);
	stripe_path(&w, "/v1/{id}", VIEW("abc"));
	assert_false(w.failed);
	assert_string_equal(stripe_text_end(&w), "/v1/abc");
	w = writer_of(space, 7);
	stripe_path(&w, "/v1/{id}", VIEW("abc"));
	assert_null(stripe_text_end(&w));
	assert_true(w.failed);
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(no_value_ends_its_place),
					   cmocka_unit_test(what_does_not_fit_fails)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
