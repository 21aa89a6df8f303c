#include "private.h"

#include <stdio.h>
#include <stdlib.h>

static void empty(struct tg_profile *p) {
	memset(p, 0, sizeof *p);
	tgc_answer_empty(&p->as);
}

void tg_profile_free(struct tg_profile *p) {
	if (!p) return;
	free(p->features);
	p->features = NULL;
	p->feature_count = 0;
}

/* Only what was declared for all that is not named applies to a profile. */
static void outage(struct tg_client *c, const char *subject, struct tg_profile *p) {
	const struct policy *policy = &c->settings.fallback;
	struct sight s;
	COUNT(c, fallbacks);
	if (policy->outage == TG_LAST_KNOWN && subject && tgc_sight_old(&c->truth, subject, &s) &&
	    (policy->max_age_ms == 0 || s.age_ms <= policy->max_age_ms) && tgc_sight_profile(&c->truth, &s, p)) {
		p->as.allowed = false;
		p->as.stale = true;
		p->as.source = TG_FROM_LAST_KNOWN;
	} else {
		p->as.source = TG_FROM_POLICY;
	}
}

/* What the request came to, in the profile. */
static enum tg_status end(struct tg_client *c, struct request *r, struct tg_profile *p) {
	if (r->status == TG_OK) return TG_OK;
	tg_profile_free(p);
	empty(p);
	if (r->status == TG_FALLBACK) outage(c, r->subject, p);
	p->as.error = r->error;
	(void)snprintf(p->as.why, sizeof p->as.why, "%s", r->why);
	return r->status;
}

/* True: the cache answers. */
static bool look(struct tg_client *c, const char *subject, struct tg_profile *ret_p) {
	struct sight s;
	if (!tgc_is_ours(c) || !tgc_sight(&c->truth, subject, c->settings.max_age_ms, &s) ||
	    !tgc_sight_profile(&c->truth, &s, ret_p)) {
		(void)tgc_truth_missed(c);
		return false;
	}
	tgc_truth_hit(&c->truth);
	return true;
}

static enum tg_status ask(struct tg_client *c, const char *subject, bool now, struct tg_profile *ret_p) {
	const char *wrong = tgc_subject_wrong(subject);
	if (!wrong && !now && look(c, subject, ret_p)) return TG_OK;
	empty(ret_p);
	struct request r = {.kind = ASK_GET,
			    .only = -1,
			    .timeout_ms = c->settings.timeout_ms,
			    .subject = subject,
			    .with = now ? TG01_WITH_LINE | TG01_WITH_CUSTOMERS : TG01_WITH_LINE,
			    .profile = ret_p};
	if (wrong)
		tgc_refuse(&r, TG_USAGE, TG_NO_ERROR, wrong);
	else
		tgc_ask(c, &r);
	return end(c, &r, ret_p);
}

enum tg_status tg_get(struct tg_client *c, const char *subject, struct tg_profile *ret_p) {
	return ask(c, subject, false, ret_p);
}

enum tg_status tg_get_now(struct tg_client *c, const char *subject, struct tg_profile *ret_p) {
	return ask(c, subject, true, ret_p);
}

/* ---- for an event loop ------------------------------------------------------------------ */

struct promise {
	struct request request;
	struct tg_client *client;
	void (*done)(void *ctx, enum tg_status status, struct tg_profile *p);
	void *ctx;
	char subject[SUBJECT_MAX + 1];
	struct tg_profile profile;
};

static void keep(struct request *r) {
	struct promise *p = LIST_ITEM(struct promise, r, request);
	enum tg_status status = end(p->client, r, &p->profile);
	p->done(p->ctx, status, &p->profile);
	free(p);
}

static void fail_now(struct tg_client *c, enum tg_status status, const char *why,
		     void (*done)(void *ctx, enum tg_status status, struct tg_profile *p), void *ctx) {
	struct request r = {0};
	struct tg_profile p;
	empty(&p);
	tgc_refuse(&r, status, TG_NO_ERROR, why);
	done(ctx, end(c, &r, &p), &p);
}

void tg_get_async(struct tg_client *c, const char *subject, bool now,
		  void (*done)(void *ctx, enum tg_status status, struct tg_profile *p), void *ctx) {
	const char *wrong = tgc_subject_wrong(subject);
	struct tg_profile seen;
	if (!wrong && !now && look(c, subject, &seen)) {
		done(ctx, TG_OK, &seen);
		return;
	}
	struct promise *p = wrong ? NULL : calloc(1, sizeof *p);
	if (!p) {
		fail_now(c, wrong ? TG_USAGE : TG_MEMORY, wrong ? wrong : "no memory", done, ctx);
		return;
	}
	p->client = c;
	p->done = done;
	p->ctx = ctx;
	memcpy(p->subject, subject, strlen(subject) + 1);
	empty(&p->profile);
	p->request = (struct request){.kind = ASK_GET,
				      .only = -1,
				      .timeout_ms = c->settings.timeout_ms,
				      .subject = p->subject,
				      .with = now ? TG01_WITH_LINE | TG01_WITH_CUSTOMERS : TG01_WITH_LINE,
				      .profile = &p->profile,
				      .done = keep};
	if (!tgc_submit(c, &p->request)) keep(&p->request);
}
