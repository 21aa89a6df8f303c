#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/decoded.h"

static void types_have_their_kind_and_rank(void **state) {
	static const struct {
		const char *fixture, *type;
		enum observation_kind kind;
		enum rank rank;
	} cases[] = {
		{SUB_BASIL, "\"customer.subscription.created\"", OBSERVE_SUBSCRIPTION, RANK_CREATED},
		{SUB_BASIL, "\"customer.subscription.paused\"", OBSERVE_SUBSCRIPTION, RANK_UPDATED},
		{SUB_BASIL, "\"customer.subscription.resumed\"", OBSERVE_SUBSCRIPTION, RANK_UPDATED},
		{SUB_BASIL, "\"customer.subscription.pending_update_applied\"", OBSERVE_SUBSCRIPTION, RANK_UPDATED},
		{SUB_BASIL, "\"customer.subscription.pending_update_expired\"", OBSERVE_SUBSCRIPTION, RANK_UPDATED},
		{SUB_BASIL, "\"customer.subscription.trial_will_end\"", OBSERVE_SUBSCRIPTION, RANK_UPDATED},
		{SUB_BASIL, "\"customer.subscription.deleted\"", OBSERVE_SUBSCRIPTION, RANK_DELETED},
		{"customer_created.json", "\"customer.created\"", OBSERVE_CUSTOMER, RANK_CREATED},
		{"customer_created.json", "\"customer.updated\"", OBSERVE_CUSTOMER, RANK_UPDATED},
		{"customer_created.json", "\"customer.deleted\"", OBSERVE_CUSTOMER, RANK_DELETED},
		{"checkout_session_completed.json", "\"checkout.session.completed\"", OBSERVE_CHECKOUT, RANK_UPDATED},
		{"checkout_session_completed.json", "\"checkout.session.async_payment_succeeded\"", OBSERVE_CHECKOUT,
		 RANK_UPDATED},
		{INVOICE_BASIL, "\"invoice.payment_failed\"", OBSERVE_INVOICE, RANK_UPDATED},
		{INVOICE_BASIL, "\"invoice.payment_succeeded\"", OBSERVE_INVOICE, RANK_UPDATED},
		{INVOICE_BASIL, "\"invoice.voided\"", OBSERVE_INVOICE, RANK_UPDATED},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		LET(d) = DECODE(cases[i].fixture, {"type", cases[i].type});
		must(&d, cases[i].kind);
		assert_int_equal(d.o.stamp.rank, cases[i].rank);
	}
}

static void unused_events_say_nothing(void **state) {
	static const char *const types[] = {"\"charge.succeeded\"",
					    "\"invoice.upcoming\"",
					    "\"customer.subscription\"",
					    "\"customer.subscription.unheard_of\"",
					    "\"price.updated\"",
					    "\"product.deleted\"",
					    "\"\"",
					    "\"subscription\""};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		LET(d) = DECODE(SUB_BASIL, {"type", types[i]}, {"data", "7"});
		must(&d, OBSERVE_NOTHING);
		is_text(d.o.stamp.event, "evt_TgSub1");
	}
	LET(snapshot) = SNAPSHOT(SUB_BASIL, {"object", "\"price\""});
	must(&snapshot, OBSERVE_NOTHING);
	assert_false(snapshot.o.is_answer);
}

static void names_what_is_malformed(void **state) {
	static const struct {
		const char *fixture, *path, *text, *says;
	} cases[] = {
		{SUB_BASIL, "data.object.status", "\"foo\"", "data.object.status: unknown status \"foo\""},
		{SUB_BASIL, "data.object.status", "\"none\"", "data.object.status: unknown status \"none\""},
		{SUB_BASIL, "data.object.status", "\"<script>\"", "data.object.status: missing, or an unknown status"},
		{SUB_BASIL, "data.object.status", NULL, "data.object.status"},
		{SUB_BASIL, "data.object.status", "1", "data.object.status: must be a string"},
		{SUB_BASIL, "data.object.id", NULL, "data.object.id: is missing"},
		{SUB_BASIL, "data.object.id", "\"\"", "data.object.id: is missing"},
		{SUB_BASIL, "data.object.customer", NULL, "data.object.customer: is missing"},
		{SUB_BASIL, "data.object.customer", "{}", "data.object.customer.id: is missing"},
		{SUB_BASIL, "data.object.customer", "[\"cus_1\"]", "data.object.customer: must be a string"},
		{SUB_BASIL, "data.object.customer", "\"cus_\\u0000\"", "data.object.customer: has a NUL"},
		{SUB_BASIL, "data.object.created", "1.5", "data.object.created: must be an integer"},
		{SUB_BASIL, "data.object.created", "1764547200.0", "data.object.created: must be an integer"},
		{SUB_BASIL, "data.object.created", "-1", "data.object.created: must not be negative"},
		{SUB_BASIL, "data.object.created", "\"1764547200\"", "data.object.created: must be an integer"},
		{SUB_BASIL, "data.object.cancel_at_period_end", "0",
		 "data.object.cancel_at_period_end: must be true or false"},
		{SUB_BASIL, "data.object.items.data", "null", "data.object.items.data: must be a list"},
		{SUB_BASIL, "data.object.items", "[]", "data.object.items.data: must be a list"},
		{SUB_BASIL, "data.object.items.data", "{}", "data.object.items.data: must be a list"},
		{SUB_BASIL, "data.object.items.data.0", "\"si_1\"", "data.object.items.data[0]: must be an object"},
		{SUB_BASIL, "data.object.items.data.0", "{\"quantity\":1}", "data.object.items.data[0]: has no price"},
		{SUB_BASIL, "data.object.items.data.0.quantity", "-1",
		 "data.object.items.data[0].quantity: must not be negative"},
		{SUB_BASIL, "data.object.items.data.0.price.lookup_key", "7",
		 "data.object.items.data[0].price.lookup_key"},
		{SUB_BASIL, "data.object.items.data.0.price.product", "{\"name\":\"x\"}",
		 "data.object.items.data[0].price.product.id"},
		{SUB_BASIL, "data.object.livemode", "true", "data.object.livemode: contradicts the record"},
		{SUB_BASIL, "data.object.object", "\"customer\"", "data.object.object: contradicts the record"},
		{SUB_BASIL, "data.object", "null", "data.object: must be an object"},
		{SUB_BASIL, "data.object", "[]", "data.object: must be an object"},
		{SUB_BASIL, "data", "[]", "data.object: must be an object"},
		{SUB_BASIL, "object", "\"list\"", "object: contradicts the record"},
		{INVOICE_BASIL, "data.object.status", "\"settled\"", "data.object.status: unknown status"},
		{INVOICE_BASIL, "data.object.currency", "\"usdusdusd\"",
		 "data.object.currency: is longer than 8 bytes"},
		{INVOICE_BASIL, "data.object.amount_due", "1e2", "data.object.amount_due: must be an integer"},
		{INVOICE_BASIL, "data.object.lines.data.1.period.end", "\"x\"", "data.object.lines.data[1].period.end"},
		{"customer_created.json", "data.object.id", "null", "data.object.id: is missing"},
		{"checkout_session_completed.json", "data.object.customer", "1",
		 "data.object.customer: must be a string"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct observation before;
		memset(&before, 0x5a, sizeof before);
		LET(d) = DECODE(cases[i].fixture, {cases[i].path, cases[i].text});
		if (d.result != ERR_MALFORMED) fail_msg("case %zu (%s) gave %d", i, cases[i].path, d.result);
		if (!strstr(d.why.text, cases[i].says))
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, d.why.text, cases[i].says);
		assert_memory_equal(&d.o, &before, sizeof before);
	}
}

static void a_long_id_is_malformed(void **state) {
	char text[STRIPE_ID_MAX + 4];
	(void)state;
	for (size_t n = STRIPE_ID_MAX; n <= STRIPE_ID_MAX + 1; n++) {
		memset(text, 'x', sizeof text);
		text[0] = text[n + 1] = '"';
		text[n + 2] = 0;
		LET(d) = DECODE(SUB_BASIL, {"data.object.items.data.0.price.id", text});
		assert_int_equal(d.result, n > STRIPE_ID_MAX ? ERR_MALFORMED : OK);
	}
}

/* A body that is not its record's. */
static void contradictions_are_malformed(void **state) {
	json_t *event = fixture_load(SUB_BASIL);
	char *body = json_dumps(event, 0);
	const struct record good = {.kind = RECORD_EVENT,
				    .created = DEC_1 + 40,
				    .id = VIEW("evt_TgSub1"),
				    .type = VIEW("customer.subscription.updated"),
				    .body = view_str(body)};
	struct record bad[4] = {good, good, good, good};
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	struct observation o;
	struct problem why;
	static const char *const says[] = {"livemode", "created", "id", "type"};
	(void)state;
	bad[0].livemode = true;
	bad[1].created++;
	bad[2].id = VIEW("evt_other");
	bad[3].type = VIEW("customer.subscription.deleted");
	assert_int_equal(stripe_decode(d, &good, &o, &why), OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(stripe_decode(d, &bad[i], &o, &why), ERR_MALFORMED);
		assert_true(strncmp(why.text, says[i], strlen(says[i])) == 0);
	}
	/* an event that was listed with the account's own header need not name the account; another one's is refused */
	struct record connect = good;
	connect.account = VIEW("acct_1");
	assert_int_equal(stripe_decode(d, &connect, &o, &why), OK);
	is_text(o.scope.account, "acct_1");
	free(body);
	fixture_set(event, "account", "\"acct_2\"");
	body = json_dumps(event, 0);
	connect.body = view_str(body);
	assert_int_equal(stripe_decode(d, &connect, &o, &why), ERR_MALFORMED);
	assert_non_null(strstr(why.text, "account: contradicts"));
	stripe_decoder_destroy(&d);
	free(body);
	json_decref(event);
}

static void what_is_not_json_is_malformed(void **state) {
	static const struct view bodies[] = {
		VIEW_INIT(""),
		VIEW_INIT("{"),
		VIEW_INIT("[]"),
		VIEW_INIT("{\"data\":{\"object\":{\"id\":\"ada@example.com\"}},}"),
		VIEW_INIT("{\"data\":{\"object\":{\"id\":\"ada@example.com\",\"id\":\"b\"}}}"),
		VIEW_INIT("{\"data\":{\"object\":{\"id\":\"ada@example.com\",\"created\":99999999999999999999}}}"),
		VIEW_INIT("{\"data\":{\"object\":{\"id\":\"\xff\"}}}"),
	};
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct observation o;
		struct problem why = {OK, ""};
		struct record r = {.kind = RECORD_WEBHOOK,
				   .id = VIEW("evt_1"),
				   .type = VIEW("customer.updated"),
				   .body = bodies[i]};
		assert_int_equal(stripe_decode(d, &r, &o, &why), ERR_MALFORMED);
		assert_int_equal(stripe_decode(d, &r, &o, NULL), ERR_MALFORMED);
		assert_true(why.text[0] != 0);
		assert_null(strstr(why.text, "ada@"));
	}
	stripe_decoder_destroy(&d);
	assert_null(d);
	stripe_decoder_destroy(&d);
	stripe_decoder_destroy(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_their_kind_and_rank), cmocka_unit_test(unused_events_say_nothing),
		cmocka_unit_test(names_what_is_malformed),        cmocka_unit_test(a_long_id_is_malformed),
		cmocka_unit_test(contradictions_are_malformed),   cmocka_unit_test(what_is_not_json_is_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
