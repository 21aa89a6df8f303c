#include "serve.h"

#include "fake_store.h"

#define NOW_MS 5000000

static struct catalog_file *file;
static struct store_link store;
static struct server server;
static struct tg01_decoder *client;
static uint8_t reply_bytes[TG01_MESSAGE_MAX];

static int set_up(void **state) {
	(void)state;
	fake_reset();
	file = fake_catalog();
	client = tg01_decoder_create();
	link_init(&store, "unused");
	store.store = &fake_store;
	store.look = &fake_look;
	store.epoch = FAKE_EPOCH;
	store.settled = true;
	store.as_of = NOW_MS - 5;
	server = (struct server){
		.catalog = catalog_file_get(file), .link = &store, .decoder = tg01_decoder_create(), .livemode = true};
	return client && server.decoder ? 0 : -1;
}

static unsigned rights = CURVE_CHECK | CURVE_FEED;

static int tear_down(void **state) {
	(void)state;
	store.store = NULL;
	store.look = NULL;
	tg01_decoder_destroy(&client);
	tg01_decoder_destroy(&server.decoder);
	catalog_file_destroy(&file);
	return 0;
}

static struct tg01_reply ask(struct tg01_request r) {
	uint8_t bytes[TG01_MESSAGE_MAX];
	if (r.id.kind == TG01_ID_NONE) r.id = (struct tg01_id){.kind = TG01_ID_NUMBER, .number = 11};
	struct writer out = writer_of(bytes, sizeof bytes);
	tg01_request_write(&out, &r);
	struct writer w = writer_of(reply_bytes, sizeof reply_bytes);
	serve(&server, VIEW("TG01"), writer_view(&out), rights, (struct moment){NOW_MS, 7000}, &w);
	assert_false(w.failed);
	struct tg01_reply reply;
	struct problem why = {0};
	if (tg01_reply_read(client, r.op, writer_view(&w), &reply, &why)) fail_msg("%s", why.text);
	assert_int_equal(reply.id.number, 11);
	return reply;
}

static struct tg01_reply check(const char *sub, const char *acct, const char *tier) {
	return ask((struct tg01_request){
		.op = TG01_CHECK, .ask = {.sub = view_str(sub), .acct = view_str(acct), .tier = view_str(tier)}});
}

static void answers_from_the_right_row(void **state) {
	(void)state;
	const struct grant pro = fake_grant(SUB_ACTIVE, "price_pro"), inst = fake_grant(SUB_ACTIVE, "price_inst");
	fake_add(true, "", "u", &pro);
	fake_add(false, "", "u", &inst);
	fake_add(true, "acct_1", "u", &inst);
	struct tg01_reply r = check("u", "", "pro");
	assert_true(r.of.answer.allowed);
	assert_int_equal(r.source.ver, 3);
	assert_int_equal(r.source.epoch, FAKE_EPOCH);
	assert_int_equal(r.source.as_of, NOW_MS - 5);
	assert_false(check("u", "", "inst").of.answer.allowed);
	assert_true(check("u", "acct_1", "inst").of.answer.allowed);
	assert_false(check("u", "acct_2", "pro").of.answer.allowed);
	server.livemode = false;
	assert_true(check("u", "", "inst").of.answer.allowed);
	assert_int_equal(server.requests[TG01_CHECK], 5);
}

static void batch(void **state) {
	(void)state;
	const struct grant pro = fake_grant(SUB_ACTIVE, "price_pro");
	fake_add(true, "", "u", &pro);
	fake.log_from_ms = 2000;
	const struct tg01_question checks[] = {{.sub = VIEW("u"), .tier = VIEW("pro")},
					       {.sub = VIEW("v"), .tier = VIEW("pro")},
					       {.sub = VIEW("u"), .feat = VIEW("nonesuch")},
					       {.sub = VIEW("u"), .tier = VIEW("pro"), .min_ver = 2},
					       {.sub = VIEW("u"), .tier = VIEW("pro"), .at = 1}};
	struct tg01_reply r = ask((struct tg01_request){.op = TG01_BATCH, .checks = checks, .check_count = 5});
	assert_int_equal(r.of.batch.count, 5);
	const struct tg01_result *x = r.of.batch.results;
	assert_true(!x[0].failed && x[0].answer.allowed);
	assert_true(!x[1].failed && !x[1].answer.allowed);
	assert_true(x[2].failed && x[2].code == TG01_UNKNOWN_FEATURE && !x[2].retry);
	assert_true(x[3].failed && x[3].code == TG01_BEHIND && x[3].retry);
	assert_true(x[4].failed && x[4].code == TG01_BAD_REQUEST);
	assert_int_equal(ask((struct tg01_request){.op = TG01_BATCH, .checks = checks}).of.batch.count, 0);
}

static void get(void **state) {
	(void)state;
	const struct grant pro = fake_grant(SUB_ACTIVE, "price_pro");
	fake_add(true, "", "u", &pro);
	struct tg01_reply r = ask((struct tg01_request){.op = TG01_GET, .ask = {.sub = VIEW("u")}});
	assert_int_equal(r.of.profile.feat_count, 2);
	r = ask((struct tg01_request){.op = TG01_GET, .ask = {.sub = VIEW("who"), .min_ver = 9}});
	assert_int_equal(r.code, TG01_BEHIND);
}

static void what_was_answered_then(void **state) {
	(void)state;
	const struct grant inst = fake_grant(SUB_ACTIVE, "price_inst");
	fake.log_from_ms = 1000000;
	fake_answer("u", 2000500, "pro", REASON_ACTIVE);
	fake_answer("u", 3000000, "inst", REASON_ACTIVE);
	fake_add(true, "", "u", &inst);
	struct tg01_request r = {.op = TG01_CHECK, .ask = {.sub = VIEW("u"), .tier = VIEW("inst"), .at = 2500}};
	struct tg01_reply a = ask(r);
	assert_false(a.of.answer.allowed);
	assert_int_equal(a.source.ver, 1);
	assert_int_equal(a.source.epoch, FAKE_EPOCH);
	r.ask.at = 3000;
	a = ask(r);
	assert_true(a.of.answer.allowed);
	assert_int_equal(a.source.ver, 2);
	r.ask.at = 2000; /* in that second it came */
	assert_int_equal(ask(r).source.ver, 1);
	r.ask.at = 1999;
	a = ask(r);
	assert_false(a.of.answer.allowed);
	assert_true(view_eq(a.of.answer.reason, VIEW("unknown_subject")));
	assert_int_equal(a.source.ver, 0);
	r.ask.at = 999;
	a = ask(r);
	assert_int_equal(a.code, TG01_BAD_REQUEST);
	assert_non_null(strstr(a.text.ptr, "1970-01-01T00:16:40Z"));
	r = (struct tg01_request){.op = TG01_GET, .ask = {.sub = VIEW("u"), .at = 3500}};
	a = ask(r);
	assert_true(view_eq(a.of.profile.tier, VIEW("inst")));
	assert_int_equal(a.of.profile.seats, 4);
}

static void min_ver(void **state) {
	(void)state;
	fake.ver = 8;
	struct tg01_request r = {.op = TG01_CHECK, .ask = {.sub = VIEW("u"), .tier = VIEW("pro"), .min_ver = 8}};
	assert_false(ask(r).failed);
	r.ask.min_ver = 9;
	assert_int_equal(ask(r).code, TG01_BEHIND);
	fake.ver = 9; /* committed since: the next request sees it */
	assert_false(ask(r).failed);
}

static void not_ready(void **state) {
	(void)state;
	store.settled = false;
	(void)problem_set(&store.why, ERR_UNAVAILABLE, "being filled");
	struct tg01_reply r = check("u", "", "pro");
	assert_true(r.failed && r.retry);
	assert_int_equal(r.code, TG01_NOT_READY);
	assert_true(view_eq(r.text, VIEW("being filled")));
	r = ask((struct tg01_request){.op = TG01_PING});
	assert_false(r.failed);
	assert_false(r.of.pong.ready);
	store.settled = true;
	r = ask((struct tg01_request){.op = TG01_PING});
	assert_true(r.of.pong.ready);
	assert_int_equal(r.of.pong.lag_ms, 5);
	assert_int_equal(r.of.pong.uptime_s, 7);
}

static void a_store_that_fails(void **state) {
	(void)state;
	fake.read_fails = ERR_STORAGE;
	assert_int_equal(check("u", "", "pro").code, TG01_INTERNAL);
	assert_int_equal(ask((struct tg01_request){.op = TG01_SINCE}).code, TG01_INTERNAL);
	fake.renew_fails = ERR_STORAGE;
	assert_int_equal(check("u", "", "pro").code, TG01_NOT_READY);
	assert_null(store.store); /* let go, to be opened again */
	assert_int_equal(server.errors[TG01_INTERNAL], 2);
}

static void other_versions(void **state) {
	(void)state;
	struct writer w = writer_of(reply_bytes, sizeof reply_bytes);
	serve(&server, VIEW("TG02"), VIEW("\x80"), rights, (struct moment){NOW_MS, 0}, &w);
	struct tg01_reply r;
	assert_int_equal(tg01_reply_read(client, TG01_PING, writer_view(&w), &r, NULL), OK);
	assert_int_equal(r.code, TG01_UNSUPPORTED_VERSION);
	assert_int_equal(r.id.kind, TG01_ID_NONE);
}

static void since(void **state) {
	(void)state;
	for (int i = 0; i < 600; i++) fake_change(i % 2 == 0, "u"); /* odd versions are ours */
	uint64_t ver = 0;
	unsigned count = 0, rounds = 0;
	struct tg01_reply r;
	do {
		r = ask((struct tg01_request){.op = TG01_SINCE, .ver = ver, .epoch = FAKE_EPOCH, .max = 100});
		for (unsigned i = 0; i < r.of.since.count; i++) {
			assert_int_equal(r.of.since.changes[i].ver, 2 * count + 1);
			count++;
		}
		assert_true(r.source.ver > ver);
		ver = r.source.ver;
		rounds++;
	} while (r.of.since.more);
	assert_int_equal(count, 300);
	assert_int_equal(rounds, 3);
	assert_int_equal(ver, 600);
	r = ask((struct tg01_request){.op = TG01_SINCE, .ver = 600});
	assert_true(r.of.since.count == 0 && !r.of.since.more && r.source.ver == 600);
	assert_int_equal(ask((struct tg01_request){.op = TG01_SINCE, .ver = 601}).code, TG01_BEHIND);
	r = ask((struct tg01_request){.op = TG01_SINCE, .ver = 601, .epoch = FAKE_EPOCH + 1});
	assert_true(r.of.since.reset && r.of.since.count == 0 && r.source.ver == 600);
}

/* Nothing of ours in a long stretch: the reply is empty, and still moves on. */
static void since_passes_the_other_mode(void **state) {
	(void)state;
	for (int i = 0; i < SINCE_SCAN_MAX + 10; i++) fake_change(false, "u");
	fake_change(true, "u");
	struct tg01_reply r = ask((struct tg01_request){.op = TG01_SINCE, .epoch = FAKE_EPOCH});
	assert_true(r.of.since.more && r.of.since.count == 0 && r.source.ver == SINCE_SCAN_MAX);
	r = ask((struct tg01_request){.op = TG01_SINCE, .ver = r.source.ver, .epoch = FAKE_EPOCH});
	assert_true(!r.of.since.more && r.of.since.count == 1 && r.source.ver == fake.ver);
}

/* ---- what caches ask ------------------------------------------------------------------ */

static struct grant canceled_at(int64_t at) {
	struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	g.cancel_at = at;
	return g;
}

static void a_line_comes_when_it_is_asked_for(void **state) {
	(void)state;
	const struct grant g = canceled_at(6000);
	fake_add(true, "", "u", &g);
	struct tg01_request r = {.op = TG01_GET, .ask = {.sub = VIEW("u")}};
	struct tg01_reply a = ask(r);
	assert_int_equal(a.of.profile.line.count, 0);
	assert_int_equal(a.source.cat, 0);
	assert_false(a.of.profile.has_customers);
	r.with = TG01_WITH_LINE;
	a = ask(r);
	const struct tg01_line *l = &a.of.profile.line;
	assert_int_equal(l->count, 2);
	assert_int_equal(l->until, 0);
	assert_int_equal(a.source.cat, server.catalog->hash);
	assert_int_equal(l->steps[0].from, NOW_MS / 1000);
	assert_true(view_eq(l->steps[0].tier, VIEW("pro")));
	assert_int_equal(l->steps[0].until, 6000);
	assert_int_equal(l->steps[0].grant_count, 1);
	assert_int_equal(l->steps[1].from, 6000);
	assert_true(view_eq(l->steps[1].tier, VIEW("free")));
	assert_int_equal(l->steps[1].grant_count, 0);
	r.ask.at = 7000;
	a = ask(r);
	assert_int_equal(a.of.profile.line.count, 1);
	assert_int_equal(a.of.profile.line.steps[0].from, 7000);
	r.ask.at = 4000; /* of what was, there is none */
	assert_int_equal(ask(r).of.profile.line.count, 0);
}

static void who_has_nothing_has_a_line(void **state) {
	(void)state;
	struct tg01_request r = {.op = TG01_GET, .ask = {.sub = VIEW("who")}, .with = TG01_WITH_LINE};
	struct tg01_reply a = ask(r);
	assert_int_equal(a.of.profile.line.count, 1);
	assert_true(view_eq(a.of.profile.line.steps[0].reason, VIEW("unknown_subject")));
	/* a customer that somebody may come to claim: no feed tells of it */
	r.ask.sub = VIEW("cus_9");
	a = ask(r);
	assert_false(a.failed);
	assert_int_equal(a.of.profile.line.count, 0);
	const struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	fake_add(true, "", "cus_9", &g);
	assert_int_equal(ask(r).of.profile.line.steps[0].grant_count, 1);
}

static void customers(void **state) {
	(void)state;
	struct tg01_request r = {.op = TG01_GET, .ask = {.sub = VIEW("u")}, .with = TG01_WITH_CUSTOMERS};
	struct tg01_reply a = ask(r);
	assert_true(a.of.profile.has_customers);
	assert_int_equal(a.of.profile.customer_count, 2);
	assert_true(view_eq(a.of.profile.customers[0], VIEW("cus_2")));
	assert_int_equal(a.of.profile.line.count, 0);
	r.ask.sub = VIEW("who");
	a = ask(r);
	assert_true(a.of.profile.has_customers);
	assert_int_equal(a.of.profile.customer_count, 0);
	fake.read_fails = ERR_STORAGE;
	assert_int_equal(ask(r).code, TG01_INTERNAL);
}

static void changes_carry_lines(void **state) {
	(void)state;
	const struct grant g = canceled_at(6000);
	fake_change(true, "u");
	fake_change(true, "gone");
	fake_change(true, "cus_1");
	fake_add(true, "", "u", &g);
	struct tg01_reply r = ask((struct tg01_request){.op = TG01_SINCE});
	assert_int_equal(r.source.cat, server.catalog->hash);
	const struct tg01_change *c = r.of.since.changes;
	assert_int_equal(r.of.since.count, 3);
	assert_int_equal(c[0].line.count, 2);
	assert_int_equal(c[1].line.count, 1);
	assert_true(view_eq(c[1].line.steps[0].reason, VIEW("unknown_subject")));
	assert_int_equal(c[2].line.count, 0); /* it stands for somebody else now */
}

static void pages(void **state) {
	(void)state;
	static const char *const names[] = {"a", "b", "c", "d"};
	const struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) fake_add(true, "", names[i], &g);
	fake_add(false, "", "other_mode", &g);
	fake_add(true, "acct_1", "other_account", &g);
	struct tg01_request ask_for = {.op = TG01_PAGE, .max = 3};
	struct tg01_reply r = ask(ask_for);
	assert_int_equal(r.of.page.count, 3);
	assert_true(r.of.page.more);
	assert_int_equal(r.source.cat, server.catalog->hash);
	for (unsigned i = 0; i < 3; i++) {
		const struct tg01_subject *s = &r.of.page.subjects[i];
		assert_true(view_eq(s->sub, view_str(names[i])));
		assert_int_equal(s->ver, fake.ver);
		assert_true(view_eq(s->line.steps[0].tier, VIEW("pro")));
	}
	ask_for.after = VIEW("c");
	r = ask(ask_for);
	assert_int_equal(r.of.page.count, 1);
	assert_false(r.of.page.more);
	ask_for.after = VIEW("d");
	r = ask(ask_for);
	assert_true(r.of.page.count == 0 && !r.of.page.more);
	ask_for = (struct tg01_request){.op = TG01_PAGE, .ask = {.acct = VIEW("acct_1")}};
	r = ask(ask_for);
	assert_int_equal(r.of.page.count, 1);
	fake.read_fails = ERR_STORAGE;
	assert_int_equal(ask(ask_for).code, TG01_INTERNAL);
}

static void the_catalog(void **state) {
	(void)state;
	struct tg01_reply r = ask((struct tg01_request){.op = TG01_CATALOG});
	const struct tg01_catalog *c = &r.of.catalog;
	assert_int_equal(c->tier_count, 3);
	assert_int_equal(c->feat_count, 3);
	assert_true(view_eq(c->tiers[2].name, VIEW("inst")));
	assert_int_equal(c->tiers[0].features[0], 1);
	assert_int_equal(c->tiers[2].features[0], 7);
	assert_int_equal(r.source.cat, server.catalog->hash);
	assert_int_equal(ask((struct tg01_request){.op = TG01_PING}).source.cat, server.catalog->hash);
	/* it is no answer about anybody */
	store.settled = false;
	assert_false(ask((struct tg01_request){.op = TG01_CATALOG}).failed);
	assert_int_equal(ask((struct tg01_request){.op = TG01_PAGE}).code, TG01_NOT_READY);
}

static void a_key_may_ask_what_it_may(void **state) {
	(void)state;
	static const struct {
		unsigned rights;
		enum tg01_op op;
		bool allowed;
	} cases[] = {
		{CURVE_CHECK, TG01_PING, true},
		{CURVE_CHECK, TG01_SINCE, false},
		{CURVE_FEED, TG01_SINCE, true},
		{CURVE_FEED, TG01_PING, true},
		{CURVE_CHECK, TG01_PAGE, false},
		{CURVE_FEED, TG01_PAGE, true},
		{CURVE_CHECK, TG01_CATALOG, true},
		{CURVE_FEED, TG01_CATALOG, true},
		{CURVE_JOURNAL | CURVE_APPEND, TG01_CATALOG, false},
		{CURVE_JOURNAL | CURVE_APPEND, TG01_PING, false},
		{0, TG01_PING, false}, /* a key that was taken out, on a connection that lives */
		{0, TG01_SINCE, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rights = cases[i].rights;
		struct tg01_reply r = ask((struct tg01_request){.op = cases[i].op});
		rights = CURVE_CHECK | CURVE_FEED;
		assert_int_equal(r.failed, !cases[i].allowed);
		if (!r.failed) continue;
		assert_int_equal(r.code, TG01_FORBIDDEN);
		assert_false(r.retry);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(answers_from_the_right_row),
		TEST(a_key_may_ask_what_it_may),
		TEST(batch),
		TEST(get),
		TEST(what_was_answered_then),
		TEST(min_ver),
		TEST(not_ready),
		TEST(a_store_that_fails),
		TEST(other_versions),
		TEST(since),
		TEST(since_passes_the_other_mode),
		TEST(a_line_comes_when_it_is_asked_for),
		TEST(who_has_nothing_has_a_line),
		TEST(customers),
		TEST(changes_carry_lines),
		TEST(pages),
		TEST(the_catalog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
