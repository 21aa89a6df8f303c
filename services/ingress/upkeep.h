/* What the committer's thread does besides commits: publish, heartbeat, retention, workers' progress, the alarms; and
 * what it tells operators. */
#ifndef INGRESS_UPKEEP_H
#define INGRESS_UPKEEP_H

#include "committer.h"
#include "meters.h"
#include "progress.h"
#include "publisher.h"
#include "retention.h"
#include "service/health.h"
#include "service/log.h"

#define UPKEEP_MS 1000                    /* heartbeat, progress, sizes */
#define UPKEEP_RETENTION_MS 20            /* between two batches while there is much to delete */
#define UPKEEP_REMIND_MS INT64_C(3600000) /* an alarm that stands is logged again after this */
#define UPKEEP_FULL_REMIND_MS INT64_C(60000)
#define UPKEEP_CALM_MS 2000 /* commits that work again have done so for this long before it is said */
#define UPKEEP_RETRY_MS                                                                                                \
	5000 /* and this long after a failure it says ready again, or nobody would send what could succeed */
#define MAP_ALARM_PERCENT 70

struct upkeep {
	struct journal *journal;
	const char *dir; /* the journal's, for its lines */
	struct publisher *publisher;
	struct progress *progress;
	struct health *health;
	const struct log *log;
	const struct meters *meters;
	struct retention retention;
	/* The journal cannot be used any more: the process must end. Any thread of ours. */
	void (*fatal)(void *ctx, enum error e, const struct problem *why);
	void *ctx;
	/* its own, zeroed */
	uint64_t first, head;
	int64_t last_event_ms;
	int64_t last_webhook_ms; /* signed, and of an event known already, too: webhooks arrive */
	bool looked_back;        /* for it, in the journal's newest records */
	int64_t due_ms;
	int64_t map_said_ms, held_said_ms, failed_said_ms, troubled_said_ms;
	/* commits: the last failure that was not followed by calm, when it was, and whether one has worked since */
	enum error failed;
	int64_t failed_ms;
	bool worked_since;
};

/* The committer's hooks; ctx is the upkeep. */
enum error upkeep_append(void *upkeep, struct journal_entry *entries, size_t count, struct problem *why);
void upkeep_committed(void *upkeep, const struct journal_entry *entries, size_t count);
int64_t upkeep_tick(void *upkeep);
void upkeep_state(void *upkeep, enum error e, const struct problem *why);

#endif
