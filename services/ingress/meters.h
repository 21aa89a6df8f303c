/* What ingress counts. */
#ifndef INGRESS_METERS_H
#define INGRESS_METERS_H

#include "base/error.h"
#include "service/metrics.h"

#define METER_STATUS_MAX 600

struct meters {
	struct counter *webhooks[ERROR_COUNT]; /* by the code of the answer; NULL for codes that ingress never gives */
	struct counter *statuses[METER_STATUS_MAX]; /* every HTTP answer, also those before a webhook is looked at */
	struct counter *commits;
	struct counter *stored;
	struct counter *duplicates;
	struct histogram *commit_time;
	struct histogram *answer_time; /* from the last byte of the body to the answer */
	struct gauge *queue;
	struct gauge *head;
	struct gauge *last_webhook_s;
	struct gauge *map_used;
	struct gauge *map_size;
	struct gauge *held_by_worker;
	struct counter *expired;
	struct counter *replay_requests;
	struct counter *replay_dropped;
	struct counter *replayed;
};

/* Registers all; metrics may be NULL, then nothing is counted. */
void meters_register(struct meters *m, struct metrics *metrics);

#endif
