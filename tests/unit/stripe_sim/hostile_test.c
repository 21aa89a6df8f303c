/* Requests that nobody sane sends, thousands of them, mixed with sane ones and with time: every answer is an object of
 * Stripe's or one of its errors, no status is unheard of, and the tables stay whole. TIERGATE_SEED chooses others. */
#include "unit/stripe_sim/rig.h"

#include "support/random.h"

#define REQUESTS 20000

/* What a sane client might send. {x}: an id of that kind, a price or a number; each parameter may be left out, given
 * another value, or joined by a stranger. */
static const struct template { const char *method, *path, *form; }
templates[] = {
	{"POST", "/v1/customers", "email=a@b.c&metadata[user_id]=alice&test_clock={k}&payment_method=pm_card_visa"},
	{"POST", "/v1/customers/{c}", "name=x&invoice_settings[default_payment_method]={m}&metadata[a]="},
	{"GET", "/v1/customers", "limit={n}&starting_after={c}&email=a@b.c&created[gte]={t}"},
	{"GET", "/v1/customers/{c}", ""},
	{"DELETE", "/v1/customers/{c}", ""},
	{"POST", "/v1/products", "name=x&id={x}&default_price_data[currency]=usd&default_price_data[unit_amount]={n}"},
	{"POST", "/v1/products/prod_a", "active=true&name=y&metadata[a]=b"},
	{"POST", "/v1/products/prod_a/features", "entitlement_feature={f}"},
	{"POST", "/v1/entitlements/features", "lookup_key=k&name=x"},
	{"GET", "/v1/entitlements/active_entitlements", "customer={c}&limit={n}"},
	{"POST", "/v1/prices",
	 "product=prod_a&currency=usd&unit_amount={n}&recurring[interval]=week&lookup_key=a&"
	 "transfer_lookup_key=true"},
	{"POST", "/v1/prices/{p}", "lookup_key=a&transfer_lookup_key=true&active=true&nickname="},
	{"GET", "/v1/prices", "lookup_keys[]=a&active=true&product=prod_a&limit={n}"},
	{"POST", "/v1/payment_methods", "type=card&card[token]=tok_visa"},
	{"POST", "/v1/payment_methods/{m}/attach", "customer={c}"},
	{"POST", "/v1/payment_methods/{m}/detach", ""},
	{"GET", "/v1/payment_methods", "customer={c}&type=card"},
	{"POST", "/v1/subscriptions",
	 "customer={c}&items[0][price]={p}&items[0][quantity]={n}&items[1][price]={p}&"
	 "trial_period_days={n}&payment_behavior=allow_incomplete&cancel_at={t}"},
	{"POST", "/v1/subscriptions",
	 "customer={c}&items[0][price]={p}&collection_method=send_invoice&days_until_due={n}"},
	{"POST", "/v1/subscriptions/{s}",
	 "items[0][id]={i}&items[0][price]={p}&items[0][quantity]={n}&proration_behavior=always_invoice&"
	 "payment_behavior=pending_if_incomplete"},
	{"POST", "/v1/subscriptions/{s}", "items[0][price]={p}&items[1][id]={i}&items[1][deleted]=true&metadata[a]=b"},
	{"POST", "/v1/subscriptions/{s}", "cancel_at_period_end=true&description=x&cancel_at={t}"},
	{"POST", "/v1/subscriptions/{s}", "pause_collection[behavior]=void&pause_collection[resumes_at]={t}"},
	{"POST", "/v1/subscriptions/{s}", "trial_end={t}&billing_cycle_anchor=now&proration_behavior=none"},
	{"POST", "/v1/subscriptions/{s}", "trial_end=now&default_payment_method={m}"},
	{"DELETE", "/v1/subscriptions/{s}", "cancellation_details[comment]=x&prorate=true"},
	{"POST", "/v1/subscriptions/{s}/pause", "type=subscription"},
	{"POST", "/v1/subscriptions/{s}/resume",
	 "payment_behavior=resume_on_payment_success&billing_cycle_anchor=unchanged"},
	{"GET", "/v1/subscriptions", "customer={c}&status=all&price={p}&limit={n}&ending_before={s}"},
	{"POST", "/v1/subscription_items", "subscription={s}&price={p}&quantity={n}"},
	{"POST", "/v1/subscription_items/{i}", "price={p}&quantity={n}"},
	{"DELETE", "/v1/subscription_items/{i}", ""},
	{"GET", "/v1/subscription_items", "subscription={s}&limit={n}&starting_after={i}"},
	{"POST", "/v1/subscription_schedules", "from_subscription={s}"},
	{"POST", "/v1/subscription_schedules",
	 "customer={c}&start_date={t}&end_behavior=cancel&phases[0][items][0][price]={p}&phases[0][iterations]={n}&"
	 "phases[1][items][0][price]={p}&phases[1][end_date]={t}"},
	{"POST", "/v1/subscription_schedules/{h}",
	 "end_behavior=cancel&phases[0][items][0][price]={p}&phases[0][duration][interval]=day&"
	 "phases[0][duration][interval_count]={n}&phases[1][items][0][price]={p}&phases[1][items][0][quantity]={n}&"
	 "phases[1][proration_behavior]=none"},
	{"POST", "/v1/subscription_schedules/{h}/release", ""},
	{"POST", "/v1/subscription_schedules/{h}/cancel", ""},
	{"GET", "/v1/subscription_schedules", "customer={c}"},
	{"GET", "/v1/invoices", "customer={c}&subscription={s}&status=open&limit={n}&starting_after={v}"},
	{"POST", "/v1/invoices/create_preview", "customer={c}&subscription={s}"},
	{"GET", "/v1/invoices/{v}/lines", "limit={n}"},
	{"POST", "/v1/invoices/{v}", "auto_advance=true&metadata[a]=b"},
	{"POST", "/v1/invoices/{v}/pay", "payment_method=pm_card_visa&paid_out_of_band=true"},
	{"POST", "/v1/invoices/{v}/void", ""},
	{"POST", "/v1/invoices/{v}/finalize", "auto_advance=true"},
	{"POST", "/v1/invoices/{v}/mark_uncollectible", ""},
	{"DELETE", "/v1/invoices/{v}", ""},
	{"POST", "/v1/payment_intents/{y}/confirm", "payment_method=pm_card_visa"},
	{"GET", "/v1/invoice_payments", "invoice={v}&payment[payment_intent]={y}&status=paid"},
	{"POST", "/v1/refunds", "charge={g}&payment_intent={y}&amount={n}&metadata[sim_status]=failing"},
	{"POST", "/v1/refunds/{r}/cancel", ""},
	{"GET", "/v1/refunds", "charge={g}"},
	{"POST", "/v1/disputes/{d}", "evidence[uncategorized_text]=x&submit=true"},
	{"POST", "/v1/disputes/{d}/close", ""},
	{"POST", "/v1/checkout/sessions",
	 "mode=subscription&success_url=x&line_items[0][price]={p}&line_items[0][quantity]={n}&customer={c}&"
	 "client_reference_id=alice&subscription_data[trial_period_days]={n}&payment_method_types[0]=sepa_debit"},
	{"POST", "/v1/checkout/sessions/{e}/expire", ""},
	{"GET", "/v1/checkout/sessions", "subscription={s}&customer={c}"},
	{"POST", "/v1/billing_portal/sessions", "customer={c}&return_url=x&flow_data[type]=subscription_cancel"},
	{"POST", "/v1/billing_portal/configurations", "features[subscription_cancel][enabled]=true&active=true"},
	{"POST", "/v1/test_helpers/test_clocks", "frozen_time={t}&name=x"},
	{"POST", "/v1/test_helpers/test_clocks/{k}/advance", "frozen_time={t}"},
	{"DELETE", "/v1/test_helpers/test_clocks/{k}", ""},
	{"GET", "/v1/events", "types[]=customer.*&created[gte]={t}&limit={n}&ending_before={z}&delivery_success=true"},
	{"GET", "/v1/events/{z}", ""},
	{"POST", "/_sim/dispute", "charge={g}&inquiry=true"},
	{"POST", "/_sim/dispute/close", "dispute={d}&won=true"},
	{"POST", "/_sim/pay", "session={e}"},
	{"POST", "/_sim/pay", "session={e}&async=true"},
	{"POST", "/_sim/refund", "refund={r}&status=failed"},
	{"POST", "/_sim/card", "customer={c}&outcome=declined"},
	{"POST", "/_sim/card", "customer={c}&outcome=none"},
	{"POST", "/_sim/card", "customer={c}&outcome=ok"},
	{"POST", "/_sim/settings", "after_retries=unpaid"},
	{"PUT", "/v1//{c}", "a=b"},
};
static const char *const oddities[] = {
	"",
	"0",
	"-1",
	"99999999999",
	"9223372036854775807",
	"1e9",
	"none",
	"yes",
	"%25s%25n",
	"true",
	"1790003600",
	"{c}",
	"{s}",
	"{p}",
	"{z}",
	"price_year",
	"none",
	"keep_as_draft",
	"now",
	"unpaid",
	"pause",
	"all",
};
static const char *const strangers[] = {
	"items=x",           "items[0]=x",
	"metadata=x",        "metadata[a][b]=c",
	"expand[]=customer", "limit[a]=1",
	"created=x",         "phases[]=",
	"customer[]=",       "foo=bar",
	"created[x]=1",      "lookup_keys=x",
	"types=x",           "line_items[0][price][a]=x",
};

static enum kind kind_of(char token) {
	static const struct {
		char token;
		enum kind kind;
	} kinds[] = {
		{'c', K_CUSTOMER},       {'s', K_SUBSCRIPTION}, {'i', K_SUBSCRIPTION}, {'p', K_PRICE},
		{'m', K_PAYMENT_METHOD}, {'h', K_SCHEDULE},     {'v', K_INVOICE},      {'y', K_PAYMENT_INTENT},
		{'g', K_CHARGE},         {'r', K_REFUND},       {'d', K_DISPUTE},      {'e', K_SESSION},
		{'k', K_TEST_CLOCK},     {'z', K_EVENT},        {'f', K_FEATURE},
	};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].token == token) return kinds[i].kind;
	return K_COUNT;
}

static size_t token_text(struct rig *g, struct random *rng, char token, char *out, size_t room) {
	long long now = (long long)g->sim->main.now;
	if (token == 'n') return (size_t)snprintf(out, room, "%zu", random_below(rng, 40));
	if (token == 't') return (size_t)snprintf(out, room, "%lld", now + (long long)random_below(rng, 5000000));
	enum kind kind = kind_of(token);
	const struct records *list = kind == K_COUNT ? NULL : &g->sim->scopes[0]->lists[kind];
	if (!list || list->count == 0) return (size_t)snprintf(out, room, "none");
	/* mostly one of the newest */
	size_t back = random_below(rng, random_below(rng, 4) ? (list->count < 8 ? list->count : 8) : list->count);
	const struct record *rec = list->at[list->count - 1 - back];
	const char *id = token == 'i' ? text_of(item_at(rec->json, 0), "id") : record_id(rec);
	return (size_t)snprintf(out, room, "%s", id);
}

static void fill(struct rig *g, struct random *rng, const char *pattern, char *out, size_t size) {
	size_t n = 0;
	while (*pattern && n + SIM_ID_MAX < size) {
		if (*pattern == '{') {
			n += token_text(g, rng, pattern[1], out + n, size - n);
			pattern += 3;
		} else {
			out[n++] = *pattern++;
		}
	}
	out[n] = 0;
}

/* Parameters of the pattern: some left out, some with another value. */
static void mutate(struct random *rng, const char *form, char *out, size_t size) {
	size_t n = 0;
	while (*form) {
		size_t len = strcspn(form, "&"), name = strcspn(form, "=");
		if (random_below(rng, 4) && n + len + 40 < size) {
			bool odd = random_below(rng, 12) == 0;
			n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? "&" : "", (int)(odd ? name + 1 : len),
					      form);
			if (odd)
				n += (size_t)snprintf(out + n, size - n, "%s",
						      oddities[random_below(rng, ARRAY_LEN(oddities))]);
		}
		form += len + (form[len] == '&');
	}
	if (random_below(rng, 20) == 0)
		(void)snprintf(out + n, size - n, "%s%s", n ? "&" : "",
			       strangers[random_below(rng, ARRAY_LEN(strangers))]);
	else
		out[n] = 0;
}

/* The control takes JSON; a form's tree will do. */
static const char *as_json(const char *form, char *out, size_t size) {
	json_t *tree = NULL;
	struct params_fault fault;
	if (params_parse(view_str(form), &tree, &fault)) tree = json_object();
	char *text = json_dumps(tree, JSON_COMPACT);
	(void)snprintf(out, size, "%s", text);
	free(text);
	json_decref(tree);
	return out;
}

/* True: it was taken. */
static bool one_request(struct rig *g, struct random *rng) {
	char path[400], pattern[1200], form[2400], body[3000];
	const struct template *t = &templates[random_below(rng, ARRAY_LEN(templates))];
	fill(g, rng, t->path, path, sizeof path);
	mutate(rng, t->form, pattern, sizeof pattern);
	fill(g, rng, pattern, form, sizeof form);
	bool control = strncmp(path, "/_sim/", 6) == 0;
	struct params_fault fault;
	json_t *tree = NULL;
	if (params_parse(view_str(form), &tree, &fault)) return false;
	json_decref(tree);
	const json_t *answer = ask_as(g, "", t->method, path, control ? as_json(form, body, sizeof body) : form);
	const json_t *error = json_object_get(answer, "error");
	assert_true(json_is_object(answer));
	assert_true((g->status == 200) == (error == NULL));
	if (!error) return true;
	assert_true(g->status == 400 || g->status == 402 || g->status == 404);
	assert_non_null(text_of(error, "type"));
	assert_non_null(text_of(error, "message"));
	return false;
}

/* What would help: customers with cards, and what they subscribe to. */
static void one_sane(struct rig *g, struct random *rng) {
	/* which a request before may have retired */
	(void)ask(g, "POST", "/v1/prices/price_pro", "active=true");
	struct id cus = new_customer(g);
	if (random_below(rng, 2)) set_card(g, cus, random_below(rng, 2) ? "declined" : "requires_action");
	(void)subscribe(g, cus, random_below(rng, 2) ? "&trial_period_days=5" : "&payment_behavior=default_incomplete");
}

static void the_tables_are_whole(struct rig *g) {
	static const char statuses[] = "incomplete incomplete_expired trialing active past_due canceled unpaid paused ";
	const struct records *subs = &g->sim->scopes[0]->lists[K_SUBSCRIPTION];
	for (size_t i = 0; i < subs->count; i++) {
		const json_t *sub = subs->at[i]->json;
		const char *found = strstr(statuses, text_of(sub, "status"));
		assert_non_null(found);
		size_t items = json_array_size(json_object_get(json_object_get(sub, "items"), "data"));
		assert_true(items >= 1 && items <= ITEMS_MAX);
		assert_non_null(sim_find_any(g->sim, text_of(sub, "customer")));
		assert_non_null(sim_find_any(g->sim, text_of(sub, "latest_invoice")));
		bool ended = text_is(sub, "status", "canceled") || text_is(sub, "status", "incomplete_expired");
		assert_int_equal(ended, json_is_integer(json_object_get(sub, "ended_at")));
		for (size_t k = 0; k < items; k++) {
			const json_t *item = item_at(sub, k), *first = item_at(sub, 0);
			assert_true(int_of(item, "current_period_end") >= int_of(item, "current_period_start"));
			assert_int_equal(int_of(item, "current_period_end"), int_of(first, "current_period_end"));
			assert_true(text_is(json_object_get(item, "plan"), "interval",
					    text_of(json_object_get(first, "plan"), "interval")));
		}
	}
	const struct records *invoices = &g->sim->scopes[0]->lists[K_INVOICE];
	for (size_t i = 0; i < invoices->count; i++) {
		const json_t *inv = invoices->at[i]->json;
		assert_int_equal(
			text_is(inv, "status", "paid"),
			json_is_integer(json_object_get(json_object_get(inv, "status_transitions"), "paid_at")));
	}
}

/* Does the event say of `key` what it was before? Of a hash it may name only the keys that differ. */
static bool is_told(json_t *previous, json_t *was, const char *key) {
	json_t *told = json_object_get(previous, key), *old = json_object_get(was, key);
	if (!told) return false;
	return json_is_object(told) || json_equal(told, old);
}

/* A subscription shows its prices as they are: one that gave its lookup_key away is nobody's update. */
static void leave_prices_out(const json_t *sub) {
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(sub, "pending_update"), "subscription_items"), i, item) {
		set_text(item, "price", text_of(json_object_get(item, "price"), "id"));
	}
}

/* No field of a subscription changes without an event that says from what: events of one second are put in order by
 * that. */
static void the_chain_has_no_hole(struct rig *g) {
	static const char *const keys[] = {
		"status",   "cancel_at",        "cancel_at_period_end", "canceled_at", "ended_at",
		"schedule", "pause_collection", "pending_update",       "trial_end",   "default_payment_method",
		"metadata", "description",      "latest_invoice",
	};
	json_t *last = json_object();
	size_t checked = 0;
	for (size_t i = 0; i < events_of(g)->count; i++) {
		const struct record *event = events_of(g)->at[i];
		const char *type = text_of(event->json, "type");
		if (strncmp(type, "customer.subscription.", 22) != 0) continue;
		json_t *data = json_loads(event->text, 0, NULL), *now = json_object_get(data, "object");
		json_t *previous = json_object_get(data, "previous_attributes"),
		       *was = json_object_get(last, text_of(now, "id"));
		leave_prices_out(now);
		leave_prices_out(previous);
		bool ends = strcmp(type, "customer.subscription.deleted") == 0;
		for (size_t k = 0; was && !ends && k < ARRAY_LEN(keys); k++, checked++) {
			bool same = json_equal(json_object_get(was, keys[k]), json_object_get(now, keys[k]));
			if (same || is_told(previous, was, keys[k])) continue;
			fail_msg("%s %s: %s changed untold", type, text_of(now, "id"), keys[k]);
		}
		(void)json_object_set(last, text_of(now, "id"), now);
		json_decref(data);
	}
	assert_true(checked > 1000);
	json_decref(last);
}

static void anything_goes(void **state) {
	(void)state;
	struct random rng = random_start();
	struct rig g = rig_open();
	size_t taken = 0;
	for (int i = 0; i < REQUESTS; i++) {
		if (i % 50 == 0) one_sane(&g, &rng);
		if (i % 100 == 99) advance(&g, (int64_t)random_below(&rng, 3 * SIM_DAY));
		taken += one_request(&g, &rng);
	}
	advance(&g, 60 * SIM_DAY);
	the_tables_are_whole(&g);
	the_chain_has_no_hole(&g);
	/* most of all that is refused would prove little */
	assert_true(taken > REQUESTS / 5);
	rig_close(&g);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
