/* The subject's profile as memory has it, for actions that answer on an HTTP thread; and what answers say of it. */
#ifndef BILLING_PROFILE_H
#define BILLING_PROFILE_H

#include "ask_private.h"

/* Calls `then` at once, on this thread, when memory knows; else the ask goes to the loop, query is asked, and `then`
 * runs there. What it does not move out of *p is freed after it. */
void profile_of(struct ask *a, void (*then)(struct ask *a, enum tg_status status, struct tg_profile *p));

/* True: nothing is known of the subject, and the ask was refused. */
bool profile_failed(struct ask *a, enum tg_status status, const struct tg_profile *p);

/* Adds subject, tier, status, reason, features, until, stale, answered_from, as_of, age_s, ver and epoch. False: no
 * memory. */
NODISCARD bool profile_say(json_t *o, const struct ask *a, const struct tg_profile *p);

/* A time as RFC 3339, or null for 0. */
json_t *time_json(int64_t seconds);

#endif
