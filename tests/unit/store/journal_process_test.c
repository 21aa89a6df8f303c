/* A journal and other processes: readers, a second writer, one that is killed. */
#include <signal.h>
#include <sys/wait.h>

#include "journal_support.h"
#include "support/killed.h"
#include "support/random.h"

/* Runs `body` in a child, which must end with status 0. */
#define IN_CHILD(body)                                                                                                 \
	do {                                                                                                           \
		pid_t child_pid = fork();                                                                              \
		assert_true(child_pid >= 0);                                                                           \
		if (child_pid == 0) {                                                                                  \
			bool ok = body;                                                                                \
			quick_exit(ok ? 0 : 1);                                                                        \
		}                                                                                                      \
		int child_status;                                                                                      \
		assert_int_equal(waitpid(child_pid, &child_status, 0), child_pid);                                     \
		assert_int_equal(child_status, 0);                                                                     \
	} while (0)

static bool reads_head(const char *dir, uint64_t head) {
	const struct journal_options o = {.dir = dir, .read_only = true};
	struct journal *j = NULL;
	struct journal_reader *r = NULL;
	uint64_t first, h;
	if (journal_open(&o, &j, NULL) || journal_read_begin(j, &r, NULL)) return false;
	journal_bounds(r, &first, &h);
	struct journal_entry e = entry("evt_x", 1, VIEW("{}"));
	bool refused = journal_append(j, &e, 1, NULL) == ERR_USAGE;
	journal_read_end(&r);
	journal_close(&j);
	return h == head && refused;
}

static bool second_writer_refused(const char *dir) {
	const struct journal_options o = {.dir = dir, .origin = 1, .map_size = LARGE_MAP};
	struct journal *j = NULL;
	struct problem why = {0};
	return journal_open(&o, &j, &why) == ERR_UNAVAILABLE && strstr(why.text, "another process") != NULL;
}

static void test_other_processes(void **state) {
	struct fixture *f = *state;
	append_ids(f->j, "evt_", 0, 5, 1);
	IN_CHILD(reads_head(f->scratch.dir, 5));
	IN_CHILD(second_writer_refused(f->scratch.dir));
	append_ids(f->j, "evt_", 5, 5, 1);
	IN_CHILD(reads_head(f->scratch.dir, 10));
}

struct appender {
	const char *dir;
	unsigned round;
};

/* Appends and tells of every sequence that journal_append vouched for. */
static void append_until_killed(const void *ctx, int out) {
	const struct appender *a = ctx;
	const struct journal_options o = {.dir = a->dir, .origin = ORIGIN, .map_size = LARGE_MAP};
	struct journal *j = NULL;
	static char body[9000];
	if (journal_open(&o, &j, NULL)) quick_exit(1);
	for (unsigned n = 0;; n++) {
		struct journal_entry e[7];
		char ids[7][40];
		for (unsigned i = 0; i < 7; i++) {
			(void)snprintf(ids[i], sizeof ids[i], "evt_%u_%u_%u", a->round, n, i);
			e[i] = entry(ids[i], 1, view_of(body, ((size_t)n * 7 + i) * 131 % sizeof body));
		}
		if (journal_append(j, e, 7, NULL)) quick_exit(1);
		killed_tells(out, e[6].record.seq);
	}
}

static void test_survives_kill(void **state) {
	struct fixture *f = *state;
	struct random seed = random_start();
	uint64_t first, head;
	for (unsigned round = 0; round < 15; round++) {
		const struct appender a = {.dir = f->scratch.dir, .round = round};
		journal_close(&f->j);
		uint64_t vouched = killed_after(1 + random_below(&seed, 12), append_until_killed, &a);
		open_again(f, LARGE_MAP);
		bounds(f->j, &first, &head);
		assert_true(head >= vouched);
		assert_int_equal(head % 7, 0);
		assert_sound(f->j);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_other_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_survives_kill, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
