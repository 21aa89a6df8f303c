/* What the entitlement store costs: bytes a subject, time an observation, time a read.
 *
 *     bench_store [subjects]          default 100000; each a checkout and a subscription, ids as long as Stripe's
 *
 * Prints figures and asserts nothing about them. The store is made in a directory of its own and removed.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/parse.h"
#include "store/entitlements.h"

#define BATCH 256
#define NOW 1700000000
#define READS 1000000

static struct catalog_grant grants[] = {{GRANT_LOOKUP_KEY, VIEW_INIT("pro_monthly"), 1}};

static void make_catalog(struct catalog *c) {
	*c = (struct catalog){.tier_count = 2,
			      .tiers = {{.name = VIEW("free")}, {.name = VIEW("pro")}},
			      .grant_count = 1,
			      .grants = grants,
			      .policies = {.past_due_grace_s = 7 * 86400, .renewal_grace_s = 3 * 86400}};
}

static uint64_t mix(uint64_t x) {
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* prefix and `n` letters and digits, the same for the same number, spread like Stripe's */
static struct view spread_id(char *out, const char *prefix, size_t n, uint64_t number) {
	static const char set[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(prefix);
	memcpy(out, prefix, len);
	uint64_t x = mix(number * 8 + len);
	for (size_t i = 0; i < n; i++) {
		out[len + i] = set[x % 62];
		x = i % 8 == 7 ? mix(x + number) : x / 62;
	}
	return view_of(out, len + n);
}

/* As most of Stripe's are: the time in front, so that they grow with it. */
static struct view growing_id(char *out, const char *prefix, uint64_t number) {
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t len = strlen(prefix);
	struct view v = spread_id(out, prefix, 24, number);
	for (size_t i = 6; i-- > 0; number /= 62) out[len + i] = set[number % 62];
	return v;
}

struct ids {
	char subject[64], customer[64], sub[64], invoice[64], event[2][64];
};

static struct view subject_id(char *out, uint64_t i) {
	int n = snprintf(out, 64, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)mix(i), (unsigned)(mix(i) >> 40) & 0xffff,
			 (unsigned)i & 0xfff, (unsigned)(mix(i + 1) >> 20) & 0xffff,
			 (unsigned long long)(mix(i + 2) & 0xffffffffffff));
	return view_of(out, (size_t)n);
}

static void observe_subject(struct fold *f, uint64_t i, enum error *e) {
	static struct observation o;
	struct ids ids;
	struct view customer = spread_id(ids.customer, "cus_", 14, i);
	o = (struct observation){.kind = OBSERVE_CHECKOUT,
				 .stamp = {NOW - 5, RANK_CREATED, growing_id(ids.event[0], "evt_", i * 2)},
				 .of.checkout = {.customer = customer, .subject = subject_id(ids.subject, i)}};
	if (!*e) *e = fold_observe(f, &o);
	o = (struct observation){.kind = OBSERVE_SUBSCRIPTION,
				 .stamp = {NOW, RANK_CREATED, growing_id(ids.event[1], "evt_", i * 2 + 1)}};
	struct subscription *s = &o.of.subscription.now;
	s->id = growing_id(ids.sub, "sub_", i);
	s->customer = customer;
	s->latest_invoice = growing_id(ids.invoice, "in_", i);
	s->status = SUB_ACTIVE;
	s->created = s->period_start = NOW - 1;
	s->period_end = NOW + 30 * 86400;
	s->items.count = 1;
	s->items.items[0] = (struct item){VIEW("price_1MowQULkdIwHu7ixraBm864M"), VIEW("prod_Na6dGcTsmU0I4R"),
					  VIEW("pro_monthly"), 1};
	o.of.subscription.post = subscription_digest(s);
	if (!*e) *e = fold_observe(f, &o);
}

static double cpu_seconds(void) {
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(void) {
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const char *what, const struct problem *why) {
	(void)fprintf(stderr, "store_bench: %s: %s\n", what, problem_text(why));
	return 1;
}

static int load(struct entitlements *e, const struct catalog *catalog, uint64_t subjects) {
	struct problem why = {0};
	double start = seconds(), cpu = cpu_seconds();
	for (uint64_t i = 0; i < subjects;) {
		struct fold *f = NULL;
		enum error rc = fold_begin(e, catalog, NOW * INT64_C(1000), &f, &why);
		if (rc) return fail("begin", &why);
		for (unsigned n = 0; n < BATCH / 2 && i < subjects; n++, i++) observe_subject(f, i, &rc);
		if (!rc) rc = fold_cursor(f, 1, i);
		rc = fold_commit(&f, NULL, NULL, &why);
		if (rc) return fail("commit", &why);
	}
	double took = seconds() - start;
	(void)printf("us_per_observation %.2f (cpu %.2f)\n", took * 1e6 / (double)subjects / 2,
		     (cpu_seconds() - cpu) * 1e6 / (double)subjects / 2);
	return 0;
}

static int read_all(struct entitlements *e, const struct catalog *catalog, uint64_t subjects) {
	struct problem why = {0};
	struct look *l = NULL;
	const struct scope scope = {0};
	static struct grant g;
	if (look_begin(e, &l, &why)) return fail("look", &why);
	unsigned pro = 0;
	double start = cpu_seconds();
	for (uint64_t n = 0; n < READS; n++) {
		char id[64];
		struct view row;
		struct subject_row r;
		struct entitlement it;
		struct view subject = subject_id(id, mix(n) % subjects);
		if (look_renew(l) || look_subject(l, &scope, subject, &row) || subject_row_open(row, &r)) break;
		entitlement_begin(&it, catalog, NOW);
		while (subject_row_next(&r, &g)) entitlement_add(&it, &g);
		entitlement_end(&it);
		pro += it.tier == 1;
		look_rest(l);
	}
	double took = cpu_seconds() - start;
	start = cpu_seconds();
	size_t bytes = 0;
	for (uint64_t n = 0; n < READS; n++) {
		char id[64];
		bytes += subject_id(id, mix(n) % subjects).len;
	}
	double making = cpu_seconds() - start;
	(void)printf("us_per_read %.3f (cpu; of %d, %u found as pro; making %zu bytes of ids took %.3f each)\n",
		     (took - making) * 1e6 / READS, READS, pro, bytes, making * 1e6 / READS);
	struct entitlements_stat s;
	if (look_renew(l) || look_stat(l, &s)) return fail("stat", &why);
	(void)printf("bytes_per_subject %.0f (%llu subjects, %llu changes)\n",
		     (double)s.usage.used / (double)s.subjects, (unsigned long long)s.subjects,
		     (unsigned long long)s.changes);
	look_end(&l);
	return pro == READS ? 0 : 1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv) {
	uint64_t subjects = 100000;
	char dir[] = "/tmp/tiergate-store-bench-XXXXXX";
	static struct catalog catalog;
	struct entitlements *e = NULL;
	struct problem why = {0};
	if (argc > 1 && (!parse_u64(view_str(argv[1]), 100000000, &subjects) || subjects == 0)) return 64;
	if (!mkdtemp(dir)) return 74;
	make_catalog(&catalog);
	const struct entitlements_options o = {.dir = dir, .epoch = 1, .no_sync = true};
	int failed = entitlements_open(&o, &e, &why) ? fail("open", &why) : 0;
	if (!failed) failed = load(e, &catalog, subjects);
	if (!failed) failed = read_all(e, &catalog, subjects);
	entitlements_close(&e);
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return failed;
}
