#include "store_link.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fake_store.h"

static char dir[] = "/tmp/tiergate-link-XXXXXX";
static char data[64];
static struct store_link l;

static void touch(void) {
	FILE *f = fopen(data, "w");
	assert_non_null(f);
	(void)fclose(f);
}

/* Another file in its place, and surely another inode: both exist for a moment. */
static void replace(void) {
	char other[80];
	(void)snprintf(other, sizeof other, "%s.new", data);
	FILE *f = fopen(other, "w");
	assert_non_null(f);
	(void)fclose(f);
	assert_int_equal(rename(other, data), 0);
}

static int set_up(void **state) {
	(void)state;
	fake_reset();
	fake.ver = 5;
	(void)unlink(data);
	link_init(&l, dir);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	link_finish(&l);
	assert_int_equal(fake.opens, fake.closes);
	assert_int_equal(fake.looks, 0);
	return 0;
}

static void pulse(uint64_t epoch, int64_t as_of, bool caught_up) {
	const struct stream_pulse p = {.epoch = epoch, .ver = 5, .as_of = as_of, .caught_up = caught_up};
	link_pulse(&l, &p);
}

static void waits_for_the_store(void **state) {
	(void)state;
	link_tick(&l);
	assert_false(link_ready(&l));
	assert_non_null(strstr(l.why.text, "the entitlement store is not there yet: "));
	assert_non_null(strstr(l.why.text, l.dir));
	assert_false(link_renew(&l));
	touch();
	fake.open_fails = ERR_STORAGE;
	link_tick(&l);
	assert_false(link_ready(&l));
	assert_string_equal(l.why.text, "told to fail");
	fake.open_fails = OK;
	link_tick(&l);
	assert_int_equal(l.epoch, FAKE_EPOCH);
	assert_true(link_ready(&l));
	assert_int_equal(l.as_of, 0); /* no worker was heard: complete once, and how fresh is not known */
	pulse(FAKE_EPOCH, 999999, false);
	assert_int_equal(l.as_of, 999999);
	pulse(FAKE_EPOCH, 0, false); /* a worker that does not know takes nothing back */
	assert_int_equal(l.as_of, 999999);
}

static void a_filling_store_does_not_count(void **state) {
	(void)state;
	fake.incomplete = true;
	touch();
	for (int i = 0; i < 10; i++) {
		link_tick(&l);
		pulse(FAKE_EPOCH, 500, false);
		assert_false(link_ready(&l));
	}
	assert_string_equal(l.why.text, "the worker is still filling the entitlement store");
	pulse(FAKE_EPOCH, 999999, true); /* it says so, but has not written it down */
	assert_false(link_ready(&l));
	fake.incomplete = false;
	pulse(FAKE_EPOCH + 1, 999999, true); /* of another store */
	assert_false(link_ready(&l));
	pulse(FAKE_EPOCH, 999999, true); /* noticed at once, not at the next tick */
	assert_true(link_ready(&l));
}

static void a_clock_that_ran_ahead_is_not_believed_for_ever(void **state) {
	(void)state;
	touch();
	link_tick(&l);
	pulse(FAKE_EPOCH, 999000, true);
	pulse(FAKE_EPOCH, 900000000, true); /* the journal's clock jumped */
	pulse(FAKE_EPOCH, 999500, true);
	assert_int_equal(l.as_of, 999500);
	pulse(FAKE_EPOCH, 0, true); /* a worker that starts again */
	assert_int_equal(l.as_of, 999500);
}

static void a_tick_notices_too(void **state) {
	(void)state;
	fake.incomplete = true;
	touch();
	link_tick(&l);
	fake.incomplete = false; /* and the heartbeat that said so was lost */
	link_tick(&l);
	assert_true(link_ready(&l));
}

static void a_store_made_anew_is_noticed(void **state) {
	(void)state;
	touch();
	link_tick(&l);
	assert_true(link_ready(&l));
	pulse(FAKE_EPOCH, 999999, true);
	replace();
	fake.epoch = FAKE_EPOCH + 1;
	fake.incomplete = true;
	link_tick(&l);
	assert_int_equal(fake.opens, 2);
	assert_int_equal(fake.closes, 1);
	assert_int_equal(l.epoch, FAKE_EPOCH + 1);
	assert_int_equal(l.as_of, 0);
	assert_false(link_ready(&l));
	pulse(FAKE_EPOCH, 999999, true); /* a late one of the old store */
	assert_false(link_ready(&l));
	fake.incomplete = false;
	pulse(FAKE_EPOCH + 1, 999999, true);
	assert_true(link_ready(&l));
	assert_int_equal(unlink(data), 0);
	link_tick(&l);
	assert_false(link_ready(&l));
	assert_int_equal(fake.closes, 2);
}

static void a_pulse_of_another_store_is_reason_to_look(void **state) {
	(void)state;
	touch();
	link_tick(&l);
	pulse(FAKE_EPOCH, 999000, true);
	replace();
	fake.epoch = FAKE_EPOCH + 1;
	pulse(FAKE_EPOCH + 1, 999999, true);
	assert_int_equal(l.epoch, FAKE_EPOCH + 1);
	assert_int_equal(l.as_of, 999999);
	assert_true(link_ready(&l));
}

static void a_store_that_is_another_now_is_not_opened_again(void **state) {
	(void)state;
	touch();
	link_tick(&l);
	const uint64_t opened = l.opened;
	pulse(FAKE_EPOCH, 999000, true);
	fake.epoch = FAKE_EPOCH + 1;
	pulse(FAKE_EPOCH + 1, 0, true);
	assert_int_equal(l.epoch, FAKE_EPOCH + 1);
	assert_int_equal(l.as_of, 0);
	fake.epoch = FAKE_EPOCH + 2; /* the heartbeat that said so was lost */
	link_tick(&l);
	assert_int_equal(l.epoch, FAKE_EPOCH + 2);
	assert_true(l.opened > opened); /* what was remembered of it may be of another history */
	assert_int_equal(fake.opens, 1);
	assert_true(link_ready(&l));
}

static void a_store_that_cannot_be_read_is_opened_again(void **state) {
	(void)state;
	touch();
	link_tick(&l);
	fake.renew_fails = ERR_STORAGE;
	assert_false(link_renew(&l));
	assert_false(link_ready(&l));
	fake.renew_fails = OK;
	link_tick(&l);
	assert_true(link_ready(&l) && link_renew(&l));
}

int main(void) {
	if (!mkdtemp(dir)) return 1;
	(void)snprintf(data, sizeof data, "%s/data.mdb", dir);
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(waits_for_the_store),
		TEST(a_filling_store_does_not_count),
		TEST(a_tick_notices_too),
		TEST(a_clock_that_ran_ahead_is_not_believed_for_ever),
		TEST(a_pulse_of_another_store_is_reason_to_look),
		TEST(a_store_that_is_another_now_is_not_opened_again),
		TEST(a_store_made_anew_is_noticed),
		TEST(a_store_that_cannot_be_read_is_opened_again),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(data);
	(void)rmdir(dir);
	return failed;
}
