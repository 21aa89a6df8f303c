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

#define INVOICES 60

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

/* Walks all pages; the numbers of the invoices that were shown, in order. */
static size_t walk(const json_t *const *customers, size_t count, unsigned limit, int *shown) {
	struct invoice_cursor from = {.at = 0};
	size_t used = 0;
	for (int pages = 0;; pages++) {
		int64_t horizon = 0;
		json_t *all = json_array(), *o;
		size_t i;
		assert_true(pages < 2000);
		for (i = 0; i < count; i++) {
			size_t ask = limit + from.shown_count < 100 ? limit + from.shown_count : 100;
			json_t *page = listed(customers[i], from.at, ask, &horizon);
			json_array_extend(all, page);
			json_decref(page);
		}
		json_t *answer = invoice_page(all, NULL, horizon, &from, limit, "alice");
		json_decref(all);
		assert_non_null(answer);
		assert_true(json_array_size(json_object_get(answer, "invoices")) <= limit);
		json_array_foreach(json_object_get(answer, "invoices"), i, o) {
			assert_true(used < INVOICES);
			shown[used++] = (int)strtol(json_string_value(json_object_get(o, "id")) + 3, NULL, 10);
		}
		const char *next = json_string_value(json_object_get(answer, "next_cursor"));
		bool more = next != NULL;
		if (more) assert_true(invoice_cursor_read(next, "alice", &from));
		json_decref(answer);
		if (!more) return used;
	}
}

/* Any histories of up to three customers, any page: each invoice once, drafts never, newest first. Within one second
 * any order will do. */
static void pages_show_each_invoice_once(void **state) {
	(void)state;
	struct random r = random_start();
	for (int round = 0; round < 1000; round++) {
		size_t count = random_below(&r, 3) + 1, made = random_below(&r, INVOICES), wanted = 0;
		json_t *customers[3] = {json_array(), json_array(), json_array()};
		int64_t at = 1790000000, created[INVOICES];
		bool due[INVOICES];
		int shown[INVOICES];
		for (size_t i = 0; i < made; i++) {
			at += (int64_t)(random_below(&r, 4) ? random_below(&r, 1000) + 1 : 0);
			created[i] = at;
			due[i] = random_below(&r, 8) != 0;
			wanted += due[i];
			json_array_append_new(customers[random_below(&r, count)],
					      invoice((int)i, at, due[i] ? "paid" : "draft"));
		}
		size_t n = walk((const json_t *const *)customers, count, (unsigned)random_below(&r, 12) + 5, shown);
		assert_int_equal(n, wanted);
		for (size_t i = 0; i < n; i++) {
			assert_true(due[shown[i]]);
			due[shown[i]] = false;
			assert_true(i == 0 || created[shown[i]] <= created[shown[i - 1]]);
		}
		for (int i = 0; i < 3; i++) json_decref(customers[i]);
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

/* An invoice is shown with what is known of it, rather than not at all. */
static void what_an_invoice_lacks_is_null(void **state) {
	(void)state;
	struct invoice_cursor from = {.at = 0};
	json_t *all = load("[{\"id\":\"in_1\",\"created\":100,\"status\":\"paid\",\"total\":900},"
			   "{\"id\":\"in_2\",\"created\":99,\"currency\":\"usd\",\"total\":900},"
			   "{\"id\":\"in_3\",\"created\":98,\"status\":7,\"currency\":7},"
			   "{\"id\":\"in_4\",\"created\":97,\"status\":null,\"currency\":null},"
			   "{\"id\":\"in_5\",\"created\":96,\"status\":\"open\",\"currency\":\"USD\"},"
			   "{\"id\":\"in_6\",\"created\":95,\"status\":\"open\",\"currency\":\"\"}]");
	static const char *const expected[][2] = {{"paid", NULL}, {NULL, "usd"},  {NULL, NULL},
						  {NULL, NULL},   {"open", NULL}, {"open", NULL}};
	json_t *charges = json_array(), *page = invoice_page(all, charges, 0, &from, 10, "alice");
	const json_t *list = json_object_get(page, "invoices");
	assert_int_equal(json_array_size(list), ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const json_t *o = json_array_get(list, i), *said[2];
		said[0] = json_object_get(o, "status");
		said[1] = json_object_get(o, "currency");
		for (size_t k = 0; k < 2; k++) {
			assert_non_null(said[k]);
			assert_true(expected[i][k] ? json_is_string(said[k]) : json_is_null(said[k]));
			if (expected[i][k]) assert_string_equal(json_string_value(said[k]), expected[i][k]);
		}
		assert_int_equal(json_object_size(o), json_object_size(json_array_get(list, 0)));
		assert_true(json_is_integer(json_object_get(o, "total")));
	}
	json_decref(page);
	json_decref(all);
	json_decref(charges);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_is_the_subjects_own),
		cmocka_unit_test(pages_show_each_invoice_once),
		cmocka_unit_test(what_went_back_is_told_by_the_charges),
		cmocka_unit_test(what_an_invoice_lacks_is_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
