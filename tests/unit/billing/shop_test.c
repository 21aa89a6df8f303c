/* The shop without billing's spine: asks, query, Stripe and the clock are the test's. */
#include "shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/catalog_file.h"
#include "shop_private.h"
#include "support/still_clock.h"

#define CALLS_MAX 8

struct ask {
	const char *subject, *email;
	void *state;
	void (*destroy)(void *state);
	bool refused;
	enum refusal why;
	unsigned priced;
	bool stale;
	int64_t list_as_of;
	unsigned found;
	char customer[STRIPE_ID_MAX];
};

static struct world {
	struct shop *shop;
	struct catalog_file *catalog;
	struct stripe_call calls[CALLS_MAX];
	char paths[CALLS_MAX][512], keys[CALLS_MAX][128], forms[CALLS_MAX][512];
	unsigned count, all;
	void (*then)(void *arg, enum tg_status status, const struct tg_profile *p);
	void *arg;
	unsigned profiles;
	unsigned calls_added;
} w;

/* ---- what the program has elsewhere -------------------------------------------------------------- */

struct shop *billing_shop(struct billing *b) {
	(void)b;
	return w.shop;
}
struct billing *ask_billing(const struct ask *a) {
	(void)a;
	return NULL;
}
const char *ask_subject(const struct ask *a) { return a->subject; }
const char *ask_email(const struct ask *a) { return a->email ? a->email : ""; }
const struct catalog *ask_catalog(const struct ask *a) {
	(void)a;
	return catalog_file_get(w.catalog);
}
const char *ask_text(struct ask *a, const char *field, bool *ret_bad) {
	(void)a, (void)field;
	*ret_bad = false; /* it was not there */
	return NULL;
}
void ask_keep(struct ask *a, void *state, void (*destroy)(void *state)) {
	a->state = state;
	a->destroy = destroy;
}
void *ask_state(const struct ask *a) { return a->state; }
void ask_add_calls(struct ask *a, unsigned n) {
	assert_non_null(a->state);
	w.calls_added += n;
}

/* However it is answered, its state is gone. */
static void end(struct ask *a) {
	if (a->state) a->destroy(a->state);
	a->state = NULL;
}
void ask_refuse(struct ask *a, enum refusal why, const char *detail) {
	(void)detail;
	assert_false(a->refused);
	a->refused = true;
	a->why = why;
	end(a);
}
bool ask_stripe_failed(struct ask *a, const struct stripe_answer *s) {
	if (s->outcome == STRIPE_OK) return false;
	ask_refuse(a, s->outcome == STRIPE_LIMITED ? REFUSAL_TOO_MANY : REFUSAL_STRIPE, NULL);
	return true;
}

/* ---- ports --------------------------------------------------------------------------------------- */

static bool stripe(void *ctx, const struct stripe_call *c, bool background) {
	(void)ctx, (void)background;
	assert_true(w.count < CALLS_MAX);
	unsigned i = w.count++;
	w.all++;
	w.calls[i] = *c;
	(void)snprintf(w.paths[i], sizeof w.paths[i], "%s", c->path);
	(void)snprintf(w.keys[i], sizeof w.keys[i], "%s", c->idempotency_key ? c->idempotency_key : "");
	(void)snprintf(w.forms[i], sizeof w.forms[i], "%.*s", VIEW_FMT(c->form));
	return true;
}
static bool profile(void *ctx, const char *subject,
		    void (*then)(void *arg, enum tg_status status, const struct tg_profile *p), void *arg) {
	(void)ctx, (void)subject;
	w.profiles++;
	w.then = then;
	w.arg = arg;
	return true;
}
static void tier(void *ctx, const struct item *item, char ret_name[NAME_MAX_BYTES + 1]) {
	(void)ctx, (void)item;
	ret_name[0] = 0;
}
static void wake(void *ctx) { (void)ctx; }

static int world_open(void **state) {
	(void)state;
	w = (struct world){.shop = NULL};
	still_ms = 1000000;
	const struct shop_options o = {.metadata_key = "user_id",
				       .public_url = "https://app.example.com",
				       .ports = {.stripe = stripe, .profile = profile, .tier = tier, .wake = wake}};
	assert_int_equal(catalog_file_load(TIERS_YAML, &w.catalog, NULL), OK);
	assert_int_equal(shop_create(&o, &w.shop, NULL), OK);
	return 0;
}
static int world_close(void **state) {
	(void)state;
	shop_destroy(&w.shop);
	catalog_file_destroy(&w.catalog);
	return 0;
}

/* Answers the oldest call. */
static void answer_as(enum stripe_outcome outcome, long status, bool replayed, const char *text) {
	assert_true(w.count > 0);
	struct stripe_call c = w.calls[0];
	json_t *body = text ? json_loads(text, 0, NULL) : NULL;
	const struct stripe_answer s = {.outcome = outcome,
					.status = status,
					.second = 1790000000,
					.replayed = replayed,
					.body = body,
					.request_id = "",
					.why = ""};
	w.count--;
	memmove(w.calls, w.calls + 1, sizeof w.calls[0] * w.count);
	memmove(w.paths, w.paths + 1, sizeof w.paths[0] * w.count);
	memmove(w.keys, w.keys + 1, sizeof w.keys[0] * w.count);
	memmove(w.forms, w.forms + 1, sizeof w.forms[0] * w.count);
	c.done(c.ctx, &s);
	json_decref(body);
}
static void answer(const char *text) { answer_as(STRIPE_OK, 200, false, text); }
static void fail_with(long status, bool replayed) {
	answer_as(status == 429   ? STRIPE_LIMITED
		  : status >= 500 ? STRIPE_SERVER
				  : STRIPE_INVALID,
		  status, replayed, "{\"error\":{}}");
}

static void say_customers(enum tg_status status, const char *a, const char *b) {
	struct tg_profile p = {.customer_count = 0};
	if (a) (void)snprintf(p.customers[p.customer_count++], 72, "%s", a);
	if (b) (void)snprintf(p.customers[p.customer_count++], 72, "%s", b);
	w.then(w.arg, status, &p);
}

/* Until the next call goes out, or `ms` have passed. */
static void pass(int64_t ms) {
	for (int64_t end_ms = still_ms + ms; still_ms < end_ms && !w.count;) {
		int64_t wait = shop_wait_ms(w.shop, still_ms, end_ms - still_ms);
		still_ms += wait > 0 ? wait : 1;
		shop_run(w.shop, still_ms);
	}
}

/* ---- customers ----------------------------------------------------------------------------------- */

static void found(struct visit *v, const struct found_customer *c) {
	struct ask *a = v->ask;
	a->found++;
	copy_text(a->customer, sizeof a->customer, c->id);
	end(a);
}

static void want(struct ask *a, enum customer_wish wish) {
	struct visit *v = visit_begin(a, sizeof *v);
	assert_non_null(v);
	customer_of(v, wish, found);
}

static void all_who_ask_share_one(void **state) {
	(void)state;
	struct ask asks[50];
	for (int i = 0; i < 50; i++) {
		asks[i] = (struct ask){.subject = i == 49 ? "bob" : "alice", .email = "a@private.example"};
		want(&asks[i], CUSTOMER_MAKE);
		if (i == 48) {
			assert_int_equal(w.profiles, 1);
			say_customers(TG_OK, NULL, NULL);
		}
	}
	assert_int_equal(w.profiles, 2);
	end(&asks[7]); /* its deadline passed */
	assert_non_null(strstr(w.paths[0], "/v1/customers/search?query="));
	answer("{\"data\":[]}");
	assert_string_equal(w.paths[0], "/v1/customers");
	assert_string_equal(w.forms[0], "metadata%5Buser_id%5D=alice");
	assert_int_equal(asks[0].found, 0);
	answer("{\"id\":\"cus_1\"}");
	assert_string_equal(w.forms[0], "email=a%40private.example");
	fail_with(400, false); /* the address is not worth an error */
	for (int i = 0; i < 49; i++) {
		assert_int_equal(asks[i].found, i == 7 ? 0 : 1);
		if (i != 7) assert_string_equal(asks[i].customer, "cus_1");
		assert_false(asks[i].refused);
	}
	assert_int_equal(asks[49].found, 0);
	say_customers(TG_FALLBACK, NULL, NULL);
	assert_int_equal(asks[49].why, REFUSAL_UNAVAILABLE);
	assert_int_equal(w.count, 0);
}

/* Takes the flight as far as the create call. */
static void to_create(struct ask *a) {
	want(a, CUSTOMER_MAKE);
	say_customers(TG_OK, NULL, NULL);
	fail_with(400, false); /* no search for this account */
	assert_string_equal(w.paths[0], "/v1/customers");
}

/* Stripe's search is blind to case, and its index may be old. */
static void what_is_found_must_be_the_subjects(void **state) {
	(void)state;
	struct ask a = {.subject = "alice"}, b = {.subject = "alice"}, c = {.subject = "alice"};
	want(&a, CUSTOMER_MAKE);
	say_customers(TG_OK, NULL, NULL);
	answer("{\"data\":[{\"id\":\"cus_none\",\"created\":1},{\"id\":\"cus_Alice\",\"created\":2,\"metadata\":{"
	       "\"user_id\":"
	       "\"Alice\"}},{\"id\":\"cus_2\",\"created\":9,\"metadata\":{\"user_id\":\"alice\"}},"
	       "{\"id\":\"cus_1\",\"created\":5,\"metadata\":{\"user_id\":\"alice\"}}]}");
	assert_non_null(strstr(w.paths[0], "/v1/customers/cus_1?expand"));
	answer("{\"id\":\"cus_1\",\"metadata\":{\"user_id\":\"alice\"}}");
	assert_string_equal(a.customer, "cus_1");
	want(&b, CUSTOMER_MAKE);
	say_customers(TG_OK, NULL, NULL);
	answer("{\"data\":[{\"id\":\"cus_Alice\",\"created\":2,\"metadata\":{\"user_id\":\"Alice\"}}]}");
	assert_string_equal(w.paths[0], "/v1/customers");
	answer("{\"id\":\"cus_new\"}");
	assert_string_equal(b.customer, "cus_new");
	want(&c, CUSTOMER_MAKE);
	say_customers(TG_OK, NULL, NULL);
	answer("{\"data\":[{\"id\":\"cus_1\",\"created\":2,\"metadata\":{\"user_id\":\"alice\"}}]}");
	answer("{\"id\":\"cus_1\",\"metadata\":{\"user_id\":\"bob\"}}");
	assert_string_equal(w.paths[0], "/v1/customers");
	answer("{\"id\":\"cus_new\"}");
	assert_string_equal(c.customer, "cus_new");
}

static void a_key_that_is_in_use_is_waited_for(void **state) {
	(void)state;
	struct ask a = {.subject = "alice"};
	to_create(&a);
	char key[128];
	memcpy(key, w.keys[0], sizeof key);
	for (int i = 0; i < 5; i++) {
		fail_with(409, false);
		assert_int_equal(w.count, 0);
		pass(2000);
		assert_string_equal(w.keys[0], key);
	}
	answer_as(STRIPE_OK, 200, true, "{\"id\":\"cus_1\"}"); /* another process made it */
	assert_non_null(strstr(w.paths[0], "/v1/customers/cus_1?expand"));
	answer("{\"id\":\"cus_1\"}");
	assert_string_equal(a.customer, "cus_1");
	/* one that never ends is given up in time */
	struct ask b = {.subject = "bob"};
	int64_t begun = still_ms;
	to_create(&b);
	while (!b.refused) {
		fail_with(409, false);
		if (!b.refused) pass(2000);
	}
	assert_true(still_ms - begun <= CUSTOMER_DEADLINE_MS);
}

static void a_key_that_is_used_up_is_counted_on(void **state) {
	(void)state;
	struct ask a = {.subject = "alice"};
	char expected[CUSTOMER_KEY_SIZE];
	to_create(&a);
	fail_with(500, false);
	pass(2000);
	fail_with(500, true); /* it was kept */
	customer_key(false, "user_id", "alice", 1, expected);
	assert_string_equal(w.keys[0], expected);
	answer_as(STRIPE_OK, 200, true, "{\"id\":\"cus_old\"}");
	answer("{\"id\":\"cus_old\",\"deleted\":true}");
	customer_key(false, "user_id", "alice", 2, expected);
	assert_string_equal(w.keys[0], expected);
	answer("{\"id\":\"cus_new\"}");
	assert_string_equal(a.customer, "cus_new");
	/* not for ever */
	struct ask b = {.subject = "bob"};
	unsigned all = w.all;
	to_create(&b);
	while (!b.refused) fail_with(500, true);
	assert_true(w.all - all <= CUSTOMER_KEYS_MAX + 2);
}

static void failures_end_soon(void **state) {
	(void)state;
	static const long statuses[] = {500, 429, 503};
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct ask a = {.subject = "alice"};
		unsigned all = w.all;
		to_create(&a);
		while (!a.refused) {
			fail_with(statuses[i], false);
			if (!a.refused) pass(5000);
		}
		assert_int_equal(a.why, statuses[i] == 429 ? REFUSAL_TOO_MANY : REFUSAL_STRIPE);
		assert_true(w.all - all < 8);
	}
	struct ask a = {.subject = "alice"};
	to_create(&a);
	fail_with(402, false);
	assert_true(a.refused);
}

static void who_pays_is_preferred(void **state) {
	(void)state;
	struct ask a = {.subject = "alice"}, b = {.subject = "alice"}, c = {.subject = "alice"};
	const unsigned added = w.calls_added;
	want(&a, CUSTOMER_FIND);
	say_customers(TG_OK, "cus_new", "cus_pays");
	assert_int_equal(w.calls_added, added); /* every action counts on one look */
	answer("{\"id\":\"cus_new\",\"subscriptions\":{\"data\":[{\"status\":\"incomplete\"}]}}");
	assert_int_equal(w.calls_added, added + 1);
	answer("{\"id\":\"cus_pays\",\"subscriptions\":{\"data\":[{\"status\":\"past_due\"}]}}");
	assert_string_equal(a.customer, "cus_pays");
	want(&b, CUSTOMER_FIND);
	say_customers(TG_OK, "cus_gone", "cus_2");
	answer("{\"id\":\"cus_gone\",\"deleted\":true}");
	answer("{\"id\":\"cus_2\"}");
	assert_string_equal(b.customer, "cus_2");
	want(&c, CUSTOMER_FIND);
	say_customers(TG_OK, "cus_gone", NULL);
	answer_as(STRIPE_MISSING, 404, false, "{}");
	assert_int_equal(c.found, 1);
	assert_string_equal(c.customer, "");
	assert_int_equal(w.count, 0);
	assert_int_equal(w.calls_added, added + 2);
}

/* ---- prices -------------------------------------------------------------------------------------- */

static void priced(struct visit *v, const struct price_list *p) {
	struct ask *a = v->ask;
	a->priced = p->count + 1;
	a->stale = p->stale;
	a->list_as_of = p->as_of;
	end(a);
}

static struct ask price(void) {
	static struct ask asks[16];
	static unsigned next;
	struct ask *a = &asks[next++ % 16];
	*a = (struct ask){.subject = ""};
	struct visit *v = visit_begin(a, sizeof *v);
	prices_of(v, priced);
	return *a;
}

#define ONE                                                                                                            \
	"{\"has_more\":false,\"data\":[{\"id\":\"price_1\",\"active\":true,\"currency\":\"usd\",\"unit_amount\":5,"    \
	"\"lookup_key\":\"pro_monthly\",\"recurring\":{\"interval\":\"month\",\"interval_count\":1}}]}"

static void prices_outlive_an_outage(void **state) {
	(void)state;
	struct ask first = {.subject = ""}, second = {.subject = ""};
	prices_of(visit_begin(&first, sizeof(struct visit)), priced);
	prices_of(visit_begin(&second, sizeof(struct visit)), priced);
	assert_int_equal(w.all, 1);
	fail_with(500, false);
	assert_true(first.refused && second.refused);
	assert_true(price().refused); /* nobody asks for a while */
	assert_int_equal(w.all, 1);
	still_ms += PRICES_PAUSE_MS;
	struct ask third = {.subject = ""};
	prices_of(visit_begin(&third, sizeof(struct visit)), priced);
	answer(ONE);
	assert_int_equal(third.priced, 2);
	assert_false(third.stale);
	assert_int_equal(price().priced, 2);
	assert_int_equal(w.all, 2);
	/* older: asked for anew; when that takes long, what is there is given */
	still_ms += PRICES_FRESH_MS;
	struct ask slow = {.subject = ""};
	prices_of(visit_begin(&slow, sizeof(struct visit)), priced);
	assert_int_equal(w.all, 3);
	assert_int_equal(slow.priced, 0);
	int64_t begun = still_ms;
	while (!slow.priced) {
		still_ms += shop_wait_ms(w.shop, still_ms, 1000);
		shop_run(w.shop, still_ms);
	}
	assert_int_equal(still_ms - begun, PRICES_WAIT_MS);
	assert_true(slow.stale);
	fail_with(500, false);
	struct ask after = price();
	assert_true(after.stale);
	assert_int_equal(after.priced, 2);
	assert_int_equal(w.all, 3);
	still_ms += PRICES_PAUSE_MS;
	struct ask renewed = {.subject = ""};
	prices_of(visit_begin(&renewed, sizeof(struct visit)), priced);
	answer("{\"has_more\":false,\"data\":[]}");
	assert_int_equal(renewed.priced, 1);
	assert_false(renewed.stale);
}

static void prices_come_in_pages(void **state) {
	(void)state;
	struct ask a = {.subject = ""};
	prices_of(visit_begin(&a, sizeof(struct visit)), priced);
	answer("{\"has_more\":true,\"data\":[{\"id\":\"price_0\"}]}");
	assert_non_null(strstr(w.paths[0], "starting_after=price_0"));
	answer(ONE);
	assert_int_equal(a.priced, 2);
	/* a list that never ends, and one whose page is none */
	still_ms += PRICES_FRESH_MS;
	struct ask b = {.subject = ""};
	prices_of(visit_begin(&b, sizeof(struct visit)), priced);
	for (int i = 0; i < PRICE_PAGES_MAX; i++) answer("{\"has_more\":true,\"data\":[{\"id\":\"price_0\"}]}");
	assert_int_equal(b.priced, 1);
	still_ms += PRICES_FRESH_MS;
	struct ask c = {.subject = ""};
	prices_of(visit_begin(&c, sizeof(struct visit)), priced);
	answer("{\"data\":7}");
	assert_true(c.stale);
	assert_int_equal(w.count, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(all_who_ask_share_one),
		TEST(what_is_found_must_be_the_subjects),
		TEST(a_key_that_is_in_use_is_waited_for),
		TEST(a_key_that_is_used_up_is_counted_on),
		TEST(failures_end_soon),
		TEST(who_pays_is_preferred),
		TEST(prices_outlive_an_outage),
		TEST(prices_come_in_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
