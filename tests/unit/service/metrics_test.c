#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/metrics.h"

static int64_t forty_two(void *ctx) { return *(const int64_t *)ctx; }

static void renders_prometheus_text(void **state) {
	(void)state;
	AUTO(metrics_destroy)
	struct metrics *m = metrics_create("ingress");
	assert_non_null(m);
	char labels[METRIC_LABELS_MAX] = "";
	assert_true(metrics_label(labels, "code", VIEW("ok")));
	assert_true(metrics_label(labels, "who", VIEW("a\"b\\c\nd\xff")));
	struct counter *ok = metrics_counter(m, "answers_total", "answers by code", labels);
	struct counter *bad = metrics_counter(m, "answers_total", "answers by code", "code=\"bad\"");
	struct gauge *queue = metrics_gauge(m, "queue", "waiting", NULL);
	int64_t answer = 42;
	assert_true(metrics_gauge_read(m, "map_used_bytes", "of the map", NULL, forty_two, &answer));
	counter_add(ok, 3);
	counter_add(bad, UINT64_MAX);
	gauge_set(queue, -7);
	static char text[METRICS_TEXT_MAX];
	size_t n = metrics_render(m, text, sizeof text);
	assert_int_equal(n, strlen(text));
	assert_string_equal(text, "# HELP tiergate_ingress_answers_total answers by code\n"
				  "# TYPE tiergate_ingress_answers_total counter\n"
				  "tiergate_ingress_answers_total{code=\"ok\",who=\"a\\\"b\\\\c?d?\"} 3\n"
				  "tiergate_ingress_answers_total{code=\"bad\"} 18446744073709551615\n"
				  "# HELP tiergate_ingress_queue waiting\n# TYPE tiergate_ingress_queue gauge\n"
				  "tiergate_ingress_queue -7\n"
				  "# HELP tiergate_ingress_map_used_bytes of the map\n"
				  "# TYPE tiergate_ingress_map_used_bytes gauge\n"
				  "tiergate_ingress_map_used_bytes 42\n");
	for (size_t size = 0; size <= n; size++) assert_int_equal(metrics_render(m, text, size), 0);
	assert_int_equal(metrics_render(m, text, n + 1), n);
}

static void histograms_are_cumulative(void **state) {
	(void)state;
	AUTO(metrics_destroy)
	struct metrics *m = metrics_create("query");
	struct histogram *h = metrics_histogram(m, "check_seconds", "of a check", "op=\"check\"");
	histogram_add_us(h, 0);
	histogram_add_us(h, 50);
	histogram_add_us(h, 51);
	histogram_add_us(h, 10000000);
	histogram_add_us(h, 10000001);
	static char text[METRICS_TEXT_MAX];
	assert_true(metrics_render(m, text, sizeof text) > 0);
	static const char *const has[] = {
		"# TYPE tiergate_query_check_seconds histogram\n",
		"tiergate_query_check_seconds_bucket{op=\"check\",le=\"0.00005\"} 2\n",
		"tiergate_query_check_seconds_bucket{op=\"check\",le=\"0.0001\"} 3\n",
		"tiergate_query_check_seconds_bucket{op=\"check\",le=\"5\"} 3\n",
		"tiergate_query_check_seconds_bucket{op=\"check\",le=\"10\"} 4\n",
		"tiergate_query_check_seconds_bucket{op=\"check\",le=\"+Inf\"} 5\n",
		"tiergate_query_check_seconds_sum{op=\"check\"} 20.000102\n",
		"tiergate_query_check_seconds_count{op=\"check\"} 5\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(has); i++)
		if (!strstr(text, has[i])) fail_msg("'%s' is not in:\n%s", has[i], text);
}

static void the_table_is_bounded(void **state) {
	(void)state;
	AUTO(metrics_destroy)
	struct metrics *m = metrics_create("query");
	char labels[METRIC_LABELS_MAX];
	size_t full = 0;
	memset(labels, 'x', sizeof labels - 1);
	labels[sizeof labels - 1] = '\0';
	for (int i = 0; i < METRICS_MAX + 5; i++) {
		struct histogram *h = metrics_histogram(m, "h_seconds", "h", labels);
		struct counter *c = h ? NULL : metrics_counter(m, "c_total", "c", labels);
		histogram_add_us(h, UINT64_MAX / 1024);
		counter_add(c, UINT64_MAX);
		full += !h && !c;
	}
	assert_int_equal(full, 5);
	counter_add(NULL, 1);
	gauge_set(NULL, 1);
	histogram_add_us(NULL, 1);
	assert_int_equal(counter_get(NULL), 0);
	assert_false(metrics_gauge_read(m, "late", "late", NULL, forty_two, NULL));
	static char text[METRICS_TEXT_MAX];
	assert_true(metrics_render(m, text, sizeof text) > 0);
}

static void a_label_that_does_not_fit_changes_nothing(void **state) {
	(void)state;
	char labels[METRIC_LABELS_MAX] = "a=\"b\"", value[METRIC_LABELS_MAX];
	memset(value, '"', sizeof value);
	for (size_t n = 0; n < sizeof value; n++) {
		char before[METRIC_LABELS_MAX];
		memcpy(before, labels, sizeof before);
		if (!metrics_label(labels, "k", view_of(value, n))) {
			assert_memory_equal(labels, before, sizeof before);
			return;
		}
		assert_true(strlen(labels) < sizeof labels);
	}
	fail_msg("everything fitted");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_prometheus_text),
		cmocka_unit_test(histograms_are_cumulative),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(a_label_that_does_not_fit_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
