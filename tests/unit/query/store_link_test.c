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
	link_pulse(&l, &p, 1000000);
}

static void waits_for_the_store(void **state) {
	(void)state;
	link_tick(&l, 0);
	assert_false(link_ready(&l));
	assert_string_equal(l.why.text, "the entitlement store is not there yet");
	assert_false(link_renew(&l));
	touch();
	fake.open_fails = ERR_STORAGE;
	link_tick(&l, 1000);
	assert_false(link_ready(&l));
	assert_string_equal(l.why.text, "told to fail");
	fake.open_fails = OK;
	link_tick(&l, 2000);
	assert_int_equal(l.epoch, FAKE_EPOCH);
	assert_false(link_ready(&l)); /* open, and nobody has said that it is complete */
	pulse(FAKE_EPOCH, 999999, true);
	assert_true(link_ready(&l));
	assert_int_equal(l.as_of, 999999);
}

static void a_filling_store_does_not_count(void **state) {
	(void)state;
	touch();
	link_tick(&l, 0);
	pulse(FAKE_EPOCH, 500, false);
	for (int i = 1; i < 10; i++) link_tick(&l, i * 1000); /* it was heard: silence does not excuse it */
	assert_false(link_ready(&l));
	pulse(FAKE_EPOCH + 1, 999999, true); /* of another store */
	assert_false(link_ready(&l));
	pulse(FAKE_EPOCH, 1000000 - LINK_FRESH_MS + 1, false); /* as good as caught up */
	assert_true(link_ready(&l));
	pulse(FAKE_EPOCH, 500, false); /* and stays so, while as_of never goes back */
	assert_true(link_ready(&l));
	assert_int_equal(l.as_of, 1000000 - LINK_FRESH_MS + 1);
}

static void without_a_worker(void **state) {
	(void)state;
	touch();
	link_tick(&l, 0);
	link_tick(&l, LINK_SILENCE_MS - 1);
	assert_false(link_ready(&l));
	link_tick(&l, LINK_SILENCE_MS);
	assert_true(link_ready(&l));
	assert_int_equal(l.as_of, 0);
}

static void an_empty_store_without_a_worker_says_nothing(void **state) {
	(void)state;
	fake.ver = 0;
	touch();
	for (int i = 0; i < 10; i++) link_tick(&l, i * 1000);
	assert_false(link_ready(&l));
}

static void a_store_made_anew_is_noticed(void **state) {
	(void)state;
	touch();
	link_tick(&l, 0);
	pulse(FAKE_EPOCH, 999999, true);
	replace();
	fake.epoch = FAKE_EPOCH + 1;
	link_tick(&l, 1000);
	assert_int_equal(fake.opens, 2);
	assert_int_equal(fake.closes, 1);
	assert_int_equal(l.epoch, FAKE_EPOCH + 1);
	assert_int_equal(l.as_of, 0);
	assert_false(link_ready(&l));
	pulse(FAKE_EPOCH, 999999, true); /* a late one of the old store */
	assert_false(link_ready(&l));
	pulse(FAKE_EPOCH + 1, 999999, true);
	assert_true(link_ready(&l));
	assert_int_equal(unlink(data), 0);
	link_tick(&l, 2000);
	assert_false(link_ready(&l));
	assert_int_equal(fake.closes, 2);
}

static void a_store_that_cannot_be_read_is_opened_again(void **state) {
	(void)state;
	touch();
	link_tick(&l, 0);
	pulse(FAKE_EPOCH, 999999, true);
	fake.renew_fails = ERR_STORAGE;
	assert_false(link_renew(&l));
	assert_false(link_ready(&l));
	fake.renew_fails = OK;
	link_tick(&l, 1000);
	pulse(FAKE_EPOCH, 999999, true);
	assert_true(link_ready(&l) && link_renew(&l));
}

int main(void) {
	if (!mkdtemp(dir)) return 1;
	(void)snprintf(data, sizeof data, "%s/data.mdb", dir);
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(waits_for_the_store),
		TEST(a_filling_store_does_not_count),
		TEST(without_a_worker),
		TEST(an_empty_store_without_a_worker_says_nothing),
		TEST(a_store_made_anew_is_noticed),
		TEST(a_store_that_cannot_be_read_is_opened_again),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(data);
	(void)rmdir(dir);
	return failed;
}
