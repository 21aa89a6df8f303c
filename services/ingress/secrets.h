/* The webhook secrets in use, which HUP replaces while requests are being verified, and how often each has matched. */
#ifndef INGRESS_SECRETS_H
#define INGRESS_SECRETS_H

#include "net/webhook_secrets.h"
#include "service/metrics.h"

#define SECRET_LABELS_MAX 128 /* labels that one process ever sees, reloads together */

struct secrets;

/* ERR_CONFIG names the line. Its counters, one for each label, are registered here and at reloads: call it
 * after every other metric has been. metrics may be NULL. */
NODISCARD enum error secrets_create(struct view text, struct metrics *metrics, struct secrets **ret_s,
				    struct problem *why);
void secrets_destroy(struct secrets **s);

/* Takes the new text's place; on failure the old ones stay. One thread at a time. */
NODISCARD enum error secrets_replace(struct secrets *s, struct view text, struct problem *why);
unsigned secrets_count(struct secrets *s);

/* What is in use stays valid until released. Any thread; hold it for one verification. */
const struct webhook_secrets *secrets_acquire(struct secrets *s);
void secrets_release(struct secrets *s);

/* Between the two: counts a match of secret i, and gives its label in memory that lives as long as s. */
struct view secrets_matched(struct secrets *s, unsigned i);

#endif
