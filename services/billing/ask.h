/* One request of a subject under way: what every action of billing's API is written against.
 *
 *     static void got_session(struct ask *a, const struct stripe_answer *s) {
 *             if (ask_stripe_failed(a, s)) return;
 *             ask_answer(a, 200, json_pack("{s:O,s:O}", "url", json_object_get(s->body, "url"), …));
 *     }
 *     static void start(struct ask *a) { … ask_post(a, "/v1/checkout/sessions", form, key, got_session); }
 *     const struct action create_checkout_session = {
 *             .method = HTTP_POST, .path = API "create-checkout-session", .fields = fields, .start = start, …};
 *
 * By the time an action starts, the request is whole, within its limits, from an allowed origin, and its token is good;
 * a body is a JSON object without a field that the action does not name. Everything here runs on billing's one loop;
 * nothing blocks. An ask is answered exactly once: by ask_answer or ask_refuse, or with 504 when its deadline passes.
 * After either, a late answer of Stripe's is dropped and no callback comes; the ask is freed when it is answered, so
 * the action must not touch it then.
 */
#ifndef BILLING_ASK_H
#define BILLING_ASK_H

#include "base/limits.h"
#include "domain/catalog.h"
#include "net/http_server.h"
#include "net/stripe_api.h"
#include "net/stripe_form.h"
#include "tiergate.h"
#include <jansson.h>

#define API "/api/v1/billing/"
#define ASK_BODY_MAX 8192
#define ASK_DEADLINE_MS                                                                                                \
	10000 /* of a request in all; BILLING's STRIPE_DEADLINE setting is what one call to Stripe may take */

#define DEAR_PER_MINUTE 20 /* of what opens a session at Stripe, or goes before all else at the reconciler */
/* What one subject may cost: requests of Stripe's API, by all its asks together and by what the reconciler does for
 * them. An ask costs what its action says. Answers out of memory cost nothing. Whoever comes back from Stripe's pages
 * (confirm.c, refresh.c) is counted, and served nevertheless: these have DEAR_PER_MINUTE. */
#define CALLS_PER_MINUTE 60
#define CALLS_AT_ONCE 60
#define CALLS_OF_A_VISIT 20 /* at once, however low RATE_LIMIT is: to see the page, a preview, and to buy */

/* What a caller is told, RFC 9457. symbol, code, HTTP status, may the same request succeed later?, title */
#define REFUSAL_TABLE(X)                                                                                               \
	X(REFUSAL_BAD_REQUEST, "bad_request", 400, false, "The request is not right")                                  \
	X(REFUSAL_UNKNOWN_FIELD, "unknown_field", 400, false, "The request has a field that is not known")             \
	X(REFUSAL_UNKNOWN_TIER, "unknown_tier", 400, false, "There is no such tier")                                   \
	X(REFUSAL_NOT_FOR_SALE, "not_for_sale", 400, false, "That tier has no such price")                             \
	X(REFUSAL_URL_NOT_ALLOWED, "url_not_allowed", 400, false, "That address is not allowed to be returned to")     \
	X(REFUSAL_TOKEN_MISSING, "token_missing", 401, false, "No token was sent")                                     \
	X(REFUSAL_TOKEN_INVALID, "token_invalid", 401, false, "The token is not accepted")                             \
	X(REFUSAL_TOKEN_EXPIRED, "token_expired", 401, false, "The token has expired")                                 \
	X(REFUSAL_ORIGIN, "origin_not_allowed", 403, false, "Calls from that origin are not allowed")                  \
	X(REFUSAL_SUBJECT, "subject_not_allowed", 403, false, "A subject of that form is not allowed")                 \
	X(REFUSAL_NOT_FOUND, "not_found", 404, false, "There is no such thing")                                        \
	X(REFUSAL_NO_CUSTOMER, "no_customer", 409, false, "There is nothing to manage yet")                            \
	X(REFUSAL_NO_CHANGE, "no_change", 409, false, "That is what the subject has already")                          \
	X(REFUSAL_IN_PROGRESS, "in_progress", 409, true, "The same request is still being answered")                   \
	X(REFUSAL_METHOD, "method_not_allowed", 405, false, "That path has another method")                            \
	X(REFUSAL_LENGTH, "length_required", 411, false, "Exactly one Content-Length is required")                     \
	X(REFUSAL_TOO_LARGE, "too_large", 413, false, "The body is too large")                                         \
	X(REFUSAL_MEDIA_TYPE, "unsupported_media_type", 415, false, "The body must be application/json")               \
	X(REFUSAL_OTHER_BODY, "idempotency_key_reused", 422, false, "That Idempotency-Key came with another request")  \
	X(REFUSAL_TOO_MANY, "too_many_requests", 429, true, "Too many requests")                                       \
	X(REFUSAL_INTERNAL, "internal", 500, true, "Something went wrong here")                                        \
	X(REFUSAL_STRIPE, "stripe_failed", 502, true, "Stripe could not be asked")                                     \
	X(REFUSAL_UNAVAILABLE, "unavailable", 503, true, "This cannot be answered now")                                \
	X(REFUSAL_STRIPE_TIMEOUT, "stripe_timeout", 504, true, "Stripe did not answer in time")

enum refusal {
#define X(symbol, code, status, retryable, title) symbol,
	REFUSAL_TABLE(X)
#undef X
		REFUSAL_COUNT
};

struct billing;
struct ask;

struct action {
	enum http_method method;
	const char *path; /* "/api/v1/billing/…" */
	const char *const
		*fields;     /* of the body (POST) or the query (GET), NULL-terminated; others are refused by name */
	bool open;           /* needs no token; the subject is then "" */
	bool store_only;     /* works without Stripe; the others are refused when there is no key */
	unsigned per_minute; /* of one subject, when RATE_LIMIT is the default, with which it grows; 0: as that */
	unsigned calls;      /* what it costs usually, of CALLS_PER_MINUTE, which grows as well */
	void (*start)(struct ask *a);
	/* Instead of `start`, on an HTTP thread: for what memory can answer. It answers, or calls ask_hand_over. NULL:
	 * the ask begins on the loop. Of what is below it may call only ask_subject to ask_number, ask_now, ask_catalog
	 * and ask_answer to ask_refuse. */
	void (*at_once)(struct ask *a);
};

/* Each action's file defines it; action_table.c lists them. */
extern const struct action create_checkout_session, create_portal_session, confirm_checkout_session,
	refresh_subscription, subscription_status, invoices, entitlements, plans, change_preview;

/* ---- what is asked, as long as the ask lives ------------------------------------------------------ */

const char *ask_subject(const struct ask *a);
const char *ask_email(const struct ask *a); /* the token's claim; "" without one. Never logged */
json_t *ask_body(const struct ask *a);      /* borrowed; an empty object without a body */
/* Where *ret_bad becomes true the ask is gone, and what it kept with it: do not read straight into that. */
/* A field of the body or a query argument as text; NULL when absent. Another JSON type: the ask is refused, *ret_bad
 * true. */
const char *ask_text(struct ask *a, const char *field, bool *ret_bad);
/* A whole number from min to max; `fallback` when absent. */
int64_t ask_number(struct ask *a, const char *field, int64_t min, int64_t max, int64_t fallback, bool *ret_bad);
const char *ask_idempotency_key(
	const struct ask *a); /* as Stripe is to be given it: made of the subject, the path and the
			       * caller's key, or random without one. At most STRIPE_IDEMPOTENCY_MAX */
struct billing *ask_billing(const struct ask *a);
const struct catalog *ask_catalog(const struct ask *a); /* as it was when the ask began */
int64_t ask_now(const struct ask *a);                   /* unix seconds */
/* For the action's own use between callbacks; freed with the ask by `destroy` (NULL: free). */
void ask_keep(struct ask *a, void *state, void (*destroy)(void *state));
void *ask_state(const struct ask *a);

/* at_once: goes on by `start`, on the loop; the last thing that it does. */
void ask_hand_over(struct ask *a);

/* ---- asking others --------------------------------------------------------------------------------- */

/* Stripe. `then` runs unless the ask was answered before. A call that cannot be made refuses the ask itself. `form`:
 * encoded (net/stripe_form.h), copied. */
void ask_get(struct ask *a, const char *path, void (*then)(struct ask *a, const struct stripe_answer *s));
void ask_post(struct ask *a, const char *path, struct view form, const char *idempotency_key,
	      void (*then)(struct ask *a, const struct stripe_answer *s));
/* True: it is no answer to go on with, and the ask has been refused (502, 504, 429; the log has Stripe's words). */
bool ask_stripe_failed(struct ask *a, const struct stripe_answer *s);
/* This ask costs so many calls more than its action says. */
void ask_add_calls(struct ask *a, unsigned n);
/* Query, past the cache. `then` also runs when nobody answered: look at p->as. */
void ask_profile(struct ask *a, void (*then)(struct ask *a, enum tg_status status, const struct tg_profile *p));
/* The reconciler, now and before all else: this paid session, into the journal; this customer with its subscriptions,
 * into the store. `done` false: it could not; `then` may run before this returns then. */
void ask_reconcile(struct ask *a, const char *session, void (*then)(struct ask *a, bool done));
void ask_reconcile_customer(struct ask *a, const char *customer, void (*then)(struct ask *a, bool done));

/* ---- answering ------------------------------------------------------------------------------------- */

/* Steals `body`; NULL (json_pack without memory) answers 500. */
void ask_answer(struct ask *a, unsigned status, json_t *body);
/* The same with an ETag, and 304 without a body when If-None-Match has it. */
void ask_answer_tagged(struct ask *a, const char *etag, json_t *body);
/* `detail` for people, about their request; never Stripe's words; NULL: none. */
void ask_refuse(struct ask *a, enum refusal why, const char *detail);

#endif
