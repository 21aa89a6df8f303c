/* A Stripe in memory: what its parts share.
 *
 * State. A `record` is one Stripe object in the newest shape, found by its id, listed by account and kind in the
 * order of creation, and by some of its references (sim_indexed). What Stripe keeps to itself stands in `hidden`.
 * An event keeps its data as text: there are many, and few are read again.
 *
 * Time. Work that becomes due waits in a heap for each clock: the main one, and one for each test clock, which the
 * objects of its customers follow. sim_now is the time of the clock that is being worked on (sim_follow chooses it; a
 * request begins on the main one). An entry of the heap is a reminder, not an order: who handles it looks whether it
 * still applies, so nothing is ever taken out of a heap early.
 *
 * Threads: none here. Whoever calls holds sim->mutex; server.c does for requests.
 *
 * Memory: running out of it is not survived (json values are NULL then, and a request fails with 500 or an object
 * misses a field). This is a tool for tests.
 */
#ifndef STRIPE_SIM_H
#define STRIPE_SIM_H

#include <jansson.h>
#include <pthread.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/view.h"

#define SIM_VERSION "2026-09-30.endive" /* the newest shape, which the tables hold */
#define SIM_HOUR ((int64_t)3600)
#define SIM_DAY (24 * SIM_HOUR)
#define SIM_ID_MAX 96
#define SIM_LIST_MAX 100         /* Stripe's largest page */
#define SIM_DUE_MAX 100000000u   /* steps of one move of a clock: what never ends is a defect here */
#define SIM_CLOCK_MAX 4102444800 /* 2100-01-01 */

/* symbol, object, the id's prefix */
#define SIM_KINDS(X)                                                                                                   \
	X(K_ACCOUNT, "account", "acct_")                                                                               \
	X(K_CUSTOMER, "customer", "cus_")                                                                              \
	X(K_PRODUCT, "product", "prod_")                                                                               \
	X(K_PRICE, "price", "price_")                                                                                  \
	X(K_PAYMENT_METHOD, "payment_method", "pm_")                                                                   \
	X(K_SETUP_INTENT, "setup_intent", "seti_")                                                                     \
	X(K_SESSION, "checkout.session", "cs_test_")                                                                   \
	X(K_SUBSCRIPTION, "subscription", "sub_")                                                                      \
	X(K_SCHEDULE, "subscription_schedule", "sub_sched_")                                                           \
	X(K_INVOICE, "invoice", "in_")                                                                                 \
	X(K_INVOICE_PAYMENT, "invoice_payment", "inpay_")                                                              \
	X(K_PAYMENT_INTENT, "payment_intent", "pi_")                                                                   \
	X(K_CHARGE, "charge", "ch_")                                                                                   \
	X(K_REFUND, "refund", "re_")                                                                                   \
	X(K_DISPUTE, "dispute", "dp_")                                                                                 \
	X(K_PORTAL_SESSION, "billing_portal.session", "bps_")                                                          \
	X(K_PORTAL_CONFIGURATION, "billing_portal.configuration", "bpc_")                                              \
	X(K_TEST_CLOCK, "test_helpers.test_clock", "clock_")                                                           \
	X(K_WEBHOOK_ENDPOINT, "webhook_endpoint", "we_")                                                               \
	X(K_FEATURE, "entitlements.feature", "feat_")                                                                  \
	X(K_EVENT, "event", "evt_")

enum kind {
#define X(symbol, name, prefix) symbol,
	SIM_KINDS(X)
#undef X
		K_COUNT
};
const char *kind_name(enum kind k);
const char *kind_prefix(enum kind k);
/* K_COUNT when there is none. "test_clock" will do for "test_helpers.test_clock". */
enum kind kind_named(const char *name);

struct scope;

struct record {
	enum kind kind;
	bool deleted;   /* Stripe answers {"id","object","deleted":true}; json stays as it was last */
	json_t *json;   /* an object with "id" and "object". Of an event: all but "data" */
	json_t *hidden; /* an object, or NULL */
	char *text;     /* of an event: its data as JSON, {"object":…[,"previous_attributes":…]} */
	struct scope *scope;
	size_t place; /* in scope->lists[kind] */
};

struct records {
	struct record **at;
	size_t count, room;
};

/* One account: the platform itself ("") or a Connect account. */
struct scope {
	char account[ACCOUNT_MAX + 1];
	struct records lists[K_COUNT]; /* in order of creation, deleted ones too */
};

/* ---- time --------------------------------------------------------------------- */

/* symbol, name in a saved state, function(sim, id): what to do when that moment has come */
#define SIM_DUES(X)                                                                                                    \
	X(DUE_RENEW, "renew", subscription_renew_due)                                                                  \
	X(DUE_TRIAL_WARNING, "trial_warning", trial_warning_due)                                                       \
	X(DUE_TRIAL_END, "trial_end", trial_end_due)                                                                   \
	X(DUE_CANCEL, "cancel", subscription_cancel_due)                                                               \
	X(DUE_INCOMPLETE, "incomplete", subscription_expire_due)                                                       \
	X(DUE_PENDING, "pending_update", pending_update_due)                                                           \
	X(DUE_COLLECTION, "resume_collection", resume_collection_due)                                                  \
	X(DUE_UPCOMING, "upcoming", invoice_upcoming_due)                                                              \
	X(DUE_FINALIZE, "finalize", invoice_finalize_due)                                                              \
	X(DUE_RETRY, "retry", invoice_retry_due)                                                                       \
	X(DUE_OVERDUE, "overdue", invoice_overdue_due)                                                                 \
	X(DUE_PHASE, "phase", schedule_phase_due)                                                                      \
	X(DUE_SESSION, "session", session_expire_due)                                                                  \
	X(DUE_ASYNC, "async_payment", session_async_due)                                                               \
	X(DUE_REFUND, "refund", refund_due)                                                                            \
	X(DUE_DISPUTE, "dispute", dispute_due)                                                                         \
	X(DUE_DELIVERY, "delivery", delivery_due)

struct sim;
enum due_kind {
#define X(symbol, name, handle) symbol,
	SIM_DUES(X)
#undef X
		DUE_COUNT
};
#define X(symbol, name, handle) void handle(struct sim *sim, const char *id);
SIM_DUES(X)
#undef X

struct due {
	int64_t at;
	uint64_t turn; /* who was noted first comes first within a second */
	enum due_kind kind;
	char id[SIM_ID_MAX];
};

struct sim_clock {
	char id[SIM_ID_MAX]; /* "" the main one */
	int64_t now;         /* unix seconds */
	struct due *heap;
	size_t count, room;
};

/* ---- the whole ----------------------------------------------------------------- */

struct sim_request;
struct http_request;
struct map;
struct delivery; /* deliver.h */

/* What other parts hang in; each may be NULL. All run under the mutex, but for `serve`. */
struct sim_hooks {
	void *ctx;
	/* before a request of the API is handled: rate limit, faults. False: r->error says what to answer */
	bool (*admit)(void *ctx, struct sim_request *r);
	/* an answer that this idempotency key has had already: true, and *ret_text is the caller's */
	bool (*replay)(void *ctx, struct sim_request *r, unsigned *ret_status, char **ret_text);
	void (*remember)(void *ctx, struct sim_request *r, unsigned status, const char *text);
	/* expand[] and older versions. Takes `answer`, gives a new reference. What it takes is shared with the tables:
	 * copy before changing anything. NULL: r->error */
	json_t *(*render)(void *ctx, struct sim_request *r, json_t *answer);
	/* true: this event is never generated */
	bool (*swallow)(void *ctx, const char *type);
	/* an event has been made: deliver it */
	void (*emitted)(void *ctx, struct record *event);
	void (*delivery_due)(void *ctx, const char *id);
	/* after everything was forgotten or loaded */
	void (*reset)(void *ctx);
};

struct sim_options {
	const char *api_key;     /* "sk_test_…" */
	int64_t now;             /* 0: the wall clock's */
	uint64_t seed;           /* of ids and chances */
	bool frozen;             /* the clock stands still but for moves; otherwise it also runs with the wall clock */
	const char *clock_file;  /* kept at (simulated - wall) nanoseconds; NULL: none */
	const char *api_version; /* the account's, for requests that name none; NULL: SIM_VERSION */
};

struct sim {
	pthread_mutex_t mutex;
	struct sim_options options; /* the strings are the caller's */
	struct sim_hooks hooks;
	char base_url[160];      /* of the hosted pages: "http://127.0.0.1:40311" */
	bool livemode;           /* from the key */
	json_t *shapes[K_COUNT]; /* a new object of each kind */
	struct map *by_id;       /* id → struct record */
	struct map *by_field;    /* "kind.field=value" → struct records */
	struct scope **scopes;   /* [0] is the platform */
	size_t scope_count;
	struct sim_clock main;
	struct sim_clock **test_clocks;
	size_t test_clock_count;
	struct sim_clock *clock;     /* the one that is being worked on */
	struct scope *scope;         /* the one that is being worked on */
	struct sim_request *request; /* that is being handled; NULL: time is passing */
	int64_t offset;              /* simulated minus wall clock, seconds, when it runs */
	uint64_t turn, drawn;        /* counters of dues and of random draws */
	uint64_t events;             /* made so far */
	json_t *settings;            /* {"after_retries": "cancel"|"unpaid"|"past_due"} */
};

NODISCARD enum error sim_create(const struct sim_options *o, struct sim **ret_sim, struct problem *why);
void sim_destroy(struct sim **sim);
/* Forgets every object and everything due; ids begin anew. */
void sim_reset(struct sim *sim);

/* ---- time: clock.c --------------------------------------------------------------- */

static inline int64_t sim_now(const struct sim *sim) { return sim->clock->now; }
/* Reminds of `id` at that second of the current clock. */
void sim_at(struct sim *sim, int64_t at, enum due_kind kind, const char *id);
void sim_at_main(struct sim *sim, int64_t at, enum due_kind kind, const char *id);
/* From now on in this request the clock and account of that object count. */
void sim_follow(struct sim *sim, const struct record *rec);
/* Everything up to `to`, in order of time; the clock stands at `to` then. The number of events made. */
uint64_t sim_advance(struct sim *sim, struct sim_clock *clock, int64_t to);
/* When the clock runs: up to the present second. Before every request, and each second. */
void sim_tick(struct sim *sim);
/* The main clock to `to`: through all that becomes due, or by a jump, also back. */
uint64_t sim_move(struct sim *sim, int64_t to);
void sim_jump(struct sim *sim, int64_t to);
/* From one unix second a number of "day" "week" "month" "year" on, as calendars have it: the anchor's day of the
 * month, or the month's last. */
int64_t calendar_add(int64_t anchor, const char *interval, int64_t count);

/* ---- records: table.c --------------------------------------------------------------- */

/* A copy of the kind's shape with a fresh id and `created`. */
json_t *sim_shape(struct sim *sim, enum kind kind);
/* Takes json, which has an id that is not taken. */
struct record *sim_add(struct sim *sim, enum kind kind, json_t *json);
/* The current account's; deleted ones too. NULL: none. */
struct record *sim_find(struct sim *sim, enum kind kind, const char *id);
/* Of whatever account. */
struct record *sim_find_any(struct sim *sim, const char *id);
/* Those whose `field` was `value` when they were made: customer, subscription, invoice, charge, payment_intent. NULL:
 * none, or a field that is not indexed (*ret_known). */
const struct records *sim_indexed(struct sim *sim, enum kind kind, const char *field, const char *value,
				  bool *ret_known);
/* As the API shows it: a new reference, for reading only. */
json_t *record_show(const struct record *rec);
const char *record_id(const struct record *rec);
/* Its hidden object, made when missing. */
json_t *record_hidden(struct record *rec);
/* prefix + 18 letters and digits */
void sim_id(struct sim *sim, const char *prefix, char out[SIM_ID_MAX]);
uint64_t sim_draw(struct sim *sim); /* random, by the seed */
struct scope *sim_scope(struct sim *sim, const char *account, bool make);

/* ---- events: emit.c --------------------------------------------------------------------- */

/* An event about the record as it is now. Takes previous (may be NULL: none). */
void sim_emit(struct sim *sim, const char *type, const struct record *rec, json_t *previous);
/* An event about something that is in no table. */
void sim_emit_object(struct sim *sim, const char *type, json_t *object);
/* What differs, with the values of `before`; an empty object when nothing does. New reference. */
json_t *attributes_before(json_t *before, json_t *after);
/* A copy to compare with later. */
json_t *record_copy(const struct record *rec);
/* Takes `before`; when the record differs from it now, an event of `type`. True: it did. */
bool sim_emit_change(struct sim *sim, const char *type, const struct record *rec, json_t *before);

/* ---- requests: route.c, server.c ------------------------------------------------------- */

struct sim_error {
	unsigned status; /* 0: none */
	const char *type;
	const char *code; /* NULL: none */
	const char *decline_code;
	char param[300]; /* "": none */
	char message[400];
	json_t *extra; /* more members: {"payment_intent": {…}}; or NULL */
};

struct sim_request {
	struct sim *sim;
	const char *method;          /* "GET" */
	const char *path;            /* without the query */
	json_t *params;              /* query and body: all leaves are strings. Under /_sim: the body as it is */
	char ids[2][SIM_ID_MAX];     /* what stood for :a and :b in the path */
	const char *account;         /* Stripe-Account, or "" */
	const char *version;         /* Stripe-Version, or SIM_VERSION's default */
	const char *idempotency_key; /* or NULL */
	char request_id[40];
	struct sim_error error;
	bool replayed;       /* the answer is an idempotency key's earlier one */
	const char *limited; /* Stripe-Rate-Limited-Reason, with a 429; or NULL */
	char *html;          /* instead of JSON; a handler sets it (malloc) */
	char *location;      /* a redirect; malloc */
	unsigned status;     /* when neither 200 nor an error; 0: 200 */
};

/* A new reference, read only for whoever gets it; or NULL with r->error or r->html set. */
typedef json_t *sim_handler(struct sim_request *r);

struct sim_route {
	const char *method;
	const char *path; /* "/v1/customers/:a" */
	sim_handler *handle;
	const char *params; /* the top-level names that it takes, each with a comma: "name,email,"; NULL: any */
};

/* r has method, path, params, account, version. A new reference, or NULL with r->error (or html or location). */
json_t *sim_handle(struct sim_request *r);
/* {"error": {…}} */
json_t *sim_error_json(const struct sim_error *e);

/* Sets r->error unless it is set already, and gives NULL. param may be NULL. */
json_t *refuse(struct sim_request *r, unsigned status, const char *code, const char *param, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* 404 resource_missing: No such customer: 'cus_1' */
json_t *refuse_missing(struct sim_request *r, enum kind kind, const char *param, const char *id);
static inline bool failed(const struct sim_request *r) { return r->error.status != 0; }

/* The current account's record that is not deleted, or NULL and r->error; follows its clock. */
struct record *want(struct sim_request *r, enum kind kind, const char *id, const char *param);

/* ---- parameters: want.c -------------------------------------------------------------------
 * Each is sticky: after the first error they give the fallback. `at` is the prefix for an error's param ("items[0]"),
 * or NULL at the top. A missing parameter gives the fallback. */

const char *want_text(struct sim_request *r, const json_t *params, const char *at, const char *name);
/* As above, but an error when it is missing or empty. */
const char *need_text(struct sim_request *r, const json_t *params, const char *at, const char *name);
int64_t want_int(struct sim_request *r, const json_t *params, const char *at, const char *name, int64_t fallback,
		 int64_t min, int64_t max);
bool want_bool(struct sim_request *r, const json_t *params, const char *at, const char *name, bool fallback);
/* One of "a|b|c". */
const char *want_choice(struct sim_request *r, const json_t *params, const char *at, const char *name,
			const char *choices, const char *fallback);
/* An object or a list, or NULL; anything else is an error. */
const json_t *want_object(struct sim_request *r, const json_t *params, const char *at, const char *name);
const json_t *want_list(struct sim_request *r, const json_t *params, const char *at, const char *name);
/* Texts that are set when given, and null when given empty: "name,email,". */
void take_texts(struct sim_request *r, json_t *object, const char *names);
/* Merged; an empty value removes a key, an empty metadata all. */
void take_metadata(struct sim_request *r, const json_t *params, json_t *object);
bool given(const json_t *params, const char *name);

/* ---- lists: list.c ------------------------------------------------------------------------ */

/* {"object":"list","url","has_more","data"}; limit, starting_after, ending_before and created[…] are read here, newest
 * first. `fits` (may be NULL) filters; the fields in `filters` ("customer,subscription,") are compared with the
 * parameters of the same name. */
json_t *list_records(struct sim_request *r, enum kind kind, const char *filters,
		     bool (*fits)(void *ctx, const struct record *rec), void *ctx);

/* ---- reading an object ---------------------------------------------------------------------- */

static inline const char *text_of(const json_t *o, const char *key) {
	return json_string_value(json_object_get(o, key));
}
static inline int64_t int_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
static inline bool bool_of(const json_t *o, const char *key) { return json_is_true(json_object_get(o, key)); }
static inline void set_text(json_t *o, const char *key, const char *v) {
	(void)json_object_set_new(o, key, v ? json_string(v) : json_null());
}
static inline void set_int(json_t *o, const char *key, int64_t v) {
	(void)json_object_set_new(o, key, json_integer(v));
}
static inline void set_null(json_t *o, const char *key) { (void)json_object_set_new(o, key, json_null()); }
static inline void set_bool(json_t *o, const char *key, bool v) { (void)json_object_set_new(o, key, json_boolean(v)); }
static inline bool text_is(const json_t *o, const char *key, const char *v) {
	const char *s = text_of(o, key);
	return s && strcmp(s, v) == 0;
}

#endif
