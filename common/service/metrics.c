#include "service/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A histogram is some twenty lines: few of them, so that METRICS_TEXT_MAX holds. */
#define HISTOGRAMS_MAX 32

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_READ, METRIC_HISTOGRAM };

struct series {
	/* on cache lines that no other series touches: threads count without disturbing each other */
	_Alignas(64) union {
		struct counter counter;
		struct gauge gauge;
		struct histogram histogram;
	} value;
	const char *name;
	const char *help;
	int64_t (*read)(void *ctx);
	void *ctx;
	enum metric_kind kind;
	char labels[METRIC_LABELS_MAX];
};

struct metrics {
	char prefix[32];
	_Atomic unsigned count; /* raised when the series is complete: others may be rendering */
	unsigned histograms;
	struct series series[METRICS_MAX];
};

static const uint64_t bounds_us[HISTOGRAM_BUCKETS] = {50,     100,     200,     500,     1000,    2000,
						      5000,   10000,   20000,   50000,   100000,  200000,
						      500000, 1000000, 2000000, 5000000, 10000000};
static const char *const bounds_text[HISTOGRAM_BUCKETS] = {"0.00005", "0.0001", "0.0002", "0.0005", "0.001", "0.002",
							   "0.005",   "0.01",   "0.02",   "0.05",   "0.1",   "0.2",
							   "0.5",     "1",      "2",      "5",      "10"};

struct metrics *metrics_create(const char *service) {
	struct metrics *m = aligned_alloc(64, sizeof *m); /* sizeof is a multiple of its alignment */
	if (!m) return NULL;
	memset(m, 0, sizeof *m);
	(void)snprintf(m->prefix, sizeof m->prefix, "tiergate_%s", service);
	return m;
}

void metrics_destroy(struct metrics **m) {
	if (!m || !*m) return;
	free(*m);
	*m = NULL;
}

static struct series *add(struct metrics *m, enum metric_kind kind, const char *name, const char *help,
			  const char *labels) {
	if (!m || m->count == METRICS_MAX || strlen(name) > METRIC_NAME_MAX || strlen(help) > METRIC_LABELS_MAX)
		return NULL;
	if (labels && strlen(labels) >= METRIC_LABELS_MAX) return NULL;
	if (kind == METRIC_HISTOGRAM && m->histograms == HISTOGRAMS_MAX) return NULL;
	if (kind == METRIC_HISTOGRAM) m->histograms++;
	struct series *s = &m->series[m->count];
	s->kind = kind;
	s->name = name;
	s->help = help;
	(void)snprintf(s->labels, sizeof s->labels, "%s", labels ? labels : "");
	if (kind != METRIC_READ) atomic_fetch_add(&m->count, 1);
	return s;
}

struct counter *metrics_counter(struct metrics *m, const char *name, const char *help, const char *labels) {
	struct series *s = add(m, METRIC_COUNTER, name, help, labels);
	return s ? &s->value.counter : NULL;
}

struct gauge *metrics_gauge(struct metrics *m, const char *name, const char *help, const char *labels) {
	struct series *s = add(m, METRIC_GAUGE, name, help, labels);
	return s ? &s->value.gauge : NULL;
}

struct histogram *metrics_histogram(struct metrics *m, const char *name, const char *help, const char *labels) {
	struct series *s = add(m, METRIC_HISTOGRAM, name, help, labels);
	return s ? &s->value.histogram : NULL;
}

bool metrics_gauge_read(struct metrics *m, const char *name, const char *help, const char *labels,
			int64_t (*read)(void *ctx), void *ctx) {
	struct series *s = add(m, METRIC_READ, name, help, labels);
	if (!s) return false;
	s->read = read;
	s->ctx = ctx;
	atomic_fetch_add(&m->count, 1);
	return true;
}

/* The text format is UTF-8: bytes over 0x7f, which may not be, and controls become '?'. */
bool metrics_label(char out[METRIC_LABELS_MAX], const char *key, struct view value) {
	char text[METRIC_LABELS_MAX];
	size_t used = strlen(out);
	int head = snprintf(text, sizeof text, "%s%s%s=\"", out, used ? "," : "", key);
	if (head < 0 || (size_t)head >= sizeof text) return false;
	size_t n = (size_t)head;
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if (n + 4 > sizeof text) return false; /* an escape, the quote and the NUL */
		if (c == '"' || c == '\\') text[n++] = '\\';
		text[n] = '?';
		if (c >= ' ' && c <= '~') text[n] = value.ptr[i];
		n++;
	}
	if (n + 2 > sizeof text) return false;
	text[n++] = '"';
	text[n++] = '\0';
	memcpy(out, text, n);
	return true;
}

void histogram_add_us(struct histogram *h, uint64_t us) {
	if (!h) return;
	unsigned i = 0;
	while (i < HISTOGRAM_BUCKETS && us > bounds_us[i]) i++;
	atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, us, memory_order_relaxed);
}

struct text {
	char *at;
	char *end;
	bool failed;
};

static void PRINTF_LIKE(2, 3) say(struct text *t, const char *fmt, ...) {
	if (t->failed) return;
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(t->at, (size_t)(t->end - t->at), fmt, args);
	va_end(args);
	if (n < 0 || n >= t->end - t->at) {
		t->failed = true;
	} else {
		t->at += n;
	}
}

static void say_histogram(struct text *t, const char *prefix, const struct series *s) {
	const struct histogram *h = &s->value.histogram;
	const char *comma = s->labels[0] ? "," : "";
	uint64_t sum_us = atomic_load_explicit(&h->sum_us, memory_order_relaxed);
	uint64_t n = 0;
	for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		n += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		say(t, "%s_%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", prefix, s->name, s->labels, comma,
		    i < HISTOGRAM_BUCKETS ? bounds_text[i] : "+Inf", n);
	}
	const char *open = s->labels[0] ? "{" : "", *close = s->labels[0] ? "}" : "";
	say(t, "%s_%s_sum%s%s%s %" PRIu64 ".%06" PRIu64 "\n", prefix, s->name, open, s->labels, close, sum_us / 1000000,
	    sum_us % 1000000);
	say(t, "%s_%s_count%s%s%s %" PRIu64 "\n", prefix, s->name, open, s->labels, close, n);
}

static void say_series(struct text *t, const char *prefix, const struct series *s) {
	if (s->kind == METRIC_HISTOGRAM) {
		say_histogram(t, prefix, s);
		return;
	}
	say(t, "%s_%s%s%s%s ", prefix, s->name, s->labels[0] ? "{" : "", s->labels, s->labels[0] ? "}" : "");
	if (s->kind == METRIC_COUNTER) {
		say(t, "%" PRIu64 "\n", counter_get(&s->value.counter));
	} else {
		say(t, "%" PRId64 "\n", s->kind == METRIC_READ ? s->read(s->ctx) : gauge_get(&s->value.gauge));
	}
}

size_t metrics_render(const struct metrics *m, char *out, size_t size) {
	static const char *const types[] = {"counter", "gauge", "gauge", "histogram"};
	struct text t = {.at = out, .end = out + size, .failed = size == 0};
	for (unsigned i = 0; i < m->count; i++) {
		const struct series *s = &m->series[i];
		if (i == 0 || strcmp(s->name, m->series[i - 1].name) != 0)
			say(&t, "# HELP %s_%s %s\n# TYPE %s_%s %s\n", m->prefix, s->name, s->help, m->prefix, s->name,
			    types[s->kind]);
		say_series(&t, m->prefix, s);
	}
	return t.failed ? 0 : (size_t)(t.at - out);
}
