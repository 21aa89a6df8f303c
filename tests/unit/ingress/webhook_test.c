/* The verdict on a delivery, without HTTP or a journal. */
#include "support.h"
#include "webhook.h"

#define NOW_S 1763808318
#define NOW_MS (NOW_S * INT64_C(1000) + 999)

struct sent {
	char header[STRIPE_HEADER_SIZE];
	char body[8192];
	struct webhook_delivery delivery;
};

static void send_event(struct sent *s, const struct webhook_secrets *secrets, unsigned secret, int64_t t,
		       const char *body) {
	size_t n = strlen(body);
	memcpy(s->body, body, n);
	assert_int_equal(webhook_sign(secrets, secret, t, view_of(s->body, n), s->header), OK);
	s->delivery = (struct webhook_delivery){1, view_str(s->header), view_of(s->body, n), NOW_MS};
}

static enum error judge(const struct webhook_secrets *secrets, const struct sent *s, int *ret_secret) {
	struct record record;
	struct problem why = {0};
	return webhook_judge(secrets, &s->delivery, &record, ret_secret, &why);
}

static void accepts_an_event(void **state) {
	(void)state;
	struct webhook_secrets *secrets = make_secrets();
	struct sent s;
	char body[4096];
	size_t n = make_event(body, sizeof body, "evt_1", true, NULL, 0);
	body[n] = 0;
	send_event(&s, secrets, OLD, NOW_S, body);
	struct record r;
	int secret = -1;
	assert_int_equal(webhook_judge(secrets, &s.delivery, &r, &secret, NULL), OK);
	assert_int_equal(secret, OLD);
	assert_int_equal(r.kind, RECORD_WEBHOOK);
	assert_true(r.livemode);
	assert_int_equal(r.received_ms, NOW_MS);
	assert_int_equal(r.created, 1763800000);
	assert_true(view_eq(r.secret, VIEW("old")));
	assert_true(view_eq(r.id, VIEW("evt_1")));
	assert_true(view_eq(r.type, VIEW("customer.updated")));
	assert_true(view_eq(r.api_version, VIEW("2025-03-31.basil")));
	assert_int_equal(r.account.len, 0);
	/* the body is the one that was signed, not a copy */
	assert_ptr_equal(r.body.ptr, s.body);
	assert_int_equal(r.body.len, n);
	webhook_secrets_destroy(&secrets);
}

static void judges_the_header(void **state) {
	(void)state;
	struct webhook_secrets *secrets = make_secrets();
	struct sent s;
	char body[4096];
	body[make_event(body, sizeof body, "evt_1", false, NULL, 0)] = 0;
	int secret = -1;
	send_event(&s, secrets, DEV, NOW_S, body);
	s.delivery.signature_count = 0;
	assert_int_equal(judge(secrets, &s, &secret), ERR_NO_SIGNATURE);
	s.delivery.signature_count = 2;
	assert_int_equal(judge(secrets, &s, &secret), ERR_BAD_HEADER);
	s.delivery.signature_count = 1;
	s.delivery.signature = VIEW("t=1,v0=abc");
	assert_int_equal(judge(secrets, &s, &secret), ERR_BAD_HEADER);
	assert_int_equal(secret, -1);
	/* a bit of the body, or of the signature */
	send_event(&s, secrets, DEV, NOW_S, body);
	s.body[9] ^= 1;
	assert_int_equal(judge(secrets, &s, &secret), ERR_BAD_SIGNATURE);
	send_event(&s, secrets, DEV, NOW_S, body);
	s.header[20] = s.header[20] == '0' ? '1' : '0';
	assert_int_equal(judge(secrets, &s, &secret), ERR_BAD_SIGNATURE);
	assert_int_equal(secret, -1);
	webhook_secrets_destroy(&secrets);
}

static void judges_the_time(void **state) {
	(void)state;
	struct webhook_secrets *secrets = make_secrets();
	struct sent s;
	char body[4096];
	body[make_event(body, sizeof body, "evt_1", false, NULL, 0)] = 0;
	static const struct {
		int64_t t;
		enum error want;
	} cases[] = {
		{NOW_S - SIGNATURE_TOLERANCE_S, OK},
		{NOW_S - SIGNATURE_TOLERANCE_S - 1, ERR_STALE},
		{NOW_S + SIGNATURE_TOLERANCE_S, OK},
		{NOW_S + SIGNATURE_TOLERANCE_S + 1, ERR_FUTURE},
		{0, ERR_STALE},
		{INT64_C(9999999999), ERR_FUTURE},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int secret = -1;
		send_event(&s, secrets, DEV, cases[i].t, body);
		assert_int_equal(judge(secrets, &s, &secret), cases[i].want);
	}
	webhook_secrets_destroy(&secrets);
}

/* Nothing is said about a body, or read from it, unless a secret has signed it. */
static void judges_the_body_last(void **state) {
	(void)state;
	struct webhook_secrets *secrets = make_secrets();
	struct sent s;
	static const char *const bodies[] = {"", "{}", "[]", "not JSON", "{\"id\":\"evt_1\"}", "\xef\xbb\xbf{}"};
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		int secret = -1;
		send_event(&s, secrets, DEV, NOW_S, bodies[i]);
		assert_int_equal(judge(secrets, &s, &secret), ERR_NOT_EVENT);
		assert_int_equal(secret, DEV);
		s.header[20] = s.header[20] == '0' ? '1' : '0';
		assert_int_equal(judge(secrets, &s, &secret), ERR_BAD_SIGNATURE);
	}
	webhook_secrets_destroy(&secrets);
}

static void binds_mode_and_account(void **state) {
	(void)state;
	struct webhook_secrets *secrets = make_secrets();
	static const struct {
		unsigned secret;
		bool livemode;
		const char *account;
		enum error want;
	} cases[] = {
		{DEV, false, NULL, OK},
		{DEV, true, NULL, ERR_WRONG_MODE},
		{PROD, true, NULL, OK},
		{PROD, false, NULL, OK}, /* Connect endpoints get both */
		{PROD, true, "acct_1", ERR_WRONG_ACCOUNT},
		{CONNECT, true, "acct_1", OK},
		{CONNECT, true, "acct_2", ERR_WRONG_ACCOUNT},
		{CONNECT, true, NULL, ERR_WRONG_ACCOUNT},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sent s;
		char body[4096];
		body[make_event(body, sizeof body, "evt_1", cases[i].livemode, cases[i].account, 0)] = 0;
		send_event(&s, secrets, cases[i].secret, NOW_S, body);
		struct record r;
		int secret = -1;
		enum error e = webhook_judge(secrets, &s.delivery, &r, &secret, NULL);
		if (e != cases[i].want) fail_msg("case %zu: %s", i, error_code(e));
		assert_int_equal(secret, cases[i].secret);
		if (!e) assert_int_equal(r.livemode, cases[i].livemode);
	}
	webhook_secrets_destroy(&secrets);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_an_event),       cmocka_unit_test(judges_the_header),
		cmocka_unit_test(judges_the_time),        cmocka_unit_test(judges_the_body_last),
		cmocka_unit_test(binds_mode_and_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
