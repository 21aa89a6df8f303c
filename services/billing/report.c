#include <stdio.h>

#include "ask_private.h"

static void status_metrics(struct billing *b) {
	static const unsigned given[] = {200, 204, 304, 400, 401, 403, 404, 405, 408, 409,
					 411, 413, 415, 422, 429, 500, 502, 503, 504};
	for (unsigned i = 0; i < ARRAY_LEN(given); i++) {
		char labels[METRIC_LABELS_MAX] = "", text[8];
		(void)snprintf(text, sizeof text, "%u", given[i]);
		(void)metrics_label(labels, "status", view_str(text));
		b->metrics.statuses[given[i]] =
			metrics_counter(b->service.metrics, "answers_total", "answers of the public port", labels);
	}
}

static void refusal_metrics(struct billing *b) {
	for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
		char labels[METRIC_LABELS_MAX] = "";
		(void)metrics_label(labels, "code", view_str(refusal_code((enum refusal)i)));
		b->metrics.refusals[i] = metrics_counter(b->service.metrics, "refusals_total", "problems told", labels);
	}
	for (unsigned i = 0; i < STRIPE_OUTCOME_COUNT; i++) {
		char labels[METRIC_LABELS_MAX] = "";
		(void)metrics_label(labels, "outcome", view_str(stripe_outcome_name((enum stripe_outcome)i)));
		b->metrics.stripe[i] = metrics_counter(b->service.metrics, "stripe_requests_total",
						       "requests of Stripe's API", labels);
	}
}

void report_metrics(struct billing *b) {
	struct metrics *m = b->service.metrics;
	struct billing_metrics *x = &b->metrics;
	status_metrics(b);
	refusal_metrics(b);
	x->tokens_verified = metrics_counter(m, "tokens_verified_total", "tokens whose signature was checked", NULL);
	x->tokens_cached = metrics_counter(m, "tokens_cached_total", "tokens that were verified before", NULL);
	x->keys_fetched = metrics_counter(m, "keys_fetched_total", "times that the keys of tokens were fetched", NULL);
	x->keys_failed = metrics_counter(m, "keys_failed_total", "times that they could not be", NULL);
	x->replayed = metrics_counter(m, "replayed_total", "answers given again for an Idempotency-Key", NULL);
	x->memory_time = metrics_histogram(m, "memory_seconds", "time of an answer from memory", NULL);
	x->ask_time = metrics_histogram(m, "ask_seconds", "time of an answer for which others were asked", NULL);
	x->asks = metrics_gauge(m, "asks", "requests under way", NULL);
	x->calls = metrics_gauge(m, "stripe_calls", "requests of Stripe's API under way", NULL);
	x->calls_waiting = metrics_gauge(m, "stripe_calls_waiting", "requests of Stripe's API in line", NULL);
}

/* Without the feed answers are asked for one by one; without query they are the last known ones. */
static void note_feed(struct billing *b, bool live) {
	if (live == b->feed_live) return;
	b->feed_live = live;
	if (live)
		log_info(&b->service.log, log_ev("feed_live"));
	else
		log_warn(&b->service.log, log_ev("feed_lost"), kv_str("setting", "FEED"),
			 kv_str("doing", "asking query for each answer, or giving the last known one"));
}

void report_facts(struct billing *b) {
	struct health *h = b->service.health;
	struct tg_counts tiers;
	tg_counts(b->tiers, &tiers);
	note_feed(b, tiers.live);
	health_fact_text(h, "stripe_key", b->calls ? "set" : "none");
	if (b->calls) health_fact_text(h, "mode", b->livemode ? "live" : "test");
	health_fact_u64(h, "token_keys", auth_key_count(b->auth));
	health_fact_bool(h, "tiers_live", tiers.live);
	health_fact_u64(h, "subjects", tiers.subjects);
	health_fact_u64(h, "store_ver", tiers.ver);
	health_fact_u64(h, "asks", atomic_load(&b->ask_count));
	gauge_set(b->metrics.asks, (int64_t)atomic_load(&b->ask_count));
	if (!b->calls) return;
	gauge_set(b->metrics.calls, (int64_t)calls_under_way(b->calls));
	gauge_set(b->metrics.calls_waiting, (int64_t)calls_waiting(b->calls));
}
