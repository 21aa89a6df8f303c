#include "receiver.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "service/clock.h"
#include "webhook.h"

/* In the request's scratch. */
struct delivery {
	struct submission submission; /* first: done() gets a pointer to it */
	struct http_request *request;
	struct receiver *receiver;
	int64_t began_us;
};

static unsigned retry_after_s(enum error e) {
	switch ((int)e) {
	case ERR_FULL:
		return 30;
	case ERR_STORAGE:
		return 5;
	default:
		return error_http_status(e) == 503 ? 1 : 0;
	}
}

/* Whatever the journal complains about, the sender did nothing wrong: it is to try again. */
static enum error commit_error(enum error e) { return e && error_http_status(e) != 503 ? ERR_IO : e; }

static void refuse(struct receiver *rc, struct http_request *r, enum error e) {
	counter_add(rc->meters->webhooks[e], 1);
	http_answer_problem(r, &(struct http_problem){.error = e, .retry_after_s = retry_after_s(e)});
}

/* Where to look when it is no stranger who is refused, but Stripe. */
static const char *hint(enum error e) {
	switch ((int)e) {
	case ERR_NO_SIGNATURE:
		return "not from Stripe, or a proxy drops the header Stripe-Signature";
	case ERR_BAD_SIGNATURE:
		return "is the endpoint's signing secret a line of WEBHOOK_SECRETS, and does no proxy change the body?";
	case ERR_STALE:
	case ERR_FUTURE:
		return "is the clock of this machine right (NTP)?";
	case ERR_WRONG_MODE:
		return "the secret of a live endpoint stands on a line with live";
	case ERR_WRONG_ACCOUNT:
		return "the fourth word of the secret's line says whose events it signs; * is any connected account";
	default:
		return "";
	}
}

/* Anybody can cause these lines, so they are few. */
static void log_rejection(struct receiver *rc, enum error e, const struct problem *why) {
	uint64_t count = atomic_fetch_add(&rc->rejections[e].count, 1) + 1;
	int64_t last_ms = atomic_load(&rc->rejections[e].logged_ms), now_ms = mono_ms();
	if (last_ms && now_ms - last_ms < REJECTION_LOG_MS) return;
	if (!atomic_compare_exchange_strong(&rc->rejections[e].logged_ms, &last_ms, now_ms)) return;
	atomic_fetch_sub(&rc->rejections[e].count, count);
	log_warn(rc->log, log_ev("rejected"), kv_error(e), kv_u64("count", count),
		 kv_str("why", why->text[0] ? why->text : error_text(e)), kv_str("hint", hint(e)));
}

/* On the committer's thread. */
static void answer(struct submission *s, const struct outcome *o) {
	struct delivery *d = (struct delivery *)s;
	struct receiver *rc = d->receiver;
	histogram_add_us(rc->meters->answer_time, (uint64_t)(mono_us() - d->began_us));
	if (o->error) {
		refuse(rc, d->request, commit_error(o->error));
		return;
	}
	char body[64];
	int n = snprintf(body, sizeof body, "{\"seq\":%" PRIu64 ",\"duplicate\":%s}", o->seq,
			 o->duplicate ? "true" : "false");
	counter_add(rc->meters->webhooks[OK], 1);
	http_answer(d->request, &(struct http_answer){.status = 200,
						      .content_type = "application/json",
						      .body = view_of(body, (size_t)n)});
}

static enum error judge(struct receiver *rc, struct http_request *r, struct record *ret_record, struct problem *why) {
	struct webhook_delivery d = {.body = http_body(r), .received_ms = http_received_ms(r)};
	d.signature_count = http_header(r, "Stripe-Signature", &d.signature);
	int secret = -1;
	struct view label = VIEW_NONE;
	enum error e = webhook_judge(secrets_acquire(rc->secrets), &d, ret_record, &secret, why);
	if (secret >= 0) label = secrets_matched(rc->secrets, (unsigned)secret);
	secrets_release(rc->secrets);
	/* a reload may free the secrets before the commit */
	if (!e) ret_record->secret = label;
	return e;
}

static void receive(void *ctx, struct http_request *r) {
	struct receiver *rc = ctx;
	struct delivery *d = http_scratch(r);
	struct problem why = {0};
	int64_t began_us = mono_us();
	enum error e = judge(rc, r, &d->submission.record, &why);
	if (e) {
		log_rejection(rc, e, &why);
		refuse(rc, r, e);
		return;
	}
	d->submission.done = answer;
	d->request = r;
	d->receiver = rc;
	d->began_us = began_us;
	http_keep(r);
	e = committer_submit(rc->committer, &d->submission);
	if (e) refuse(rc, r, e);
}

static void count_status(void *ctx, unsigned status) {
	struct receiver *rc = ctx;
	if (status < METER_STATUS_MAX) counter_add(rc->meters->statuses[status], 1);
}

static const struct http_route routes[] = {
	{HTTP_POST, "/api/v1/billing/webhook", receive, (size_t)EVENT_BODY_MAX, "application/json"},
	{HTTP_POST, "/webhook", receive, (size_t)EVENT_BODY_MAX, "application/json"},
};

enum error receiver_start(struct receiver *rc, const char *listen, struct http_server **ret_s, struct problem *why) {
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct http_options o = {.listen = listen,
				 .routes = routes,
				 .route_count = ARRAY_LEN(routes),
				 .ctx = rc,
				 .threads = cores < 1                      ? 1
					    : cores > RECEIVER_THREADS_MAX ? RECEIVER_THREADS_MAX
									   : (unsigned)cores,
				 .scratch_size = sizeof(struct delivery),
				 .on_answer = count_status};
	return http_server_create(&o, ret_s, why);
}
