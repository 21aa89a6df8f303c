#include "fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_MS 200 /* for what must not */

static void answers_with_all_that_the_server_said(void **state) {
	(void)state;
	struct fake f;
	struct tg_answer a;
	fake_start(&f, ANSWER, "pro", NULL);
	struct tg_client *c = client_of(&f, PATIENCE_MS);
	assert_int_equal(tg_check(c, "pro-alice", NULL, "trading", &a), TG_OK);
	assert_true(a.allowed);
	assert_int_equal(a.source, TG_FROM_SERVER);
	assert_string_equal(a.reason, "active");
	assert_string_equal(a.tier, "pro");
	assert_string_equal(a.need, "");
	assert_int_equal(a.until, 77);
	assert_true(a.epoch == 7 && a.ver == 9 && a.as_of_ms == 1000);
	assert_string_equal(a.why, "");
	assert_int_equal(tg_check(c, "bob", "pro", NULL, &a), TG_OK);
	assert_false(a.allowed);
	assert_string_equal(a.need, "pro");
	struct tg_profile p;
	assert_int_equal(tg_get_now(c, "pro-alice", &p), TG_OK);
	assert_true(p.as.allowed && p.seats == 3 && p.next_billing == 78);
	assert_int_equal(p.feature_count, 2);
	assert_string_equal(p.features[1], "trading");
	tg_profile_free(&p);
	tg_client_close(&c);
	assert_null(c);
	fake_stop(&f);
}

static void wrong_calls_are_told_and_nobody_is_asked(void **state) {
	(void)state;
	struct fake f;
	struct tg_answer a;
	char longest[257] = "";
	fake_start(&f, ANSWER, "pro", NULL);
	struct tg_client *c = client_of(&f, PATIENCE_MS);
	memset(longest, 'x', 256);
	assert_int_equal(tg_check(c, "", NULL, "trading", &a), TG_USAGE);
	assert_int_equal(tg_check(c, NULL, NULL, "trading", &a), TG_USAGE);
	assert_int_equal(tg_check(c, longest, NULL, "trading", &a), TG_USAGE);
	assert_int_equal(tg_check(c, "pro", NULL, NULL, &a), TG_USAGE);
	assert_int_equal(tg_check(c, "pro", "pro", "trading", &a), TG_USAGE);
	assert_int_equal(tg_check(c, "pro", NULL, longest, &a), TG_USAGE);
	assert_false(a.allowed);
	assert_string_not_equal(a.why, "");
	longest[255] = '\0';
	assert_int_equal(tg_check(c, longest, NULL, "trading", &a), TG_OK);
	assert_int_equal(f.requests, 1);
	tg_client_close(&c);
	fake_stop(&f);
}

static void bad_options_are_named(void **state) {
	(void)state;
	const struct tg_policy unnamed[] = {{NULL, TG_DENY, 0}, {NULL, TG_ALLOW, 0}};
	const struct tg_policy twice[] = {{"a", TG_DENY, 0}, {"a", TG_ALLOW, 0}};
	const struct tg_options bad[] = {
		{.query = NULL},
		{.query = ""},
		{.query = "nonsense"},
		{.query = "inproc://here"},
		{.query = "tcp://192.0.2.1:1"},
		{.query = "tcp://127.0.0.1:1", .timeout_ms = -1},
		{.query = "tcp://127.0.0.1:1", .timeout_ms = 60001},
		{.query = "tcp://127.0.0.1:1", .cache_bytes = 1},
		{.query = "tcp://127.0.0.1:1", .preload = true},
		{.query = "tcp://127.0.0.1:1;tcp://127.0.0.1:2", .feed = "tcp://127.0.0.1:3"},
		{.query = "tcp://127.0.0.1:1", .policies = NULL, .policy_count = 1},
		{.query = "tcp://127.0.0.1:1", .policies = unnamed, .policy_count = 2},
		{.query = "tcp://127.0.0.1:1", .policies = twice, .policy_count = 2},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char why[TG_WHY_SIZE] = "";
		struct tg_client *c = NULL;
		assert_int_equal(tg_client_open(&bad[i], &c, why), EINVAL);
		assert_null(c);
		assert_string_not_equal(why, "");
		assert_int_equal(tg_client_open(&bad[i], &c, NULL), EINVAL);
	}
	const struct tg_options no_dir = {.query = "tcp://192.0.2.1:1", .curve_dir = "/nonexistent"};
	struct tg_client *c = NULL;
	assert_int_equal(tg_client_open(&no_dir, &c, NULL), ENOENT);
	tg_client_close(&c);
	tg_client_close(NULL);
}

/* Every way in which nobody answers, and what the declared behaviours make of it. */
static void outages(struct tg_client *c, enum tg_error error) {
	struct tg_answer a;
	assert_int_equal(tg_check(c, "pro-alice", NULL, "open", &a), TG_FALLBACK);
	assert_true(a.allowed);
	assert_int_equal(a.source, TG_FROM_POLICY);
	assert_int_equal(a.error, error);
	assert_string_not_equal(a.why, "");
	assert_int_equal(tg_check(c, "pro-alice", NULL, "shut", &a), TG_FALLBACK);
	assert_false(a.allowed);
	assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_FALLBACK);
	assert_false(a.allowed);
}

static const struct tg_policy policies[] = {{"shut", TG_DENY, 0}, {"open", TG_ALLOW, 0}};

/* Bound and not listened at: who connects is refused, and nobody else gets the port. */
static int hold_port(char ret_endpoint[ENDPOINT_MAX]) {
	const int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	assert_true(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	(void)snprintf(ret_endpoint, ENDPOINT_MAX, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

static void nobody_there_is_a_fallback_at_once_after_a_while(void **state) {
	(void)state;
	char endpoint[ENDPOINT_MAX];
	const int held = hold_port(endpoint);
	const struct tg_options o = {.query = endpoint, .timeout_ms = 300, .policies = policies, .policy_count = 2};
	struct tg_client *c = opened(&o);
	assert_false(tg_client_wait(c, 1));
	outages(c, TG_NO_SERVER);
	const int64_t from = test_ms();
	for (int i = 0; i < 20; i++) outages(c, TG_NO_SERVER);
	assert_true(test_ms() - from < 60 * 300 / 2); /* not one of them has waited */
	struct tg_counts n;
	tg_counts(c, &n);
	assert_int_equal(n.fallbacks, 63);
	/* and when it comes, it is asked */
	struct fake again;
	fake_start(&again, ANSWER, "pro", endpoint);
	(void)close(held);
	struct tg_answer a;
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (tg_check(c, "pro-alice", NULL, "shut", &a) != TG_OK) assert_true(test_ms() < deadline);
	assert_true(a.allowed);
	tg_client_close(&c);
	fake_stop(&again);
}

static void a_silent_server_is_a_fallback_in_time(void **state) {
	(void)state;
	struct fake f;
	fake_start(&f, SILENT, "pro", NULL);
	const struct tg_options o = {
		.query = f.endpoint, .timeout_ms = SOON_MS, .policies = policies, .policy_count = 2};
	struct tg_client *c = opened(&o);
	assert_true(tg_client_wait(c, PATIENCE_MS));
	const int64_t from = test_ms();
	outages(c, TG_TIMED_OUT);
	assert_true(test_ms() - from >= 3 * SOON_MS);
	struct tg_counts n;
	tg_counts(c, &n);
	assert_int_equal(n.timeouts, 3);
	f.behaviour = ANSWER;
	struct tg_answer a;
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (tg_check(c, "pro-alice", NULL, "shut", &a) != TG_OK) assert_true(test_ms() < deadline);
	tg_client_close(&c);
	fake_stop(&f);
}

static void refusals_and_not_ready_are_told_apart(void **state) {
	(void)state;
	struct fake f;
	struct tg_answer a;
	fake_start(&f, NOT_READY, "pro", NULL);
	const struct tg_options o = {
		.query = f.endpoint, .timeout_ms = PATIENCE_MS, .policies = policies, .policy_count = 2};
	struct tg_client *c = opened(&o);
	outages(c, TG_NOT_READY);
	f.behaviour = UNKNOWN;
	assert_int_equal(tg_check(c, "pro-alice", NULL, "open", &a), TG_REFUSED);
	assert_false(a.allowed); /* a typo is never allowed, whatever was declared */
	assert_int_equal(a.error, TG_WRONG_QUESTION);
	assert_non_null(strstr(a.why, "unknown_feature"));
	tg_client_close(&c);
	fake_stop(&f);
}

static void garbage_is_no_answer(void **state) {
	(void)state;
	const enum behaviour bad[] = {GARBAGE, WRONG_KIND, EXTRA_FRAME};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fake f;
		fake_start(&f, bad[i], "pro", NULL);
		const struct tg_options o = {
			.query = f.endpoint, .timeout_ms = PATIENCE_MS, .policies = policies, .policy_count = 2};
		struct tg_client *c = opened(&o);
		outages(c, TG_BAD_REPLY);
		f.behaviour = ANSWER;
		struct tg_answer a;
		const int64_t deadline = test_ms() + PATIENCE_MS;
		while (tg_check(c, "pro-alice", NULL, "shut", &a) != TG_OK) assert_true(test_ms() < deadline);
		tg_client_close(&c);
		fake_stop(&f);
	}
}

static void a_reply_after_its_time_answers_nothing_else(void **state) {
	(void)state;
	struct fake f;
	struct tg_answer a;
	fake_start(&f, LATE, "pro", NULL);
	struct tg_client *c = client_of(&f, SOON_MS);
	assert_int_equal(tg_check(c, "pro-alice", NULL, "shut", &a), TG_FALLBACK);
	/* what comes first now is alice's; on a busy machine bob's own may be late, too */
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (tg_check(c, "bob", NULL, "shut", &a) != TG_OK) assert_true(!a.allowed && test_ms() < deadline);
	assert_false(a.allowed);
	assert_string_equal(a.reason, "unknown_subject");
	tg_client_close(&c);
	fake_stop(&f);
}

static void the_nearest_is_asked_and_the_next_when_it_is_slow_or_away(void **state) {
	(void)state;
	struct fake near, far;
	struct tg_answer a;
	char both[2 * ENDPOINT_MAX];
	fake_start(&near, ANSWER, "near", NULL);
	fake_start(&far, ANSWER, "far", NULL);
	(void)snprintf(both, sizeof both, "%s;%s", near.endpoint, far.endpoint);
	const struct tg_options o = {.query = both, .timeout_ms = PATIENCE_MS, .hedge_ms = 50};
	struct tg_client *c = opened(&o);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	do { /* until both are connected, the far one may be asked */
		assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_OK);
		assert_true(test_ms() < deadline);
	} while (strcmp(a.tier, "near") != 0);
	near.behaviour = SILENT;
	assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_OK);
	assert_string_equal(a.tier, "far");
	struct tg_counts n;
	tg_counts(c, &n);
	assert_true(n.hedges >= 1);
	near.behaviour = NOT_READY;
	assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_OK);
	assert_string_equal(a.tier, "far");
	near.behaviour = GARBAGE;
	assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_OK);
	assert_string_equal(a.tier, "far");
	fake_stop(&near);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_OK);
		assert_string_equal(a.tier, "far");
	}
	tg_client_close(&c);
	fake_stop(&far);
}

static void many_are_answered_in_their_order(void **state) {
	(void)state;
	enum { COUNT = 1000 };
	static struct tg_question questions[COUNT];
	static struct tg_answer answers[COUNT];
	struct fake f;
	fake_start(&f, ANSWER, "pro", NULL);
	const struct tg_options o = {
		.query = f.endpoint, .timeout_ms = PATIENCE_MS, .policies = policies, .policy_count = 2};
	struct tg_client *c = opened(&o);
	for (int i = 0; i < COUNT; i++)
		questions[i] = (struct tg_question){i % 3 ? "bob" : "pro-alice", NULL, i % 2 ? "shut" : "open"};
	assert_int_equal(tg_check_many(c, questions, COUNT, answers), TG_OK);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(answers[i].allowed, i % 3 == 0);
		assert_int_equal(answers[i].source, TG_FROM_SERVER);
	}
	assert_int_equal(f.requests, 8);
	assert_int_equal(tg_check_many(c, questions, 0, answers), TG_OK);
	questions[5].feature = "typo";
	assert_int_equal(tg_check_many(c, questions, COUNT, answers), TG_REFUSED);
	assert_int_equal(answers[5].error, TG_WRONG_QUESTION);
	assert_true(answers[6].allowed);
	questions[5].feature = "behind";
	assert_int_equal(tg_check_many(c, questions, COUNT, answers), TG_FALLBACK);
	assert_int_equal(answers[5].error, TG_NOT_READY);
	assert_int_equal(answers[5].source, TG_FROM_POLICY);
	f.behaviour = SHORT_BATCH;
	assert_int_equal(tg_check_many(c, questions, 4, answers), TG_FALLBACK);
	assert_true(answers[0].allowed && !answers[1].allowed);
	assert_int_equal(answers[0].error, TG_BAD_REPLY);
	questions[700].subject = "";
	assert_int_equal(tg_check_many(c, questions, COUNT, answers), TG_USAGE);
	assert_string_not_equal(answers[700].why, "");
	tg_client_close(&c);
	fake_stop(&f);
}

static void too_many_are_denied_each_of_them(void **state) {
	(void)state;
	enum { COUNT = TG_CHECK_MANY_MAX + 1 };
	struct tg_question *questions = calloc(COUNT, sizeof *questions);
	struct tg_answer *answers = calloc(COUNT, sizeof *answers);
	assert_true(questions && answers);
	const struct tg_options o = {.query = "tcp://127.0.0.1:1"};
	struct tg_client *c = opened(&o);
	for (int i = 0; i < COUNT; i++) {
		questions[i] = (struct tg_question){"pro-alice", NULL, "open"};
		answers[i].allowed = true; /* as memory may be that nobody has written to */
	}
	assert_int_equal(tg_check_many(c, questions, COUNT, answers), TG_USAGE);
	for (int i = 0; i < COUNT; i++) assert_true(!answers[i].allowed && answers[i].why[0]);
	tg_client_close(&c);
	free(questions);
	free(answers);
}

static void a_child_of_fork_is_told_to_open_its_own(void **state) {
	(void)state;
	struct fake f;
	struct tg_answer a;
	fake_start(&f, ANSWER, "pro", NULL);
	struct tg_client *c = client_of(&f, PATIENCE_MS);
	const pid_t child = fork();
	if (child == 0) {
		const bool told = tg_check(c, "pro-alice", "pro", NULL, &a) == TG_USAGE && !a.allowed && a.why[0];
		tg_client_close(&c);
		_exit(told && !c ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(tg_check(c, "pro-alice", "pro", NULL, &a), TG_OK);
	assert_true(a.allowed);
	tg_client_close(&c);
	fake_stop(&f);
}

static void questions_that_a_cache_does_not_know_have_whole_answers(void **state) {
	(void)state;
	struct fake f;
	struct tg_client *c = NULL;
	struct tg_answer a[2];
	const struct tg_question q[2] = {{"pro1", NULL, "typo"}, {"pro1", NULL, "charts"}};
	fake_start(&f, ANSWER, "pro", NULL);
	/* a feed where nobody is */
	const struct tg_options o = {.query = f.endpoint, .feed = "tcp://127.0.0.1:9", .timeout_ms = PATIENCE_MS};
	assert_int_equal(tg_client_open(&o, &c, NULL), 0);
	assert_int_equal(tg_check_many(c, q, 2, a), TG_REFUSED);
	assert_false(a[0].allowed);
	assert_true(a[0].reason && a[0].tier && a[0].status && a[0].need);
	assert_true(a[1].allowed);
	tg_client_close(&c);
	fake_stop(&f);
}

struct nested {
	struct tg_client *client;
	_Atomic int status; /* -1: not called yet */
};

static void check_in_callback(void *ctx, enum tg_status status, struct tg_profile *p) {
	struct nested *n = ctx;
	struct tg_answer a;
	(void)status;
	tg_profile_free(p);
	n->status = (int)tg_check(n->client, "pro1", NULL, "charts", &a);
}

static void a_callback_that_would_wait_for_itself_is_told_so(void **state) {
	(void)state;
	struct fake f;
	struct nested n = {.status = -1};
	fake_start(&f, ANSWER, "pro", NULL);
	const struct tg_options o = {.query = f.endpoint, .timeout_ms = PATIENCE_MS};
	assert_int_equal(tg_client_open(&o, &n.client, NULL), 0);
	tg_get_async(n.client, "pro1", true, check_in_callback, &n);
	const int64_t deadline = test_ms() + PATIENCE_MS;
	while (n.status < 0) assert_true(test_ms() < deadline);
	assert_int_equal(n.status, TG_USAGE);
	tg_client_close(&n.client);
	fake_stop(&f);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_with_all_that_the_server_said),
		cmocka_unit_test(wrong_calls_are_told_and_nobody_is_asked),
		cmocka_unit_test(bad_options_are_named),
		cmocka_unit_test(nobody_there_is_a_fallback_at_once_after_a_while),
		cmocka_unit_test(a_silent_server_is_a_fallback_in_time),
		cmocka_unit_test(refusals_and_not_ready_are_told_apart),
		cmocka_unit_test(garbage_is_no_answer),
		cmocka_unit_test(a_reply_after_its_time_answers_nothing_else),
		cmocka_unit_test(the_nearest_is_asked_and_the_next_when_it_is_slow_or_away),
		cmocka_unit_test(many_are_answered_in_their_order),
		cmocka_unit_test(too_many_are_denied_each_of_them),
		cmocka_unit_test(a_child_of_fork_is_told_to_open_its_own),
		cmocka_unit_test(questions_that_a_cache_does_not_know_have_whole_answers),
		cmocka_unit_test(a_callback_that_would_wait_for_itself_is_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
