/* What is remembered is never told apart from what is looked up. */
#include "memo.h"

#include "fake_store.h"
#include "serve.h"
#include "support/random.h"

#define STEPS 60000
#define SUBJECTS 6

static const char *const names[SUBJECTS] = {"u", "u1", "user_with_a_longer_name", "cus_1", "v", "w"};

static struct catalog_file *file;
static struct store_link store;
static struct server with, without;
static struct moment now;

/* The same tiers, one of two ways of selling them. */
static struct catalog_file *catalog_of(bool second) {
	static const char format[] = "version: 1\n"
				     "tiers:\n"
				     "  - name: free\n"
				     "    features: [basic]\n"
				     "  - name: pro\n"
				     "    features: [trading]\n"
				     "    stripe: {prices: [%s]}\n"
				     "  - name: inst\n"
				     "    features: [fix]\n"
				     "    stripe: {prices: [%s]}\n";
	char text[400];
	struct catalog_file *f = NULL;
	int n = snprintf(text, sizeof text, format, second ? "price_inst" : "price_pro",
			 second ? "price_pro" : "price_inst");
	assert_int_equal(catalog_file_parse("test", view_of(text, (size_t)n), &f, NULL), OK);
	return f;
}

static void use_catalog(bool second) {
	memo_forget(with.memo);
	catalog_file_destroy(&file);
	file = catalog_of(second);
	with.catalog = without.catalog = catalog_file_get(file);
}

static int set_up(void **state) {
	(void)state;
	fake_reset();
	link_init(&store, "unused");
	store.store = &fake_store;
	store.look = &fake_look;
	store.epoch = FAKE_EPOCH;
	store.settled = true;
	now = (struct moment){5000000, 7000};
	without = (struct server){.link = &store, .decoder = tg01_decoder_create(), .livemode = true};
	with = without;
	with.memo = memo_create();
	use_catalog(false);
	return with.memo && with.decoder ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	store.store = NULL;
	store.look = NULL;
	tg01_decoder_destroy(&with.decoder);
	memo_destroy(&with.memo);
	catalog_file_destroy(&file);
	return 0;
}

static struct view ask(struct server *s, const struct tg01_request *r, uint8_t reply[TG01_MESSAGE_MAX]) {
	static uint8_t bytes[TG01_MESSAGE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes), w = writer_of(reply, TG01_MESSAGE_MAX);
	tg01_request_write(&out, r);
	serve(s, VIEW("TG01"), writer_view(&out), CURVE_CHECK, now, &w);
	assert_false(w.failed);
	return writer_view(&w);
}

/* ---- a world that changes in every way that an answer depends on --------------------- */

static void change_rows(struct random *r) {
	static const enum sub_status statuses[] = {SUB_ACTIVE, SUB_TRIALING, SUB_PAST_DUE, SUB_CANCELED, SUB_UNPAID};
	const uint64_t ver = fake.ver;
	fake.row_count = 0;
	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct grant g =
			fake_grant(statuses[random_below(r, 5)], random_below(r, 2) ? "price_pro" : "price_inst");
		g.period_end = now.wall_ms / 1000 - 50 + (int64_t)random_below(r, 100);
		if (random_below(r, 2)) g.cancel_at = now.wall_ms / 1000 - 2 + (int64_t)random_below(r, 70);
		if (random_below(r, 4)) fake_add(true, random_below(r, 4) ? "" : "acct_1", names[i], &g);
	}
	if (random_below(r, 2)) fake.ver = ver; /* a commit need not be a change */
	fake.snapshot++;
}

static void happen(struct random *r) {
	switch (random_below(r, 16)) {
	case 0:
		change_rows(r);
		break;
	case 1: /* another store, which counts its commits alike */
		store.opened++;
		change_rows(r);
		fake.snapshot--;
		break;
	case 2:
		use_catalog(random_below(r, 2));
		break;
	case 3: /* time, also back */
		now.wall_ms += (int64_t)random_below(r, 4000) - 500;
		break;
	default:
		break;
	}
}

static struct tg01_question any_question(struct random *r) {
	static char other[TG01_BATCH_MAX][40], longest[SUBJECT_MAX];
	static unsigned at;
	struct tg01_question q = {.sub = view_str(names[random_below(r, SUBJECTS)])};
	memset(longest, 'l', sizeof longest);
	if (random_below(r, 8) == 0) {
		char *name = other[at++ % TG01_BATCH_MAX];
		int n = snprintf(name, sizeof other[0], "other_%zu", random_below(r, 20000));
		q.sub = view_of(name, (size_t)n);
	}
	if (random_below(r, 40) == 0) q.sub = view_of(longest, sizeof longest);
	if (random_below(r, 6) == 0) q.acct = VIEW("acct_1");
	static const char *const tiers[] = {"free", "pro", "inst", "none"};
	static const char *const feats[] = {"basic", "trading", "fix", "pro"};
	if (random_below(r, 2))
		q.tier = view_str(tiers[random_below(r, 4)]);
	else
		q.feat = view_str(feats[random_below(r, 4)]);
	if (random_below(r, 20) == 0) q.min_ver = 1 + random_below(r, fake.ver + 2);
	if (random_below(r, 20) == 0) q.at = now.wall_ms / 1000 - 3 + (int64_t)random_below(r, 60);
	return q;
}

static void remembered_is_as_looked_up(void **state) {
	(void)state;
	static uint8_t a[TG01_MESSAGE_MAX], b[TG01_MESSAGE_MAX];
	static struct tg01_question questions[TG01_BATCH_MAX];
	struct random r = random_start();
	change_rows(&r);
	for (unsigned i = 0; i < STEPS; i++) {
		happen(&r);
		struct tg01_request q = {.op = random_below(&r, 10) ? TG01_CHECK : TG01_BATCH,
					 .id = {.kind = TG01_ID_NUMBER, .number = i}};
		q.ask = any_question(&r);
		q.checks = questions;
		q.check_count = (unsigned)random_below(&r, 20);
		for (unsigned k = 0; k < q.check_count; k++) questions[k] = any_question(&r);
		struct view said = ask(&with, &q, a), looked_up = ask(&without, &q, b);
		if (!view_eq(said, looked_up)) fail_msg("step %u", i);
	}
}

/* ---- and it does remember ------------------------------------------------------------- */

static bool answers(void) {
	static uint8_t reply[TG01_MESSAGE_MAX];
	const struct tg01_request q = {.op = TG01_CHECK,
				       .id = {.kind = TG01_ID_NUMBER, .number = 1},
				       .ask = {.sub = VIEW("u"), .tier = VIEW("pro")}};
	struct view said = ask(&with, &q, reply);
	return memmem(said.ptr, said.len, "internal", 8) == NULL;
}

static void it_lasts_as_long_as_nothing_changes(void **state) {
	(void)state;
	const struct grant g = fake_grant(SUB_ACTIVE, "price_pro");
	fake_add(true, "", "u", &g);
	fake.snapshot = 1;
	assert_true(answers());
	fake.read_fails = ERR_IO; /* whoever looks sees that */
	assert_true(answers());
	now.wall_ms += 999;
	assert_true(answers());
	now.wall_ms++;
	assert_false(answers());
	now.wall_ms--;
	assert_false(answers());
	fake.read_fails = OK;
	assert_true(answers());
	fake.read_fails = ERR_IO;
	assert_true(answers());
	fake.snapshot++;
	assert_false(answers());
	fake.snapshot--;
	assert_false(answers());
	fake.read_fails = OK;
	assert_true(answers());
	fake.read_fails = ERR_IO;
	use_catalog(false);
	assert_false(answers());
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(remembered_is_as_looked_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_lasts_as_long_as_nothing_changes, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
