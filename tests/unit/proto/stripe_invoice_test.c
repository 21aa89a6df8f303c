#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/decoded.h"

static void check_invoice(const struct invoice *i) {
	is_text(i->id, "in_TgFixture1");
	is_text(i->customer, "cus_TgFixture1");
	is_text(i->subscription, "sub_TgFixture1");
	is_text(i->currency, "usd");
	assert_int_equal(i->status, INVOICE_PAID);
	assert_true(i->amount_due == 14712 && i->amount_remaining == 0);
	assert_true(i->attempt_count == 1 && i->next_payment_attempt == 0);
	/* not the proration's, which comes first, nor the invoice's own */
	assert_true(i->period_start == DEC_1);
	assert_true(i->period_end == JAN_1);
}

static void both_shapes_give_one_invoice(void **state) {
	static const char *const files[] = {INVOICE_CLASSIC, INVOICE_BASIL};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		LET(d) = DECODE(files[i]);
		LET(snapshot) = SNAPSHOT(files[i]);
		LET(one_line) = DECODE(files[i], {"data.object.lines.data.1", "{}"});
		LET(cut) = DECODE(files[i], {"data.object.lines.has_more", "true"}, {"data.object.lines.data.1", "{}"});
		LET(manual) = DECODE(files[i], {"data.object.subscription", "null"}, {"data.object.parent", "null"},
				     {"data.object.lines", "null"}, {"data.object.status", "null"},
				     {"data.object.amount_due", "-5"});
		must(&d, OBSERVE_INVOICE);
		check_invoice(&d.o.of.invoice);
		must(&snapshot, OBSERVE_INVOICE);
		check_invoice(&snapshot.o.of.invoice);
		must(&one_line, OBSERVE_INVOICE);
		assert_true(one_line.o.of.invoice.period_end == DEC_1); /* only the proration is left */
		assert_int_equal(one_line.o.fetch_count, 0);
		must(&cut, OBSERVE_INVOICE);
		assert_true(cut.o.of.invoice.period_end == 0); /* what it pays for is on another page */
		assert_int_equal(cut.o.fetch_count, 1);
		assert_int_equal(cut.o.fetches[0].kind, FETCH_INVOICE);
		must(&manual, OBSERVE_INVOICE);
		assert_int_equal(manual.o.of.invoice.subscription.len, 0);
		assert_int_equal(manual.o.of.invoice.status, INVOICE_NONE);
		assert_true(manual.o.of.invoice.period_end == 0);
		assert_true(manual.o.of.invoice.amount_due == -5);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_shapes_give_one_invoice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
