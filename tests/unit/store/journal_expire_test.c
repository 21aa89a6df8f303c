/* Retention, and a journal that is full. */
#include "journal_support.h"

/* Stripe can tell its events again; nobody could tell an operator's gift again. */
static void test_carries_overrides(void **state) {
	struct fixture *f = *state;
	struct journal_entry given = entry("ovr_1_g", 1000, VIEW("{\"op\":\"grant\"}"));
	struct journal_reader *r = NULL;
	struct record carried;
	struct view bytes;
	uint64_t seq = 0;
	size_t n = 0;

	given.record.kind = RECORD_OVERRIDE;
	assert_int_equal(journal_append(f->j, &given, 1, NULL), OK);
	append_ids(f->j, "evt_", 0, 5, 1001);
	/* twice: the carried one has the age of its carrying, so the second time it is the newest by far */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
		assert_int_equal(n, round ? 1 : 5);
		assert_bounds(f->j, round ? 7 : 6, 7);
	}
	assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
	assert_int_equal(n, 0);
	assert_sound(f->j);
	assert_int_equal(journal_read_begin(f->j, &r, NULL), OK);
	assert_int_equal(journal_find(r, false, VIEW_NONE, VIEW("ovr_1_g"), &seq), OK);
	assert_int_equal(seq, 7);
	assert_int_equal(journal_read(r, seq, &seq, &bytes), OK);
	assert_int_equal(record_read(bytes, &carried), OK);
	assert_int_equal(carried.seq, 7);
	assert_int_equal(carried.received_ms, NOW_MS);
	assert_int_equal(carried.created, given.record.created);
	assert_true(view_eq(carried.body, VIEW("{\"op\":\"grant\"}")));
	journal_read_end(&r);
	/* and the same grant again is still a duplicate */
	assert_int_equal(journal_append(f->j, &given, 1, NULL), OK);
	assert_true(given.duplicate);
}

static void test_expires_the_oldest(void **state) {
	struct fixture *f = *state;
	size_t n = 99;
	for (unsigned i = 0; i < 10; i++) append_ids(f->j, "evt_", i, 1, 1000 + i);

	assert_int_equal(journal_expire(f->j, NOW_MS, 1000, 100, 100, &n, NULL), OK);
	assert_int_equal(n, 0);
	assert_int_equal(journal_expire(f->j, NOW_MS, 1005, 100, 2, &n, NULL), OK);
	assert_int_equal(n, 2);
	assert_bounds(f->j, 3, 10);
	assert_int_equal(journal_expire(f->j, NOW_MS, 1005, 4, 100, &n, NULL), OK);
	assert_int_equal(n, 1);
	assert_bounds(f->j, 4, 10);
	assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
	assert_bounds(f->j, 10, 10);
	assert_sound(f->j);
	assert_int_equal(journal_expire(f->j, NOW_MS, 9999, UINT64_MAX, 100, &n, NULL), OK);
	assert_int_equal(n, 0);

	/* an expired id is forgotten: it may come again, with a number of its own */
	struct journal_entry e = entry("evt_0", 2000, VIEW("{}"));
	assert_int_equal(journal_append(f->j, &e, 1, NULL), OK);
	assert_false(e.duplicate);
	assert_int_equal(e.record.seq, 11);
	assert_sound(f->j);
}

static void test_full_then_room_again(void **state) {
	struct fixture *f = *state;
	char body[3000];
	memset(body, ' ', sizeof body);
	enum error e = OK;
	uint64_t first, head;
	unsigned stored = 0;
	struct problem why = {0};
	for (; e == OK && stored < 10000; stored++) {
		char id[32];
		(void)snprintf(id, sizeof id, "evt_%u", stored);
		struct journal_entry x = entry(id, stored, view_of(body, sizeof body));
		e = journal_append(f->j, &x, 1, &why);
		if (e) assert_int_equal(x.record.seq, 0);
	}
	stored--;
	assert_int_equal(e, ERR_FULL);
	assert_bounds(f->j, 1, stored);
	assert_sound(f->j);
	assert_true(stored > 50);

	/* the oldest half may go, in as many steps as the room allows */
	size_t n = 1, deleted = 0;
	while (n > 0) {
		assert_int_equal(journal_expire(f->j, NOW_MS, INT64_MAX, stored / 2, 50, &n, &why), OK);
		deleted += n;
	}
	assert_int_equal(deleted, stored / 2 - 1);
	struct journal_entry again = entry("evt_again", 1, view_of(body, sizeof body));
	assert_int_equal(journal_append(f->j, &again, 1, &why), OK);
	bounds(f->j, &first, &head);
	assert_int_equal(head, stored + 1);
	assert_sound(f->j);
}

static void test_full_of_small_ones_can_be_emptied(void **state) {
	struct fixture *f = *state;
	enum error e = OK;
	unsigned round = 0;
	/* several times round: whatever the state of the free list, retention gets it going again */
	for (unsigned i = 0; round < 4; i++) {
		char id[32];
		(void)snprintf(id, sizeof id, "evt_%u_%u", i * 2654435761u, i);
		struct journal_entry x = entry(id, 1, VIEW("{}"));
		e = journal_append(f->j, &x, 1, NULL);
		if (e == OK) continue;
		assert_int_equal(e, ERR_FULL);
		size_t n = 1;
		while (n > 0) assert_int_equal(journal_expire(f->j, NOW_MS, 2, UINT64_MAX, 500, &n, NULL), OK);
		round++;
	}
	assert_sound(f->j);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_carries_overrides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expires_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_then_room_again, setup_small, teardown),
		cmocka_unit_test_setup_teardown(test_full_of_small_ones_can_be_emptied, setup_small, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
