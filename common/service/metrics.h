/* Metrics: counters, gauges and histograms of durations, rendered as Prometheus text.
 *
 * All are registered at start, in one bounded table, and then live as long as it. Updates are relaxed atomics:
 * any thread, no lock. Registering is for one thread at a time; more series of the last name may be added
 * while others count and render.
 *
 * A metric's full name is "tiergate_<svc>_<name>"; a counter's name ends in _total, a histogram's in _seconds.
 */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include "base/error.h"
#include "base/view.h"
#include <stdatomic.h>

#define METRICS_MAX 256       /* all series together */
#define METRIC_NAME_MAX 64    /* without the prefix */
#define METRIC_LABELS_MAX 160 /* `code="ok",kind="x"`, escaped */
#define METRICS_TEXT_MAX ((size_t)512 * 1024)

struct metrics;

struct counter {
	_Atomic uint64_t n;
};
struct gauge {
	_Atomic int64_t n;
};
/* Buckets from 50 µs to 10 s, three a decade. */
#define HISTOGRAM_BUCKETS 17
struct histogram {
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS + 1]; /* not cumulative; the last is +Inf */
	_Atomic uint64_t sum_us;
};

/* service: "ingress". NULL when out of memory. */
NODISCARD struct metrics *metrics_create(const char *service);
void metrics_destroy(struct metrics **m);

/* Registers a series. help and name are literals; labels may be NULL, or is what metrics_label built (copied). Series
 * of one name differ in their labels and are registered in a row. NULL when the table is full or an argument is over
 * its limit: the updates below accept that. */
struct counter *metrics_counter(struct metrics *m, const char *name, const char *help, const char *labels);
struct gauge *metrics_gauge(struct metrics *m, const char *name, const char *help, const char *labels);
struct histogram *metrics_histogram(struct metrics *m, const char *name, const char *help, const char *labels);
/* A gauge that is asked for when somebody looks, on the looker's thread. */
bool metrics_gauge_read(struct metrics *m, const char *name, const char *help, const char *labels,
			int64_t (*read)(void *ctx), void *ctx);

/* Appends `key="value"` to out, with a comma when it is not empty; the value may hold any bytes. False when it does not
 * fit, and out is unchanged. */
bool metrics_label(char out[METRIC_LABELS_MAX], const char *key, struct view value);

static inline void counter_add(struct counter *c, uint64_t n) {
	if (c) atomic_fetch_add_explicit(&c->n, n, memory_order_relaxed);
}
static inline uint64_t counter_get(const struct counter *c) {
	return c ? atomic_load_explicit(&c->n, memory_order_relaxed) : 0;
}
static inline void gauge_set(struct gauge *g, int64_t n) {
	if (g) atomic_store_explicit(&g->n, n, memory_order_relaxed);
}
static inline int64_t gauge_get(const struct gauge *g) {
	return g ? atomic_load_explicit(&g->n, memory_order_relaxed) : 0;
}
void histogram_add_us(struct histogram *h, uint64_t us);

/* Prometheus text exposition 0.0.4 into out (METRICS_TEXT_MAX is always enough); its length, or 0 when it does not fit.
 */
size_t metrics_render(const struct metrics *m, char *out, size_t size);

#endif
