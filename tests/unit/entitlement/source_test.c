/* The follower's state machine against a journal that loses, delays and repeats what it sends. */
#include "source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"

#define ORIGIN 77

static struct stream_heartbeat heartbeat(uint64_t first, uint64_t head, int64_t wall) {
	return (struct stream_heartbeat){.origin = ORIGIN, .first = first, .head = head, .now_ms = wall};
}

static struct source known_source(uint64_t cursor, uint64_t head, int64_t now) {
	struct source s;
	const struct stream_heartbeat h = heartbeat(1, head, 1000);
	source_init(&s);
	assert_int_equal(source_heartbeat(&s, &h, now), SOURCE_OTHER_ORIGIN);
	source_known(&s, ORIGIN, cursor);
	return s;
}

static void asks_for_the_head_until_the_origin_is_known(void **state) {
	(void)state;
	struct source s;
	struct stream_request r;
	uint64_t gap;
	source_init(&s);
	assert_true(source_want(&s, 10, &r));
	assert_int_equal(r.op, STREAM_HEAD);
	source_asked(&s, &r, 10);
	assert_false(source_want(&s, 11, &r));
	assert_true(source_want(&s, 10 + SOURCE_PATIENCE_MS, &r)); /* lost: once more, with another id */
	source_asked(&s, &r, 10 + SOURCE_PATIENCE_MS);
	struct stream_reply late = {.id = 1, .origin = ORIGIN, .first = 1, .head = 5};
	assert_false(source_reply(&s, &late, 3000, &gap));
	late.id = r.id;
	assert_true(source_reply(&s, &late, 3000, &gap));
	assert_int_equal(s.origin, 0); /* the caller loads the cursor first */
	source_known(&s, ORIGIN, 3);
	assert_int_equal(s.cursor, 3);
	assert_true(source_want(&s, 3000, &r)); /* what the reply told of is asked for before any heartbeat */
	assert_int_equal(r.op, STREAM_REPLAY);
	assert_int_equal(r.from, 4);
	assert_false(source_complete(&s));
}

static void applies_only_the_next(void **state) {
	(void)state;
	struct source s = known_source(4, 4, 10);
	assert_int_equal(source_record(&s, ORIGIN, 4), SOURCE_DROP);
	assert_int_equal(source_record(&s, ORIGIN + 1, 5), SOURCE_DROP);
	assert_int_equal(s.head, 4);
	assert_int_equal(source_record(&s, ORIGIN, 6), SOURCE_DROP); /* a gap: it is asked for */
	struct stream_request r;
	assert_true(source_want(&s, 20, &r));
	assert_int_equal(r.op, STREAM_REPLAY);
	assert_int_equal(r.from, 5);
	assert_int_equal(source_record(&s, ORIGIN, 5), SOURCE_APPLY);
	source_applied(&s, 5, 123);
	assert_int_equal(source_record(&s, ORIGIN, 5), SOURCE_DROP);
	assert_int_equal(source_record(&s, ORIGIN, 6), SOURCE_APPLY);
}

static void a_failed_transaction_starts_again_from_what_is_committed(void **state) {
	(void)state;
	struct source s = known_source(4, 9, 10);
	source_applied(&s, 5, 1);
	source_committed(&s);
	source_applied(&s, 6, 1);
	source_applied(&s, 7, 1);
	source_rolled_back(&s, 100);
	assert_int_equal(s.cursor, 5);
	struct stream_request r;
	assert_false(source_want(&s, 100, &r));
	assert_true(source_want(&s, 100 + SOURCE_RETRY_MS, &r));
	assert_int_equal(r.from, 6);
}

/* What was rolled back is not reflected, whatever was heard while it was under way. */
static void a_failed_transaction_takes_its_freshness_along(void **state) {
	(void)state;
	struct source s = known_source(4, 4, 10);
	const struct stream_heartbeat calm = heartbeat(1, 4, 5000), after = heartbeat(1, 6, 7000);
	(void)source_heartbeat(&s, &calm, 20);
	assert_int_equal(s.committed_as_of_wall_ms, 5000); /* nothing waits for a commit */
	assert_int_equal(source_record(&s, ORIGIN, 5), SOURCE_APPLY);
	source_applied(&s, 5, 6000);
	source_applied(&s, 6, 6001);
	(void)source_heartbeat(&s, &after, 30);
	assert_int_equal(s.committed_as_of_wall_ms, 5000);
	source_rolled_back(&s, 40);
	assert_int_equal(s.as_of_wall_ms, 5000);
	assert_int_equal(s.committed_as_of_wall_ms, 5000);
	source_applied(&s, 5, 6000);
	source_committed(&s);
	assert_int_equal(s.committed_as_of_wall_ms, 6000);
}

/* A record that is damaged cannot say which it is: its place in the reply does, though the cursor moved on meanwhile.
 */
static void knows_where_a_reply_begins(void **state) {
	(void)state;
	struct source s = known_source(4, 20, 10);
	struct stream_request r, next;
	uint64_t gap;
	assert_true(source_want(&s, 20, &r));
	source_asked(&s, &r, 20);
	source_applied(&s, 5, 1);
	source_applied(&s, 6, 1);
	const struct stream_reply reply = {.id = r.id, .origin = ORIGIN, .first = 1, .head = 20, .count = 3};
	assert_true(source_reply(&s, &reply, 30, &gap));
	assert_int_equal(s.reply_at, 5);
	assert_true(source_want_next(&s, 3, &next));
	source_asked(&s, &next, 30);
	assert_int_equal(s.reply_at, 5);
	const struct stream_reply later = {.id = next.id, .origin = ORIGIN, .first = 15, .head = 20, .count = 3};
	assert_true(source_reply(&s, &later, 30, &gap));
	assert_int_equal(s.reply_at, 15);
}

static void says_how_much_retention_took(void **state) {
	(void)state;
	struct source s = known_source(4, 20, 10);
	struct stream_request r;
	uint64_t gap;
	assert_true(source_want(&s, 20, &r));
	source_asked(&s, &r, 20);
	const struct stream_reply reply = {.id = r.id, .origin = ORIGIN, .first = 11, .head = 20, .count = 10};
	assert_true(source_reply(&s, &reply, 30, &gap));
	assert_int_equal(gap, 6);
	assert_int_equal(source_record(&s, ORIGIN, 11), SOURCE_APPLY);
}

static void a_journal_that_went_back_is_applied_again(void **state) {
	(void)state;
	struct source s = known_source(50, 50, 10);
	const struct stream_heartbeat low = heartbeat(1, 20, 2000), good = heartbeat(1, 50, 2000);
	assert_int_equal(source_heartbeat(&s, &low, 1000), SOURCE_AS_BEFORE); /* perhaps only overtaken */
	assert_int_equal(source_heartbeat(&s, &good, 2000), SOURCE_AS_BEFORE);
	assert_int_equal(source_heartbeat(&s, &low, 3000), SOURCE_AS_BEFORE);
	assert_int_equal(source_heartbeat(&s, &low, 3000 + SOURCE_BEHIND_MS - 1), SOURCE_AS_BEFORE);
	assert_int_equal(source_heartbeat(&s, &low, 3000 + SOURCE_BEHIND_MS), SOURCE_WENT_BACK);
	struct stream_request r;
	assert_true(source_want(&s, 10000, &r));
	assert_int_equal(r.from, 1);
}

static void is_caught_up_only_while_it_hears_the_journal(void **state) {
	(void)state;
	struct source s = known_source(5, 5, 10);
	assert_true(source_caught_up(&s, 10));
	assert_false(source_caught_up(&s, 10 + SOURCE_SILENCE_MS));
	const struct stream_heartbeat h = heartbeat(1, 5, 9000);
	(void)source_heartbeat(&s, &h, 6000);
	assert_true(source_caught_up(&s, 6001));
	assert_int_equal(s.as_of_wall_ms, 9000);
	const struct stream_heartbeat more = heartbeat(1, 6, 9500);
	(void)source_heartbeat(&s, &more, 6100);
	assert_false(source_caught_up(&s, 6101));
	assert_int_equal(s.as_of_wall_ms, 9000); /* record 6 is older than that heartbeat */
}

/* ---- a journal on a bad day -------------------------------------------------------- */

static struct random rng;
static size_t roll(size_t below) { return random_below(&rng, below); }

static void take(struct source *s, uint64_t seq, uint64_t *applied) {
	if (source_record(s, ORIGIN, seq) != SOURCE_APPLY) return;
	assert_int_equal(seq, *applied + 1);
	*applied = seq;
	source_applied(s, seq, (int64_t)seq);
	if (roll(3) == 0) source_committed(s);
	if (roll(40) == 0) {
		source_rolled_back(s, 0);
		*applied = s->cursor;
	}
}

static void answer(struct source *s, const struct stream_request *asked, uint64_t head, int64_t now,
		   uint64_t *applied) {
	struct stream_request next;
	uint64_t gap, first = asked->from, last = first + asked->max - 1;
	if (last > head) last = head;
	const struct stream_reply r = {.id = asked->id,
				       .origin = ORIGIN,
				       .first = 1,
				       .head = head,
				       .count = last + 1 > first ? last + 1 - first : 0};
	if (!source_reply(s, &r, now, &gap)) return;
	assert_int_equal(gap, 0);
	if (source_want_next(s, r.count, &next) && roll(2)) source_asked(s, &next, now); /* its answer is lost */
	for (uint64_t seq = first; seq <= last; seq++) take(s, seq, applied);
}

static void applies_everything_once_and_in_order(void **state) {
	(void)state;
	rng = random_start();
	for (int round = 0; round < 200; round++) {
		struct source s = known_source(0, 0, 1);
		uint64_t head = 0, applied = 0;
		int64_t now = 1;
		/* and one step more at the least: with heartbeats again, however long there was none before */
		for (int step = 0; step < 5000 && (step <= 500 || applied < head); step++, now += 50) {
			if (step < 500 && roll(2)) {
				head++;
				if (roll(4)) take(&s, head, &applied);       /* or PUB dropped it */
				if (roll(10) == 0) take(&s, head, &applied); /* or said it twice */
			}
			if (roll(10) == 0 || step >= 500) {
				const struct stream_heartbeat h = heartbeat(1, head, now);
				assert_int_equal(source_heartbeat(&s, &h, now), SOURCE_AS_BEFORE);
			}
			struct stream_request r;
			if (source_want(&s, now, &r)) {
				source_asked(&s, &r, now);
				if (roll(4)) answer(&s, &r, head, now, &applied); /* or it is lost */
			}
		}
		source_committed(&s);
		assert_int_equal(applied, head);
		assert_true(source_caught_up(&s, now));
	}
}

/* ---- another run of the ingress --------------------------------------------------- */

#define RUN 5
#define CRC 0xabcd1234u

static struct stream_heartbeat run_heartbeat(uint64_t head, uint64_t run) {
	struct stream_heartbeat h = heartbeat(1, head, 1000);
	h.run = run;
	return h;
}

/* Has applied 1 to 10, heard so, and 11 and 12 since. */
static struct source marked_source(void) {
	struct source s;
	struct stream_heartbeat h = run_heartbeat(9, RUN);
	source_init(&s);
	assert_int_equal(source_heartbeat(&s, &h, 10), SOURCE_OTHER_ORIGIN);
	source_known(&s, ORIGIN, 9);
	source_marked(&s, &(struct source_mark){0});
	for (uint64_t seq = 10; seq <= 12; seq++) {
		assert_int_equal(source_record(&s, ORIGIN, seq), SOURCE_APPLY);
		source_applied(&s, seq, 1);
		source_applied_crc(&s, CRC + (uint32_t)seq);
		source_committed(&s);
		h = run_heartbeat(seq, RUN);
		if (seq == 10) assert_int_equal(source_heartbeat(&s, &h, 20), SOURCE_AS_BEFORE);
	}
	assert_int_equal(s.mark.seq, 10);
	assert_int_equal(s.mark.crc, CRC + 10);
	assert_int_equal(s.mark.run, RUN);
	return s;
}

/* What is asked for while the journal has to be known again; the reply is on its way when this returns. */
static struct stream_request asked_proof(struct source *s, int64_t now) {
	struct stream_request r;
	assert_true(s->proving);
	assert_true(source_want(s, now, &r));
	assert_int_equal(r.op, STREAM_REPLAY);
	assert_int_equal(r.from, s->mark.seq);
	assert_int_equal(r.max, 1);
	source_asked(s, &r, now);
	return r;
}

static void a_journal_is_known_again(void **state) {
	(void)state;
	struct source s = marked_source();
	const struct stream_heartbeat h = run_heartbeat(12, RUN + 1);
	source_progress_sent(&s, 20);
	assert_false(source_progress_due(&s, 20 + SOURCE_PROGRESS_MS));
	assert_int_equal(source_heartbeat(&s, &h, 30), SOURCE_AS_BEFORE);
	assert_true(source_progress_due(&s, 20 + SOURCE_PROGRESS_MS)); /* it may have lost what it was told */
	assert_int_equal(source_record(&s, ORIGIN, 13), SOURCE_DROP);
	assert_false(source_complete(&s) || source_caught_up(&s, 30));
	assert_int_equal(source_wait_ms(&s, 30, 250), 0);
	struct stream_request r = asked_proof(&s, 30);
	const struct stream_reply reply = {
		.id = r.id, .origin = ORIGIN, .first = 1, .head = 13, .count = 1, .run = RUN + 1};
	uint64_t gap;
	assert_true(source_reply(&s, &reply, 40, &gap));
	assert_int_equal(source_prove_empty(&s, &reply), SOURCE_AS_BEFORE);
	assert_int_equal(s.reply_at, 10);
	assert_int_equal(source_prove(&s, 11, CRC + 11), SOURCE_AS_BEFORE); /* not what was asked for */
	assert_true(s.proving);
	assert_int_equal(source_prove(&s, 10, CRC + 10), SOURCE_AS_BEFORE);
	assert_false(s.proving);
	/* what came behind the mark is taken again: it may be of the other copy */
	assert_int_equal(s.cursor, 10);
	assert_true(source_want(&s, 50, &r));
	assert_int_equal(r.from, 11);
	assert_int_equal(source_record(&s, ORIGIN, 11), SOURCE_APPLY);
	/* the same run is no news */
	assert_int_equal(source_heartbeat(&s, &h, 60), SOURCE_AS_BEFORE);
	assert_false(s.proving);
}

static void a_journal_that_was_put_back_is_applied_again(void **state) {
	(void)state;
	struct source s = marked_source();
	const struct stream_heartbeat h = run_heartbeat(40, RUN + 1); /* a burst has lifted it past our cursor */
	assert_int_equal(source_heartbeat(&s, &h, 30), SOURCE_AS_BEFORE);
	(void)asked_proof(&s, 30);
	assert_int_equal(source_prove(&s, 10, CRC + 99), SOURCE_WENT_BACK);
	assert_int_equal(s.cursor, 0);
	assert_int_equal(s.head, 40);
	struct stream_request r;
	assert_true(source_want(&s, 40, &r));
	assert_int_equal(r.from, 1);
	assert_int_equal(source_record(&s, ORIGIN, 1), SOURCE_APPLY);
}

static void a_journal_without_the_mark(void **state) {
	(void)state;
	uint64_t gap;
	/* it ends before it: an older copy */
	struct source s = marked_source();
	struct stream_heartbeat h = run_heartbeat(7, RUN + 1);
	assert_int_equal(source_heartbeat(&s, &h, 30), SOURCE_AS_BEFORE);
	struct stream_request r = asked_proof(&s, 30);
	struct stream_reply reply = {.id = r.id, .origin = ORIGIN, .first = 1, .head = 7, .run = RUN + 1};
	assert_true(source_reply(&s, &reply, 40, &gap));
	assert_int_equal(gap, 0);
	assert_int_equal(source_prove_empty(&s, &reply), SOURCE_WENT_BACK);
	assert_int_equal(s.cursor, 0);
	assert_int_equal(s.head, 7);
	/* it begins behind it: retention took it */
	s = marked_source();
	h = run_heartbeat(20, RUN + 1);
	assert_int_equal(source_heartbeat(&s, &h, 30), SOURCE_AS_BEFORE);
	r = asked_proof(&s, 30);
	reply = (struct stream_reply){
		.id = r.id, .origin = ORIGIN, .first = 13, .head = 20, .count = 1, .run = RUN + 1};
	assert_true(source_reply(&s, &reply, 40, &gap));
	assert_int_equal(source_prove_empty(&s, &reply), SOURCE_AS_BEFORE);
	assert_false(s.proving);
	assert_int_equal(s.cursor, 12);
}

static void a_mark_of_the_store(void **state) {
	(void)state;
	struct source s;
	struct stream_heartbeat h = run_heartbeat(12, RUN);
	const struct source_mark same = {RUN, 10, CRC}, other = {RUN - 1, 10, CRC}, none = {0};
	source_init(&s);
	(void)source_heartbeat(&s, &h, 10);
	source_known(&s, ORIGIN, 12);
	source_marked(&s, &same);
	assert_false(s.proving);
	source_marked(&s, &none); /* an older program's store */
	assert_false(s.proving);
	source_marked(&s, &other);
	(void)asked_proof(&s, 20);
	/* an older ingress says no run: then it is as before */
	source_init(&s);
	h = run_heartbeat(12, 0);
	(void)source_heartbeat(&s, &h, 10);
	source_known(&s, ORIGIN, 12);
	source_marked(&s, &other);
	assert_false(s.proving);
}

/* The reply to an older question tells of the run first: it proves nothing. */
static void a_reply_of_another_run(void **state) {
	(void)state;
	struct source s = marked_source();
	struct stream_heartbeat h = run_heartbeat(20, RUN);
	struct stream_request r;
	uint64_t gap;
	assert_int_equal(source_heartbeat(&s, &h, 30), SOURCE_AS_BEFORE);
	assert_int_equal(s.mark.seq, 12);
	assert_true(source_want(&s, 30, &r));
	assert_int_equal(r.from, 13);
	source_asked(&s, &r, 30);
	const struct stream_reply reply = {
		.id = r.id, .origin = ORIGIN, .first = 1, .head = 14, .count = 2, .run = RUN + 1};
	assert_true(source_reply(&s, &reply, 40, &gap));
	assert_true(s.proving);
	assert_int_equal(source_prove_empty(&s, &reply), SOURCE_AS_BEFORE);
	assert_int_equal(source_prove(&s, 13, CRC), SOURCE_AS_BEFORE);
	assert_int_equal(source_record(&s, ORIGIN, 13), SOURCE_DROP);
	(void)asked_proof(&s, 50);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_for_the_head_until_the_origin_is_known),
		cmocka_unit_test(applies_only_the_next),
		cmocka_unit_test(a_failed_transaction_starts_again_from_what_is_committed),
		cmocka_unit_test(a_failed_transaction_takes_its_freshness_along),
		cmocka_unit_test(knows_where_a_reply_begins),
		cmocka_unit_test(says_how_much_retention_took),
		cmocka_unit_test(a_journal_that_went_back_is_applied_again),
		cmocka_unit_test(is_caught_up_only_while_it_hears_the_journal),
		cmocka_unit_test(applies_everything_once_and_in_order),
		cmocka_unit_test(a_journal_is_known_again),
		cmocka_unit_test(a_journal_that_was_put_back_is_applied_again),
		cmocka_unit_test(a_journal_without_the_mark),
		cmocka_unit_test(a_mark_of_the_store),
		cmocka_unit_test(a_reply_of_another_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
