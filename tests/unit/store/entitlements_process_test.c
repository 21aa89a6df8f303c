/* Other processes, deaths, and a map that is full. */
#include "fold_support.h"
#include "support/killed.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool reads(const char *dir, const char *subject, uint64_t version) {
	const struct entitlements_options o = {.dir = dir, .read_only = true};
	struct store s = {.e = NULL};
	if (entitlements_open(&o, &s.e, NULL) || look_begin(s.e, &s.l, NULL)) return false;
	struct fold *f = NULL;
	bool ok = fold_begin(s.e, &catalog, 0, &f, NULL) == ERR_USAGE && entitlements_epoch(s.e) == EPOCH &&
		  look_version(s.l) == version && strcmp(tier_of(&s, subject), "pro") == 0;
	store_close(&s);
	return ok;
}

static bool refused(const char *dir) {
	const struct entitlements_options o = {.dir = dir, .epoch = 1, .map_size = 1 << 20};
	struct entitlements *e = NULL;
	return entitlements_open(&o, &e, NULL) == ERR_UNAVAILABLE && !e;
}

static void assert_child(pid_t pid) {
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_another_process_reads(void **state) {
	struct store *s = *state;
	for (unsigned i = 1; i <= 3; i++) {
		char cus[16], sub[16];
		(void)snprintf(cus, sizeof cus, "cus_%u", i);
		(void)snprintf(sub, sizeof sub, "sub_%u", i);
		struct observation o = a_sub(sub, cus, SUB_ACTIVE, NOW, "evt_1");
		apply(s, &o);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) quick_exit(reads(s->scratch.dir, cus, i) ? 0 : 1);
		assert_child(pid);
	}
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) quick_exit(refused(s->scratch.dir) ? 0 : 1);
	assert_child(pid);
	assert_int_equal(entitlements_reap_readers(s->e), 0);
}

/* A reader that dies with a snapshot in hand leaves a slot behind, until it is reaped. */
static void test_dead_readers_are_reaped(void **state) {
	struct store *s = *state;
	int pipes[2];
	char ready;
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct entitlements_options o = {.dir = s->scratch.dir, .read_only = true};
		struct entitlements *e = NULL;
		struct look *l = NULL;
		if (entitlements_open(&o, &e, NULL) || look_begin(e, &l, NULL)) quick_exit(1);
		if (write(pipes[1], "r", 1) != 1) quick_exit(1);
		for (;;) pause();
	}
	assert_int_equal(read(pipes[0], &ready, 1), 1);
	assert_int_equal(entitlements_reap_readers(s->e), 0);
	int status;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(entitlements_reap_readers(s->e), 1);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void test_a_store_must_be_made(void **state) {
	(void)state;
	struct scratch scratch;
	struct entitlements *e = NULL;
	scratch_make(&scratch);
	struct entitlements_options o = {.dir = scratch.dir, .read_only = true, .map_size = 1 << 20};
	assert_int_equal(entitlements_open(&o, &e, NULL), ERR_NOT_FOUND);
	o.read_only = false;
	assert_int_equal(entitlements_open(&o, &e, NULL), ERR_USAGE);
	assert_null(e);
	o.epoch = 9;
	assert_int_equal(entitlements_open(&o, &e, NULL), OK);
	entitlements_close(&e);
	o.epoch = 10;
	assert_int_equal(entitlements_open(&o, &e, NULL), OK);
	assert_int_equal(entitlements_epoch(e), 9);
	entitlements_close(&e);
	scratch_remove(&scratch);
}

static void test_a_look_is_a_snapshot(void **state) {
	struct store *s = *state;
	struct look *pinned = NULL;
	assert_int_equal(look_begin(s->e, &pinned, NULL), OK);
	struct observation o = a_sub("sub_1", "cus_1", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &o);
	struct view row;
	assert_int_equal(look_version(pinned), 0);
	assert_int_equal(look_subject(pinned, &platform, VIEW("cus_1"), &row), ERR_NOT_FOUND);
	look_rest(pinned);
	assert_int_equal(look_renew(pinned), OK);
	assert_int_equal(look_version(pinned), 1);
	assert_int_equal(look_subject(pinned, &platform, VIEW("cus_1"), &row), OK);
	look_end(&pinned);
	look_end(&pinned);
}

/* ---- death ------------------------------------------------------------------------- */

/* One observation and one step of the cursor a record, synced; told to the pipe once committed. */
static void fold_until_killed(const void *dir, int out) {
	const struct entitlements_options o = {.dir = dir, .epoch = EPOCH, .map_size = 256 << 20};
	struct entitlements *e = NULL;
	struct look *l = NULL;
	uint64_t seq = 0;
	if (entitlements_open(&o, &e, NULL) || look_begin(e, &l, NULL) || look_cursor(l, 7, &seq)) quick_exit(1);
	look_rest(l);
	for (;;) {
		struct fold *f = NULL;
		if (fold_begin(e, &catalog, 0, &f, NULL)) quick_exit(1);
		for (unsigned i = 0; i < 5; i++) {
			char cus[24], sub[24];
			seq++;
			(void)snprintf(cus, sizeof cus, "cus_%llu", (unsigned long long)seq);
			(void)snprintf(sub, sizeof sub, "sub_%llu", (unsigned long long)seq);
			struct observation x = a_sub(sub, cus, SUB_ACTIVE, NOW, "evt_1");
			if (fold_observe(f, &x) || fold_cursor(f, 7, seq)) quick_exit(1);
		}
		if (fold_commit(&f, NULL, NULL, NULL)) quick_exit(1);
		killed_tells(out, seq);
	}
}

static void test_state_and_cursor_survive_together(void **state) {
	struct store *s = *state;
	struct random seed = random_start();
	for (unsigned round = 0; round < 10; round++) {
		store_close(s);
		uint64_t told = killed_after(1 + random_below(&seed, 10), fold_until_killed, s->scratch.dir);
		open_at(s, 256 << 20);
		struct entitlements_stat st;
		uint64_t seq = cursor(s, 7);
		assert_int_equal(look_stat(s->l, &st), OK);
		assert_true(seq >= told);
		assert_int_equal(st.subs, seq);
		assert_int_equal(st.subjects, seq);
		assert_int_equal(st.changes, seq);
		assert_int_equal(look_version(s->l), seq);
	}
}

/* ---- a map that is full --------------------------------------------------------------- */

static void test_a_full_map_stores_nothing(void **state) {
	struct store *s = *state;
	store_close(s);
	scratch_remove(&s->scratch);
	scratch_make(&s->scratch);
	open_at(s, 1 << 20);
	struct problem why = {0};
	enum error e = OK;
	uint64_t seq = 0;
	while (!e) {
		begin(s);
		for (unsigned i = 0; i < 5 && !e; i++) {
			char cus[24], sub[24];
			(void)snprintf(cus, sizeof cus, "cus_%llu_%u", (unsigned long long)seq, i);
			(void)snprintf(sub, sizeof sub, "sub_%llu_%u", (unsigned long long)seq, i);
			struct observation x = a_sub(sub, cus, SUB_ACTIVE, NOW, "evt_1");
			e = fold_observe(s->f, &x);
		}
		enum error last = fold_cursor(s->f, 7, seq + 1);
		assert_int_equal(last, e ? e : last);
		last = fold_commit(&s->f, NULL, NULL, &why);
		/* sticky: the commit says what failed before */
		assert_int_equal(last, e ? e : last);
		e = last;
		if (!e) seq++;
		assert_true(seq < 10000);
	}
	assert_int_equal(e, ERR_FULL);
	assert_true(why.text[0] != '\0');
	assert_int_equal(look_renew(s->l), OK);
	struct entitlements_stat st;
	assert_int_equal(look_stat(s->l, &st), OK);
	assert_int_equal(cursor(s, 7), seq);
	assert_int_equal(st.subs, seq * 5);
	assert_true(seq > 10);
	/* with a larger map it goes on */
	store_close(s);
	open_at(s, 4 << 20);
	struct observation x = a_sub("sub_x", "cus_x", SUB_ACTIVE, NOW, "evt_1");
	apply(s, &x);
	assert_string_equal(tier_of(s, "cus_x"), "pro");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_another_process_reads),
		T(test_dead_readers_are_reaped),
		cmocka_unit_test(test_a_store_must_be_made),
		T(test_a_look_is_a_snapshot),
		T(test_state_and_cursor_survive_together),
		T(test_a_full_map_stores_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
