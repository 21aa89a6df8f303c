#include "proto/tg01.h"

#include "golden.h"

static struct tg01_decoder *decoder;
static uint8_t buffer[TG01_MESSAGE_MAX];

static int set_up(void **state) {
	(void)state;
	decoder = tg01_decoder_create();
	return decoder ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	tg01_decoder_destroy(&decoder);
	return 0;
}

static struct writer fresh(void) { return writer_of(buffer, sizeof buffer); }

static void rewrite_batch(struct writer *w, const struct tg01_reply *r) {
	tg01_batch_begin(w, &r->id, &r->source, r->of.batch.count);
	for (unsigned i = 0; i < r->of.batch.count; i++) {
		const struct tg01_result *x = &r->of.batch.results[i];
		if (x->failed)
			tg01_batch_error(w, x->code, x->text);
		else
			tg01_batch_answer(w, &x->answer);
	}
}

static void rewrite_since(struct writer *w, const struct tg01_reply *r) {
	struct tg01_since s;
	tg01_since_begin(w, &r->id, &s);
	for (unsigned i = 0; i < r->of.since.count; i++) assert_true(tg01_since_change(w, &s, &r->of.since.changes[i]));
	tg01_since_end(w, &s, &r->source, r->of.since.more, r->of.since.reset);
}

static void rewrite_page(struct writer *w, const struct tg01_reply *r) {
	struct tg01_page p;
	tg01_page_begin(w, &r->id, &p);
	for (unsigned i = 0; i < r->of.page.count; i++) assert_true(tg01_page_subject(w, &p, &r->of.page.subjects[i]));
	tg01_page_end(w, &p, &r->source, r->of.page.more);
}

static void rewrite_reply(struct writer *w, enum tg01_op op, const struct tg01_reply *r) {
	if (r->failed) {
		tg01_error_write(w, &r->id, r->code, r->text);
		return;
	}
	switch ((int)op) {
	case TG01_CHECK:
		tg01_answer_write(w, &r->id, &r->source, &r->of.answer);
		break;
	case TG01_GET:
		tg01_profile_write(w, &r->id, &r->source, &r->of.profile);
		break;
	case TG01_BATCH:
		rewrite_batch(w, r);
		break;
	case TG01_SINCE:
		rewrite_since(w, r);
		break;
	case TG01_PING:
		tg01_pong_write(w, &r->id, &r->source, &r->of.pong);
		break;
	case TG01_CATALOG:
		tg01_catalog_write(w, &r->id, &r->source, &r->of.catalog);
		break;
	case TG01_PAGE:
		rewrite_page(w, r);
		break;
	default:
		fail();
	}
}

/* Reads the message as what it is and writes it again; false when it is refused. */
static bool again(const char *what, struct view m, struct writer *w) {
	struct problem why = {0};
	if (strcmp(what, "request") == 0) {
		struct tg01_request r;
		struct tg01_failure f;
		if (!tg01_request_read(decoder, m, &r, &f)) return false;
		/* what it is when it was not said */
		if (r.max == (r.op == TG01_SINCE ? TG01_SINCE_MAX : TG01_PAGE_MAX)) r.max = 0;
		tg01_request_write(w, &r);
		return true;
	}
	if (strcmp(what, "feed_change") == 0) {
		uint64_t epoch;
		struct tg01_change c;
		if (tg01_feed_change_read(decoder, m, &epoch, &c, &why)) return false;
		tg01_feed_change_write(w, epoch, &c);
		return true;
	}
	if (strcmp(what, "feed_heartbeat") == 0) {
		struct tg01_heartbeat h;
		if (tg01_feed_heartbeat_read(decoder, m, &h, &why)) return false;
		tg01_feed_heartbeat_write(w, &h);
		return true;
	}
	for (int op = 0; op < TG01_OP_COUNT; op++) {
		if (strcmp(what, tg01_op_name((enum tg01_op)op)) != 0) continue;
		struct tg01_reply r;
		if (tg01_reply_read(decoder, (enum tg01_op)op, m, &r, &why)) return false;
		rewrite_reply(w, (enum tg01_op)op, &r);
		return true;
	}
	fail_msg("no such message: %s", what);
	return false;
}

static void golden(void **state) {
	(void)state;
	assert_true(golden_check("tg01.json", again) > 40);
}

static void refused(void **state) {
	(void)state;
	struct vectors all = vectors_of("tg01_refused.json");
	while (vectors_next(&all)) {
		struct tg01_request r = {.ver = 99};
		struct tg01_failure f;
		if (tg01_request_read(decoder, vectors_message(&all), &r, &f)) fail_msg("%s passes", all.name);
		assert_int_equal(r.ver, 99);
		if (strcmp(tg01_code_name(f.code), vectors_text(&all, "code")) != 0 ||
		    strcmp(f.text, vectors_text(&all, "text")) != 0)
			fail_msg("%s: %s: %s", all.name, tg01_code_name(f.code), f.text);
		const json_t *id = json_object_get(all.v, "id");
		assert_int_equal(f.id.kind, json_is_null(id)     ? TG01_ID_NONE
					    : json_is_string(id) ? TG01_ID_TEXT
								 : TG01_ID_NUMBER);
	}
	assert_true(all.count > 40);
}

static void refused_replies(void **state) {
	(void)state;
	struct vectors all = vectors_of("tg01_reply_refused.json");
	while (vectors_next(&all)) {
		struct problem why = {0};
		struct tg01_reply r = {.text = VIEW("untouched")};
		int op = 0;
		while (strcmp(all.what, tg01_op_name((enum tg01_op)op)) != 0) assert_true(++op < TG01_OP_COUNT);
		if (!tg01_reply_read(decoder, (enum tg01_op)op, vectors_message(&all), &r, &why))
			fail_msg("%s passes", all.name);
		if (strcmp(why.text, vectors_text(&all, "text")) != 0) fail_msg("%s: %s", all.name, why.text);
		assert_true(view_eq(r.text, VIEW("untouched")));
	}
	assert_true(all.count > 25);
}

static void what_is_asked_beside_a_profile(void **state) {
	(void)state;
	static const char m[] = "\x84\xa2op\xa3get\xa2id\x01\xa3sub\xa1u\xa4with\x93\xa5newer\xa9"
				"customers\xa4line";
	struct tg01_request got;
	struct tg01_failure f;
	assert_true(tg01_request_read(decoder, view_of(m, sizeof m - 1), &got, &f));
	assert_int_equal(got.with, TG01_WITH_LINE | TG01_WITH_CUSTOMERS);
	static const char check[] = "\x85\xa2op\xa5"
				    "check\xa2id\x01\xa3sub\xa1u\xa4tier\xa3pro\xa4with\x07";
	assert_true(tg01_request_read(decoder, view_of(check, sizeof check - 1), &got, &f));
	assert_int_equal(got.with, 0); /* a check has no such key: it is one that is not known */
}

static void request_values(void **state) {
	(void)state;
	const struct tg01_request want = {
		.op = TG01_CHECK,
		.id = {.kind = TG01_ID_TEXT, .text = VIEW("x7")},
		.ask = {.sub = VIEW("u"), .feat = VIEW("live_trading"), .acct = VIEW("acct_1"), .min_ver = 5, .at = 77},
	};
	struct writer w = fresh();
	tg01_request_write(&w, &want);
	struct tg01_request got;
	struct tg01_failure f;
	assert_true(tg01_request_read(decoder, writer_view(&w), &got, &f));
	assert_int_equal(got.op, TG01_CHECK);
	assert_true(view_eq(got.id.text, VIEW("x7")));
	assert_true(view_eq(got.ask.sub, VIEW("u")));
	assert_true(view_eq(got.ask.feat, VIEW("live_trading")));
	assert_int_equal(got.ask.tier.len, 0);
	assert_true(view_eq(got.ask.acct, VIEW("acct_1")));
	assert_int_equal(got.ask.min_ver, 5);
	assert_int_equal(got.ask.at, 77);
}

static void unknown_keys_and_nil_are_passed_over(void **state) {
	(void)state;
	static const char m[] = "\x87\xa4more\x92\x80\xc0\xa2op\xa5"
				"check\xa2id\x01\xa3sub\xa1u\xa4tier\xa3pro\xa4"
				"feat\xc0\xa2"
				"at\xc0";
	struct tg01_request got;
	struct tg01_failure f;
	assert_true(tg01_request_read(decoder, view_of(m, sizeof m - 1), &got, &f));
	assert_true(view_eq(got.ask.tier, VIEW("pro")));
	assert_int_equal(got.ask.at, 0);
}

static void largest_messages_fit(void **state) {
	(void)state;
	static char filler[SUBJECT_MAX];
	memset(filler, 'x', sizeof filler);
	const struct tg01_id id = {.kind = TG01_ID_TEXT, .text = view_of(filler, TG01_ID_MAX)};
	const struct tg01_source source = {UINT64_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX};
	struct view name = view_of(filler, NAME_MAX_BYTES);
	static struct view feats[256];
	for (size_t i = 0; i < ARRAY_LEN(feats); i++) feats[i] = name;
	const struct tg01_profile p = {name,      name,         name, feats, 256,   UINT64_MAX, INT64_MAX,
				       INT64_MAX, TG01_TTL_MAX, true, {0},   false, NULL,       0};
	struct writer w = fresh();
	tg01_profile_write(&w, &id, &source, &p);
	struct tg01_reply r;
	assert_int_equal(tg01_reply_read(decoder, TG01_GET, writer_view(&w), &r, NULL), OK);
	assert_int_equal(r.of.profile.feat_count, 256);

	const struct tg01_answer a = {false, true, name, name, name, name, INT64_MAX, TG01_TTL_MAX};
	w = fresh();
	tg01_batch_begin(&w, &id, &source, TG01_BATCH_MAX);
	for (int i = 0; i < TG01_BATCH_MAX; i++) tg01_batch_answer(&w, &a);
	assert_int_equal(tg01_reply_read(decoder, TG01_BATCH, writer_view(&w), &r, NULL), OK);
	assert_int_equal(r.of.batch.count, TG01_BATCH_MAX);
	assert_true(r.of.batch.results[127].answer.stale);
}

static void since_stops_where_it_is_full(void **state) {
	(void)state;
	static char filler[SUBJECT_MAX];
	memset(filler, 'x', sizeof filler);
	const struct tg01_id id = {.kind = TG01_ID_NUMBER, .number = 1};
	const struct tg01_source source = {UINT64_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX};
	struct tg01_change c = {.ver = UINT64_MAX, .at_ms = INT64_MAX, .sub = VIEW("u"), .until = INT64_MAX};
	for (size_t size = 150; size < sizeof buffer; size = size * 2 + 1) {
		struct writer w = writer_of(buffer, size);
		struct tg01_since s;
		tg01_since_begin(&w, &id, &s);
		unsigned n = 0;
		while (tg01_since_change(&w, &s, &c)) n++;
		tg01_since_end(&w, &s, &source, true, false);
		struct tg01_reply r;
		assert_int_equal(tg01_reply_read(decoder, TG01_SINCE, writer_view(&w), &r, NULL), OK);
		assert_int_equal(r.of.since.count, n);
		assert_true(r.of.since.more);
	}
	struct writer w = fresh();
	struct tg01_since s;
	tg01_since_begin(&w, &id, &s);
	while (tg01_since_change(&w, &s, &c)) {
	}
	assert_int_equal(s.count, TG01_SINCE_MAX); /* small changes: the count is what ends it */
	c.sub = view_of(filler, SUBJECT_MAX);
	c.before = c.after = c.reason = c.status = view_of(filler, NAME_MAX_BYTES);
	w = fresh();
	tg01_since_begin(&w, &id, &s);
	while (tg01_since_change(&w, &s, &c)) {
	}
	tg01_since_end(&w, &s, &source, true, false);
	assert_true(s.count > 64 && s.count < TG01_SINCE_MAX); /* large ones: the bytes */
	struct tg01_reply r;
	assert_int_equal(tg01_reply_read(decoder, TG01_SINCE, writer_view(&w), &r, NULL), OK);
}

/* Everything as long as it may be: the step with the most bytes, and the one with the most values for its bytes. */
static unsigned fill_page(struct view name, struct view sub, unsigned steps, unsigned grants,
			  struct tg01_reply *ret_r) {
	static struct tg01_grant g[TIERS_MAX];
	static struct tg01_step s[TG01_STEPS_MAX];
	const struct tg01_id id = {.kind = TG01_ID_NUMBER, .number = 1};
	const struct tg01_source source = {UINT64_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX};
	for (unsigned i = 0; i < TIERS_MAX; i++) g[i] = (struct tg01_grant){name, name.len > 1 ? INT64_MAX : 0};
	for (unsigned i = 0; i < TG01_STEPS_MAX; i++)
		s[i] = (struct tg01_step){.from = i + 1,
					  .tier = name,
					  .status = name,
					  .reason = name,
					  .until = name.len > 1 ? INT64_MAX : 0,
					  .blocked_tier = name,
					  .blocked_reason = name,
					  .stale = true,
					  .grants = g,
					  .grant_count = grants};
	const struct tg01_subject subject = {sub, 1, {s, steps, 0}};
	struct tg01_page p;
	struct writer w = fresh();
	tg01_page_begin(&w, &id, &p);
	while (tg01_page_subject(&w, &p, &subject)) {
	}
	tg01_page_end(&w, &p, &source, true);
	struct problem why = {0};
	if (tg01_reply_read(decoder, TG01_PAGE, writer_view(&w), ret_r, &why)) fail_msg("%s", why.text);
	assert_int_equal(ret_r->of.page.count, p.count);
	assert_int_equal(ret_r->of.page.subjects[p.count - 1].line.count, steps);
	return p.count;
}

static void pages_stop_where_they_are_full(void **state) {
	(void)state;
	static char filler[SUBJECT_MAX];
	memset(filler, 'x', sizeof filler);
	struct tg01_reply r;
	const struct view name = view_of(filler, NAME_MAX_BYTES), sub = view_of(filler, SUBJECT_MAX);
	assert_true(fill_page(name, sub, TG01_STEPS_MAX, TIERS_MAX, &r) >= 3); /* the bytes */
	assert_true(fill_page(VIEW("x"), VIEW("u"), TG01_STEPS_MAX, TIERS_MAX, &r) >= 40);
	assert_true(fill_page(VIEW("x"), VIEW("u"), 1, TIERS_MAX, &r) >= 250);
	assert_true(r.of.page.more);
	assert_int_equal(r.source.cat, UINT64_MAX);
	assert_int_equal(fill_page(VIEW("x"), VIEW("u"), 0, 0, &r), TG01_PAGE_MAX); /* the count */
}

static void a_writer_without_space_fails(void **state) {
	(void)state;
	const struct tg01_id id = {.kind = TG01_ID_NUMBER, .number = 1};
	const struct tg01_source source = {1, 1, 1, 1};
	const struct tg01_answer a = {.reason = VIEW("active"), .tier = VIEW("pro"), .status = VIEW("active")};
	struct writer whole = fresh();
	tg01_answer_write(&whole, &id, &source, &a);
	size_t n = writer_view(&whole).len;
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		struct writer w = writer_of(buffer, i);
		tg01_answer_write(&w, &id, &source, &a);
		assert_true(w.failed);
	}
}

static void a_newer_server_is_understood(void **state) {
	(void)state;
	static const char m[] = "\x82\xa2id\x01\xa3"
				"err\x83\xa4"
				"code\xa9new_thing\xa3msg\xa0\xa5retry\xc3";
	struct tg01_reply r;
	assert_int_equal(tg01_reply_read(decoder, TG01_CHECK, view_of(m, sizeof m - 1), &r, NULL), OK);
	assert_true(r.failed && r.retry);
	assert_int_equal(r.code, TG01_INTERNAL);
	assert_true(view_eq(r.code_name, VIEW("new_thing")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_replies),
		cmocka_unit_test(what_is_asked_beside_a_profile),
		cmocka_unit_test(pages_stop_where_they_are_full),
		cmocka_unit_test(request_values),
		cmocka_unit_test(unknown_keys_and_nil_are_passed_over),
		cmocka_unit_test(largest_messages_fit),
		cmocka_unit_test(since_stops_where_it_is_full),
		cmocka_unit_test(a_writer_without_space_fails),
		cmocka_unit_test(a_newer_server_is_understood),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
