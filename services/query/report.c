#include "query.h"

void query_metrics_register(struct query_metrics *m, struct metrics *r) {
	static const char *const drops[] = {"unroutable", "blocked", "misframed"};
	for (int i = 0; i < TG01_OP_COUNT; i++) {
		char labels[METRIC_LABELS_MAX] = "";
		(void)metrics_label(labels, "op", view_str(tg01_op_name((enum tg01_op)i)));
		m->requests[i] = metrics_counter(r, "requests_total", "requests that were understood", labels);
	}
	for (int i = 0; i < TG01_CODE_COUNT; i++) {
		char labels[METRIC_LABELS_MAX] = "";
		(void)metrics_label(labels, "code", view_str(tg01_code_name((enum tg01_code)i)));
		m->errors[i] = metrics_counter(r, "errors_total", "errors that were answered", labels);
	}
	for (size_t i = 0; i < ARRAY_LEN(drops); i++) {
		char labels[METRIC_LABELS_MAX] = "";
		(void)metrics_label(labels, "why", view_str(drops[i]));
		m->dropped[i] =
			metrics_counter(r, "dropped_total", "messages that could not be answered in full", labels);
	}
	m->changes = metrics_counter(r, "feed_changes_total",
				     "changes published on the feed, while anybody was connected to it", NULL);
	m->bad_changes =
		metrics_counter(r, "bad_worker_messages_total", "messages of the worker that do not decode", NULL);
	m->ver = metrics_gauge(r, "store_version", "the version of the store that is answered from", NULL);
	m->lag_ms = metrics_gauge(r, "lag_milliseconds", "how far the store is behind; -1: not known", NULL);
}

/* The hot path counts in plain numbers of its own thread; here they are made visible. */
static void bring_up(struct counter *c, uint64_t n) { counter_add(c, n - counter_get(c)); }

static void report_metrics(struct query *q, int64_t lag_ms) {
	struct query_metrics *m = &q->metrics;
	for (int i = 0; i < TG01_OP_COUNT; i++) bring_up(m->requests[i], q->server.requests[i]);
	for (int i = 0; i < TG01_CODE_COUNT; i++) bring_up(m->errors[i], q->server.errors[i]);
	bring_up(m->dropped[0], q->router.unroutable);
	bring_up(m->dropped[1], q->router.blocked);
	bring_up(m->dropped[2], q->router.misframed);
	bring_up(m->changes, q->feed.published);
	bring_up(m->bad_changes, q->feed.bad_messages);
	gauge_set(m->ver, (int64_t)q->link.ver);
	gauge_set(m->lag_ms, lag_ms);
}

static void report_readiness(struct query *q, bool ready) {
	struct service *s = q->service;
	if (ready)
		health_met(s->health, "store");
	else
		health_broken(s->health, "store", problem_text(&q->link.why));
	bool news = ready ? !q->was_ready : q->was_ready || strcmp(q->told.text, q->link.why.text) != 0;
	q->was_ready = ready;
	if (!news) return;
	q->told = ready ? (struct problem){0} : q->link.why;
	if (ready)
		log_info(&s->log, log_ev("ready"), kv_str("listen", q->router.door.actual),
			 kv_str("feed", q->feed.door.actual), kv_str("admin", admin_address(s->admin)),
			 kv_str("mode", q->server.livemode ? "live" : "test"), kv_u64("ver", q->link.ver));
	else
		log_warn(&s->log, log_ev("not_ready"), kv_why(&q->link.why));
}

/* Answers go on from an old store, so nothing but this tells. */
static void report_age(struct query *q, int64_t lag_ms) {
	bool behind = link_ready(&q->link) && lag_ms > QUERY_BEHIND_MS;
	if (behind == q->was_behind) return;
	q->was_behind = behind;
	if (behind)
		log_warn(&q->service->log, log_ev("store_behind"), kv_i64("lag_ms", lag_ms),
			 kv_str("doing", "answering from what the store has"),
			 kv_str("hint", "does tiergate-entitlement run, and hear each ingress?"));
	else
		log_info(&q->service->log, log_ev("store_current"));
}

void query_report(struct query *q, int64_t now_wall_ms) {
	bool ready = link_ready(&q->link);
	int64_t lag_ms = q->link.as_of ? now_wall_ms - q->link.as_of : -1;
	if (q->link.as_of && lag_ms < 0) lag_ms = 0;
	report_metrics(q, lag_ms);
	struct health *h = q->service->health;
	health_fact_u64(h, "store_ver", q->link.ver);
	health_fact_i64(h, "as_of", q->link.as_of);
	health_fact_i64(h, "lag_ms", lag_ms);
	health_fact_text(h, "mode", q->server.livemode ? "live" : "test");
	report_readiness(q, ready);
	report_age(q, lag_ms);
}
