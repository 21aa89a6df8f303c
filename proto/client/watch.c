/* The feed, for those who show or relay it. */
#include "follow.h"

#include <stdio.h>

void tg_watch(struct tg_client *c, void (*event)(void *ctx, const struct tg_event *e, bool gap), void *ctx) {
	if (!tgc_is_ours(c)) return;
	/* recursive: a watcher may end itself; another thread waits until the call under way is over */
	(void)pthread_mutex_lock(&c->watch_lock);
	c->watch = event;
	c->watch_ctx = ctx;
	c->watch_gap = false;
	(void)pthread_mutex_unlock(&c->watch_lock);
}

static void tell(struct tg_client *c, const struct tg_event *e) {
	(void)pthread_mutex_lock(&c->watch_lock);
	bool gap = c->watch_gap;
	c->watch_gap = false;
	if (c->watch) c->watch(c->watch_ctx, e, gap);
	(void)pthread_mutex_unlock(&c->watch_lock);
}

void tgc_watch_gap(struct tg_client *c) {
	(void)pthread_mutex_lock(&c->watch_lock);
	c->watch_gap = true;
	(void)pthread_mutex_unlock(&c->watch_lock);
}

static const char *text(char *out, size_t size, struct view v) {
	(void)snprintf(out, size, "%.*s", VIEW_FMT(v));
	return out;
}

void tgc_watch_change(struct tg_client *c, const struct tg01_change *change) {
	char subject[SUBJECT_MAX + 1], account[ACCOUNT_MAX + 1], cause[STRIPE_ID_MAX + 1];
	struct names *n = c->t.names;
	const struct tg_event e = {.subject = text(subject, sizeof subject, change->sub),
				   .account = text(account, sizeof account, change->acct),
				   .before = tgc_name(n, change->before),
				   .after = tgc_name(n, change->after),
				   .reason = tgc_name(n, change->reason),
				   .status = tgc_name(n, change->status),
				   .cause = text(cause, sizeof cause, change->event),
				   .epoch = c->t.follow.epoch,
				   .ver = change->ver,
				   .at_ms = change->at_ms,
				   .until = change->until};
	tell(c, &e);
}

void tgc_watch_heartbeat(struct tg_client *c, const struct tg01_heartbeat *h) {
	const struct tg_event e = {.subject = NULL,
				   .account = "",
				   .before = "",
				   .after = "",
				   .reason = "",
				   .status = "",
				   .cause = "",
				   .epoch = h->source.epoch,
				   .ver = h->source.ver,
				   .at_ms = h->now_ms};
	tell(c, &e);
}
