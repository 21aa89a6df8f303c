/* Idempotency keys, the state file, what pages do, and the flags of the start. */
#include "edge_rig.h"

#include "html.h"
#include "state.h"
#include "support/scratch.h"
#include "webhook_flags.h"

/* ---- idempotency ------------------------------------------------------------------ */

struct asked {
	unsigned status;
	bool replayed;
	char text[256];
};

/* As server.c does it; the answer is a text of ours. */
static struct asked ask_keyed(struct sim *sim, const char *account, const char *key, const char *form,
			      const char *answer, unsigned status) {
	struct params_fault fault;
	struct sim_request r = {
		.sim = sim, .method = "POST", .path = "/v1/x", .account = account, .idempotency_key = key};
	static unsigned requests;
	struct asked a = {.status = status};
	char *text = NULL;
	(void)snprintf(r.request_id, sizeof r.request_id, "req_%u", ++requests);
	assert_int_equal(params_parse(view_str(form), &r.params, &fault), OK);
	a.replayed = sim->hooks.replay(sim->hooks.ctx, &r, &a.status, &text);
	if (!a.replayed && failed(&r))
		a.status = r.error.status;
	else if (!a.replayed && answer)
		sim->hooks.remember(sim->hooks.ctx, &r, status, answer);
	(void)snprintf(a.text, sizeof a.text, "%s", text ? text : failed(&r) ? r.error.type : answer ? answer : "");
	free(text);
	json_decref(r.params);
	return a;
}

static void test_keys(void **state) {
	(void)state;
	struct edge_rig e;
	edge_rig_open(&e);
	struct sim *sim = e.rig.sim;
	assert_false(ask_keyed(sim, "", "k", "a=1&b=2", "first", 200).replayed);
	struct asked a = ask_keyed(sim, "", "k", "b=2&a=1", "second", 200);
	assert_true(a.replayed);
	assert_string_equal(a.text, "first");
	a = ask_keyed(sim, "", "k", "a=1", "x", 200);
	assert_int_equal(a.status, 400);
	assert_string_equal(a.text, "idempotency_error");
	assert_false(ask_keyed(sim, "acct_1", "k", "a=1&b=2", "theirs", 200).replayed);
	assert_true(ask_keyed(sim, "", "k", "a=1&b=2", "again", 200).replayed);
	/* a refusal is not kept, a declined card is */
	assert_int_equal(ask_keyed(sim, "", "bad", "", "missing", 400).status, 400);
	assert_false(ask_keyed(sim, "", "bad", "a=1", "mended", 200).replayed);
	assert_int_equal(ask_keyed(sim, "", "card", "", "declined", 402).status, 402);
	assert_true(ask_keyed(sim, "", "card", "", "x", 200).replayed);
	/* nobody has answered yet */
	assert_int_equal(ask_keyed(sim, "", "slow", "", NULL, 200).status, 200);
	assert_int_equal(ask_keyed(sim, "", "slow", "", "x", 200).status, 409);
	char longest[300];
	memset(longest, 'k', sizeof longest);
	longest[256] = 0;
	assert_int_equal(ask_keyed(sim, "", longest, "", "x", 200).status, 400);
	longest[255] = 0;
	assert_int_equal(ask_keyed(sim, "", longest, "", "x", 200).status, 200);
	assert_true(ask_keyed(sim, "", longest, "", "x", 200).replayed);
	(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": 86400}");
	assert_false(ask_keyed(sim, "", "k", "a=1&b=2", "a day later", 200).replayed);
	edge_rig_close(&e);
}

static void test_keys_are_bounded(void **state) {
	(void)state;
	struct edge_rig e;
	edge_rig_open(&e);
	for (int i = 0; i < 25000; i++)
		assert_false(ask_keyed(e.rig.sim, "", path_of("key %d", i).text, "", "x", 200).replayed);
	assert_true(ask_keyed(e.rig.sim, "", "key 24999", "", "y", 200).replayed);
	assert_true(ask_keyed(e.rig.sim, "", "key 15001", "", "y", 200).replayed);
	assert_false(ask_keyed(e.rig.sim, "", "key 1", "", "y", 200).replayed);
	edge_rig_close(&e);
}

/* ---- the state file ------------------------------------------------------------------- */

static json_t *all_tables(struct edge_rig *e) { return json_deep_copy(SAY(e, "GET", "/_sim/tables", "%s", "")); }

static void test_state(void **state) {
	(void)state;
	struct edge_rig e;
	struct scratch scratch;
	edge_rig_open(&e);
	scratch_make(&scratch);
	assert_int_equal(edge_webhook(e.edge, e.url, SECRET_ONE, NULL), OK);
	struct path file = path_of("%s/state.json", scratch.dir);
	struct id customer = a_customer(&e), sub = a_subscription(&e, customer, "&trial_period_days=10");
	flush(&e);
	(void)SAY(&e, "POST", "/_sim/misbehave", "{\"drop\": 1}");
	(void)SAY(&e, "POST", "/v1/products", "name=dropped");
	(void)SAY(&e, "POST", "/_sim/misbehave", "{\"delay_s\": [500, 500]}");
	(void)SAY(&e, "POST", "/v1/products", "name=later");
	(void)SAY(&e, "POST", "/v1/test_helpers/test_clocks", "frozen_time=1790000000");
	json_t *before = all_tables(&e);
	(void)SAY(&e, "POST", "/_sim/save", "{\"file\": \"%s\"}", file.text);
	(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": %d}", 20 * 86400);
	expect_status(&e.rig, sub, "active");
	json_t *later = all_tables(&e);
	(void)SAY(&e, "POST", "/_sim/load", "{\"file\": \"%s\"}", file.text);
	json_t *loaded = all_tables(&e);
	flush(&e); /* what waited is taken up again; what was dropped is not */
	expect_deliveries(&e, 0, 2, 0, 0);
	assert_true(json_equal(json_object_get(before, "subscription"), json_object_get(loaded, "subscription")));
	assert_true(json_equal(json_object_get(before, "invoice"), json_object_get(loaded, "invoice")));
	assert_true(
		json_equal(json_object_get(before, "webhook_endpoint"), json_object_get(loaded, "webhook_endpoint")));
	/* and what was due is, with the same ids */
	(void)SAY(&e, "POST", "/_sim/clock", "{\"advance\": %d}", 20 * 86400);
	json_t *again = all_tables(&e);
	assert_true(json_equal(json_object_get(later, "subscription"), json_object_get(again, "subscription")));
	assert_true(json_equal(json_object_get(later, "charge"), json_object_get(again, "charge")));
	json_decref(before), json_decref(later), json_decref(loaded), json_decref(again);
	edge_rig_close(&e);
	scratch_remove(&scratch);
}

static void test_damaged_state(void **state) {
	(void)state;
	struct edge_rig e;
	struct scratch scratch;
	edge_rig_open(&e);
	scratch_make(&scratch);
	struct path file = path_of("%s/good.json", scratch.dir), cut = path_of("%s/cut.json", scratch.dir);
	(void)a_subscription(&e, a_customer(&e), "");
	pthread_mutex_lock(&e.rig.sim->mutex);
	assert_int_equal(state_save(e.rig.sim, file.text, NULL), OK);
	FILE *in = fopen(file.text, "rb");
	static char bytes[1 << 20];
	size_t size = fread(bytes, 1, sizeof bytes, in);
	(void)fclose(in);
	assert_in_range(size, 1000, sizeof bytes - 1);
	for (size_t n = 0; n < size; n += 1 + size / 97) {
		FILE *out = fopen(cut.text, "wb");
		assert_int_equal(fwrite(bytes, 1, n, out), n);
		(void)fclose(out);
		assert_int_equal(state_load(e.rig.sim, cut.text, NULL), ERR_MALFORMED);
	}
	assert_int_equal(state_load(e.rig.sim, "/nonexistent/x", NULL), ERR_NOT_FOUND);
	assert_int_equal(state_save(e.rig.sim, "/nonexistent/x", NULL), ERR_IO);
	assert_int_equal(state_load(e.rig.sim, file.text, NULL), OK);
	pthread_mutex_unlock(&e.rig.sim->mutex);
	edge_rig_close(&e);
	scratch_remove(&scratch);
}

/* ---- pages ------------------------------------------------------------------------------ */

static void test_html(void **state) {
	(void)state;
	struct html h;
	html_begin(&h, "<b>&\"'");
	html_fill(&h, "<i title=\"%s\">%s</i>", "\"><script>", "%s", NULL, NULL);
	html_money(&h, -123456, "eur");
	html_money(&h, 5, "usd");
	html_money(&h, 700, "jpy");
	html_money(&h, INT64_MIN, NULL);
	html_day(&h, 1790000000);
	char *text = html_end(&h);
	assert_non_null(strstr(text, "<h1>&lt;b&gt;&amp;&quot;&#39;</h1>"));
	assert_non_null(strstr(text, "<i title=\"&quot;&gt;&lt;script&gt;\">%s</i>"));
	assert_non_null(strstr(text, "-1234.56 EUR$0.05700 JPY"));
	assert_non_null(strstr(text, "21 Sep 2026"));
	free(text);
}

/* A POST of a form to a page: its status, and where it goes. */
static unsigned press(struct edge_rig *e, const char *path, const char *form, char location[256]) {
	struct params_fault fault;
	struct sim_request r = {
		.sim = e->rig.sim, .method = "POST", .path = path, .account = "", .version = SIM_VERSION};
	assert_int_equal(params_parse(view_str(form), &r.params, &fault), OK);
	pthread_mutex_lock(&r.sim->mutex);
	json_t *answer = sim_handle(&r);
	pthread_mutex_unlock(&r.sim->mutex);
	assert_null(answer);
	(void)snprintf(location, 256, "%s", r.location ? r.location : "");
	unsigned status = r.error.status ? r.error.status : r.location ? 303 : r.status;
	free(r.location);
	free(r.html);
	json_decref(r.params);
	return status;
}

static void test_pages_stay_with_their_customer(void **state) {
	(void)state;
	struct edge_rig e;
	char to[256];
	edge_rig_open(&e);
	struct id alice = a_customer(&e), bob = a_customer(&e), sub = a_subscription(&e, alice, "");
	struct id session = id_in(SAY(&e, "POST", "/v1/billing_portal/sessions", "customer=%s", bob.text), "id");
	struct path path = path_of("/p/session/%s/cancel", session.text),
		    form = path_of("subscription=%s&when=now", sub.text);
	assert_int_equal(press(&e, path.text, form.text, to), 404);
	expect_status(&e.rig, sub, "active");
	session = id_in(SAY(&e, "POST", "/v1/billing_portal/sessions", "customer=%s", alice.text), "id");
	path = path_of("/p/session/%s/cancel", session.text);
	assert_int_equal(press(&e, path.text, "when=now", to), 404);
	assert_int_equal(press(&e, path.text, form.text, to), 303);
	expect_status(&e.rig, sub, "canceled");
	assert_int_equal(press(&e, "/p/session/bps_none/cancel", form.text, to), 404);
	assert_int_equal(press(&e, path_of("/c/pay/%s", alice.text).text, "outcome=ok", to), 404);
	edge_rig_close(&e);
}

/* Cheaper at the period's end where the configuration says so, dearer at once; the flow's quantity counts. */
static void test_a_switch_goes_as_configured(void **state) {
	(void)state;
	struct edge_rig e;
	char to[256];
	edge_rig_open(&e);
	struct id alice = a_customer(&e), sub = a_subscription(&e, alice, "");
	json_t *list = SAY(&e, "GET", "/v1/billing_portal/configurations", "is_default=true");
	struct id main = id_in(json_array_get(json_object_get(list, "data"), 0), "id");
	(void)SAY(&e, "POST", path_of("/v1/billing_portal/configurations/%s", main.text).text,
		  "features[subscription_update][schedule_at_period_end][conditions][0][type]=decreasing_item_amount");
	(void)SAY(&e, "POST", "/v1/prices",
		  "id=price_dear&currency=usd&unit_amount=9000&recurring[interval]=month&product_data[name]=D");
	(void)SAY(&e, "POST", "/v1/prices",
		  "id=price_cheap&currency=usd&unit_amount=1&recurring[interval]=month&product_data[name]=C");
	struct id session = id_in(SAY(&e, "POST", "/v1/billing_portal/sessions", "customer=%s", alice.text), "id");
	struct path path = path_of("/p/session/%s/switch", session.text);
	struct path form = path_of("subscription=%s&price=price_dear&quantity=2", sub.text);
	assert_int_equal(press(&e, path.text, form.text, to), 303);
	const json_t *item = item_at(look(&e.rig, sub), 0);
	assert_string_equal(text_of(json_object_get(item, "price"), "id"), "price_dear");
	assert_int_equal(int_of(item, "quantity"), 2);
	form = path_of("subscription=%s&price=price_cheap", sub.text);
	assert_int_equal(press(&e, path.text, form.text, to), 303);
	item = item_at(look(&e.rig, sub), 0);
	assert_string_equal(text_of(json_object_get(item, "price"), "id"), "price_dear");
	struct id schedule = id_in(look(&e.rig, sub), "schedule");
	const json_t *phases = json_object_get(look(&e.rig, schedule), "phases");
	assert_int_equal(json_array_size(phases), 2);
	assert_int_equal(int_of(json_array_get(phases, 1), "start_date"), int_of(item, "current_period_end"));
	advance(&e.rig, 32 * SIM_DAY);
	item = item_at(look(&e.rig, sub), 0);
	assert_string_equal(text_of(json_object_get(item, "price"), "id"), "price_cheap");
	edge_rig_close(&e);
}

/* A header's value must not end its line, and a page leads to http(s) alone. */
static void test_where_pages_lead(void **state) {
	(void)state;
	static const struct {
		const char *url, *to;
	} cases[] = {{"http://a.example/{CHECKOUT_SESSION_ID}/{CHECKOUT_SESSION_ID}", "http://a.example/%s/%s"},
		     {"javascript:alert(1)", ""},
		     {"http://a.example/%0d%0aSet-Cookie:%20x", ""},
		     {"//a.example/", ""}};
	struct edge_rig e;
	char to[256], want[256];
	edge_rig_open(&e);
	struct id customer = a_customer(&e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct path form =
			path_of("mode=subscription&customer=%s&line_items[0][price]=price_pro&line_items[0][quantity]=1"
				"&success_url=",
				customer.text);
		(void)snprintf(form.text + strlen(form.text), sizeof form.text - strlen(form.text), "%s", cases[i].url);
		struct id session = id_in(SAY(&e, "POST", "/v1/checkout/sessions", "%s", form.text), "id");
		unsigned status = press(&e, path_of("/c/pay/%s", session.text).text, "outcome=ok", to);
		assert_int_equal(status, cases[i].to[0] ? 303 : 200);
		(void)snprintf(want, sizeof want, cases[i].to[0] ? "http://a.example/%s/%s" : "%s%s",
			       cases[i].to[0] ? session.text : "", cases[i].to[0] ? session.text : "");
		assert_string_equal(to, want);
	}
	edge_rig_close(&e);
}

/* ---- flags --------------------------------------------------------------------------------- */

static enum error take_flags(const char *line, struct webhook_flags *f, int *argc) {
	static char text[256];
	static char *argv[16];
	(void)snprintf(text, sizeof text, "%s", line);
	*argc = 0;
	for (char *at = text; *at && *argc < 15; at += strcspn(at, " "), at += *at ? (*at = 0, 1) : 0)
		argv[(*argc)++] = at;
	argv[*argc] = NULL;
	return webhook_flags_take(argc, argv, f, NULL);
}

static void test_flags(void **state) {
	(void)state;
	struct webhook_flags f;
	int argc;
	assert_int_equal(take_flags("p --seed 3 --webhook u --webhook-secret=s --now 5 --webhook=v --webhook-secret t",
				    &f, &argc),
			 OK);
	assert_int_equal(argc, 5);
	assert_int_equal(f.count, 2);
	assert_string_equal(f.at[1].url, "v");
	assert_string_equal(f.at[1].secret, "t");
	assert_int_equal(take_flags("p", &f, &argc), OK);
	assert_int_equal(f.count, 0);
	static const char *const bad[] = {"p --webhook u", "p --webhook-secret s",
					  "p --webhook u --webhook v --webhook-secret s",
					  "p --webhook u --webhook-secret s --webhook-secret t"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(take_flags(bad[i], &f, &argc), ERR_USAGE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_are_bounded),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_damaged_state),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_pages_stay_with_their_customer),
		cmocka_unit_test(test_a_switch_goes_as_configured),
		cmocka_unit_test(test_where_pages_lead),
		cmocka_unit_test(test_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
