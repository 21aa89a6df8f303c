#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/stripe_decode.h"
#include "support/fixture.h"

#define SUB_CLASSIC "subscription_updated.classic.json"
#define SUB_BASIL "subscription_updated.basil.json"
#define INVOICE_CLASSIC "invoice_paid.classic.json"
#define INVOICE_BASIL "invoice_paid.basil.json"

#define DEC_1 INT64_C(1764547200) /* 2025-12-01 */
#define JAN_1 INT64_C(1767225600)

/* A decoder and the event that it decoded, alive together. */
struct decoded {
	struct stripe_decoder *decoder;
	json_t *event;
	char *body;
	struct record record;
	struct observation o;
	struct problem why;
	enum error result;
};

static struct view text_of(json_t *v) { return view_of(json_string_value(v), json_string_length(v)); }

static void run(struct decoded *d) {
	d->body = json_dumps(d->event, JSON_COMPACT | JSON_ENCODE_ANY);
	assert_non_null(d->body);
	d->record.body = view_str(d->body);
	memset(&d->o, 0x5a, sizeof d->o);
	d->why = (struct problem){OK, ""};
	d->decoder = stripe_decoder_create(VIEW("user_id"));
	assert_non_null(d->decoder);
	d->result = stripe_decode(d->decoder, &d->record, &d->o, &d->why);
}

/* The fixture as a webhook's record, decoded after the edits: pairs of path and text, up to a NULL path. */
static struct decoded decode_edited(const char *name, const char *const edits[][2]) {
	struct decoded d = {.event = fixture_load(name)};
	for (size_t i = 0; edits && edits[i][0]; i++) fixture_set(d.event, edits[i][0], edits[i][1]);
	d.record = (struct record){
		.kind = RECORD_WEBHOOK,
		.livemode = json_is_true(json_object_get(d.event, "livemode")),
		.created = json_integer_value(json_object_get(d.event, "created")),
		.account = text_of(json_object_get(d.event, "account")),
		.id = text_of(json_object_get(d.event, "id")),
		.type = text_of(json_object_get(d.event, "type")),
	};
	run(&d);
	return d;
}
#define DECODE(name, ...) decode_edited((name), (const char *const[][2]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL}})

/* data.object as the API would have returned it. */
static struct decoded decode_snapshot(const char *name, const char *const edits[][2]) {
	json_t *event = fixture_load(name);
	struct decoded d = {.event = json_incref(fixture_at(event, "data.object"))};
	json_decref(event);
	for (size_t i = 0; edits && edits[i][0]; i++) fixture_set(d.event, edits[i][0], edits[i][1]);
	d.record = (struct record){
		.kind = RECORD_SNAPSHOT,
		.created = DEC_1 + 100,
		.id = VIEW("snap_1"),
		.type = text_of(json_object_get(d.event, "object")),
	};
	run(&d);
	return d;
}
#define SNAPSHOT(name, ...) decode_snapshot((name), (const char *const[][2]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL}})

static void drop(struct decoded *d) {
	stripe_decoder_destroy(&d->decoder);
	json_decref(d->event);
	free(d->body);
}
#define LET(d)                                                                                                         \
	AUTO(drop)                                                                                                     \
	struct decoded d

static void must(const struct decoded *d, enum observation_kind kind) {
	if (d->result != OK) fail_msg("%s", problem_text(&d->why));
	assert_int_equal(d->o.kind, kind);
}

static void is_text(struct view v, const char *want) {
	if (!view_eq(v, view_str(want))) fail_msg("\"%.*s\" is not \"%s\"", VIEW_FMT(v), want);
}

/* ---- subscriptions ------------------------------------------------------------ */

static void check_subscription(const struct subscription *s) {
	is_text(s->id, "sub_TgFixture1");
	is_text(s->customer, "cus_TgFixture1");
	is_text(s->subject, "user-42");
	is_text(s->latest_invoice, "in_TgFixture1");
	assert_int_equal(s->status, SUB_ACTIVE);
	assert_true(s->created == DEC_1);
	assert_true(s->period_start == DEC_1);
	assert_true(s->period_end == JAN_1);
	assert_true(!s->trial_end && !s->cancel_at && !s->canceled_at && !s->ended_at);
	assert_false(s->cancel_at_period_end);
	assert_false(s->collection_paused);
	assert_int_equal(s->items.count, 1);
	is_text(s->items.items[0].price, "price_pro_monthly");
	is_text(s->items.items[0].product, "prod_TgPro");
	is_text(s->items.items[0].lookup_key, "pro_monthly");
	assert_true(s->items.items[0].quantity == 3);
}

static void both_shapes_give_one_subscription(void **state) {
	LET(classic) = DECODE(SUB_CLASSIC);
	LET(basil) = DECODE(SUB_BASIL);
	(void)state;
	must(&classic, OBSERVE_SUBSCRIPTION);
	must(&basil, OBSERVE_SUBSCRIPTION);
	check_subscription(&classic.o.of.subscription.now);
	check_subscription(&basil.o.of.subscription.now);
	assert_true(classic.o.of.subscription.post == subscription_digest(&classic.o.of.subscription.now));
	assert_true(classic.o.of.subscription.post == basil.o.of.subscription.post);
	assert_true(classic.o.of.subscription.has_pre && basil.o.of.subscription.has_pre);
	assert_true(classic.o.of.subscription.pre == basil.o.of.subscription.pre);
	assert_false(basil.o.of.subscription.new_claim);

	assert_true(basil.o.stamp.created == DEC_1 + 40);
	assert_int_equal(basil.o.stamp.rank, RANK_UPDATED);
	is_text(basil.o.stamp.event, "evt_TgSub1");
	assert_false(basil.o.scope.livemode);
	assert_int_equal(basil.o.scope.account.len, 0);
}

/* Edits of the object after which it must decode as the fixture itself does. */
static void many_spellings_mean_the_same(void **state) {
	static const char *const same[][2] = {
		{"data.object.customer", "{\"id\":\"cus_TgFixture1\",\"object\":\"customer\",\"deleted\":true}"},
		{"data.object.latest_invoice", "{\"id\":\"in_TgFixture1\",\"lines\":{\"has_more\":true}}"},
		{"data.object.items.data.0.price.product", "{\"id\":\"prod_TgPro\",\"name\":\"Pro\"}"},
		{"data.object.plan", NULL},
		{"data.object.items.data.0.plan", NULL},
		{"data.object.cancel_at", NULL},
		{"data.object.pause_collection", NULL},
		{"data.object.cancel_at_period_end", "null"},
		{"data.object.items.has_more", NULL},
		{"data.object.metadata.campaign", "\"\\u0000 anything\""},
		{"data.object.description", "\"a NUL \\u0000 where we do not look\""},
		{"livemode", NULL},
		{"api_version", "null"},
		{"data.object.object", NULL},
	};
	LET(fixture) = DECODE(SUB_BASIL);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		LET(d) = DECODE(SUB_BASIL, {same[i][0], same[i][1]});
		if (d.result != OK) fail_msg("%s: %s", same[i][0], d.why.text);
		if (d.o.of.subscription.post != fixture.o.of.subscription.post) fail_msg("%s", same[i][0]);
	}
}

static void every_field_counts(void **state) {
	static const char *const edits[][2] = {
		{"data.object.id", "\"sub_2\""},
		{"data.object.customer", "\"cus_2\""},
		{"data.object.metadata.user_id", "\"user-43\""},
		{"data.object.metadata", "null"},
		{"data.object.latest_invoice", "null"},
		{"data.object.status", "\"past_due\""},
		{"data.object.created", "1764547201"},
		{"data.object.trial_end", "1764547201"},
		{"data.object.cancel_at", "1764547201"},
		{"data.object.canceled_at", "1764547201"},
		{"data.object.ended_at", "1764547201"},
		{"data.object.cancel_at_period_end", "true"},
		{"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		{"data.object.items.data", "[]"},
		{"data.object.items.data.0.quantity", "4"},
		{"data.object.items.data.0.price.id", "\"price_2\""},
		{"data.object.items.data.0.price.product", "\"prod_2\""},
		{"data.object.items.data.0.price.lookup_key", "null"},
		{"data.object.items.data.0.current_period_start", "1764547201"},
		{"data.object.items.data.0.current_period_end", "1764547201"},
	};
	LET(fixture) = DECODE(SUB_BASIL);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		LET(d) = DECODE(SUB_BASIL, {edits[i][0], edits[i][1]});
		if (d.result != OK) fail_msg("%s: %s", edits[i][0], d.why.text);
		if (d.o.of.subscription.post == fixture.o.of.subscription.post)
			fail_msg("%s makes no difference", edits[i][0]);
	}
}

static void old_items_are_read_too(void **state) {
	LET(metered) = DECODE(SUB_BASIL, {"data.object.items.data.0.quantity", "null"});
	LET(plan) = DECODE(SUB_CLASSIC, {"data.object.items.data.0.price", NULL});
	LET(no_items) = DECODE(SUB_CLASSIC, {"data.object.items", NULL});
	LET(payer) =
		DECODE(SUB_BASIL, {"data.object.customer", "null"}, {"data.object.customer_account", "\"acct_7\""});
	(void)state;
	must(&metered, OBSERVE_SUBSCRIPTION);
	assert_true(metered.o.of.subscription.now.items.items[0].quantity == 1);
	must(&plan, OBSERVE_SUBSCRIPTION);
	must(&no_items, OBSERVE_SUBSCRIPTION);
	const struct item_set *sets[] = {&plan.o.of.subscription.now.items, &no_items.o.of.subscription.now.items};
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		assert_int_equal(sets[i]->count, 1);
		is_text(sets[i]->items[0].price, "price_pro_monthly");
		is_text(sets[i]->items[0].product, "prod_TgPro");
		assert_int_equal(sets[i]->items[0].lookup_key.len, 0);
		assert_true(sets[i]->items[0].quantity == 3);
	}
	must(&payer, OBSERVE_SUBSCRIPTION);
	is_text(payer.o.of.subscription.now.customer, "acct_7");
}

/* n items in descending order of price and ascending order of period. */
static json_t *items(unsigned n) {
	json_t *list = json_array();
	for (unsigned i = 0; i < n; i++) {
		char id[32];
		(void)snprintf(id, sizeof id, "price_%02u", n - i);
		json_array_append_new(list,
				      json_pack("{s:{s:s,s:s},s:i,s:I,s:I}", "price", "id", id, "product", "prod_1",
						"quantity", (int)i, "current_period_start", (json_int_t)(DEC_1 - i),
						"current_period_end", (json_int_t)(JAN_1 + i)));
	}
	return list;
}

static void many_items_are_sorted_and_bounded(void **state) {
	(void)state;
	for (unsigned n = ITEMS_MAX; n <= ITEMS_MAX + 1; n++) {
		json_t *list = items(n);
		char *text = json_dumps(list, 0);
		LET(d) = DECODE(SUB_BASIL, {"data.object.items.data", text});
		free(text);
		json_decref(list);
		if (n > ITEMS_MAX) {
			assert_int_equal(d.result, ERR_MALFORMED);
			continue;
		}
		must(&d, OBSERVE_SUBSCRIPTION);
		const struct subscription *s = &d.o.of.subscription.now;
		assert_int_equal(s->items.count, ITEMS_MAX);
		is_text(s->items.items[0].price, "price_01");
		is_text(s->items.items[ITEMS_MAX - 1].price, "price_20");
		assert_true(s->items.items[0].quantity == ITEMS_MAX - 1);
		assert_true(s->period_start == DEC_1 - (ITEMS_MAX - 1));
		assert_true(s->period_end == JAN_1);
	}
}

/* ---- what was before ------------------------------------------------------------ */

/* The law of previous_attributes: an event with `after` applied and previous_attributes `previous` has
 * as its pre the post of an event with `before` applied. */
static void pre_is_the_post_of_what_was_before(void **state) {
	static const struct {
		const char *fixture;
		const char *before[2], *after[2];
		const char *previous;
	} cases[] = {
		{SUB_BASIL,
		 {"data.object.status", "\"trialing\""},
		 {"data.object.status", "\"active\""},
		 "{\"status\":\"trialing\"}"},
		{SUB_BASIL, {"data.object.cancel_at", NULL}, {"data.object.cancel_at", "99"}, "{\"cancel_at\":null}"},
		{SUB_BASIL, {"data.object.cancel_at", "98"}, {"data.object.cancel_at", "null"}, "{\"cancel_at\":98}"},
		{SUB_BASIL,
		 {"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		 {"data.object.pause_collection", "null"},
		 "{\"pause_collection\":{\"behavior\":\"void\",\"resumes_at\":null}}"},
		{SUB_BASIL,
		 {"data.object.pause_collection", "null"},
		 {"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		 "{\"pause_collection\":null}"},
		{SUB_BASIL,
		 {"data.object.pause_collection", "{\"behavior\":\"void\"}"},
		 {"data.object.pause_collection", "{\"behavior\":\"keep_as_draft\"}"},
		 "{\"pause_collection\":{\"behavior\":\"void\"}}"},
		{SUB_BASIL,
		 {"data.object.metadata.user_id", "\"old\""},
		 {"data.object.metadata.user_id", "\"new\""},
		 "{\"metadata\":{\"user_id\":\"old\"}}"},
		{SUB_BASIL,
		 {"data.object.metadata.user_id", NULL},
		 {"data.object.metadata.user_id", "\"new\""},
		 "{\"metadata\":{\"user_id\":null}}"},
		{SUB_BASIL,
		 {"data.object.metadata.user_id", "\"user-42\""},
		 {"data.object.metadata.user_id", "\"user-42\""},
		 "{\"metadata\":{\"campaign\":\"spring\"}}"},
		{SUB_BASIL,
		 {"data.object.items.data.0.quantity", "7"},
		 {"data.object.items.data.0.quantity", "8"},
		 "{\"items\":{\"data\":[{\"quantity\":7}]}}"},
		{SUB_BASIL,
		 {"data.object.items.data.0.quantity", "null"},
		 {"data.object.items.data.0.quantity", "8"},
		 "{\"items\":{\"data\":[{\"quantity\":null}]}}"},
		{SUB_BASIL,
		 {"data.object.items.data.0.price.id", "\"price_old\""},
		 {"data.object.items.data.0.price.id", "\"price_new\""},
		 "{\"items\":{\"data\":[{\"price\":{\"id\":\"price_old\"}}]}}"},
		/* a whole list: what its element lacks is absent, not the base's */
		{SUB_BASIL,
		 {"data.object.items.data",
		  "[{\"id\":\"si_1\",\"price\":{\"id\":\"price_old\"},\"current_period_end\":50}]"},
		 {"data.object.items.data.0.quantity", "8"},
		 "{\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":{\"id\":\"price_old\"},\"current_period_end\":50}]},"
		 "\"quantity\":1}"},
		/* an item was added: the list was shorter */
		{SUB_BASIL,
		 {"data.object.items.data", "[{\"id\":\"si_1\",\"price\":\"price_a\"}]"},
		 {"data.object.items.data",
		  "[{\"id\":\"si_1\",\"price\":\"price_a\"},{\"id\":\"si_2\",\"price\":\"price_b\"}]"},
		 "{\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":\"price_a\"}],\"total_count\":1}}"},
		/* and one was removed */
		{SUB_BASIL,
		 {"data.object.items.data",
		  "[{\"id\":\"si_1\",\"price\":\"price_a\"},{\"id\":\"si_2\",\"price\":\"price_b\"}]"},
		 {"data.object.items.data", "[{\"id\":\"si_1\",\"price\":\"price_a\"}]"},
		 "{\"items\":{\"data\":[{\"id\":\"si_1\",\"price\":\"price_a\"},{\"id\":\"si_2\",\"price\":\"price_b\"}"
		 "]}}"},
		{SUB_CLASSIC,
		 {"data.object.current_period_end", "5000"},
		 {"data.object.current_period_end", "6000"},
		 "{\"current_period_end\":5000}"},
		{SUB_BASIL,
		 {"data.object.latest_invoice", "\"in_old\""},
		 {"data.object.latest_invoice", "{\"id\":\"in_new\"}"},
		 "{\"latest_invoice\":\"in_old\"}"},
		{SUB_BASIL,
		 {"data.object.description", "\"a\""},
		 {"data.object.description", "\"b\""},
		 "{\"description\":\"a\"}"},
		{SUB_BASIL, {"data.object.description", "\"a\""}, {"data.object.description", "\"a\""}, "{}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		LET(before) = DECODE(cases[i].fixture, {cases[i].before[0], cases[i].before[1]});
		LET(event) = DECODE(cases[i].fixture, {cases[i].after[0], cases[i].after[1]},
				    {"data.previous_attributes", cases[i].previous});
		must(&before, OBSERVE_SUBSCRIPTION);
		must(&event, OBSERVE_SUBSCRIPTION);
		if (!event.o.of.subscription.has_pre) fail_msg("case %zu: no pre", i);
		if (event.o.of.subscription.pre != before.o.of.subscription.post) fail_msg("case %zu: another pre", i);
	}
}

static void not_every_event_has_a_pre(void **state) {
	static const char *const without[][2] = {
		{"data.previous_attributes", NULL},
		{"data.previous_attributes", "null"},
		{"data.previous_attributes", "[]"},
		{"data.previous_attributes", "{\"status\":\"no such status\"}"},
		{"data.previous_attributes", "{\"items\":{\"has_more\":true}}"},
		{"data.previous_attributes", "{\"items\":null,\"plan\":null}"},
		{"data.previous_attributes", "{\"id\":null}"},
		{"type", "\"customer.subscription.created\""},
		{"type", "\"customer.subscription.deleted\""},
	};
	LET(fixture) = DECODE(SUB_BASIL);
	LET(snapshot) = SNAPSHOT(SUB_BASIL);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(without); i++) {
		LET(d) = DECODE(SUB_BASIL, {without[i][0], without[i][1]});
		must(&d, OBSERVE_SUBSCRIPTION);
		if (d.o.of.subscription.has_pre) fail_msg("case %zu", i);
		assert_true(d.o.of.subscription.post == fixture.o.of.subscription.post);
	}
	must(&snapshot, OBSERVE_SUBSCRIPTION);
	assert_false(snapshot.o.of.subscription.has_pre);
	assert_false(snapshot.o.of.subscription.new_claim);
	assert_true(snapshot.o.of.subscription.post == fixture.o.of.subscription.post);
	assert_true(snapshot.o.stamp.created == DEC_1 + 100);
	assert_int_equal(snapshot.o.stamp.rank, RANK_UPDATED);
}

/* ---- ranks and claims ------------------------------------------------------------- */

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
	static const char *const types[] = {"\"charge.refunded\"",
					    "\"invoice.upcoming\"",
					    "\"customer.subscription\"",
					    "\"customer.subscription.unheard_of\"",
					    "\"checkout.session.expired\"",
					    "\"checkout.session.async_payment_failed\"",
					    "\"\"",
					    "\"subscription\""};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		LET(d) = DECODE(SUB_BASIL, {"type", types[i]}, {"data", "7"});
		must(&d, OBSERVE_NOTHING);
		is_text(d.o.stamp.event, "evt_TgSub1");
	}
	LET(thin) = DECODE("thin_event.json");
	LET(thin_of_a_used_name) = DECODE("thin_event.json", {"type", "\"customer.updated\""});
	LET(snapshot) = SNAPSHOT(SUB_BASIL, {"object", "\"charge\""});
	must(&thin, OBSERVE_NOTHING);
	must(&thin_of_a_used_name, OBSERVE_NOTHING);
	must(&snapshot, OBSERVE_NOTHING);
}

static void a_claim_is_new_only_once(void **state) {
	static const struct {
		const char *type, *previous;
		bool is_new;
	} cases[] = {
		{"customer.subscription.created", NULL, true},
		{"customer.subscription.updated", NULL, false},
		{"customer.subscription.updated", "{\"status\":\"incomplete\"}", false},
		{"customer.subscription.updated", "{\"metadata\":{\"campaign\":null}}", false},
		{"customer.subscription.updated", "{\"metadata\":{\"user_id\":null}}", true},
		{"customer.subscription.updated", "{\"metadata\":{\"user_id\":\"other\"}}", true},
		{"customer.subscription.updated", "{\"metadata\":null}", true},
		{"customer.subscription.deleted", NULL, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char type[64], customer_type[64];
		(void)snprintf(type, sizeof type, "\"%s\"", cases[i].type);
		(void)snprintf(customer_type, sizeof customer_type, "\"customer%s\"", strrchr(cases[i].type, '.'));
		const char *previous = cases[i].previous ? cases[i].previous : "null";
		LET(sub) = DECODE(SUB_BASIL, {"type", type}, {"data.previous_attributes", previous});
		LET(cus) = DECODE("customer_created.json", {"type", customer_type},
				  {"data.previous_attributes", previous});
		LET(none) = DECODE(SUB_BASIL, {"type", type}, {"data.previous_attributes", previous},
				   {"data.object.metadata", "{}"});
		must(&sub, OBSERVE_SUBSCRIPTION);
		must(&cus, OBSERVE_CUSTOMER);
		must(&none, OBSERVE_SUBSCRIPTION);
		if (sub.o.of.subscription.new_claim != cases[i].is_new) fail_msg("subscription, case %zu", i);
		if (cus.o.of.customer.new_claim != cases[i].is_new) fail_msg("customer, case %zu", i);
		assert_false(none.o.of.subscription.new_claim);
	}
}

static void a_monstrous_claim_is_none(void **state) {
	char text[SUBJECT_MAX + 4];
	(void)state;
	for (size_t n = SUBJECT_MAX; n <= SUBJECT_MAX + 1; n++) {
		memset(text, 'u', sizeof text);
		text[0] = text[n + 1] = '"';
		text[n + 2] = 0;
		LET(sub) = DECODE(SUB_BASIL, {"data.object.metadata.user_id", text});
		LET(session) = DECODE("checkout_session_completed.json", {"data.object.client_reference_id", text});
		must(&sub, OBSERVE_SUBSCRIPTION);
		must(&session, OBSERVE_CHECKOUT);
		assert_int_equal(sub.o.of.subscription.now.subject.len, n > SUBJECT_MAX ? 0 : n);
		assert_int_equal(session.o.of.checkout.subject.len, n > SUBJECT_MAX ? strlen("user-42") : n);
	}
	LET(nul) = DECODE(SUB_BASIL, {"data.object.metadata.user_id", "\"user-1\\u0000\""});
	LET(number) = DECODE(SUB_BASIL, {"data.object.metadata.user_id", "1"});
	must(&nul, OBSERVE_SUBSCRIPTION);
	must(&number, OBSERVE_SUBSCRIPTION);
	assert_int_equal(nul.o.of.subscription.now.subject.len, 0);
	assert_int_equal(number.o.of.subscription.now.subject.len, 0);
}

/* ---- the other objects ----------------------------------------------------------------- */

static void reads_customers(void **state) {
	LET(created) = DECODE("customer_created.json");
	LET(deleted) = DECODE("customer_created.json", {"type", "\"customer.deleted\""});
	LET(bare) = SNAPSHOT("customer_created.json", {"metadata", NULL}, {"livemode", NULL}, {"deleted", "true"});
	(void)state;
	must(&created, OBSERVE_CUSTOMER);
	is_text(created.o.of.customer.id, "cus_TgFixture1");
	is_text(created.o.of.customer.subject, "user-42");
	assert_false(created.o.of.customer.deleted);
	assert_true(created.o.of.customer.new_claim);
	must(&deleted, OBSERVE_CUSTOMER);
	assert_true(deleted.o.of.customer.deleted);
	assert_false(deleted.o.of.customer.new_claim);
	must(&bare, OBSERVE_CUSTOMER);
	assert_true(bare.o.of.customer.deleted);
	assert_int_equal(bare.o.of.customer.subject.len, 0);
}

static void reads_checkout_sessions(void **state) {
	LET(done) = DECODE("checkout_session_completed.json");
	LET(free_trial) =
		DECODE("checkout_session_completed.json", {"data.object.payment_status", "\"no_payment_required\""});
	LET(unpaid) = DECODE("checkout_session_completed.json", {"data.object.payment_status", "\"unpaid\""});
	LET(guest) = DECODE("checkout_session_completed.json", {"data.object.customer", "null"},
			    {"data.object.subscription", "null"}, {"data.object.client_reference_id", "null"});
	LET(open) = SNAPSHOT("checkout_session_completed.json", {"status", "\"open\""});
	LET(complete) = SNAPSHOT("checkout_session_completed.json");
	(void)state;
	must(&done, OBSERVE_CHECKOUT);
	is_text(done.o.of.checkout.id, "cs_test_TgFixture1");
	is_text(done.o.of.checkout.customer, "cus_TgFixture1");
	is_text(done.o.of.checkout.subscription, "sub_TgFixture1");
	is_text(done.o.of.checkout.subject, "user-42");
	assert_true(done.o.of.checkout.paid);
	must(&free_trial, OBSERVE_CHECKOUT);
	assert_true(free_trial.o.of.checkout.paid);
	must(&unpaid, OBSERVE_CHECKOUT);
	assert_false(unpaid.o.of.checkout.paid);
	must(&guest, OBSERVE_CHECKOUT);
	assert_int_equal(guest.o.of.checkout.customer.len + guest.o.of.checkout.subscription.len, 0);
	is_text(guest.o.of.checkout.subject, "user-42"); /* metadata's */
	must(&open, OBSERVE_NOTHING);
	must(&complete, OBSERVE_CHECKOUT);
}

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
		LET(one_line) =
			DECODE(files[i], {"data.object.lines.has_more", "true"}, {"data.object.lines.data.1", "{}"});
		LET(manual) = DECODE(files[i], {"data.object.subscription", "null"}, {"data.object.parent", "null"},
				     {"data.object.lines", "null"}, {"data.object.status", "null"},
				     {"data.object.amount_due", "-5"});
		must(&d, OBSERVE_INVOICE);
		check_invoice(&d.o.of.invoice);
		must(&snapshot, OBSERVE_INVOICE);
		check_invoice(&snapshot.o.of.invoice);
		must(&one_line, OBSERVE_INVOICE);
		assert_true(one_line.o.of.invoice.period_end == DEC_1); /* only the proration is left */
		must(&manual, OBSERVE_INVOICE);
		assert_int_equal(manual.o.of.invoice.subscription.len, 0);
		assert_int_equal(manual.o.of.invoice.status, INVOICE_NONE);
		assert_true(manual.o.of.invoice.period_end == 0);
		assert_true(manual.o.of.invoice.amount_due == -5);
	}
}

/* ---- hostile and damaged bodies ----------------------------------------------------------- */

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
		{SUB_BASIL, "data.object.items.has_more", "true", "data.object.items: has more pages"},
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
		cmocka_unit_test(both_shapes_give_one_subscription),
		cmocka_unit_test(many_spellings_mean_the_same),
		cmocka_unit_test(every_field_counts),
		cmocka_unit_test(old_items_are_read_too),
		cmocka_unit_test(many_items_are_sorted_and_bounded),
		cmocka_unit_test(pre_is_the_post_of_what_was_before),
		cmocka_unit_test(not_every_event_has_a_pre),
		cmocka_unit_test(types_have_their_kind_and_rank),
		cmocka_unit_test(unused_events_say_nothing),
		cmocka_unit_test(a_claim_is_new_only_once),
		cmocka_unit_test(a_monstrous_claim_is_none),
		cmocka_unit_test(reads_customers),
		cmocka_unit_test(reads_checkout_sessions),
		cmocka_unit_test(both_shapes_give_one_invoice),
		cmocka_unit_test(names_what_is_malformed),
		cmocka_unit_test(a_long_id_is_malformed),
		cmocka_unit_test(contradictions_are_malformed),
		cmocka_unit_test(what_is_not_json_is_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
