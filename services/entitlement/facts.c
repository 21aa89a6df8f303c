#include "service/clock.h"
#include "worker.h"

static uint64_t backlog(const struct worker *w) {
	uint64_t n = 0;
	for (unsigned i = 0; i < w->follower_count; i++) {
		const struct source *s = &w->followers[i].source;
		if (s->head > s->committed) n += s->head - s->committed;
	}
	return n;
}

static void journals_fact(struct worker *w, int64_t now_ms) {
	char text[HEALTH_TEXT_MAX];
	for (unsigned i = 0; i < w->follower_count; i++) {
		const struct follower *f = &w->followers[i];
		const struct source *s = &f->source;
		if (source_caught_up(s, now_ms)) continue;
		struct writer out = writer_of(text, sizeof text - 1);
		write_bytes(&out, VIEW("not caught up with "));
		write_bytes(&out, view_str(f->replay_endpoint));
		write_bytes(&out, f->is_twice                ? VIEW(": has the same origin as another: a copy of it?")
				  : s->heard_ms == 0         ? VIEW(": never heard of")
				  : source_silent(s, now_ms) ? VIEW(": silent")
							     : VIEW(": replaying"));
		struct view v = writer_view(&out);
		text[v.len] = 0;
		health_broken(w->service.health, "journals", v.len ? text : "not caught up");
		return;
	}
	health_met(w->service.health, "journals");
}

/* What the last pass of the reconciler found: of live mode, or of test mode where that is all there is. */
static void mark_facts(struct worker *w) {
	struct health *h = w->service.health;
	struct reconcile_mark mark;
	struct scope scope = {.livemode = true};
	enum error e = look_mark(w->look, &scope, &mark);
	if (e == ERR_NOT_FOUND) {
		scope.livemode = false;
		e = look_mark(w->look, &scope, &mark);
	}
	if (e != OK) return;
	health_fact_i64(h, "reconciled_to", mark.events_to);
	health_fact_i64(h, "swept_at", mark.swept_at);
	health_fact_u64(h, "drift_missed", mark.missed);
	health_fact_u64(h, "drift_differing", mark.differing);
}

static void store_facts(struct worker *w) {
	struct health *h = w->service.health;
	struct entitlements_stat stat;
	enum error e = look_renew(w->look);
	if (e == OK) e = look_stat(w->look, &stat);
	if (e == OK) {
		w->ver = look_version(w->look);
		mark_facts(w);
		health_fact_u64(h, "store_ver", w->ver);
		health_fact_u64(h, "subjects", stat.subjects);
		health_fact_u64(h, "subscriptions", stat.subs);
		health_fact_u64(h, "quarantine", stat.quarantined);
		health_fact_u64(h, "unmapped", stat.unmapped);
		health_fact_u64(h, "wants", stat.wants);
		health_fact_u64(h, "overrides", stat.overrides);
		gauge_set(w->metrics.in_quarantine, (int64_t)stat.quarantined);
		gauge_set(w->metrics.unmapped, (int64_t)stat.unmapped);
		gauge_set(w->metrics.wants, (int64_t)stat.wants);
		gauge_set(w->metrics.overrides, (int64_t)stat.overrides);
		health_fact_u64(h, "map_used", stat.usage.used);
		health_fact_u64(h, "map_size", stat.usage.map_size);
		gauge_set(w->metrics.map_used, (int64_t)stat.usage.used);
		gauge_set(w->metrics.map_size, (int64_t)stat.usage.map_size);
		gauge_set(w->metrics.cursor, (int64_t)w->ver);
	}
	look_rest(w->look);
}

void worker_facts(struct worker *w, int64_t now_ms) {
	struct health *h = w->service.health;
	uint64_t cursor = 0, head = 0, skipped = 0;

	journals_fact(w, now_ms);
	store_facts(w);
	for (unsigned i = 0; i < w->follower_count; i++) {
		cursor += w->followers[i].source.committed;
		head += w->followers[i].source.head;
		skipped += w->followers[i].source.skipped;
	}
	health_fact_u64(h, "cursor", cursor);
	health_fact_u64(h, "head", head);
	health_fact_u64(h, "backlog", backlog(w));
	health_fact_u64(h, "missing", skipped);
	health_fact_i64(h, "last_event_ms", w->last_event_ms);
	gauge_set(w->metrics.backlog, (int64_t)backlog(w));
}
