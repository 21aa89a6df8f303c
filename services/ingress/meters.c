#include "meters.h"

#include <stdio.h>

static const enum error webhook_codes[] = {
	OK,         ERR_NO_SIGNATURE, ERR_BAD_HEADER,  ERR_BAD_SIGNATURE, ERR_STALE,
	ERR_FUTURE, ERR_NOT_EVENT,    ERR_WRONG_MODE,  ERR_WRONG_ACCOUNT, ERR_OVERLOADED,
	ERR_FULL,   ERR_STORAGE,      ERR_UNAVAILABLE, ERR_MEMORY,        ERR_IO,
};

static const unsigned statuses[] = {200, 400, 404, 405, 408, 411, 413, 415, 500, 503};

static void register_answers(struct meters *m, struct metrics *metrics) {
	for (size_t i = 0; i < ARRAY_LEN(webhook_codes); i++) {
		char labels[METRIC_LABELS_MAX] = "";
		if (metrics_label(labels, "code", view_str(error_code(webhook_codes[i]))))
			m->webhooks[webhook_codes[i]] = metrics_counter(
				metrics, "webhooks_total", "deliveries by the code of their answer", labels);
	}
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		char labels[METRIC_LABELS_MAX] = "", text[8];
		(void)snprintf(text, sizeof text, "%u", statuses[i]);
		if (metrics_label(labels, "status", view_str(text)))
			m->statuses[statuses[i]] =
				metrics_counter(metrics, "http_answers_total", "answers on the public port", labels);
	}
}

void meters_register(struct meters *m, struct metrics *metrics) {
	*m = (struct meters){0};
	if (!metrics) return;
	register_answers(m, metrics);
	m->commits =
		metrics_counter(metrics, "commits_total", "transactions; records per commit is the batch size", NULL);
	m->stored = metrics_counter(metrics, "records_total", "records written", NULL);
	m->duplicates =
		metrics_counter(metrics, "duplicates_total", "deliveries that were in the journal already", NULL);
	m->commit_time = metrics_histogram(metrics, "commit_seconds", "one transaction, synced", NULL);
	m->answer_time = metrics_histogram(metrics, "answer_seconds", "from a whole request to its answer", NULL);
	m->queue = metrics_gauge(metrics, "queue", "submissions that wait for a commit", NULL);
	m->last_webhook_s = metrics_gauge(metrics, "last_webhook_timestamp_seconds",
					  "when the last good delivery came; 0: none is known", NULL);
	m->head = metrics_gauge(metrics, "head", "the newest sequence", NULL);
	m->map_used = metrics_gauge(metrics, "map_used_bytes", "the journal's pages in use", NULL);
	m->map_size = metrics_gauge(metrics, "map_size_bytes", "the journal's largest size", NULL);
	m->held_by_worker = metrics_gauge(metrics, "retention_held_by_worker",
					  "1: expired records wait for the slowest worker", NULL);
	m->expired = metrics_counter(metrics, "expired_total", "records deleted by retention", NULL);
	m->replay_requests = metrics_counter(metrics, "replay_requests_total", "requests on the replay socket", NULL);
	m->replay_dropped = metrics_counter(metrics, "replay_dropped_total",
					    "requests not understood and replies whose peer does not read", NULL);
	m->replayed = metrics_counter(metrics, "replayed_records_total", "records sent by replay", NULL);
}
