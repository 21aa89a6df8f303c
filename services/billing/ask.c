#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "ask_private.h"
#include "base/hex.h"
#include "service/clock.h"
#include "service/random.h"

/* ---- its life --------------------------------------------------------------------------- */

struct ask *ask_create(struct billing *b, struct http_request *r) {
	struct ask *a = calloc(1, sizeof *a);
	if (!a) return NULL;
	a->b = b;
	a->request = r;
	a->begun_us = mono_us();
	a->catalog = catalog_now_hold(b);
	return a;
}

static void unlink_ask(struct ask *a) {
	struct billing *b = a->b;
	*(a->prev ? &a->prev->next : &b->asks) = a->next;
	if (a->next) a->next->prev = a->prev;
}

void ask_destroy(struct ask *a) {
	if (!a) return;
	struct billing *b = a->b;
	ask_leave_waits(a);
	if (a->state && a->destroy)
		a->destroy(a->state);
	else
		free(a->state);
	idempotency_drop(b->idempotency, a->idempotent); /* what was not answered may be asked again */
	if (a->kept) {
		unlink_ask(a);
		atomic_fetch_sub(&b->ask_count, 1);
	}
	json_decref(a->body);
	catalog_now_release(b, &a->catalog);
	free(a);
}

bool ask_reserve(struct ask *a) {
	if (atomic_fetch_add(&a->b->ask_count, 1) < ASKS_MAX) return true;
	atomic_fetch_sub(&a->b->ask_count, 1);
	return false;
}

bool ask_keep_for_loop(struct ask *a, void (*run)(struct note *n)) {
	if (!ask_reserve(a)) return false;
	a->note.run = run;
	http_keep(a->request);
	inbox_post(a->b->inbox, &a->note); /* from here on it is the loop's */
	return true;
}

void ask_adopt(struct ask *a, int64_t deadline_ms) {
	struct billing *b = a->b;
	a->kept = true;
	a->deadline_ms = b->now_ms + deadline_ms;
	a->next = b->asks;
	if (a->next) a->next->prev = a;
	b->asks = a;
}

/* ---- answering ---------------------------------------------------------------------------- */

static struct reply reply_of(const struct ask *a) {
	return (struct reply){.b = a->b,
			      .request = a->request,
			      .request_id = a->request_id,
			      .origin = a->origin,
			      .retry_after_s = a->retry_after_s};
}

static void measure(const struct ask *a, unsigned status) {
	uint64_t us = (uint64_t)(mono_us() - a->begun_us);
	histogram_add_us(a->kept ? a->b->metrics.ask_time : a->b->metrics.memory_time, us);
	log_write(&a->b->service.log, LEVEL_DEBUG,
		  LOG_FIELDS(log_ev("answered"), kv_str("path", a->action->path), kv_u64("status", status),
			     kv_u64("us", us), kv_str("request", a->request_id)));
}

/* Only what stays true is kept for the key: after a failure that may pass, the same request may do it. */
static void remember(struct ask *a, unsigned status, struct view text) {
	if (a->idempotent && status < 500 && status != 429 && status != 409) {
		idempotency_done(a->b->idempotency, a->idempotent, status, text);
		a->idempotent = NULL;
	}
}

static void answer(struct ask *a, unsigned status, json_t *body, const char *etag) {
	struct reply r = reply_of(a);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!text) {
		ask_refuse(a, REFUSAL_INTERNAL, NULL);
		return;
	}
	r.etag = etag;
	remember(a, status, view_str(text));
	measure(a, status);
	reply_json(&r, status, view_str(text));
	free(text);
	ask_destroy(a);
}

void ask_answer(struct ask *a, unsigned status, json_t *body) { answer(a, status, body, NULL); }

/* RFC 9110, section 13.1.2: a list of tags, weak or not, or an asterisk. What is between quotes decides. */
static bool has_tag(struct view list, const char *etag) {
	if (etag[0] == 'W') etag += 2;
	size_t n = strlen(etag);
	if (view_eq(list, VIEW("*"))) return true;
	for (size_t i = 0; i + n <= list.len; i++)
		if (memcmp(list.ptr + i, etag, n) == 0) return true;
	return false;
}

void ask_answer_tagged(struct ask *a, const char *etag, json_t *body) {
	struct view list;
	if (!http_header(a->request, "If-None-Match", &list) || !has_tag(list, etag)) {
		answer(a, 200, body, etag);
		return;
	}
	struct reply r = reply_of(a);
	r.etag = etag;
	json_decref(body);
	measure(a, 304);
	reply_not_modified(&r);
	ask_destroy(a);
}

void ask_refuse(struct ask *a, enum refusal why, const char *detail) {
	struct reply r = reply_of(a);
	char *text = a->idempotent ? refusal_json(why, detail, a->request_id) : NULL;
	if (text) remember(a, refusal_status(why), view_str(text));
	free(text);
	if (refusal_status(why) >= 500)
		log_warn(&a->b->service.log, log_ev("refused"), kv_str("code", refusal_code(why)),
			 kv_str("path", a->action->path), kv_str("subject", a->who.subject),
			 kv_str("request", a->request_id), kv_str("why", detail ? detail : ""));
	measure(a, refusal_status(why));
	reply_refuse(&r, why, detail);
	ask_destroy(a);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Of what the subject, the path and the caller's key say, and nothing that a restart or another process changes. */
static bool make_stripe_key(struct ask *a) {
	uint8_t hash[32];
	char hex[65];
	uint64_t random[2] = {0};
	if (!a->key.len) {
		if (random_u64(&random[0], NULL) || random_u64(&random[1], NULL)) return false;
		(void)snprintf(a->stripe_key, sizeof a->stripe_key, "tiergate-%016llx%016llx",
			       (unsigned long long)random[0], (unsigned long long)random[1]);
		return true;
	}
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	size_t subject = strlen(a->who.subject) + 1, path = strlen(a->action->path) + 1; /* with their NULs */
	bool ok = sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(sha, a->who.subject, subject) == 1 &&
		  EVP_DigestUpdate(sha, a->action->path, path) == 1 &&
		  EVP_DigestUpdate(sha, a->key.ptr, a->key.len) == 1 && EVP_DigestFinal_ex(sha, hash, NULL) == 1;
	EVP_MD_CTX_free(sha);
	if (!ok) return false;
	hex_encode(hash, sizeof hash, hex);
	(void)snprintf(a->stripe_key, sizeof a->stripe_key, "tiergate-%s", hex);
	return true;
}

/* True: it was answered before, or is not to run. */
static bool replayed(struct ask *a) {
	if (!a->key.len) return false;
	const struct idempotency_ask q = {view_str(a->who.subject), view_str(a->action->path), a->key, a->bytes,
					  a->b->now_ms};
	struct reply r = reply_of(a);
	unsigned status = 0;
	struct view text;
	switch (idempotency_begin(a->b->idempotency, &q, &a->idempotent, &status, &text)) {
	case IDEMPOTENCY_NEW:
		return false;
	case IDEMPOTENCY_SAME:
		counter_add(a->b->metrics.replayed, 1);
		measure(a, status);
		reply_json(&r, status, text);
		ask_destroy(a);
		return true;
	case IDEMPOTENCY_RUNNING:
		ask_refuse(a, REFUSAL_IN_PROGRESS, NULL);
		return true;
	case IDEMPOTENCY_OTHER_BODY:
		ask_refuse(a, REFUSAL_OTHER_BODY, NULL);
		return true;
	case IDEMPOTENCY_FULL:
		break;
	}
	ask_refuse(a, REFUSAL_UNAVAILABLE, "too many requests with an Idempotency-Key are under way");
	return true;
}

void ask_begin(struct ask *a) {
	if (a->b->closing) {
		ask_refuse(a, REFUSAL_UNAVAILABLE, "the service is stopping");
		return;
	}
	if (replayed(a)) return;
	if (!make_stripe_key(a))
		ask_refuse(a, REFUSAL_INTERNAL, NULL);
	else if (!a->b->calls && !a->action->store_only)
		ask_refuse(a, REFUSAL_UNAVAILABLE, "no Stripe key is configured");
	else if (ask_within_share(a))
		a->action->start(a);
}

void ask_timer(struct ask *a, int64_t after_ms, void (*then)(void *ask)) {
	a->timer_ms = a->b->now_ms + after_ms;
	a->timer = then;
}

static void expire(struct ask *a) {
	if (a->learning)
		ask_refuse(a, REFUSAL_UNAVAILABLE, "the keys of tokens could not be fetched");
	else
		ask_refuse(a, a->action->store_only ? REFUSAL_UNAVAILABLE : REFUSAL_STRIPE_TIMEOUT, NULL);
}

/* Answering one frees it, and no other. */
void ask_expire(struct billing *b) {
	struct ask *next;
	for (struct ask *a = b->asks; a; a = next) {
		next = a->next;
		if (b->now_ms >= a->deadline_ms) {
			expire(a);
		} else if (a->timer_ms && b->now_ms >= a->timer_ms) {
			a->timer_ms = 0;
			a->timer(a);
		}
	}
}

int64_t ask_wait_for_ms(const struct billing *b, int64_t most) {
	for (const struct ask *a = b->asks; a; a = a->next) {
		int64_t due = a->timer_ms && a->timer_ms < a->deadline_ms ? a->timer_ms : a->deadline_ms;
		int64_t left = due - b->now_ms;
		if (left < most) most = left < 0 ? 0 : left;
	}
	return most;
}

void ask_refuse_all(struct billing *b) {
	for (struct ask *a = b->asks, *next; a; a = next) {
		next = a->next;
		ask_refuse(a, REFUSAL_UNAVAILABLE, "the service is stopping");
	}
}
