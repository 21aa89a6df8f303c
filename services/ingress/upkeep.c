#include "upkeep.h"

#include "service/clock.h"

enum error upkeep_append(void *upkeep, struct journal_entry *entries, size_t count, struct problem *why) {
	struct upkeep *u = upkeep;
	return journal_append(u->journal, entries, count, why);
}

void upkeep_committed(void *upkeep, const struct journal_entry *entries, size_t count) {
	struct upkeep *u = upkeep;
	u->last_event_ms = wall_ms();
	for (size_t i = 0; i < count; i++) {
		if (!entries[i].duplicate && entries[i].record.seq > u->head) u->head = entries[i].record.seq;
		if (entries[i].record.kind == RECORD_WEBHOOK) u->last_webhook_ms = u->last_event_ms;
	}
	gauge_set(u->meters->head, (int64_t)u->head);
	gauge_set(u->meters->last_webhook_s, u->last_webhook_ms / 1000);
	publisher_records(u->publisher, u->journal, u->first, entries, count);
}

/* True when it is time to say it (again). */
static bool remind(int64_t *said_ms, int64_t every_ms) {
	int64_t now_ms = mono_ms();
	if (*said_ms && now_ms - *said_ms < every_ms) return false;
	*said_ms = now_ms;
	return true;
}

void upkeep_state(void *upkeep, enum error e, const struct problem *why) {
	struct upkeep *u = upkeep;
	u->worked_since = e == OK;
	if (!e) return;
	/* near the limit small batches still fit, so failures and successes alternate: one line for all of that */
	if (e != u->failed) u->failed_said_ms = 0;
	u->failed = e;
	u->failed_ms = mono_ms();
	health_broken(u->health, "storage", problem_text(why));
	/* the end of the process has its own line */
	if (e == ERR_STORAGE)
		u->fatal(u->ctx, e, why);
	else if (remind(&u->failed_said_ms, UPKEEP_FULL_REMIND_MS))
		log_error(u->log, log_ev("commit_failed"), kv_error(e), kv_why(why), kv_str("dir", u->dir),
			  kv_str("doing", "answering 503, so Stripe sends again; it goes on by itself when it can"));
}

static void recover(struct upkeep *u) {
	if (!u->failed || u->failed == ERR_STORAGE) return;
	int64_t since_ms = mono_ms() - u->failed_ms;
	if (since_ms >= UPKEEP_RETRY_MS || (u->worked_since && since_ms >= UPKEEP_CALM_MS))
		health_met(u->health, "storage");
	if (!u->worked_since || since_ms < UPKEEP_CALM_MS) return;
	log_info(u->log, log_ev("commit_works_again"), kv_error(u->failed));
	u->failed = OK;
	u->failed_said_ms = 0;
}

/* A failure of the upkeep itself is the journal's, or passes. */
static void check(struct upkeep *u, const char *what, enum error e, const struct problem *why) {
	if (!e) return;
	if (e == ERR_STORAGE)
		u->fatal(u->ctx, e, why);
	else if (remind(&u->troubled_said_ms, UPKEEP_FULL_REMIND_MS))
		log_error(u->log, log_ev(what), kv_error(e), kv_why(why));
}

#define LOOK_BACK 1000 /* records; between webhooks the reconciler appends some */

/* After a start: when did the last webhook come? Silence must not begin anew with each process. */
static void look_back(struct upkeep *u, struct journal_reader *reader) {
	uint64_t seq = u->head > LOOK_BACK ? u->head - LOOK_BACK : 1;
	struct view bytes;
	struct record r;
	u->looked_back = true;
	for (; journal_read(reader, seq, &seq, &bytes) == OK; seq++)
		if (record_read(bytes, &r) == OK && r.kind == RECORD_WEBHOOK && r.received_ms > u->last_webhook_ms)
			u->last_webhook_ms = r.received_ms;
}

static void heartbeat(struct upkeep *u) {
	struct journal_reader *reader = NULL;
	struct problem why = {0};
	enum error e = journal_read_begin(u->journal, &reader, &why);
	if (!e) journal_bounds(reader, &u->first, &u->head);
	if (!e && !u->looked_back) look_back(u, reader);
	journal_read_end(&reader);
	check(u, "heartbeat_failed", e, &why);
	if (e) return;
	gauge_set(u->meters->head, (int64_t)u->head);
	health_fact_u64(u->health, "first", u->first);
	health_fact_u64(u->health, "head", u->head);
	if (u->last_event_ms) health_fact_i64(u->health, "last_event_ms", u->last_event_ms);
	if (u->last_webhook_ms) health_fact_i64(u->health, "last_webhook_ms", u->last_webhook_ms);
	publisher_heartbeat(u->publisher, u->journal, u->first, u->head);
}

static void measure(struct upkeep *u) {
	health_fact_i64(u->health, "queue", gauge_get(u->meters->queue));
	struct store_usage usage;
	if (journal_usage(u->journal, &usage) != OK || usage.map_size == 0) return;
	gauge_set(u->meters->map_used, (int64_t)usage.used);
	gauge_set(u->meters->map_size, (int64_t)usage.map_size);
	health_fact_u64(u->health, "map_used", usage.used);
	health_fact_u64(u->health, "map_size", usage.map_size);
	bool alarm = usage.used / MAP_ALARM_PERCENT >= usage.map_size / 100;
	health_fact_bool(u->health, "map_alarm", alarm);
	if (!alarm)
		u->map_said_ms = 0;
	else if (remind(&u->map_said_ms, UPKEEP_REMIND_MS))
		log_warn(u->log, log_ev("map_filling"), kv_u64("used", usage.used), kv_u64("size", usage.map_size));
}

static bool expire(struct upkeep *u) {
	bool more = false;
	struct problem why = {0};
	uint64_t before = u->retention.deleted;
	enum error e = retention_step(&u->retention, u->journal, wall_ms(), &more, &why);
	check(u, "retention_failed", e, &why);
	if (e) return false;
	counter_add(u->meters->expired, u->retention.deleted - before);
	bool held = u->retention.held_by_worker;
	gauge_set(u->meters->held_by_worker, held);
	health_fact_bool(u->health, "retention_held_by_worker", held);
	health_fact_u64(u->health, "slowest_worker", u->retention.slowest);
	if (!held)
		u->held_said_ms = 0;
	else if (remind(&u->held_said_ms, UPKEEP_REMIND_MS))
		log_warn(u->log, log_ev("retention_held_by_worker"), kv_u64("slowest", u->retention.slowest),
			 kv_u64("first", u->first));
	return more;
}

int64_t upkeep_tick(void *upkeep) {
	struct upkeep *u = upkeep;
	if (mono_ms() >= u->due_ms) {
		u->due_ms = mono_ms() + UPKEEP_MS;
		struct problem why = {0};
		check(u, "progress_failed", progress_flush(u->progress, u->journal, &why), &why);
		heartbeat(u);
		measure(u);
		recover(u);
	}
	if (expire(u)) return UPKEEP_RETENTION_MS;
	int64_t left_ms = u->due_ms - mono_ms();
	return left_ms > 0 ? left_ms : 0;
}
