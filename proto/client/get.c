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

/* What the request came to, in the profile. */
static enum tg_status end(struct tg_client *c, struct request *r, struct tg_profile *p) {
	if (r->status == TG_OK) return TG_OK;
	tg_profile_free(p);
	empty(p);
	p->as.error = r->error;
	if (r->status == TG_FALLBACK) COUNT(c, fallbacks);
	if (r->status == TG_FALLBACK) p->as.source = TG_FROM_POLICY;
	(void)snprintf(p->as.why, sizeof p->as.why, "%s", r->why);
	return r->status;
}

static enum tg_status ask(struct tg_client *c, const char *subject, struct tg_profile *ret_p) {
	const char *wrong = tgc_subject_wrong(subject);
	empty(ret_p);
	struct request r = {.kind = ASK_GET,
			    .only = -1,
			    .timeout_ms = c->settings.timeout_ms,
			    .subject = subject,
			    .profile = ret_p};
	if (wrong)
		tgc_refuse(&r, TG_USAGE, TG_NO_ERROR, wrong);
	else
		tgc_ask(c, &r);
	return end(c, &r, ret_p);
}

enum tg_status tg_get(struct tg_client *c, const char *subject, struct tg_profile *ret_p) {
	return ask(c, subject, ret_p);
}

enum tg_status tg_get_now(struct tg_client *c, const char *subject, struct tg_profile *ret_p) {
	return ask(c, subject, ret_p);
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
	struct promise *p = wrong ? NULL : calloc(1, sizeof *p);
	(void)now;
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
				      .profile = &p->profile,
				      .done = keep};
	if (!tgc_submit(c, &p->request)) keep(&p->request);
}
