/* The records that the reconciler and the operator append: what is written is read again, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/fact.h"
#include "proto/stripe_decode.h"

struct read {
	struct stripe_decoder *d;
	struct observation o;
	struct problem why;
	enum error result;
};

static void drop(struct read *r) { stripe_decoder_destroy(&r->d); }

/* The body outlives nothing: what is compared is compared before the next one. */
static struct read decode(enum record_kind kind, const char *type, const char *id, struct view body) {
	struct read r = {.d = stripe_decoder_create(VIEW("user_id"))};
	const struct record record = {.kind = kind,
				      .livemode = true,
				      .created = 100,
				      .account = VIEW("acct_1"),
				      .id = view_str(id),
				      .type = view_str(type),
				      .body = body};
	assert_non_null(r.d);
	r.result = stripe_decode(r.d, &record, &r.o, &r.why);
	return r;
}
#define LET(r)                                                                                                         \
	AUTO(drop)                                                                                                     \
	struct read r

static void is(struct view v, const char *want) {
	if (!view_eq(v, view_str(want))) fail_msg("\"%.*s\" is not \"%s\"", VIEW_FMT(v), want);
}

static struct override_observation a_grant(void) {
	return (struct override_observation){.id = VIEW("ovr_1"),
					     .subject = VIEW("al\"ice ü"),
					     .tier = VIEW("pro"),
					     .from = 5,
					     .until = 1767225600,
					     .why = VIEW("a gift\n"),
					     .by = VIEW("root")};
}

static void overrides_are_read_as_written(void **state) {
	struct override_observation o = a_grant();
	char id[STRIPE_ID_MAX + 1];
	(void)state;
	char *text = fact_override_write(&o);
	assert_non_null(text);
	fact_override_id(&o, id);
	assert_string_equal(id, "ovr_1_g");
	LET(grant) = decode(RECORD_OVERRIDE, FACT_OVERRIDE, id, view_str(text));
	assert_int_equal(grant.result, OK);
	assert_int_equal(grant.o.kind, OBSERVE_OVERRIDE);
	assert_false(grant.o.is_answer);
	assert_int_equal(grant.o.fetch_count, 0);
	assert_true(grant.o.scope.livemode);
	is(grant.o.scope.account, "acct_1");
	assert_true(grant.o.stamp.created == 100);
	const struct override_observation *got = &grant.o.of.override;
	is(got->id, "ovr_1");
	is(got->subject, "al\"ice ü");
	is(got->tier, "pro");
	is(got->why, "a gift\n");
	is(got->by, "root");
	assert_true(got->from == 5 && got->until == 1767225600 && !got->revoked);
	free(text);

	o.revoked = true;
	o.why = o.by = VIEW_NONE;
	text = fact_override_write(&o);
	fact_override_id(&o, id);
	assert_string_equal(id, "ovr_1_r");
	LET(revoke) = decode(RECORD_OVERRIDE, FACT_OVERRIDE, id, view_str(text));
	assert_int_equal(revoke.result, OK);
	assert_true(revoke.o.of.override.revoked);
	is(revoke.o.of.override.subject, "al\"ice ü");
	assert_int_equal(revoke.o.of.override.tier.len + revoke.o.of.override.why.len, 0);
	assert_true(revoke.o.of.override.from == 0 && revoke.o.of.override.until == 0);
	free(text);
}

static void overrides_that_could_not_be_read_are_not_written(void **state) {
	static char long_text[1000];
	memset(long_text, 'x', sizeof long_text);
	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		struct override_observation o = a_grant();
		switch (i) {
		case 0:
			o.id = VIEW_NONE;
			break;
		case 1:
			o.id.len = 0;
			break;
		case 2:
			o.id = view_of(long_text, FACT_OVERRIDE_ID_MAX + 1);
			break;
		case 3:
			o.subject = VIEW_NONE;
			break;
		case 4:
			o.subject = view_of(long_text, SUBJECT_MAX + 1);
			break;
		case 5:
			o.tier = VIEW_NONE;
			break;
		case 6:
			o.tier = view_of(long_text, NAME_MAX_BYTES + 1);
			break;
		case 7:
			o.from = -1;
			break;
		case 8:
			o.until = -1;
			break;
		case 9:
			o.why = view_of(long_text, OVERRIDE_WHY_MAX + 1);
			break;
		case 10:
			o.by = view_of(long_text, OVERRIDE_BY_MAX + 1);
			break;
		default:
			o.why = VIEW("\xff");
			break;
		}
		char *text = fact_override_write(&o);
		if (text) fail_msg("case %u: %s", i, text);
	}
	struct override_observation o = a_grant();
	o.why = VIEW("a\0b");
	assert_null(fact_override_write(&o));
	o = a_grant();
	o.id = view_of(long_text, FACT_OVERRIDE_ID_MAX);
	o.subject = view_of(long_text, SUBJECT_MAX);
	o.tier = view_of(long_text, NAME_MAX_BYTES);
	o.why = view_of(long_text, OVERRIDE_WHY_MAX);
	o.by = view_of(long_text, OVERRIDE_BY_MAX);
	char id[STRIPE_ID_MAX + 1], *text = fact_override_write(&o);
	assert_non_null(text);
	fact_override_id(&o, id);
	LET(longest) = decode(RECORD_OVERRIDE, FACT_OVERRIDE, id, view_str(text));
	assert_int_equal(longest.result, OK);
	free(text);
}

static void marks_are_read_as_written(void **state) {
	const struct reconcile_mark m = {10, 20, 30, 40, 50, INT64_MAX};
	struct reconcile_mark bad = m;
	(void)state;
	char *text = fact_mark_write(&m);
	assert_non_null(text);
	LET(r) = decode(RECORD_MARK, FACT_MARK, "mark_100_01234567", view_str(text));
	assert_int_equal(r.result, OK);
	assert_int_equal(r.o.kind, OBSERVE_MARK);
	assert_memory_equal(&r.o.of.mark, &m, sizeof m);
	free(text);
	bad.missed = (uint64_t)INT64_MAX + 1;
	assert_null(fact_mark_write(&bad));
	bad = m;
	bad.swept_at = -1;
	assert_null(fact_mark_write(&bad));
}

static void answers_are_read_as_written(void **state) {
	(void)state;
	for (int k = FETCH_NOTHING; k <= FETCH_COUNT; k++) {
		const struct fetch f = {(enum fetch_kind)k, VIEW("sub_1")};
		char *missing = fact_missing_write(&f), *answered = fact_answered_write(&f);
		if (k == FETCH_NOTHING || k == FETCH_COUNT) {
			assert_null(missing);
			assert_null(answered);
			continue;
		}
		LET(a) = decode(RECORD_SNAPSHOT, FACT_MISSING, "snap_1", view_str(missing));
		LET(b) = decode(RECORD_SNAPSHOT, FACT_ANSWERED, "snap_2", view_str(answered));
		const struct read *both[] = {&a, &b};
		for (unsigned i = 0; i < 2; i++) {
			if (both[i]->result) fail_msg("%s", problem_text(&both[i]->why));
			assert_int_equal(both[i]->o.kind, OBSERVE_NOTHING);
			assert_true(both[i]->o.is_answer);
			assert_int_equal(both[i]->o.answered.kind, k);
			is(both[i]->o.answered.id, "sub_1");
		}
		free(missing);
		free(answered);
	}
	const struct fetch nobody = {FETCH_CHARGE, VIEW_NONE};
	assert_null(fact_missing_write(&nobody));
}

#define GRANT "{\"object\":\"tiergate.override\",\"id\":\"o\",\"subject\":\"s\",\"op\":\"grant\",\"tier\":\"pro\","
#define REVOKE "{\"object\":\"tiergate.override\",\"id\":\"o\",\"subject\":\"s\",\"op\":\"revoke\","
#define MARK "{\"object\":\"tiergate.mark\",\"events_to\":1,\"swept_at\":0,\"listed\":1,\"missed\":1,\"swept\":1,"

static void anything_else_is_refused(void **state) {
	static const struct {
		enum record_kind kind;
		const char *type, *id, *body;
	} cases[] = {
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", ""},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", "[]"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", "{}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_r", GRANT "\"from\":0,\"until\":0,\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o", GRANT "\"from\":0,\"until\":0,\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_gg", GRANT "\"from\":0,\"until\":0,\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "p_g", GRANT "\"from\":0,\"until\":0,\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", GRANT "\"from\":-1,\"until\":0,\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", GRANT "\"from\":0,\"until\":1.5,\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", GRANT "\"from\":0,\"until\":null,\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", GRANT "\"from\":0,\"until\":0,\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g", GRANT "\"from\":0,\"until\":0,\"why\":7,\"by\":\"\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_g",
		 GRANT "\"from\":0,\"until\":0,\"why\":\"\",\"by\":\"\",\"op\":\"revoke\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_r", REVOKE "\"why\":\"\",\"by\":\"\\u0000\"}"},
		{RECORD_OVERRIDE, FACT_OVERRIDE, "o_r", REVOKE "\"why\":\"\"}"},
		{RECORD_OVERRIDE, FACT_MARK, "o_r", REVOKE "\"why\":\"\",\"by\":\"\"}"},
		{RECORD_OVERRIDE, "customer.created", "o_r", REVOKE "\"why\":\"\",\"by\":\"\"}"},
		{RECORD_MARK, FACT_MARK, "m", MARK "\"differing\":-1}"},
		{RECORD_MARK, FACT_MARK, "m", MARK "\"differing\":\"1\"}"},
		{RECORD_MARK, FACT_MARK, "m", MARK "\"differing\":9223372036854775808}"},
		{RECORD_MARK, FACT_MARK, "m", MARK "\"x\":1}"},
		{RECORD_MARK, FACT_OVERRIDE, "m", MARK "\"differing\":1}"},
		{RECORD_SNAPSHOT, FACT_MISSING, "s",
		 "{\"object\":\"tiergate.missing\",\"fetch\":\"nothing\",\"id\":\"a\"}"},
		{RECORD_SNAPSHOT, FACT_MISSING, "s",
		 "{\"object\":\"tiergate.missing\",\"fetch\":\"what\",\"id\":\"a\"}"},
		{RECORD_SNAPSHOT, FACT_MISSING, "s",
		 "{\"object\":\"tiergate.missing\",\"fetch\":\"charge\",\"id\":\"\"}"},
		{RECORD_SNAPSHOT, FACT_MISSING, "s", "{\"object\":\"tiergate.missing\",\"fetch\":\"charge\"}"},
		{RECORD_SNAPSHOT, FACT_MISSING, "s",
		 "{\"object\":\"tiergate.answered\",\"fetch\":\"charge\",\"id\":\"a\"}"},
		{RECORD_SNAPSHOT, FACT_ANSWERED, "s",
		 "{\"object\":\"tiergate.missing\",\"fetch\":\"charge\",\"id\":\"a\"}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		LET(r) = decode(cases[i].kind, cases[i].type, cases[i].id, view_str(cases[i].body));
		if (r.result != ERR_MALFORMED || !r.why.text[0]) fail_msg("case %zu: %s", i, cases[i].body);
	}
}

/* A signed webhook is Stripe's word, and cannot grant by itself. */
static void no_webhook_is_an_override(void **state) {
	struct override_observation o = a_grant();
	char *text = fact_override_write(&o);
	(void)state;
	LET(webhook) = decode(RECORD_WEBHOOK, FACT_OVERRIDE, "ovr_1_g", view_str(text));
	LET(event) = decode(RECORD_EVENT, FACT_OVERRIDE, "ovr_1_g", view_str(text));
	LET(snapshot) = decode(RECORD_SNAPSHOT, FACT_OVERRIDE, "ovr_1_g", view_str(text));
	const struct read *all[] = {&webhook, &event, &snapshot};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		assert_int_equal(all[i]->result, OK);
		assert_int_equal(all[i]->o.kind, OBSERVE_NOTHING);
		assert_false(all[i]->o.is_answer);
	}
	free(text);
}

static void snapshot_ids_say_what_when_and_which_bytes(void **state) {
	char id[STRIPE_ID_MAX + 1], other[STRIPE_ID_MAX + 1];
	char object[STRIPE_ID_MAX];
	(void)state;
	fact_snapshot_id(VIEW("sub_1"), 1764547200, VIEW("123456789"), id);
	assert_string_equal(id, "snap_sub_1_1764547200_cbf43926"); /* the CRC's well-known check value */
	fact_snapshot_id(VIEW("sub_1"), 1764547200, VIEW("123456788"), other);
	assert_string_not_equal(id, other);
	fact_snapshot_id(VIEW("sub_1"), 0, VIEW_NONE, id);
	assert_string_equal(id, "snap_sub_1_0_00000000");
	memset(object, 'o', sizeof object);
	fact_snapshot_id(view_of(object, sizeof object), INT64_MIN, VIEW("123456789"), id);
	assert_int_equal(strlen(id), STRIPE_ID_MAX);
	assert_string_equal(id + STRIPE_ID_MAX - 30, "_-9223372036854775808_cbf43926");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overrides_are_read_as_written),
		cmocka_unit_test(overrides_that_could_not_be_read_are_not_written),
		cmocka_unit_test(marks_are_read_as_written),
		cmocka_unit_test(answers_are_read_as_written),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(no_webhook_is_an_override),
		cmocka_unit_test(snapshot_ids_say_what_when_and_which_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
