/* The reconciler's socket: what others ask of the one process that reads Stripe's API.
 *
 *   RECONCILER  ROUTER  ["TGR1"][msgpack reconcile_request] → ["TGR1"][msgpack reconcile_reply]+
 *
 *   pass     {op, id, dry, full}  a pass now: events since the last one, then the sweep.
 *            dry: appends nothing. full: appends a snapshot of every object, whether it differs or not (for
 *            `tiergate rebuild`). Replies: {id, found: {…}} for each difference before it is appended, and last
 *            {id, done: {…}}. Several replies to one request: ask with a DEALER.
 *   session  {op, id, mode, acct?, session}  a checkout session that is said to be paid: fetches it, its
 *            subscription and its customer now, before all else, and appends them. {id, done: {…}} when they are in
 *            the journal.
 *   customer {op, id, mode, acct?, customer}  a customer whose owner comes back from Stripe's portal: fetches it and
 * its subscriptions now, as urgently as a session, and appends them. {id, done: {…}} when they are in the store. fetch
 * {op, id, mode, acct?, fetch, of}  one object, as a want would be. {id, done: {…}}. status   {op, id} → {id, status:
 * {…}} error    {id, err: {code, msg, retry}}: a code of RECONCILE_CODE_TABLE
 *
 * Rules of the maps, and errors of the readers, as in proto/stream.h. The socket is local to an installation.
 */
#ifndef PROTO_RECONCILE_H
#define PROTO_RECONCILE_H

#include "proto/stream.h"

#define RECONCILE_VERSION "TGR1"
#define RECONCILE_MESSAGE_MAX 8192 /* bytes of any map */
#define RECONCILE_TEXT_MAX 320     /* bytes of a description or sentence; longer ones are cut when written */

/* symbol, wire name */
#define RECONCILE_OP_TABLE(X)                                                                                          \
	X(RECONCILE_PASS, "pass")                                                                                      \
	X(RECONCILE_SESSION, "session")                                                                                \
	X(RECONCILE_CUSTOMER, "customer")                                                                              \
	X(RECONCILE_FETCH, "fetch")                                                                                    \
	X(RECONCILE_STATUS, "status")

enum reconcile_op {
#define X(symbol, name) symbol,
	RECONCILE_OP_TABLE(X)
#undef X
		RECONCILE_OP_COUNT
};

const char *reconcile_op_name(enum reconcile_op op);

struct reconcile_request {
	enum reconcile_op op;
	uint64_t id; /* echoed */
	bool dry, full;
	struct scope scope; /* session, customer, fetch */
	struct fetch fetch; /* fetch; session: FETCH_CHECKOUT and its id; customer: FETCH_CUSTOMER and its id */
};

void reconcile_request_write(struct writer *w, const struct reconcile_request *r);
/* *ret_id is set as soon as it is known, also on failure. ERR_VERSION for an unknown op or fetch. */
NODISCARD enum error reconcile_request_read(struct view message, struct reconcile_request *ret_r, uint64_t *ret_id,
					    struct problem *why);

/* symbol, wire name, worth a retry, the error a client returns for it */
#define RECONCILE_CODE_TABLE(X)                                                                                        \
	X(RECONCILE_OK, "ok", false, OK)                                                                               \
	X(RECONCILE_BAD_REQUEST, "bad_request", false, ERR_BAD_REQUEST)                                                \
	X(RECONCILE_UNSUPPORTED_VERSION, "unsupported_version", false, ERR_VERSION)                                    \
	X(RECONCILE_UNKNOWN_OP, "unknown_op", false, ERR_VERSION)                                                      \
	X(RECONCILE_FORBIDDEN, "forbidden", false, ERR_FORBIDDEN)                                                      \
	X(RECONCILE_WRONG_MODE, "wrong_mode", false, ERR_WRONG_MODE)           /* the key is of the other mode */      \
	X(RECONCILE_NO_API_KEY, "no_api_key", false, ERR_UNAVAILABLE)          /* none is configured */                \
	X(RECONCILE_API_REFUSED, "api_refused", false, ERR_UNAVAILABLE)        /* Stripe refuses the key */            \
	X(RECONCILE_API_UNREACHABLE, "api_unreachable", true, ERR_UNAVAILABLE) /* or answers nothing of use */         \
	X(RECONCILE_BUSY, "busy", true, ERR_OVERLOADED)              /* a pass is under way, or too many ask */        \
	X(RECONCILE_BEHIND, "behind", true, ERR_UNAVAILABLE)         /* the worker has not applied the journal */      \
	X(RECONCILE_NO_JOURNAL, "no_journal", true, ERR_UNAVAILABLE) /* the journal does not answer */                 \
	X(RECONCILE_INTERNAL, "internal", true, ERR_INTERNAL)

enum reconcile_code {
#define X(symbol, name, retry, error) symbol,
	RECONCILE_CODE_TABLE(X)
#undef X
		RECONCILE_CODE_COUNT
};

const char *reconcile_code_name(enum reconcile_code c);
bool reconcile_code_retry(enum reconcile_code c);
enum error reconcile_code_error(enum reconcile_code c);

/* A difference, before it is appended. */
struct reconcile_found {
	bool event; /* an event that the journal does not have; else an object that the store has not so */
	struct scope scope;
	struct view object; /* "subscription"; of an event its type */
	struct view id;
	struct view stripe;  /* what Stripe says, for people */
	struct view store;   /* what the store says; "not known" */
	struct view subject; /* whose answer changes; empty: nobody's, or it is not known whose */
	struct view before;  /* tiers' names; empty: not told, as of an event */
	struct view after;
};

/* A pass, a session or a fetch is done: what came of it. */
struct reconcile_done {
	bool dry;
	uint64_t listed;    /* events */
	uint64_t missed;    /* of them, that the journal did not have */
	uint64_t swept;     /* objects */
	uint64_t differing; /* of them */
	uint64_t appended;  /* records */
	uint64_t unread;    /* events and objects that could not be read or kept; the log has each */
	uint64_t missing;   /* objects asked for that Stripe does not have */
	uint64_t requests;
	uint64_t took_ms;
};

struct reconcile_status {
	struct view key;   /* "none", "ok", "refused", "untried" */
	struct view mode;  /* "live", "test"; empty without a key */
	struct view api;   /* what the last request came to (net/stripe_api.h); empty: none was made */
	struct view why;   /* its sentence, when not ok */
	struct view pass;  /* what is under way: "none", "events", "sweep" */
	int64_t events_to; /* s: all events before it are in the journal; 0: no pass was finished yet */
	int64_t swept_at;  /* s: when the last whole sweep began; 0: none was */
	uint64_t missed;   /* of the last pass that was no dry one */
	uint64_t differing;
	uint64_t drift;         /* events missed and objects differing since the start */
	uint64_t requests;      /* since the start */
	uint64_t wants;         /* waiting in the store */
	int64_t oldest_ms;      /* age of the oldest of them */
	int64_t paused_ms;      /* nothing is asked for so long, after a failure */
	bool silent;            /* webhooks do not come */
	int64_t newest_event;   /* s: of those that Stripe lists */
	int64_t newest_webhook; /* s: the newest that the journal has */
};

enum reconcile_say { RECONCILE_SAYS_ERROR, RECONCILE_SAYS_FOUND, RECONCILE_SAYS_DONE, RECONCILE_SAYS_STATUS };

struct reconcile_reply {
	uint64_t id;
	enum reconcile_say say;
	enum reconcile_code code; /* error; a code not known is INTERNAL */
	bool retry;
	struct view text;
	union {
		struct reconcile_found found;
		struct reconcile_done done;
		struct reconcile_status status;
	} of;
};

void reconcile_reply_write(struct writer *w, const struct reconcile_reply *r);
NODISCARD enum error reconcile_reply_read(struct view message, struct reconcile_reply *ret_r, struct problem *why);

#endif
