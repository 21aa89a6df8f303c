#include "edge_rig.h"

#include "base/hex.h"
#include "net/stripe_hmac.h"
#include "support/random.h"

static void make_customer(struct edge_rig *e) { (void)SAY(e, "POST", "/v1/customers", "email=a%%40b.c"); }

/* The event that the last request made. */
static const json_t *last_event(struct edge_rig *e) {
	const struct records *all = events_of(&e->rig);
	return all->at[all->count - 1]->json;
}

static bool is_signed_by(const struct taken *t, const char *secret) {
	long long at = 0;
	char second[24], hex[2 * STRIPE_MAC_SIZE + 1], part[2 * STRIPE_MAC_SIZE + 8];
	uint8_t mac[STRIPE_MAC_SIZE];
	assert_int_equal(sscanf(t->signature, "t=%lld,", &at), 1);
	(void)snprintf(second, sizeof second, "%lld", at);
	struct stripe_hmac *h = NULL;
	assert_int_equal(stripe_hmac_create(view_str(secret), &h), OK);
	assert_int_equal(stripe_hmac_sign(h, view_str(second), view_str(t->body), mac), OK);
	stripe_hmac_destroy(&h);
	hex_encode(mac, sizeof mac, hex);
	(void)snprintf(part, sizeof part, ",v1=%s", hex);
	return strstr(t->signature, part) != NULL;
}

static void test_signed_with_all_secrets(void **state) {
	(void)state;
	struct edge_rig e;
	edge_rig_open(&e);
	assert_int_equal(edge_webhook(e.edge, e.url, SECRET_ONE, NULL), OK);
	assert_int_equal(edge_webhook(e.edge, e.url, SECRET_TWO, NULL), OK);
	make_customer(&e);
	flush(&e);
	expect_deliveries(&e, 0, 1, 0, 0);
	assert_true(is_signed_by(&e.receiver.at[0], SECRET_ONE));
	assert_true(is_signed_by(&e.receiver.at[0], SECRET_TWO));
	assert_false(is_signed_by(&e.receiver.at[0], "whsec_three"));
	assert_int_equal(int_of(last_event(&e), "pending_webhooks"), 0);
	edge_rig_close(&e);
}

static void test_a_roll_ends(void **state) {
	(void)state;
	struct edge_rig e;
	edge_rig_open(&e);
	assert_int_equal(edge_webhook(e.edge, e.url, SECRET_ONE, NULL), OK);
	struct id id = id_in(
		json_array_get(json_object_get(SAY(&e, "GET", "/v1/webhook_endpoints", "%s", ""), "data"), 0), "id");
	(void)SAY(&e, "POST", path_of("/_sim/webhook_endpoints/%s/roll", id.text).text,
		  "{\"secret\": \"whsec_two\", \"expire_s\": 3600}");
	make_customer(&e);
	flush(&e);
	assert_true(is_signed_by(&e.receiver.at[0], SECRET_ONE) && is_signed_by(&e.receiver.at[0], SECRET_TWO));
	(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": 3601}");
	make_customer(&e);
	flush(&e);
	assert_false(is_signed_by(&e.receiver.at[1], SECRET_ONE));
	assert_true(is_signed_by(&e.receiver.at[1], SECRET_TWO));
	edge_rig_close(&e);
}

static void test_who_gets_what(void **state) {
	(void)state;
	struct edge_rig e;
	edge_rig_open(&e);
	struct id classic = id_in(SAY(&e, "POST", "/v1/webhook_endpoints",
				      "url=%s&enabled_events[0]=customer.created&api_version=2024-06-20", e.url),
				  "id");
	(void)SAY(&e, "POST", "/v1/webhook_endpoints", "url=%s&enabled_events[0]=*&connect=true", e.url);
	make_customer(&e);
	(void)SAY(&e, "POST", "/v1/products", "name=other"); /* no event that it wants */
	flush(&e);
	expect_deliveries(&e, 0, 1, 0, 0);
	json_t *event = taken_json(&e, 0);
	assert_string_equal(text_of(event, "api_version"), "2024-06-20");
	json_decref(event);
	pthread_mutex_lock(&e.rig.sim->mutex);
	(void)ask_as(&e.rig, "acct_1", "POST", "/v1/customers", "email=c");
	pthread_mutex_unlock(&e.rig.sim->mutex);
	flush(&e);
	expect_deliveries(&e, 0, 2, 0, 0);
	event = taken_json(&e, 1);
	assert_string_equal(text_of(event, "account"), "acct_1");
	json_decref(event);
	(void)SAY(&e, "POST", path_of("/v1/webhook_endpoints/%s", classic.text).text, "disabled=true");
	make_customer(&e);
	flush(&e);
	expect_deliveries(&e, 0, 2, 0, 0);
	edge_rig_close(&e);
}

/* How often the only delivery of an event has failed and is to be tried again. */
static int tries_of(struct edge_rig *e, struct id event) {
	const char *endpoint;
	json_t *left;
	int tries = 0;
	pthread_mutex_lock(&e->rig.sim->mutex);
	const struct record *rec = sim_find_any(e->rig.sim, event.text);
	json_object_foreach(json_object_get(rec->hidden, "undelivered"), endpoint, left) tries =
		(int)int_of(left, "tries");
	pthread_mutex_unlock(&e->rig.sim->mutex);
	return tries;
}

/* Tests live in test mode: the first try, and three more by the simulated clock. */
static void test_retries(void **state) {
	(void)state;
	static const int waits[] = {300, 1800, 7200};
	struct edge_rig e;
	edge_rig_open(&e);
	assert_int_equal(edge_webhook(e.edge, e.url, SECRET_ONE, NULL), OK);
	atomic_store(&e.receiver.status, 500);
	make_customer(&e);
	struct id event = id_in(last_event(&e), "id");
	flush(&e);
	assert_int_equal(taken_count(&e), 1);
	for (size_t i = 0; i < 3; i++) {
		while (tries_of(&e, event) < (int)i + 1) continue;
		expect_deliveries(&e, 1, 0, 0, 0);
		(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": %d}", waits[i] - 1);
		assert_int_equal(taken_count(&e), i + 1);
		(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": 1}");
		while (taken_count(&e) < i + 2) continue;
	}
	while (!int_of(SAY(&e, "GET", "/_sim/deliveries", "%s", ""), "failed")) continue;
	expect_deliveries(&e, 0, 0, 1, 0);
	assert_int_equal(int_of(sim_find_any(e.rig.sim, event.text)->json, "pending_webhooks"), 1);
	const json_t *lost = SAY(&e, "GET", "/v1/events", "delivery_success=false");
	assert_string_equal(text_of(json_array_get(json_object_get(lost, "data"), 0), "id"), event.text);
	atomic_store(&e.receiver.status, 204);
	(void)SAY(&e, "POST", "/_sim/deliver", "{\"event\": \"%s\"}", event.text);
	flush(&e);
	assert_int_equal(
		json_array_size(json_object_get(SAY(&e, "GET", "/v1/events", "delivery_success=false"), "data")), 0);
	edge_rig_close(&e);
}

static void test_nobody_there(void **state) {
	(void)state;
	struct edge_rig e;
	edge_rig_open(&e);
	assert_int_equal(edge_webhook(e.edge, "http://127.0.0.1:1/", SECRET_ONE, NULL), OK);
	make_customer(&e);
	flush(&e);
	expect_deliveries(&e, 1, 0, 0, 0);
	edge_rig_close(&e); /* and it ends with one on its way */
}

static void test_misbehaviour(void **state) {
	(void)state;
	struct edge_rig e;
	edge_rig_open(&e);
	assert_int_equal(edge_webhook(e.edge, e.url, SECRET_ONE, NULL), OK);
	(void)SAY(&e, "POST", "/_sim/misbehave", "{\"drop\": 1, \"types\": [\"customer.\"]}");
	make_customer(&e);
	(void)SAY(&e, "POST", "/v1/products", "name=sent");
	flush(&e);
	expect_deliveries(&e, 0, 0 + 1, 0, 1);
	(void)SAY(&e, "POST", "/_sim/misbehave", "{\"duplicate\": 1}");
	make_customer(&e);
	flush(&e);
	expect_deliveries(&e, 0, 3, 0, 1);
	(void)SAY(&e, "POST", "/_sim/misbehave", "{\"delay_s\": [100, 100]}");
	make_customer(&e);
	(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": 99}");
	expect_deliveries(&e, 1, 3, 0, 1);
	assert_int_equal(taken_count(&e), 3);
	(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": 1}");
	while (int_of(SAY(&e, "GET", "/_sim/deliveries", "%s", ""), "pending")) continue;
	(void)SAY(&e, "POST", "/_sim/misbehave", "{\"thin\": 1}");
	make_customer(&e);
	flush(&e);
	json_t *thin = taken_json(&e, 4);
	assert_string_equal(text_of(thin, "object"), "v2.core.event");
	assert_string_equal(text_of(thin, "type"), "v1.customer.created");
	assert_string_equal(text_of(thin, "snapshot_event"), text_of(last_event(&e), "id"));
	json_decref(thin);
	(void)SAY(&e, "POST", "/_sim/misbehave", "{\"never_generate\": 1}");
	size_t events = events_of(&e.rig)->count;
	make_customer(&e);
	assert_int_equal(events_of(&e.rig)->count, events);
	edge_rig_close(&e);
}

static void test_refused(void **state) {
	(void)state;
	static const char *const bad[] = {"{\"drop\": 2}",    "{\"drop\": -0.1}",      "{\"drop\": \"1\"}",
					  "{\"dropp\": 1}",   "{\"delay_s\": [5, 1]}", "{\"delay_s\": [1]}",
					  "{\"delay_s\": 5}", "{\"types\": \"x\"}",    "{\"limit_rps\": -1}"};
	struct edge_rig e;
	edge_rig_open(&e);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		pthread_mutex_lock(&e.rig.sim->mutex);
		(void)ask_as(&e.rig, "", "POST", "/_sim/misbehave", bad[i]);
		pthread_mutex_unlock(&e.rig.sim->mutex);
		if (e.rig.status != 400) fail_msg("%s is taken", bad[i]);
	}
	edge_rig_close(&e);
}

/* Whatever goes wrong but a loss: after a flush each event has come at least once, and nothing else has. */
static void test_nothing_is_lost(void **state) {
	(void)state;
	struct random r = random_start();
	struct edge_rig e;
	edge_rig_open(&e);
	assert_int_equal(edge_webhook(e.edge, e.url, SECRET_ONE, NULL), OK);
	(void)SAY(&e, "POST", "/_sim/misbehave",
		  "{\"duplicate\": 0.2, \"reorder\": 0.5, \"delay_s\": [0, 50], \"old_version\": 0.3}");
	skip_events(&e.rig);
	for (int i = 0; i < 200; i++) {
		make_customer(&e);
		if (random_below(&r, 10) == 0)
			(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": %zu}", random_below(&r, 60));
	}
	flush(&e);
	const struct records *all = events_of(&e.rig);
	size_t matched = 0, classic = 0, swapped = 0, before = 0;
	for (size_t n = 0; n < taken_count(&e); n++) {
		json_t *o = taken_json(&e, n);
		const struct record *rec = sim_find_any(e.rig.sim, text_of(o, "id"));
		assert_non_null(rec);
		matched += rec->kind == K_EVENT;
		classic += text_is(o, "api_version", "2024-06-20");
		swapped += rec->place < before;
		before = rec->place;
		json_decref(o);
	}
	for (size_t i = e.rig.seen; i < all->count; i++)
		assert_int_equal(int_of(all->at[i]->json, "pending_webhooks"), 0);
	assert_true(matched == taken_count(&e) && matched > 200);
	assert_true(classic > 0 && swapped > 0);
	expect_deliveries(&e, 0, (int)matched, 0, 0);
	edge_rig_close(&e);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed_with_all_secrets),
		cmocka_unit_test(test_a_roll_ends),
		cmocka_unit_test(test_who_gets_what),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_misbehaviour),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
