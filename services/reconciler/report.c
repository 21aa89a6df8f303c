#include "reconciler.h"
#include "service/clock.h"

void report_metrics(struct reconciler *r) {
	struct metrics *m = r->service.metrics;
	struct reconciler_metrics *x = &r->metrics;
	for (unsigned i = 0; i < STRIPE_OUTCOME_COUNT; i++) {
		char labels[METRIC_LABELS_MAX] = "";
		(void)metrics_label(labels, "outcome", view_str(stripe_outcome_name((enum stripe_outcome)i)));
		x->requests[i] = metrics_counter(m, "requests_total", "requests of Stripe's API", labels);
	}
	x->appended = metrics_counter(m, "records_appended_total", "records that the journal did not have", NULL);
	x->missed = metrics_counter(m, "events_missed_total", "events that no webhook had brought", NULL);
	x->differing = metrics_counter(m, "objects_differing_total", "objects that the store had otherwise", NULL);
	x->unread = metrics_counter(m, "unread_total", "events, objects and lists that could not be read", NULL);
	x->passes = metrics_counter(m, "passes_total", "passes that were finished", NULL);
	x->passes_failed = metrics_counter(m, "passes_failed_total", "passes that were not", NULL);
	x->fetched = metrics_counter(m, "fetches_total", "answers to the worker and to others", NULL);
	x->tokens = metrics_gauge(m, "tokens", "requests that may be made at once", NULL);
	x->wants = metrics_gauge(m, "wants", "what the worker waits for", NULL);
	x->oldest_want = metrics_gauge(m, "oldest_want_ms", "for how long, at most", NULL);
	x->silent = metrics_gauge(m, "silent", "1: webhooks do not come", NULL);
	x->paused = metrics_gauge(m, "paused_ms", "for so long nothing is asked, after a failure", NULL);
}

static const char *key_state(const struct reconciler *r) {
	return !r->api ? "none" : r->key_refused ? "refused" : r->key_used ? "ok" : "untried";
}

static const char *pass_state(const struct reconciler *r) {
	return r->pass.stage == PASS_NONE ? "none" : r->pass.stage < PASS_HEAD ? "events" : "sweep";
}

static int64_t paused_ms(const struct reconciler *r) {
	return r->paused_until_ms > r->now_ms ? r->paused_until_ms - r->now_ms : 0;
}

struct reconcile_status report_status(struct reconciler *r) {
	bool failed = r->asked && r->outcome != STRIPE_OK;
	return (struct reconcile_status){
		.key = view_str(key_state(r)),
		.mode = view_str(!r->api       ? ""
				 : r->livemode ? "live"
					       : "test"),
		.api = view_str(r->asked ? stripe_outcome_name(r->outcome) : ""),
		.why = failed ? view_str(problem_text(&r->outcome_why)) : VIEW_NONE,
		.pass = view_str(pass_state(r)),
		.events_to = r->events_to,
		.swept_at = r->swept_at,
		.missed = r->last.missed,
		.differing = r->last.differing,
		.drift = r->drift,
		.requests = r->requests,
		.wants = r->wants,
		.oldest_ms = r->oldest_want_ms,
		.paused_ms = paused_ms(r),
		.silent = r->silent,
		.newest_event = r->newest_event,
		.newest_webhook = r->newest_webhook,
	};
}

void report_facts(struct reconciler *r) {
	struct health *h = r->service.health;
	const struct reconcile_status s = report_status(r);
	health_fact_text(h, "api_key", key_state(r));
	if (s.mode.len) health_fact_text(h, "mode", s.mode.ptr);
	if (s.api.len) health_fact_text(h, "api", s.api.ptr);
	if (s.why.len) health_fact_text(h, "api_why", problem_text(&r->outcome_why));
	health_fact_text(h, "pass", s.pass.ptr);
	health_fact_i64(h, "events_to", s.events_to);
	health_fact_i64(h, "swept_at", s.swept_at);
	health_fact_u64(h, "missed", s.missed);
	health_fact_u64(h, "differing", s.differing);
	health_fact_u64(h, "drift", s.drift);
	health_fact_u64(h, "requests", s.requests);
	health_fact_u64(h, "wants", s.wants);
	health_fact_i64(h, "oldest_want_ms", s.oldest_ms);
	health_fact_i64(h, "paused_ms", s.paused_ms);
	health_fact_bool(h, "silent", s.silent);
	gauge_set(r->metrics.tokens, (int64_t)token_bucket_level(&r->bucket, r->now_ms));
	gauge_set(r->metrics.wants, (int64_t)s.wants);
	gauge_set(r->metrics.oldest_want, s.oldest_ms);
	gauge_set(r->metrics.silent, s.silent);
	gauge_set(r->metrics.paused, s.paused_ms);
	if (link_silent(r->link))
		health_broken(h, "journal", "it does not answer");
	else
		health_met(h, "journal");
}

void report_silence(struct reconciler *r) {
	int64_t lag_s = r->newest_event - r->newest_webhook;
	bool late = r->newest_event && lag_s > r->settings.silence_ms / 1000;
	bool silent = late || r->missed_last;
	if (silent == r->silent) return;
	r->silent = silent;
	if (silent)
		log_warn(&r->service.log, log_ev("webhooks_silent"), kv_bool("missed", r->missed_last),
			 kv_i64("newest_event", r->newest_event), kv_i64("newest_webhook", r->newest_webhook),
			 kv_str("hint", "look at the endpoint in Stripe's dashboard, and for ev=rejected of ingress"));
	else
		log_info(&r->service.log, log_ev("webhooks_heard"));
}
