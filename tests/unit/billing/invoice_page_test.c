#include "invoice_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

static void a_cursor_is_the_subjects_own(void **state) {
	(void)state;
	struct invoice_cursor c = {.at = 1790000000, .shown_count = 2, .shown = {"in_1", "in_2"}}, back;
	char text[CURSOR_SIZE];
	assert_true(invoice_cursor_write(&c, "alice", text));
	assert_true(invoice_cursor_read(text, "alice", &back));
	assert_int_equal(back.at, c.at);
	assert_int_equal(back.shown_count, 2);
	assert_string_equal(back.shown[1], "in_2");
	assert_false(invoice_cursor_read(text, "bob", &back));
	size_t n = strlen(text);
	for (size_t cut = 0; cut < n; cut++) {
		char part[CURSOR_SIZE];
		memcpy(part, text, cut);
		part[cut] = 0;
		assert_false(invoice_cursor_read(part, "alice", &back));
	}
	assert_false(invoice_cursor_read("zz", "alice", &back));
	text[0] = 'f';
	assert_false(invoice_cursor_read(text, "alice", &back));
	struct invoice_cursor full = {.at = INT64_MAX, .shown_count = CURSOR_SHOWN_MAX};
	for (unsigned i = 0; i < CURSOR_SHOWN_MAX; i++) memset(full.shown[i], 'x', STRIPE_ID_MAX - 1);
	assert_true(invoice_cursor_write(&full, "alice", text));
	assert_true(invoice_cursor_read(text, "alice", &back));
}

static json_t *invoice(int n, int64_t created, const char *status) {
	char id[24];
	(void)snprintf(id, sizeof id, "in_%04d", n);
	return json_pack("{s:s, s:I, s:s, s:i, s:i, s:i, s:s}", "id", id, "created", (json_int_t)created, "status",
			 status, "total", 900, "amount_paid", 900, "amount_remaining", 0, "currency", "usd");
}

/* Stripe's side: a customer's invoices made at `lte` or before, newest first, at most `limit`. */
static json_t *listed(const json_t *all, int64_t lte, size_t limit, int64_t *horizon) {
	json_t *page = json_array();
	for (size_t i = json_array_size(all); i--;) {
		json_t *o = json_array_get(all, i);
		int64_t created = json_integer_value(json_object_get(o, "created"));
		if (lte && created > lte) continue;
		if (json_array_size(page) == limit) {
			const json_t *last = json_array_get(page, limit - 1);
			int64_t end = json_integer_value(json_object_get(last, "created"));
			if (end > *horizon) *horizon = end;
			break;
		}
		json_array_append(page, o);
	}
	return page;
}

/* Walks all pages; the ids that were shown, in order, as one text. */
static void walk(const json_t *const *customers, size_t count, unsigned limit, char *shown, size_t size) {
	struct invoice_cursor from = {.at = 0};
	size_t used = 0;
	shown[0] = 0;
	for (int pages = 0;; pages++) {
		int64_t horizon = 0;
		json_t *all = json_array();
		assert_true(pages < 2000);
		for (size_t i = 0; i < count; i++) {
			size_t ask = limit + from.shown_count < 100 ? limit + from.shown_count : 100;
			json_t *page = listed(customers[i], from.at, ask, &horizon);
			json_array_extend(all, page);
			json_decref(page);
		}
		json_t *answer = invoice_page(all, NULL, horizon, &from, limit, "alice"), *o;
		json_decref(all);
		assert_non_null(answer);
		size_t i;
		assert_true(json_array_size(json_object_get(answer, "invoices")) <= limit);
		json_array_foreach(json_object_get(answer, "invoices"), i, o) used +=
			(size_t)snprintf(shown + used, size - used, "%s ", json_string_value(json_object_get(o, "id")));
		const char *next = json_string_value(json_object_get(answer, "next_cursor"));
		bool more = next != NULL;
		if (more) assert_true(invoice_cursor_read(next, "alice", &from));
		json_decref(answer);
		if (!more) return;
	}
}

/* Any histories of up to three customers, any page: each invoice once, drafts never, newest first. */
static void pages_show_each_invoice_once(void **state) {
	(void)state;
	struct random r = random_start();
	static char shown[65536], expected[65536];
	for (int round = 0; round < 300; round++) {
		size_t count = random_below(&r, 3) + 1, made = 0;
		json_t *customers[3] = {json_array(), json_array(), json_array()}, *every = json_array();
		int64_t at = 1790000000;
		for (size_t n = random_below(&r, 60); n; n--) {
			at += (int64_t)(random_below(&r, 4) ? random_below(&r, 1000) + 1 : 0);
			bool draft = random_below(&r, 8) == 0;
			json_t *o = invoice((int)made++, at, draft ? "draft" : "paid");
			json_array_append(customers[random_below(&r, count)], o);
			if (draft)
				json_decref(o);
			else
				json_array_append_new(every, o);
		}
		size_t used = 0;
		expected[0] = 0;
		for (size_t i = json_array_size(every); i--;)
			used += (size_t)snprintf(expected + used, sizeof expected - used, "%s ",
						 json_string_value(json_object_get(json_array_get(every, i), "id")));
		walk((const json_t *const *)customers, count, (unsigned)random_below(&r, 12) + 5, shown, sizeof shown);
		assert_string_equal(shown, expected);
		for (int i = 0; i < 3; i++) json_decref(customers[i]);
		json_decref(every);
	}
}

static json_t *load(const char *text) {
	json_t *o = json_loads(text, 0, NULL);
	assert_non_null(o);
	return o;
}

static void what_went_back_is_told_by_the_charges(void **state) {
	(void)state;
	struct invoice_cursor from = {.at = 0};
	json_t *all =
		load("[{\"id\":\"in_1\",\"created\":100,\"status\":\"paid\",\"amount_paid\":900,\"total\":900,"
		     "\"currency\":\"usd\",\"hosted_invoice_url\":\"javascript:alert(1)\","
		     "\"invoice_pdf\":\"https://pay.example/x.pdf\",\"lines\":{\"data\":[{\"description\":\"Pro\","
		     "\"period\":{\"start\":100,\"end\":200}}]},"
		     "\"payments\":{\"data\":[{\"payment\":{\"payment_intent\":\"pi_1\"}}]}},"
		     "{\"id\":\"in_2\",\"created\":99,\"status\":\"paid\",\"amount_paid\":900},"
		     "{\"id\":\"in_3\",\"created\":98,\"status\":\"void\",\"amount_paid\":0}]");
	json_t *charges =
		load("[{\"id\":\"ch_1\",\"paid\":true,\"payment_intent\":{\"id\":\"pi_1\"},\"amount_refunded\":900},"
		     "{\"id\":\"ch_9\",\"paid\":true,\"payment_intent\":\"pi_9\",\"amount_refunded\":5}]");
	json_t *page = invoice_page(all, charges, 0, &from, 10, "alice");
	json_t *list = json_object_get(page, "invoices"), *first = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_integer_value(json_object_get(first, "refunded")), 900);
	assert_true(json_is_null(json_object_get(first, "hosted_url")));
	assert_string_equal(json_string_value(json_object_get(first, "pdf_url")), "https://pay.example/x.pdf");
	assert_string_equal(json_string_value(json_object_get(first, "description")), "Pro");
	assert_string_equal(json_string_value(json_object_get(first, "period_end")), "1970-01-01T00:03:20Z");
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "refunded")));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 2), "refunded")), 0);
	assert_int_equal(invoices_paid_since(all), 99);
	json_decref(page);
	json_decref(all);
	json_decref(charges);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_is_the_subjects_own),
		cmocka_unit_test(pages_show_each_invoice_once),
		cmocka_unit_test(what_went_back_is_told_by_the_charges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
