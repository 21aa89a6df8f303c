#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "service/health.h"

static void is_ready_when_all_is_met(void **state) {
	(void)state;
	AUTO(health_destroy)
	struct health *h = health_create();
	assert_non_null(h);
	assert_true(health_ready(h));
	health_broken(h, "journal", "not open yet");
	health_broken(h, "socket", "not bound yet");
	health_met(h, "journal");
	assert_false(health_ready(h));
	health_met(h, "socket");
	assert_true(health_ready(h));
	health_broken(h, "journal", "disk full");
	assert_false(health_ready(h));
}

static void renders_json(void **state) {
	(void)state;
	AUTO(health_destroy)
	struct health *h = health_create();
	health_broken(h, "journal", "not open yet");
	health_fact_u64(h, "head", 7);
	health_fact_u64(h, "huge", UINT64_MAX);
	health_fact_i64(h, "skew", -3);
	health_fact_bool(h, "caught_up", true);
	health_fact_text(h, "mode", "test");
	health_fact_u64(h, "head", 8);
	bool ready = true;
	char *text = health_render(h, &ready);
	assert_false(ready);
	assert_string_equal(text, "{\"ready\":false,\"why\":[\"journal: not open yet\"],\"facts\":{\"head\":8,"
				  "\"huge\":9223372036854775807,\"skew\":-3,\"caught_up\":true,\"mode\":\"test\"}}");
	free(text);
	health_met(h, "journal");
	text = health_render(h, &ready);
	assert_true(ready);
	assert_memory_equal(text, "{\"ready\":true,\"why\":[],", 23);
	free(text);
}

static void hostile_text_stays_json(void **state) {
	(void)state;
	AUTO(health_destroy)
	struct health *h = health_create();
	char large[HEALTH_TEXT_MAX + 50];
	for (size_t i = 0; i + 2 < sizeof large; i += 2) memcpy(large + i, "\xc3\xbc", 2);
	large[sizeof large - 2] = large[sizeof large - 1] = '\0';
	health_broken(h, "a", "quote \" backslash \\ newline \n \xff");
	health_broken(h, "b", large + 1);
	health_fact_text(h, "t", "\x01\xc3\xbc");
	bool ready;
	char *text = health_render(h, &ready);
	json_t *parsed = json_loads(text, 0, NULL);
	assert_non_null(parsed);
	json_t *why = json_object_get(parsed, "why");
	assert_string_equal(json_string_value(json_array_get(why, 0)), "a: quote \" backslash \\ newline ? ?");
	assert_true(json_string_length(json_array_get(why, 1)) <= HEALTH_TEXT_MAX + 3);
	assert_string_equal(json_string_value(json_object_get(json_object_get(parsed, "facts"), "t")), "?\xc3\xbc");
	json_decref(parsed);
	free(text);
}

static void too_many_conditions_are_never_ready(void **state) {
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
					    "j", "k", "l", "m", "n", "o", "p", "q"};
	(void)state;
	AUTO(health_destroy)
	struct health *h = health_create();
	for (size_t i = 0; i < HEALTH_CONDITIONS_MAX; i++) health_met(h, names[i]);
	assert_true(health_ready(h));
	health_met(h, names[HEALTH_CONDITIONS_MAX]);
	assert_false(health_ready(h));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_ready_when_all_is_met),
		cmocka_unit_test(renders_json),
		cmocka_unit_test(hostile_text_stays_json),
		cmocka_unit_test(too_many_conditions_are_never_ready),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
