/* What time and the catalog change, a chunk at a time, and what is left of it when it is cut short. */
#include "worker.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/still_clock.h"

#define DAY_MS INT64_C(86400000)
#define SUBJECTS (2 * MOMENT_CHUNK + MOMENT_CHUNK / 2)

static const char with_pro[] = "version: 1\ntiers:\n  - name: free\n  - name: pro\n    features: [f]\n";
static const char without_pro[] = "version: 1\ntiers:\n  - name: free\n  - name: gold\n    features: [f]\n";
static const struct scope platform = {0};

struct fixture {
	struct scratch scratch;
	struct worker w;
};

static void take_catalog(struct worker *w, const char *text) {
	struct problem why = {0};
	catalog_file_destroy(&w->catalog);
	if (catalog_file_parse("tiers", view_str(text), &w->catalog, &why)) fail_msg("%s", problem_text(&why));
}

static void open_store(struct worker *w) {
	struct problem why = {0};
	if (worker_open_store(w, &why)) fail_msg("%s", problem_text(&why));
}

static void close_store(struct worker *w) {
	fold_abort(&w->fold);
	look_end(&w->look);
	entitlements_close(&w->store);
}

static int setup(void **state) {
	struct fixture *f = calloc(1, sizeof *f);
	scratch_make(&f->scratch);
	f->w.service.log = (struct log){.fd = STDERR_FILENO, .level = LEVEL_ERROR};
	f->w.service.health = health_create();
	f->w.settings.history_ms = 400 * DAY_MS;
	(void)snprintf(f->w.store_dir, sizeof f->w.store_dir, "%s/s", f->scratch.dir);
	take_catalog(&f->w, with_pro);
	open_store(&f->w);
	*state = f;
	return 0;
}

static int teardown(void **state) {
	struct fixture *f = *state;
	close_store(&f->w);
	catalog_file_destroy(&f->w.catalog);
	health_destroy(&f->w.service.health);
	scratch_remove(&f->scratch);
	free(f);
	return 0;
}

/* A gift of pro to so many subjects, as it became known at that moment; and the store is complete. */
static void give(struct worker *w, unsigned subjects, int64_t until, int64_t at_ms) {
	assert_int_equal(worker_fold_open(w), OK);
	fold_moment(w->fold, at_ms);
	for (unsigned i = 0; i < subjects; i++) {
		char id[16], subject[16];
		(void)snprintf(id, sizeof id, "ovr_%u", i);
		(void)snprintf(subject, sizeof subject, "u%u", i);
		const struct observation o = {
			.kind = OBSERVE_OVERRIDE,
			.stamp = {1, RANK_UPDATED, VIEW("evt_1")},
			.of.override = {
				.id = view_str(id), .subject = view_str(subject), .tier = VIEW("pro"), .until = until}};
		assert_int_equal(fold_observe(w->fold, &o), OK);
	}
	assert_int_equal(fold_complete(w->fold), OK);
	assert_int_equal(fold_surveyed(w->fold, catalog_file_get(w->catalog)->hash), OK);
	assert_int_equal(worker_fold_close(w), OK);
	w->complete = true;
	w->moments.surveyed = catalog_file_get(w->catalog)->hash;
}

static bool note_tier(void *ctx, const struct change *c) {
	(void)snprintf(ctx, 16, "%.*s", VIEW_FMT(c->after));
	return false;
}

/* What each was told last. */
static void assert_told(struct worker *w, unsigned subjects, const char *tier) {
	assert_int_equal(look_renew(w->look), OK);
	for (unsigned i = 0; i < subjects; i++) {
		char subject[16], told[16] = "";
		(void)snprintf(subject, sizeof subject, "u%u", i);
		assert_int_equal(look_history(w->look, &platform, view_str(subject), 1, note_tier, told), OK);
		assert_string_equal(told, tier);
	}
	look_rest(w->look);
}

static void run(struct worker *w) {
	for (unsigned turns = 0; worker_moments(w); turns++) assert_true(turns < 100);
	assert_int_equal(w->failed, OK);
}

static void begin_survey_without_pro(struct worker *w) {
	struct problem why = {0};
	take_catalog(w, without_pro);
	assert_int_equal(worker_note_catalog(w, &why), OK);
	assert_true(worker_moments(w));
	assert_true(w->moments.surveying);
}

/* A catalog that is taken back while all answers are being evaluated with it. */
static void test_a_catalog_that_is_taken_back(void **state) {
	struct worker *w = &((struct fixture *)*state)->w;
	struct problem why = {0};
	give(w, SUBJECTS, 0, wall_ms());
	begin_survey_without_pro(w);
	take_catalog(w, with_pro);
	assert_int_equal(worker_note_catalog(w, &why), OK);
	run(w);
	assert_told(w, SUBJECTS, "pro");
	assert_true(w->moments.surveyed == catalog_file_get(w->catalog)->hash);
}

/* And the same with a death in between; or with another start and the new catalog. */
static void test_a_survey_that_is_cut_short(void **state) {
	struct worker *w = &((struct fixture *)*state)->w;
	give(w, SUBJECTS, 0, wall_ms());
	begin_survey_without_pro(w);
	close_store(w);
	open_store(w);
	assert_true(w->moments.surveying);
	run(w);
	assert_told(w, SUBJECTS, "free");
	close_store(w);
	open_store(w);
	assert_false(w->moments.surveying);
	take_catalog(w, with_pro);
	close_store(w);
	open_store(w);
	assert_true(worker_moments(w));
	close_store(w);
	take_catalog(w, without_pro);
	open_store(w);
	run(w);
	assert_told(w, SUBJECTS, "free");
}

/* The clock was set back while no worker ran. */
static void test_a_store_that_was_ahead(void **state) {
	struct worker *w = &((struct fixture *)*state)->w;
	int64_t now = wall_ms();
	give(w, 3, (now + 5 * DAY_MS) / 1000, now + 10 * DAY_MS);
	assert_told(w, 3, "free");
	close_store(w);
	open_store(w);
	assert_true(w->moments.surveying);
	run(w);
	assert_told(w, 3, "pro");
	close_store(w);
	open_store(w);
	assert_false(w->moments.surveying);
}

/* A moment that no clock will show, and whose milliseconds are no number. */
static void test_the_latest_moment(void **state) {
	struct worker *w = &((struct fixture *)*state)->w;
	give(w, 1, INT64_MAX, wall_ms());
	run(w);
	assert_false(worker_moments(w)); /* nothing was written meanwhile */
	assert_true(w->moments.due_known && w->moments.due_s > 0);
	assert_int_equal(worker_moments_wait_ms(w, 250), 250);
	assert_told(w, 1, "pro");
}

/* What is due waits for a disk that is full; it is not tried again at once, for ever. */
static void test_a_full_disk(void **state) {
	struct worker *w = &((struct fixture *)*state)->w;
	struct rlimit was, none;
	int64_t now = wall_ms();
	give(w, 1, now / 1000 - 5, now - 10000);
	assert_told(w, 1, "pro");
	w->moments.forget_at_ms = INT64_MAX;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = (struct rlimit){1, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	bool more = worker_moments(w);
	int64_t wait = worker_moments_wait_ms(w, 250);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_false(more);
	assert_int_equal(w->failed, OK);
	assert_int_equal(wait, 250);
	assert_told(w, 1, "pro");
	w->moments.not_before_ms = 0;
	run(w);
	assert_told(w, 1, "free");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_catalog_that_is_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_survey_that_is_cut_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_store_that_was_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_latest_moment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_full_disk, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
