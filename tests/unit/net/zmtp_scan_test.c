#include "net/zmtp_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

#define STREAM_MAX 65536

struct stream {
	size_t n;
	uint8_t at[STREAM_MAX];
};

static void put(struct stream *s, const void *bytes, size_t n) {
	assert_true(s->n + n <= sizeof s->at);
	memcpy(s->at + s->n, bytes, n);
	s->n += n;
}

static void greet(struct stream *s, const char *mechanism) {
	uint8_t g[ZMTP_GREETING] = {0xff, [9] = 0x7f, 3, 1};
	memcpy(g + 12, mechanism, strlen(mechanism));
	s->n = 0;
	put(s, g, sizeof g);
}

static void greet_2(struct stream *s) {
	static const uint8_t g[ZMTP_GREETING_2] = {0xff, [9] = 0x7f, 1, 5};
	s->n = 0;
	put(s, g, sizeof g);
}

static void frame(struct stream *s, uint8_t flags, const void *body, size_t n) {
	const uint8_t small[2] = {flags, (uint8_t)n};
	const uint8_t large[9] = {flags | 2, 0, 0, 0, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n};
	if (n < 256)
		put(s, small, sizeof small);
	else
		put(s, large, sizeof large);
	put(s, body, n);
}

#define COMMAND(s, text) frame(s, 4, text, sizeof(text) - 1)

static struct zmtp_news whole(const struct stream *s) {
	struct zmtp_scan scan = {0};
	struct zmtp_news news;
	assert_true(zmtp_scan(&scan, s->at, s->n, &news));
	return news;
}

static void counts_whole_messages(void **state) {
	(void)state;
	struct stream s;
	greet(&s, "NULL");
	COMMAND(&s, "\5READY");
	assert_int_equal(whole(&s).frames, 0);
	frame(&s, 1, "", 0);
	frame(&s, 1, "TG01", 4);
	assert_int_equal(whole(&s).frames, 0); /* it may have no end */
	assert_int_equal(whole(&s).widest, 2);
	assert_int_equal(whole(&s).longest, 6); /* READY's: a command counts while it is under way */
	COMMAND(&s, "\4PING\0\0");              /* may stand in between */
	frame(&s, 0, "message", 7);
	frame(&s, 0, "x", 1);
	struct zmtp_news news = whole(&s);
	assert_int_equal(news.frames, 4);
	assert_int_equal(news.bytes, 12);
	assert_int_equal(news.longest, 11);
}

static void a_size_counts_before_its_bytes_come(void **state) {
	(void)state;
	struct stream s;
	const uint8_t huge[9] = {3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	greet(&s, "NULL");
	frame(&s, 1, "abc", 3);
	put(&s, huge, sizeof huge);
	assert_true(whole(&s).longest == UINT64_MAX);
}

static void tells_subscriptions(void **state) {
	(void)state;
	struct stream s;
	greet(&s, "NULL");
	COMMAND(&s, "\5READY");
	COMMAND(&s, "\11SUBSCRIBEtopic");
	COMMAND(&s, "\6CANCELtopic");
	frame(&s, 0, "\1old", 4); /* before ZMTP 3.1 */
	frame(&s, 0, "\0old", 4);
	frame(&s, 1, "\1", 1); /* to everything */
	struct zmtp_news news = whole(&s);
	assert_int_equal(news.subscriptions, 3);
	assert_int_equal(news.topics, 8);
}

static void what_is_hidden_counts_by_frame(void **state) {
	(void)state;
	struct stream s;
	uint8_t body[40] = "\7MESSAGE";
	greet(&s, "CURVE");
	COMMAND(&s, "\5HELLO");
	COMMAND(&s, "\10INITIATE");
	for (unsigned i = 0; i < 5; i++) frame(&s, 4, body, sizeof body);
	struct zmtp_news news = whole(&s);
	assert_int_equal(news.frames, 5);
	assert_int_equal(news.subscriptions, 5);
	assert_int_equal(news.topics, 35);
	assert_int_equal(news.widest, 1);
}

static void zmtp_2_begins_with_an_identity(void **state) {
	(void)state;
	struct stream s;
	struct zmtp_scan scan = {0};
	struct zmtp_news news;
	greet_2(&s);
	assert_true(zmtp_scan(&scan, s.at, s.n - 1, &news));
	assert_int_equal(zmtp_identity_left(&scan), 0);
	assert_true(zmtp_scan(&scan, s.at + s.n - 1, 1, &news));
	assert_int_equal(zmtp_identity_left(&scan), 2);
	assert_true(zmtp_scan(&scan, (const uint8_t *)"\0", 1, &news));
	assert_int_equal(zmtp_identity_left(&scan), 1);
	assert_true(zmtp_scan(&scan, (const uint8_t *)"\3", 1, &news));
	assert_int_equal(zmtp_identity_left(&scan), 3);
	assert_false(scan.ready);
	assert_true(zmtp_scan(&scan, (const uint8_t *)"\1id", 3, &news));
	assert_int_equal(zmtp_identity_left(&scan), 0);
	assert_true(scan.ready);
	assert_int_equal(news.frames + news.subscriptions, 0);
}

static void zmtp_2_counts_as_zmtp_3_does(void **state) {
	(void)state;
	struct stream s;
	greet_2(&s);
	frame(&s, 0, "", 0);
	frame(&s, 1, "", 0);
	frame(&s, 1, "TG01", 4);
	assert_int_equal(whole(&s).frames, 0);
	assert_int_equal(whole(&s).widest, 2);
	frame(&s, 0, "message", 7);
	frame(&s, 0, "\1old", 4);
	struct zmtp_news news = whole(&s);
	assert_int_equal(news.frames, 4);
	assert_int_equal(news.bytes, 15);
	assert_int_equal(news.subscriptions, 1);
	assert_int_equal(news.topics, 3);
}

static void what_zmtp_2_does_not_have_is_refused(void **state) {
	(void)state;
	static const uint8_t identity[] = {1, 2, 4}, later[] = {4, 5, 8, 0x80};
	struct zmtp_news news;
	struct stream s;
	for (unsigned i = 0; i < sizeof identity; i++) {
		struct zmtp_scan scan = {0};
		greet_2(&s);
		frame(&s, identity[i], "x", 1);
		assert_false(zmtp_scan(&scan, s.at, s.n, &news));
	}
	for (unsigned i = 0; i < sizeof later; i++) {
		struct zmtp_scan scan = {0};
		greet_2(&s);
		frame(&s, 0, "", 0);
		frame(&s, later[i], "\4PING\0\0", 7);
		assert_false(zmtp_scan(&scan, s.at, s.n, &news));
	}
}

static void what_is_no_zmtp_is_refused(void **state) {
	(void)state;
	struct stream s;
	struct zmtp_news news;
	for (unsigned i = 0; i < 4; i++) {
		struct zmtp_scan scan = {0};
		static const uint8_t at[] = {0, 9, 10, 10}, byte[] = {'G', 0, 0, 2};
		greet(&s, "NULL");
		s.at[at[i]] = byte[i];
		assert_false(zmtp_scan(&scan, s.at, s.n, &news));
	}
}

static void random_frames(struct random *r, struct stream *s) {
	static const char body[1000] = "\11SUBSCRIBE";
	const bool old = random_below(r, 3) == 0;
	if (old) {
		greet_2(s);
		frame(s, 0, body, random_below(r, ZMTP_IDENTITY_MAX + 1));
	} else {
		greet(s, random_below(r, 4) ? "NULL" : "CURVE");
	}
	while (s->n < STREAM_MAX / 2) {
		size_t n = random_below(r, 3) ? random_below(r, 30) : random_below(r, sizeof body);
		frame(s, (uint8_t)(random_below(r, 2) | (old || random_below(r, 5) ? 0 : 4)),
		      body + random_below(r, 2) * n % 12, n < sizeof body - 12 ? n : sizeof body - 12);
	}
}

/* However the kernel cuts it. */
static void pieces_are_as_the_whole(void **state) {
	struct random *r = *state;
	static struct stream s;
	for (unsigned round = 0; round < 200; round++) {
		struct zmtp_scan scan = {0};
		struct zmtp_news sum = {0}, news;
		random_frames(r, &s);
		const struct zmtp_news all = whole(&s);
		for (size_t at = 0; at < s.n;) {
			size_t n = 1 + random_below(r, random_below(r, 2) ? 8 : 4000);
			if (n > s.n - at) n = s.n - at;
			assert_true(zmtp_scan(&scan, s.at + at, n, &news));
			at += n;
			sum.frames += news.frames;
			sum.bytes += news.bytes;
			sum.subscriptions += news.subscriptions;
			sum.topics += news.topics;
			if (news.widest > sum.widest) sum.widest = news.widest;
			if (news.longest > sum.longest) sum.longest = news.longest;
		}
		assert_memory_equal(&sum, &all, sizeof all);
	}
}

int main(void) {
	struct random r = random_start();
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts_whole_messages),
					   cmocka_unit_test(a_size_counts_before_its_bytes_come),
					   cmocka_unit_test(tells_subscriptions),
					   cmocka_unit_test(what_is_hidden_counts_by_frame),
					   cmocka_unit_test(zmtp_2_begins_with_an_identity),
					   cmocka_unit_test(zmtp_2_counts_as_zmtp_3_does),
					   cmocka_unit_test(what_zmtp_2_does_not_have_is_refused),
					   cmocka_unit_test(what_is_no_zmtp_is_refused),
					   cmocka_unit_test_prestate(pieces_are_as_the_whole, &r)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
