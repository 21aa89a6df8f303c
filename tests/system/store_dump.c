/* store_dump DIR: what an entitlement store holds, one fact a line, for the system tests. It reads beside a worker.
 *
 *   version N · epoch N · digest HEX · subjects N · subs N · customers N · changes N · quarantined N
 *   cursor ORIGIN SEQ            each journal's
 *   counter NAME N               each of them
 *
 * Exit codes as everywhere (base/error.h). */
#include "store/entitlements.h"

#include <inttypes.h>
#include <stdio.h>

static void print_cursor(void *ctx, uint64_t origin, uint64_t seq) {
	(void)ctx;
	printf("cursor %" PRIu64 " %" PRIu64 "\n", origin, seq);
}

static void print_counter(void *ctx, struct view name, uint64_t n) {
	(void)ctx;
	printf("counter %.*s %" PRIu64 "\n", (int)name.len, name.ptr, n);
}

static void print_digest(const uint8_t digest[STATE_DIGEST_SIZE]) {
	printf("digest ");
	for (size_t i = 0; i < STATE_DIGEST_SIZE; i++) printf("%02x", digest[i]);
	printf("\n");
}

/* Up to where that journal is known again. */
static void print_mark(void *look, uint64_t origin, uint64_t seq) {
	uint64_t run, marked;
	uint32_t crc;
	(void)seq;
	look_journal_mark(look, origin, &run, &marked, &crc);
	printf("marked %" PRIu64 "\n", marked);
}

/* One snapshot: the cursors are those of the digest. */
static enum error dump(struct look *l) {
	uint8_t digest[STATE_DIGEST_SIZE];
	struct entitlements_stat stat;

	enum error e = look_digest(l, digest);
	if (e == OK) e = look_stat(l, &stat);
	if (e == OK) e = look_cursors(l, print_cursor, NULL);
	if (e == OK) e = look_counters(l, print_counter, NULL);
	if (e != OK) return e;
	print_digest(digest);
	printf("version %" PRIu64 "\nsubjects %" PRIu64 "\nsubs %" PRIu64 "\ncustomers %" PRIu64 "\nchanges %" PRIu64
	       "\nquarantined %" PRIu64 "\nunmapped %" PRIu64 "\noverrides %" PRIu64 "\nwants %" PRIu64
	       "\ncomplete %d\n",
	       look_version(l), stat.subjects, stat.subs, stat.customers, stat.changes, stat.quarantined, stat.unmapped,
	       stat.overrides, stat.wants, look_complete(l));
	return look_cursors(l, print_mark, l);
}

int main(int argc, char **argv) {
	struct entitlements *store = NULL;
	struct look *look = NULL;
	struct problem why = {0};

	if (argc != 2) {
		fprintf(stderr, "usage: store_dump DIR\n");
		return error_exit_code(ERR_USAGE);
	}
	const struct entitlements_options o = {.dir = argv[1], .read_only = true};
	enum error e = entitlements_open(&o, &store, &why);
	if (e == OK) e = look_begin(store, &look, &why);
	if (e == OK) {
		printf("epoch %" PRIu64 "\n", entitlements_epoch(store));
		e = dump(look);
	}
	if (e != OK) fprintf(stderr, "store_dump: %s: %s\n", argv[1], why.text[0] ? why.text : error_text(e));
	look_end(&look);
	entitlements_close(&store);
	return error_exit_code(e);
}
