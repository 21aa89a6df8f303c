/* A journal of a test's own. */
#ifndef TESTS_STORE_JOURNAL_SUPPORT_H
#define TESTS_STORE_JOURNAL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store/journal.h"
#include "support/scratch.h"

#define ORIGIN 77
#define LARGE_MAP (1 << 30)
#define SMALL_MAP (1 << 20)
#define NOW_MS INT64_C(1800000000000)

struct fixture {
	struct scratch scratch;
	struct journal *j;
};

static inline void open_again(struct fixture *f, uint64_t map_size) {
	struct problem why = {0};
	const struct journal_options o = {.dir = f->scratch.dir, .map_size = map_size, .origin = ORIGIN};
	if (journal_open(&o, &f->j, &why)) fail_msg("open: %s", problem_text(&why));
}

static inline int setup(void **state) {
	struct fixture *f = calloc(1, sizeof *f);
	scratch_make(&f->scratch);
	*state = f;
	open_again(f, LARGE_MAP);
	return 0;
}

static inline int setup_small(void **state) {
	struct fixture *f = calloc(1, sizeof *f);
	scratch_make_in_memory(&f->scratch);
	*state = f;
	open_again(f, SMALL_MAP);
	return 0;
}

static inline int teardown(void **state) {
	struct fixture *f = *state;
	journal_close(&f->j);
	scratch_remove(&f->scratch);
	free(f);
	return 0;
}

static inline struct journal_entry entry(const char *id, int64_t received_ms, struct view body) {
	return (struct journal_entry){.record = {.kind = RECORD_EVENT,
						 .received_ms = received_ms,
						 .created = received_ms / 1000,
						 .id = view_str(id),
						 .type = VIEW("customer.created"),
						 .body = body}};
}

static inline void append_ids(struct journal *j, const char *prefix, unsigned from, unsigned n, int64_t received_ms) {
	struct problem why = {0};
	for (unsigned i = from; i < from + n; i++) {
		char id[64];
		(void)snprintf(id, sizeof id, "%s%u", prefix, i);
		struct journal_entry e = entry(id, received_ms, VIEW("{}"));
		if (journal_append(j, &e, 1, &why)) fail_msg("append: %s", problem_text(&why));
	}
}

static inline void bounds(struct journal *j, uint64_t *first, uint64_t *head) {
	struct journal_reader *r = NULL;
	assert_int_equal(journal_read_begin(j, &r, NULL), OK);
	journal_bounds(r, first, head);
	journal_read_end(&r);
}

static inline void assert_bounds(struct journal *j, uint64_t first, uint64_t head) {
	uint64_t f, h;
	bounds(j, &f, &h);
	assert_int_equal(f, first);
	assert_int_equal(h, head);
}

/* every record is whole, numbered without a gap, and found by its id */
static inline void assert_sound(struct journal *j) {
	struct journal_reader *r = NULL;
	uint64_t first, head, seq;
	struct view bytes;
	assert_int_equal(journal_read_begin(j, &r, NULL), OK);
	journal_bounds(r, &first, &head);
	for (uint64_t i = first; head && i <= head; i++) {
		struct record rec;
		assert_int_equal(journal_read(r, i, &seq, &bytes), OK);
		assert_int_equal(seq, i);
		assert_int_equal(record_read(bytes, &rec), OK);
		assert_int_equal(rec.seq, i);
		assert_int_equal(rec.origin, ORIGIN);
		assert_int_equal(journal_find(r, rec.livemode, rec.account, rec.id, &seq), OK);
		assert_int_equal(seq, i);
	}
	assert_int_equal(journal_read(r, head + 1, &seq, &bytes), ERR_NOT_FOUND);
	journal_read_end(&r);
}

#endif
