#include "details.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "details_private.h"
#include "support/still_clock.h"

/* Query and Stripe as the test plays them: what is asked waits until the test answers. */
struct world {
	struct shop *shop;
	unsigned wakes, profiles, calls;
	bool refuse; /* no port takes anything */
	void (*then)(void *arg, enum tg_status status, const struct tg_profile *p);
	void *arg;
	struct stripe_call call;
	char path[512], form[512];
	unsigned told;
};

static bool stripe(void *ctx, const struct stripe_call *c, bool background) {
	struct world *w = ctx;
	assert_true(background);
	if (w->refuse) return false;
	w->calls++;
	w->call = *c;
	(void)snprintf(w->path, sizeof w->path, "%s", c->path);
	(void)snprintf(w->form, sizeof w->form, "%.*s", VIEW_FMT(c->form));
	return true;
}

static bool profile(void *ctx, const char *subject,
		    void (*then)(void *arg, enum tg_status status, const struct tg_profile *p), void *arg) {
	struct world *w = ctx;
	(void)subject;
	if (w->refuse) return false;
	w->profiles++;
	w->then = then;
	w->arg = arg;
	return true;
}

static void tier(void *ctx, const struct item *item, char ret_name[NAME_MAX_BYTES + 1]) {
	(void)ctx;
	(void)snprintf(ret_name, NAME_MAX_BYTES + 1, "%s",
		       view_eq(item->lookup_key, VIEW("pro_monthly")) || view_eq(item->price, VIEW("price_pro")) ? "pro"
														 : "");
}

static void wake(void *ctx) { ((struct world *)ctx)->wakes++; }
static void told(void *owner) { ((struct world *)owner)->told++; }

static struct world *world_open(void) {
	struct world *w = calloc(1, sizeof *w);
	const struct shop_options o = {
		.metadata_key = "user_id",
		.public_url = "http://127.0.0.1:8700",
		.ports = {.ctx = w, .stripe = stripe, .profile = profile, .tier = tier, .wake = wake}};
	struct problem why;
	assert_int_equal(shop_create(&o, &w->shop, &why), OK);
	return w;
}

static void world_close(struct world **w) {
	shop_destroy(&(*w)->shop);
	free(*w);
}

static void say_customers(struct world *w, const char *a, const char *b) {
	struct tg_profile p = {.customer_count = 0};
	if (a) (void)snprintf(p.customers[p.customer_count++], 72, "%s", a);
	if (b) (void)snprintf(p.customers[p.customer_count++], 72, "%s", b);
	w->then(w->arg, TG_OK, &p);
}

static void answer(struct world *w, enum stripe_outcome outcome, const char *text) {
	json_t *body = text ? json_loads(text, 0, NULL) : NULL;
	assert_true(!text || body);
	const struct stripe_answer s = {.outcome = outcome,
					.status = outcome == STRIPE_OK ? 200 : 500,
					.second = 1790000000,
					.body = body,
					.why = "",
					.request_id = ""};
	struct stripe_call c = w->call;
	w->call.done = NULL;
	assert_non_null(c.done);
	c.done(c.ctx, &s);
	json_decref(body);
}

static enum details_state look(struct world *w, const char *who, uint64_t mark, struct details *d) {
	return details_look(shop_details(w->shop), who, mark, mono_ms(), true, d);
}

static const char customer[] =
	"{\"id\":\"cus_1\",\"object\":\"customer\",\"default_source\":null,\"invoice_settings\":{\"default_payment_"
	"method\":"
	"{\"object\":\"payment_method\",\"type\":\"card\",\"card\":{\"brand\":\"visa\",\"last4\":\"4242\",\"exp_"
	"month\":8,\"exp_year\":2030}}},"
	"\"subscriptions\":{\"data\":["
	"{\"id\":\"sub_old\",\"status\":\"incomplete\",\"items\":{\"data\":[]}},"
	"{\"id\":\"sub_1\",\"status\":\"past_due\",\"currency\":\"usd\",\"cancel_at\":null,\"cancel_at_period_end\":"
	"false,"
	"\"schedule\":\"sub_sched_1\",\"default_payment_method\":null,\"pause_collection\":null,"
	"\"latest_invoice\":{\"id\":\"in_1\",\"status\":\"open\",\"currency\":\"usd\",\"amount_due\":900,\"amount_"
	"remaining\":900,"
	"\"hosted_invoice_url\":\"https://pay.example/in_1\",\"next_payment_attempt\":1790100000},"
	"\"items\":{\"data\":[{\"id\":\"si_0\",\"quantity\":1,\"price\":{\"id\":\"price_addon\",\"unit_amount\":100,"
	"\"recurring\":{\"interval\":\"month\",\"interval_count\":1}}},"
	"{\"id\":\"si_1\",\"quantity\":3,\"current_period_end\":1792000000,\"price\":{\"id\":\"price_1\",\"lookup_"
	"key\":\"pro_monthly\",\"unit_amount\":300,"
	"\"recurring\":{\"interval\":\"month\",\"interval_count\":1}}}]}}]}}";

static void all_parts_are_fetched(void **state) {
	(void)state;
	struct world *w = world_open();
	struct details d;
	assert_int_equal(look(w, "alice", 1, &d), DETAILS_PENDING);
	assert_int_equal(w->wakes, 1);
	assert_int_equal(look(w, "alice", 1, &d), DETAILS_PENDING);
	assert_int_equal(w->wakes, 1);
	assert_true(details_await(shop_details(w->shop), "alice", 1, mono_ms(), w, told));
	shop_run(w->shop, mono_ms());
	shop_run(w->shop, mono_ms());
	assert_int_equal(w->profiles, 1);
	say_customers(w, "cus_1", NULL);
	assert_non_null(strstr(w->path, "/v1/customers/cus_1?expand"));
	answer(w, STRIPE_OK, customer);
	assert_non_null(strstr(w->path, "/v1/invoices/in_1?"));
	answer(w, STRIPE_OK,
	       "{\"payments\":{\"data\":[{\"status\":\"open\",\"payment\":{\"payment_intent\":{\"status\":\"requires_"
	       "action\"}}}]}}");
	assert_non_null(strstr(w->path, "/v1/subscription_schedules/sub_sched_1?"));
	answer(w, STRIPE_OK,
	       "{\"phases\":[{\"start_date\":1780000000,\"items\":[{\"price\":\"price_0\"}]},{\"start_date\":"
	       "1792000000,\"items\":[{\"price\":{\"id\":\"price_pro\"}}]}]}");
	assert_string_equal(w->path, "/v1/invoices/create_preview");
	/* of the plan that is scheduled, not of today's */
	assert_string_equal(w->form, "customer=cus_1&schedule=sub_sched_1");
	assert_int_equal(w->told, 0);
	answer(w, STRIPE_OK, "{\"amount_due\":1000,\"currency\":\"usd\",\"period_end\":1}");
	assert_int_equal(w->told, 1);
	assert_int_equal(look(w, "alice", 1, &d), DETAILS_FRESH);
	json_t *shown = details_json(&d);
	json_t *expected =
		json_loads("{\"as_of\":\"2026-09-21T14:13:20Z\",\"subscription\":{\"id\":\"sub_1\",\"tier\":\"pro\","
			   "\"price\":\"price_1\","
			   "\"lookup_key\":\"pro_monthly\",\"interval\":\"month\",\"interval_count\":1,\"quantity\":3,"
			   "\"amount\":1000,"
			   "\"currency\":\"usd\",\"status\":\"past_due\",\"cancel_at\":null,\"trial_end\":null,"
			   "\"current_period_end\":\"2026-10-14T17:46:40Z\",\"collection_paused\":false},"
			   "\"payment_method\":{\"type\":\"card\",\"brand\":\"visa\",\"last4\":\"4242\",\"exp_month\":"
			   "8,\"exp_year\":2030},"
			   "\"open_invoice\":{\"id\":\"in_1\",\"amount_due\":900,\"currency\":\"usd\",\"due_at\":null,"
			   "\"hosted_url\":\"https://pay.example/"
			   "in_1\",\"next_attempt_at\":\"2026-09-22T18:00:00Z\",\"needs_confirmation\":true},"
			   "\"upcoming\":{\"at\":\"2026-10-14T17:46:40Z\",\"amount\":1000,\"currency\":\"usd\"},"
			   "\"schedule\":{\"at\":\"2026-10-14T17:46:40Z\",\"tier\":\"pro\",\"price\":\"price_pro\"}}",
			   0, NULL);
	assert_non_null(expected);
	if (!json_equal(shown, expected)) fail_msg("%s", json_dumps(shown, JSON_SORT_KEYS));
	json_decref(shown);
	json_decref(expected);
	/* fresh until its mark or its time is over, or somebody says that something changed */
	assert_int_equal(look(w, "alice", 2, &d), DETAILS_STALE);
	assert_string_equal(d.subscription.id, "sub_1");
	assert_int_equal(details_look(shop_details(w->shop), "alice", 1, mono_ms() + DETAILS_FRESH_MS, false, &d),
			 DETAILS_STALE);
	assert_int_equal(w->wakes, 2);
	/* not for long once it was sent to the portal: a card that is changed there changes nothing that query says */
	int64_t soon = mono_ms() + DETAILS_UNSETTLED_MS;
	assert_int_equal(details_look(shop_details(w->shop), "alice", 1, soon, false, &d), DETAILS_FRESH);
	details_unsettle(shop_details(w->shop), "alice", mono_ms());
	assert_int_equal(details_look(shop_details(w->shop), "alice", 1, mono_ms(), false, &d), DETAILS_FRESH);
	assert_int_equal(details_look(shop_details(w->shop), "alice", 1, soon, false, &d), DETAILS_STALE);
	details_unsettle(shop_details(w->shop), "new", mono_ms());
	details_expire(shop_details(w->shop), "alice");
	assert_int_equal(look(w, "alice", 1, &d), DETAILS_STALE);
	shop_run(w->shop, mono_ms());
	assert_int_equal(w->profiles, 2);
	say_customers(w, NULL, NULL);
	assert_int_equal(look(w, "alice", 1, &d), DETAILS_PENDING); /* it was for mark 2 */
	assert_int_equal(look(w, "alice", 2, &d), DETAILS_NONE);
	world_close(&w);
}

static void the_customer_that_pays_is_shown(void **state) {
	(void)state;
	struct world *w = world_open();
	struct details d;
	(void)look(w, "alice", 1, &d);
	shop_run(w->shop, mono_ms());
	say_customers(w, "cus_gone", "cus_1");
	answer(w, STRIPE_OK, "{\"id\":\"cus_gone\",\"deleted\":true}");
	answer(w, STRIPE_OK,
	       "{\"id\":\"cus_1\",\"subscriptions\":{\"data\":[{\"id\":\"sub_1\",\"status\":\"active\","
	       "\"cancel_at\":1800000000,\"items\":{\"data\":[{\"price\":\"price_pro\"}]}}]}}");
	assert_int_equal(look(w, "alice", 1, &d), DETAILS_FRESH);
	assert_string_equal(d.subscription.tier, "pro");
	assert_int_equal(d.subscription.cancel_at, 1800000000);
	assert_int_equal(d.subscription.amount, -1);
	assert_false(d.has_upcoming);
	assert_int_equal(w->calls, 2);

	(void)look(w, "nobody", 1, &d);
	shop_run(w->shop, mono_ms());
	say_customers(w, NULL, NULL);
	assert_int_equal(look(w, "nobody", 1, &d), DETAILS_NONE);
	world_close(&w);
}

static const char *const hostile[] = {
	"{}",
	"[]",
	"[1,2]",
	"{\"subscriptions\":[]}",
	"{\"subscriptions\":{\"data\":{}}}",
	"{\"subscriptions\":{\"data\":[1,null,\"x\",[],{}]}}",
	"{\"subscriptions\":{\"data\":[{\"status\":\"active\"}]}}",
	"{\"subscriptions\":{\"data\":[{\"status\":\"active\",\"id\":7,\"items\":{\"data\":[7]},\"latest_invoice\":7}]}"
	"}",
	"{\"subscriptions\":{\"data\":[{\"status\":\"active\",\"cancel_at\":-5,\"items\":{\"data\":[{\"quantity\":"
	"9223372036854775807,"
	"\"current_period_end\":9223372036854775807,\"price\":{\"id\":\"p\",\"unit_amount\":9223372036854775807}}]},"
	"\"latest_invoice\":{\"status\":\"open\",\"id\":[]}}]}}",
	"{\"amount_due\":1900,\"period_end\":1800000000}",
	"{\"invoice_settings\":7,\"default_source\":{\"object\":7}}",
	"{\"default_source\":{\"object\":\"card\",\"last4\":\"way too long\",\"exp_month\":\"8\"}}",
	"{\"invoice_settings\":{\"default_payment_method\":{\"object\":\"payment_method\",\"type\":\"card\",\"card\":[]"
	"}}}",
};

static void odd_shapes_read_as_nothing(void **state) {
	(void)state;
	const struct tier_namer namer = {tier, NULL};
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		struct details d = {.as_of = 5};
		char schedule[STRIPE_ID_MAX];
		json_t *o = json_loads(hostile[i], 0, NULL);
		assert_non_null(o);
		(void)details_read_customer(&d, o, &namer, schedule);
		details_read_schedule(&d, o, &namer);
		details_read_upcoming(&d, o);
		assert_false(details_needs_confirmation(o));
		assert_true(d.subscription.amount <= 0);
		assert_false(d.has_open_invoice || d.has_upcoming || d.has_schedule);
		json_t *shown = details_json(&d);
		assert_non_null(shown);
		json_decref(shown);
		json_decref(o);
	}
}

static void a_dead_stripe_opens_the_circuit(void **state) {
	(void)state;
	struct world *w = world_open();
	struct details d;
	char who[16];
	for (int i = 0; i < DETAILS_FAILURES; i++) {
		(void)snprintf(who, sizeof who, "s%d", i);
		assert_int_equal(look(w, who, 1, &d), DETAILS_PENDING);
		shop_run(w->shop, mono_ms());
		say_customers(w, "cus_1", NULL);
		if (i == DETAILS_FAILURES - 1) {
			/* they stand in line when it opens, and are told so */
			assert_int_equal(look(w, "late", 1, &d), DETAILS_PENDING);
			assert_true(details_await(shop_details(w->shop), "late", 1, mono_ms(), w, told));
		}
		answer(w, STRIPE_UNREACHABLE, NULL);
	}
	assert_int_equal(w->told, 1);
	struct details_counts n;
	details_counts(shop_details(w->shop), &n);
	assert_true(n.circuit_open);
	assert_int_equal(n.failures, DETAILS_FAILURES);
	unsigned wakes = w->wakes;
	assert_int_equal(look(w, "late", 1, &d), DETAILS_UNAVAILABLE);
	assert_int_equal(look(w, "other", 1, &d), DETAILS_UNAVAILABLE);
	assert_false(details_await(shop_details(w->shop), "other", 1, mono_ms(), w, told));
	assert_int_equal(w->wakes, wakes);
	/* it closes when Stripe answers again */
	int64_t later = mono_ms() + CIRCUIT_CAP_MS;
	assert_int_equal(details_look(shop_details(w->shop), "other", 1, later, true, &d), DETAILS_PENDING);
	shop_run(w->shop, later);
	say_customers(w, NULL, NULL);
	details_counts(shop_details(w->shop), &n);
	assert_false(n.circuit_open);
	world_close(&w);
}

static void everything_is_bounded(void **state) {
	(void)state;
	struct world *w = world_open();
	struct details d;
	char who[24];
	for (int i = 0; i < 3 * DETAILS_MAX; i++) {
		(void)snprintf(who, sizeof who, "subject%d", i);
		enum details_state s = look(w, who, 1, &d);
		assert_int_equal(s, i < DETAILS_WANTED ? DETAILS_PENDING : DETAILS_UNAVAILABLE);
	}
	struct details_counts n;
	details_counts(shop_details(w->shop), &n);
	assert_int_equal(n.subjects, DETAILS_MAX);
	assert_true(n.evicted >= 2 * DETAILS_MAX - 1);
	assert_true(n.refused > 0);
	/* those who stood in line have left meanwhile */
	shop_run(w->shop, mono_ms());
	assert_int_equal(w->profiles, 0);
	for (int i = 0; i < DETAILS_FAILURES; i++) {
		(void)snprintf(who, sizeof who, "next%d", i);
		assert_int_equal(look(w, who, 1, &d), DETAILS_PENDING);
	}
	w->refuse = true;
	shop_run(w->shop, mono_ms());
	details_counts(shop_details(w->shop), &n);
	assert_true(n.circuit_open);
	unsigned waits = 0;
	w->refuse = false;
	int64_t later = mono_ms() + CIRCUIT_CAP_MS;
	while (details_await(shop_details(w->shop), "waiter", 1, later, w, told)) waits++;
	assert_int_equal(waits, DETAILS_WAITERS);
	details_forget(shop_details(w->shop), w);
	assert_true(details_await(shop_details(w->shop), "waiter", 1, later, w, told));
	world_close(&w);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parts_are_fetched),      cmocka_unit_test(the_customer_that_pays_is_shown),
		cmocka_unit_test(odd_shapes_read_as_nothing), cmocka_unit_test(a_dead_stripe_opens_the_circuit),
		cmocka_unit_test(everything_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
