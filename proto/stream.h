/* The journal's stream (ingress → workers) and the changes (worker → query): both sides' codec.
 * PROTOCOL.md has their text. Inside an installation; epochs and origins are u64 on the wire.
 *
 *   JOURNAL_PUB     PUB     ["R"][record, proto/record.h]  ["H"][msgpack stream_heartbeat]
 *   JOURNAL_REPLAY  ROUTER  ["TGJ1"][msgpack stream_request] → ["TGJ1"][msgpack stream_reply][record]*
 *   CHANGES_PUB     PUB     ["C"][msgpack stream_change]   ["H"][msgpack stream_pulse]
 *
 * PUB may drop, so nothing depends on it: heartbeats come each second (and at once on start) and name
 * the head, and a gap is closed over the replay socket or from the store.
 *
 * Rules of the maps are TG01's: unknown keys are ignored; duplicate keys, wrong types and values
 * over a limit are refused, naming the field. Views in what was read point into the message.
 * Writers: a message that does not fit leaves the writer failed. Readers: ERR_TRUNCATED, ERR_MALFORMED,
 * ERR_LIMIT, ERR_TOO_LARGE, ERR_MEMORY.
 */
#ifndef PROTO_STREAM_H
#define PROTO_STREAM_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "domain/observation.h"
#include "proto/record.h"

#define STREAM_VERSION "TGJ1"
#define STREAM_TOPIC_RECORD "R"
#define STREAM_TOPIC_CHANGE "C"
#define STREAM_TOPIC_HEARTBEAT "H"
#define STREAM_WORKER_MAX 64           /* bytes of a worker's name */
#define STREAM_MESSAGE_MAX 4096        /* bytes of any map but an append request */
#define STREAM_APPEND_MAX (RECORD_MAX) /* bytes of an append request, which carries a body */
#define STREAM_TEXT_MAX 200            /* bytes of err.msg */

/* ---- the journal's PUB ---------------------------------------------------------- */

struct stream_heartbeat {
	uint64_t origin;
	uint64_t first; /* the oldest sequence that replay can give; 0 when the journal is empty */
	uint64_t head;  /* the newest; 0 when nothing was ever there */
	int64_t now_ms;
	/* Random, made at each start of the ingress: with another one the journal may have been put back to an older
	 * copy. 0: not said. */
	uint64_t run;
};

void stream_heartbeat_write(struct writer *w, const struct stream_heartbeat *h);
NODISCARD enum error stream_heartbeat_read(struct view message, struct stream_heartbeat *ret_h, struct problem *why);

/* ---- the journal's replay socket -------------------------------------------------- */

/* symbol, wire name */
#define STREAM_OP_TABLE(X)                                                                                             \
	X(STREAM_HEAD, "head")         /* {} → origin, first, head */                                                \
	X(STREAM_REPLAY, "replay")     /* {from, max} → origin, first, head, count, and as many record frames */     \
	X(STREAM_FIND, "find")         /* {mode, acct?, event} → origin, first, head, seq; not_found */              \
	X(STREAM_APPEND, "append")     /* a fact → origin, first, head, seq, duplicate; durable before the reply */  \
	X(STREAM_PROGRESS, "progress") /* {worker, seq} → origin, first, head */                                     \
	X(STREAM_FORGET, "forget")     /* {worker} → origin, first, head; not_found */

enum stream_op {
#define X(symbol, name) symbol,
	STREAM_OP_TABLE(X)
#undef X
		STREAM_OP_COUNT
};

const char *stream_op_name(enum stream_op op);

struct stream_request {
	enum stream_op op;
	uint64_t id; /* echoed */
	/* replay: records from this sequence on, or from the oldest there if that is later; at most `max` of them (1 to
	 * STREAM_REPLAY_RECORDS_MAX) and STREAM_REPLAY_BYTES_MAX bytes, but always one when there is one. */
	uint64_t from;
	uint64_t max;
	/* find: livemode, account, id. append: those and kind (RECORD_EVENT or RECORD_SNAPSHOT: a webhook comes
	 * signed or not at all), created, type, api_version, body; the journal fills in the rest. */
	struct record record;
	/* progress: all up to seq is committed by this worker. forget: it is gone for good, and holds back retention no
	 * more; a worker of that name that reports again is known again. */
	struct view worker;
	uint64_t seq;
};

void stream_request_write(struct writer *w, const struct stream_request *r);
/* *ret_id is set as soon as it is known, also on failure, so that the error can carry it. ERR_VERSION for an
 * unknown op. */
NODISCARD enum error stream_request_read(struct view message, struct stream_request *ret_r, uint64_t *ret_id,
					 struct problem *why);

/* symbol, wire name, worth a retry, the error a client returns for it */
#define STREAM_CODE_TABLE(X)                                                                                           \
	X(STREAM_OK, "ok", false, OK)                                                                                  \
	X(STREAM_BAD_REQUEST, "bad_request", false, ERR_BAD_REQUEST)                                                   \
	X(STREAM_UNSUPPORTED_VERSION, "unsupported_version", false, ERR_VERSION)                                       \
	X(STREAM_UNKNOWN_OP, "unknown_op", false, ERR_VERSION)                                                         \
	X(STREAM_TOO_LARGE, "too_large", false, ERR_TOO_LARGE)                                                         \
	X(STREAM_FORBIDDEN, "forbidden", false, ERR_FORBIDDEN)                                                         \
	X(STREAM_NOT_FOUND, "not_found", false, ERR_NOT_FOUND)                                                         \
	X(STREAM_OVERLOADED, "overloaded", true, ERR_OVERLOADED)                                                       \
	X(STREAM_FULL, "storage_full", true, ERR_FULL)                                                                 \
	X(STREAM_STORAGE, "storage_failed", true, ERR_STORAGE)                                                         \
	X(STREAM_INTERNAL, "internal", true, ERR_INTERNAL)

enum stream_code {
#define X(symbol, name, retry, error) symbol,
	STREAM_CODE_TABLE(X)
#undef X
		STREAM_CODE_COUNT
};

const char *stream_code_name(enum stream_code c);
bool stream_code_retry(enum stream_code c);
/* The code that tells a client about a server's error. */
enum stream_code stream_code_of(enum error e);
/* What a client returns to its caller. */
enum error stream_code_error(enum stream_code c);

struct stream_reply {
	uint64_t id;
	enum stream_code code; /* STREAM_OK, else only id and text are set; a code not known is INTERNAL */
	bool retry;
	struct view text;
	uint64_t origin;
	uint64_t first;
	uint64_t head;
	uint64_t seq;   /* find, append; 0 otherwise */
	bool duplicate; /* append: it was there already, at seq */
	uint64_t count; /* replay: how many record frames follow */
	uint64_t run;   /* as in a heartbeat */
};

void stream_reply_write(struct writer *w, const struct stream_reply *r);
NODISCARD enum error stream_reply_read(struct view message, struct stream_reply *ret_r, struct problem *why);

/* ---- the worker's changes ---------------------------------------------------------- */

struct stream_change {
	uint64_t epoch;
	uint64_t ver;
	int64_t at_ms; /* when the store applied it */
	struct scope scope;
	struct view sub;
	struct view before; /* tiers' names; before is empty for a subject that was not known */
	struct view after;
	struct view reason; /* names, as in domain/entitlement.h */
	struct view status;
	int64_t until; /* s; 0: none */
	struct view event;
};

struct stream_pulse {
	uint64_t epoch;
	uint64_t ver;   /* the store's, committed */
	int64_t as_of;  /* ms: up to when the store reflects the journal(s); 0: not known yet */
	bool caught_up; /* all that was heard of every journal is applied; one that is away is said by as_of */
};

/* A change that the store has made, as it is told. Views are the change's, and literals. */
struct change; /* proto/state.h */
struct stream_change stream_change_of(uint64_t epoch, const struct change *c);

void stream_change_write(struct writer *w, const struct stream_change *c);
NODISCARD enum error stream_change_read(struct view message, struct stream_change *ret_c, struct problem *why);
void stream_pulse_write(struct writer *w, const struct stream_pulse *p);
NODISCARD enum error stream_pulse_read(struct view message, struct stream_pulse *ret_p, struct problem *why);

#endif
