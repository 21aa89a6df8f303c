/* Secrets that are replaced while they are in use. */
#include <pthread.h>

#include "secrets.h"
#include "support.h"

static void replaces_and_keeps(void **state) {
	(void)state;
	struct metrics *m = metrics_create("test");
	struct secrets *s = NULL;
	struct problem why = {0};
	assert_int_equal(secrets_create(VIEW("nonsense"), m, &s, &why), ERR_CONFIG);
	assert_null(s);
	assert_int_equal(secrets_create(VIEW(SECRETS), m, &s, &why), OK);
	assert_int_equal(secrets_count(s), 4);
	assert_int_equal(webhook_secrets_count(secrets_acquire(s)), 4);
	struct view label = secrets_matched(s, PROD);
	secrets_release(s);
	assert_true(view_eq(label, VIEW("prod")));
	/* bad ones change nothing, and the sentence names the line, not the secret */
	assert_int_equal(secrets_replace(s, VIEW("a test whsec_aaaaaaaaaaaa\nb nonsense whsec_bbbbbbbbbbbb\n"), &why),
			 ERR_CONFIG);
	assert_non_null(strstr(why.text, "2"));
	assert_null(strstr(why.text, "bbbb"));
	assert_int_equal(secrets_count(s), 4);
	assert_int_equal(secrets_replace(s, VIEW("next live whsec_cccccccccccc\nprod live whsec_dddddddddddd\n"), &why),
			 OK);
	assert_int_equal(secrets_count(s), 2);
	secrets_acquire(s);
	struct view next = secrets_matched(s, 0), again = secrets_matched(s, 1);
	secrets_release(s);
	assert_true(view_eq(next, VIEW("next")));
	/* a label keeps its counter and its memory: records in flight point to it */
	assert_ptr_equal(again.ptr, label.ptr);
	char *text = malloc(METRICS_TEXT_MAX);
	assert_true(metrics_render(m, text, METRICS_TEXT_MAX) > 0);
	assert_non_null(strstr(text, "tiergate_test_secret_matches_total{secret=\"prod\"} 2"));
	assert_non_null(strstr(text, "tiergate_test_secret_matches_total{secret=\"next\"} 1"));
	assert_non_null(strstr(text, "tiergate_test_secret_matches_total{secret=\"old\"} 0"));
	free(text);
	secrets_destroy(&s);
	assert_null(s);
	metrics_destroy(&m);
}

static void bounds_labels(void **state) {
	(void)state;
	struct secrets *s = NULL;
	assert_int_equal(secrets_create(VIEW("first test whsec_0123456789ab\n"), NULL, &s, NULL), OK);
	enum error e = OK;
	unsigned taken = 1;
	for (unsigned i = 0; !e && i < 2 * SECRET_LABELS_MAX; i++) {
		char line[128];
		int n = snprintf(line, sizeof line, "label%u test whsec_0123456789ab\n", i);
		e = secrets_replace(s, view_of(line, (size_t)n), NULL);
		taken += e == OK;
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(taken, SECRET_LABELS_MAX);
	/* what was seen before still works */
	assert_int_equal(secrets_replace(s, VIEW("first test whsec_0123456789ab\n"), NULL), OK);
	secrets_destroy(&s);
}

struct race {
	struct secrets *secrets;
	atomic_bool stop;
	atomic_uint verified;
};

static void *verify(void *race) {
	struct race *r = race;
	char header[STRIPE_HEADER_SIZE];
	while (!atomic_load(&r->stop)) {
		const struct webhook_secrets *s = secrets_acquire(r->secrets);
		unsigned found = 9;
		bool fine = webhook_sign(s, 0, 1000, VIEW("{}"), header) == OK &&
			    webhook_verify(s, view_str(header), VIEW("{}"), 1000, 300, &found) == OK && found == 0;
		if (fine) secrets_matched(r->secrets, found);
		secrets_release(r->secrets);
		atomic_fetch_add(&r->verified, fine);
		if (!fine) break;
	}
	return NULL;
}

static void may_be_replaced_in_use(void **state) {
	(void)state;
	struct race r = {0};
	assert_int_equal(secrets_create(VIEW(SECRETS), NULL, &r.secrets, NULL), OK);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, verify, &r), 0);
	for (unsigned i = 0; i < 200; i++) {
		struct view text = i % 2 ? VIEW(SECRETS) : VIEW("other test whsec_0123456789ab\n");
		assert_int_equal(secrets_replace(r.secrets, text, NULL), OK);
	}
	/* and until the thread has been there meanwhile */
	for (int64_t end = mono_ms() + PATIENCE_MS; atomic_load(&r.verified) < 10 && mono_ms() < end;)
		assert_int_equal(secrets_replace(r.secrets, VIEW(SECRETS), NULL), OK);
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_true(atomic_load(&r.verified) >= 10);
	secrets_destroy(&r.secrets);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_and_keeps),
		cmocka_unit_test(bounds_labels),
		cmocka_unit_test(may_be_replaced_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
