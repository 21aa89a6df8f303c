/* An entitlement store with many subjects, each with a customer and one active subscription, as the fold makes it.
 *
 *   bench_store_seed DIR SUBJECTS SALT
 *
 * Subjects are user_<SALT><n>, as in event_body.h. With a catalog, as the worker folds: then each subject is due at
 * some moment too. Not synced: it is for reading. Prints one JSON object. */
#include "samples.h"
#include "seed.h"

#define BATCH 4096

int main(int argc, char **argv) {
	if (argc != 4) {
		fprintf(stderr, "usage: %s DIR SUBJECTS SALT\n", argv[0]);
		return 64;
	}
	const struct entitlements_options options = {.dir = argv[1], .epoch = 1, .no_sync = true};
	struct entitlements *e = NULL;
	struct problem why = {0};
	uint64_t count = strtoull(argv[2], NULL, 10);
	int64_t now = (int64_t)time(NULL), start = now_ns();

	enum error rc = entitlements_open(&options, &e, &why);
	for (uint64_t n = 0; rc == OK && n < count;) {
		struct fold *f = NULL;
		rc = fold_begin(e, &seed_catalog, now * 1000, &f, &why);
		for (unsigned i = 0; rc == OK && i < BATCH && n < count; i++, n++) {
			struct seed_names names;
			const struct observation o =
				seed_observation(n, argv[3], SUB_ACTIVE, now, RANK_CREATED, &names);
			rc = fold_observe(f, &o);
		}
		if (rc == OK) rc = fold_complete(f);
		enum error committed = f ? fold_commit(&f, NULL, NULL, &why) : rc;
		if (rc == OK) rc = committed;
	}
	double us = (double)(now_ns() - start) / 1e3 / (double)count;
	struct look *l = NULL;
	struct entitlements_stat stat = {0};
	if (rc == OK) rc = look_begin(e, &l, &why);
	if (rc == OK) rc = look_stat(l, &stat);
	look_end(&l);
	entitlements_close(&e);
	if (rc != OK) {
		fprintf(stderr, "%s\n", problem_text(&why));
		return 1;
	}
	printf("{\"subjects\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"bytes_per_subject\": %.0f, \"us_per_observation\": %.1f}\n",
	       stat.subjects, stat.usage.used, (double)stat.usage.used / (double)stat.subjects, us);
	return 0;
}
