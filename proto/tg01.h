/* TG01, the tier check protocol, and the change feed: both sides' codec. PROTOCOL.md is its text.
 *
 * Two frames behind whatever envelope the socket brought, both ways: "TG01" and one msgpack map.
 * Keys are strings. Unknown keys are ignored (keys are only ever added); duplicate keys,
 * wrong types, values over a limit and invalid UTF-8 are refused, naming the field.
 *
 * Times are unix seconds; where the name ends in _ms, and as_of, milliseconds. A time of 0 in these
 * structs is nil on the wire: none, not known. An epoch is u64 here and 16 lower case hex
 * digits on the wire: clients in JavaScript have no exact u64, and it is only ever compared.
 *
 * Encoders write into a caller's struct writer and never allocate; one that has too little space
 * leaves the writer failed. Decoders belong to one thread; views in what they return point into
 * the message that was read, arrays live in the decoder: both until its next call or destruction. A request is read
 * without allocating; a decoder grows with the largest since and page replies, by their size in bytes times a constant.
 */
#ifndef PROTO_TG01_H
#define PROTO_TG01_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "domain/catalog.h"

#define TG01_VERSION "TG01"
#define TG01_ID_MAX 64           /* bytes of an id that is a string */
#define TG01_SINCE_MAX 256       /* changes in one reply; fewer when TG01_MESSAGE_MAX is reached before */
#define TG01_PAGE_MAX 512        /* subjects in one reply; fewer when TG01_MESSAGE_MAX is reached before */
#define TG01_STEPS_MAX 8         /* in a line */
#define TG01_CUSTOMERS_MAX 8     /* in a get */
#define TG01_WITH_MAX 16         /* names in a get's `with`, unknown ones included */
#define TG01_TTL_MAX 60          /* seconds */
#define TG01_ERROR_TEXT_MAX 200  /* bytes of err.msg */
#define TG01_KEYS_MAX 64         /* keys in any map, unknown ones included */
#define TG01_ENVELOPE_MAX 8      /* frames before "TG01"; one or two with REQ and DEALER, more behind proxies */
#define TG01_FEED_HEARTBEAT "\0" /* the feed's topic for heartbeats, one zero byte: never a subject */
#define TG01_FEED_HEARTBEAT_LEN 1

/* symbol, wire name */
#define TG01_OP_TABLE(X)                                                                                               \
	X(TG01_CHECK, "check")                                                                                         \
	X(TG01_GET, "get")                                                                                             \
	X(TG01_BATCH, "batch")                                                                                         \
	X(TG01_SINCE, "since")                                                                                         \
	X(TG01_PING, "ping")                                                                                           \
	X(TG01_CATALOG, "catalog")                                                                                     \
	X(TG01_PAGE, "page")

enum tg01_op {
#define X(symbol, name) symbol,
	TG01_OP_TABLE(X)
#undef X
		TG01_OP_COUNT
};

const char *tg01_op_name(enum tg01_op op);

/* symbol, wire name, may the same request succeed later? */
#define TG01_CODE_TABLE(X)                                                                                             \
	X(TG01_BAD_REQUEST, "bad_request", false)                                                                      \
	X(TG01_UNSUPPORTED_VERSION, "unsupported_version", false)                                                      \
	X(TG01_UNKNOWN_OP, "unknown_op", false)                                                                        \
	X(TG01_UNKNOWN_FEATURE, "unknown_feature", false)                                                              \
	X(TG01_UNKNOWN_TIER, "unknown_tier", false)                                                                    \
	X(TG01_FORBIDDEN, "forbidden", false)                                                                          \
	X(TG01_TOO_LARGE, "too_large", false)                                                                          \
	X(TG01_OVERLOADED, "overloaded", true)                                                                         \
	X(TG01_NOT_READY, "not_ready", true)                                                                           \
	X(TG01_BEHIND, "behind", true)                                                                                 \
	X(TG01_INTERNAL, "internal", true)

enum tg01_code {
#define X(symbol, name, retry) symbol,
	TG01_CODE_TABLE(X)
#undef X
		TG01_CODE_COUNT
};

const char *tg01_code_name(enum tg01_code c);
bool tg01_code_retry(enum tg01_code c);

/* What a client chose to know its request by; echoed unchanged. */
enum tg01_id_kind { TG01_ID_NONE, TG01_ID_NUMBER, TG01_ID_TEXT };
struct tg01_id {
	enum tg01_id_kind kind; /* NONE, nil on the wire: only in an error about a request whose id could not be read */
	uint64_t number;
	struct view text; /* UTF-8, at most TG01_ID_MAX bytes */
};

/* ---- requests ---------------------------------------------------------------- */

struct tg01_question {
	struct view sub;  /* 1 to SUBJECT_MAX bytes of UTF-8, no zero byte */
	struct view acct; /* empty: the platform's own */
	struct view tier; /* of tier and feat exactly one is not empty; both are empty in a get */
	struct view feat;
	uint64_t min_ver; /* answer `behind` from a store older than this; 0: any will do */
	int64_t at;       /* ask about this moment; 0: now */
};

/* What a get may ask for beside the profile. */
#define TG01_WITH_LINE 1u
#define TG01_WITH_CUSTOMERS 2u

struct tg01_request {
	enum tg01_op op;
	struct tg01_id id;
	struct tg01_question ask; /* check and get; page: its acct alone */
	unsigned with;            /* get: of TG01_WITH_… */
	/* batch: at most TG01_BATCH_MAX */
	const struct tg01_question *checks;
	unsigned check_count;
	/* since: the changes after this version */
	uint64_t ver;
	uint64_t epoch; /* the store that `ver` is of; 0: not said */
	unsigned max;   /* 1 to TG01_SINCE_MAX, of a page to TG01_PAGE_MAX. 0 when it is written: not said */
	/* page: the subjects after this one; empty: from the first */
	struct view after;
};

/* Why a request is refused, ready to be sent. */
struct tg01_failure {
	struct tg01_id id; /* as far as it could be read; text points into the request */
	enum tg01_code code;
	char text[TG01_ERROR_TEXT_MAX + 1];
};

struct tg01_decoder;
NODISCARD struct tg01_decoder *tg01_decoder_create(void); /* NULL when out of memory */
void tg01_decoder_destroy(struct tg01_decoder **d);

/* Only the id, for an answer that does not depend on the rest: much cheaper than reading a batch. TG01_ID_NONE when
 * there is none to be found. A text points into the message. */
void tg01_request_id(struct tg01_decoder *d, struct view message, struct tg01_id *ret_id);

/* `message` is the second frame. False with a failure: bad_request, unknown_op, too_large, or internal when
 * out of memory. */
NODISCARD bool tg01_request_read(struct tg01_decoder *d, struct view message, struct tg01_request *ret_r,
				 struct tg01_failure *ret_why);
void tg01_request_write(struct writer *w, const struct tg01_request *r);

/* ---- replies ----------------------------------------------------------------- */

/* What store and which moment an answer comes from. */
struct tg01_source {
	uint64_t epoch;
	uint64_t ver;  /* the store's version */
	int64_t as_of; /* ms: up to when the store reflects the journal; 0: not known */
	uint64_t cat;  /* hash of the catalog that lines were evaluated with; 0: not said. Not in checks and batches,
			  and in a get only beside a line */
};

/* What a subject has from a moment on, if nothing happens (domain/line.h); tg01_line.h turns one into the other. */
struct tg01_grant {
	struct view tier;
	int64_t until; /* 0: not known to end */
};

struct tg01_step {
	int64_t from;
	struct view tier;
	struct view status;
	struct view reason;
	int64_t until;
	uint64_t seats;
	int64_t next_billing;
	int64_t begins;             /* the next moment at which something may begin to grant another tier; 0: none */
	bool stale;                 /* on the wire only when true */
	struct view blocked_tier;   /* what it would have, were it not for that reason; empty: nothing is blocked. */
	struct view blocked_reason; /* On the wire only when there is one, as an array of the two */
	const struct tg01_grant *grants; /* every tier that is granted, from the lowest; none: the lowest is for all */
	unsigned grant_count;            /* at most TIERS_MAX */
};

struct tg01_line {
	const struct tg01_step *steps; /* each holds until the next one's `from`, which ascend */
	unsigned count; /* 1 to TG01_STEPS_MAX; 0, on the wire no key: there is no line, do not keep it */
	int64_t until;  /* from then on it says nothing: ask again; 0: the last step holds for good */
};

/* The answer to one question. */
struct tg01_answer {
	bool allowed;
	bool stale;         /* renewal is overdue and unseen; on the wire only when true */
	struct view reason; /* domain/entitlement.h: REASON_TABLE; a newer server may know more */
	struct view tier;   /* the subject's */
	struct view status; /* the deciding subscription's, "none" without one */
	struct view need;   /* the lowest tier that would do; empty, absent on the wire: none, or allowed */
	int64_t until;      /* when this answer changes with no further event; 0: not known to */
	unsigned ttl;       /* seconds for which a cache may keep it, at most TG01_TTL_MAX */
};

/* Everything about one subject. */
struct tg01_profile {
	struct view tier;
	struct view status;
	struct view reason;
	const struct view *feats; /* at most FEATURES_MAX of domain/catalog.h */
	unsigned feat_count;
	uint64_t seats;
	int64_t until;
	int64_t next_billing;
	unsigned ttl;
	bool stale;
	struct tg01_line line; /* when asked for, but for an `at` in the past, and for a customer's id that stands
				  for somebody else or may come to */
	bool has_customers;    /* when asked for */
	const struct view *customers; /* the most recently bound first */
	unsigned customer_count;      /* at most TG01_CUSTOMERS_MAX */
};

struct tg01_change {
	uint64_t ver;
	int64_t at_ms; /* when the store applied it */
	struct view acct;
	struct view sub;
	struct view before; /* tiers */
	struct view after;
	struct view reason; /* of `after` */
	struct view status;
	int64_t until;
	struct view event; /* the Stripe event that caused it; may be empty */
	struct tg01_line
		line; /* as of the sending: at least as new as `ver`. None: forget what is kept of the subject */
};

/* One of a page. */
struct tg01_subject {
	struct view sub;
	uint64_t ver; /* of the store that it was read from */
	struct tg01_line line;
};

struct tg01_catalog {
	const struct view *feats; /* at most FEATURES_MAX */
	unsigned feat_count;
	const struct catalog_tier *tiers; /* from the lowest; features are bits by the index into feats */
	unsigned tier_count;              /* 1 to TIERS_MAX */
};

struct tg01_pong {
	bool ready;
	struct view proto; /* the highest version that is served: "TG01" */
	struct view build;
	int64_t lag_ms; /* now - as_of; -1, nil on the wire: not known */
	uint64_t uptime_s;
};

void tg01_answer_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
		       const struct tg01_answer *a);
void tg01_profile_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
			const struct tg01_profile *p);
void tg01_pong_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
		     const struct tg01_pong *p);
void tg01_catalog_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
			const struct tg01_catalog *c);
void tg01_error_write(struct writer *w, const struct tg01_id *id, enum tg01_code code, struct view text);

/* begin, then exactly `count` times one of the two */
void tg01_batch_begin(struct writer *w, const struct tg01_id *id, const struct tg01_source *s, unsigned count);
void tg01_batch_answer(struct writer *w, const struct tg01_answer *a);
void tg01_batch_error(struct writer *w, enum tg01_code code, struct view text);

/* begin, changes while they fit, end. */
struct tg01_since {
	uint8_t *map_at, *count_at; /* where the map's and the array's length are filled in at the end */
	unsigned count;
};
void tg01_since_begin(struct writer *w, const struct tg01_id *id, struct tg01_since *ret_s);
/* False, nothing written: it would leave no room for the end, or TG01_SINCE_MAX are there. */
NODISCARD bool tg01_since_change(struct writer *w, struct tg01_since *s, const struct tg01_change *c);
/* source.ver is where the next `since` goes on. more: there are further changes after it. reset: the
 * request named another epoch; nothing is handed out and the client has to start afresh. */
void tg01_since_end(struct writer *w, const struct tg01_since *s, const struct tg01_source *source, bool more,
		    bool reset);

/* The same for a page. source.ver is the version of the store that all of it was read from. */
struct tg01_page {
	uint8_t *map_at, *count_at;
	unsigned count;
};
void tg01_page_begin(struct writer *w, const struct tg01_id *id, struct tg01_page *ret_p);
/* False, nothing written: it would leave no room for the end, or TG01_PAGE_MAX are there. The first always fits. */
NODISCARD bool tg01_page_subject(struct writer *w, struct tg01_page *p, const struct tg01_subject *s);
void tg01_page_end(struct writer *w, const struct tg01_page *p, const struct tg01_source *source, bool more);

/* One entry of a batch's results. */
struct tg01_result {
	bool failed;
	enum tg01_code code; /* when failed; INTERNAL for a code this program does not know */
	struct view code_name;
	struct view text;
	bool retry;
	struct tg01_answer answer; /* when not */
};

struct tg01_reply {
	struct tg01_id id;
	/* the server refused: then nothing below `source` is set */
	bool failed;
	enum tg01_code code;
	struct view code_name;
	struct view text;
	bool retry;

	struct tg01_source source;
	union {
		struct tg01_answer answer;
		struct tg01_profile profile;
		struct tg01_pong pong;
		struct {
			const struct tg01_result *results;
			unsigned count;
		} batch;
		struct {
			const struct tg01_change *changes;
			unsigned count;
			bool more;
			bool reset;
		} since;
		struct {
			const struct tg01_subject *subjects;
			unsigned count;
			bool more;
		} page;
		struct tg01_catalog catalog;
	} of; /* by the request's op: a reply does not repeat it */
};

/* The id of a reply to a request that was numbered, without decoding the rest: who has several requests on their way
 * looks up by it which one this answers. False: no msgpack map, or no number in it. */
NODISCARD bool tg01_reply_number(struct view message, uint64_t *ret_number);

NODISCARD enum error tg01_reply_read(struct tg01_decoder *d, enum tg01_op op, struct view message,
				     struct tg01_reply *ret_r, struct problem *why);

/* ---- the feed ---------------------------------------------------------------- */

/* PUB, two frames: the subject and one change; or TG01_FEED_HEARTBEAT and a heartbeat, each second. A
 * subscription to a subject also gets those it is a prefix of: compare. A gap in `ver` of
 * heartbeats against what was seen, or another epoch: catch up with `since`. Another source.cat: what came before was
 * evaluated with another catalog, and what comes after with this one. */
struct tg01_heartbeat {
	struct tg01_source source;
	int64_t now_ms;
};

void tg01_feed_change_write(struct writer *w, uint64_t epoch, const struct tg01_change *c);
void tg01_feed_heartbeat_write(struct writer *w, const struct tg01_heartbeat *h);
NODISCARD enum error tg01_feed_change_read(struct tg01_decoder *d, struct view message, uint64_t *ret_epoch,
					   struct tg01_change *ret_c, struct problem *why);
NODISCARD enum error tg01_feed_heartbeat_read(struct tg01_decoder *d, struct view message, struct tg01_heartbeat *ret_h,
					      struct problem *why);

#endif
