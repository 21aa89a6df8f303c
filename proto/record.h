/* A journal record: one webhook or one appended fact, as bytes on disk and on the stream.
 *
 *   offset
 *   0   "TGR1"            magic and version
 *   4   u64 BE origin     which journal: random, made with it
 *   12  u64 BE seq        1, 2, 3 … without a gap within an origin
 *   20  u8  kind          enum record_kind
 *   21  u8  livemode      0 or 1
 *   22  zigzag received   ms since the epoch, when ingress had it whole
 *       zigzag created    s, the event's own, or the second of an API answer
 *       string secret     label of the webhook secret that matched; empty unless kind is webhook
 *       string account    acct_… of a Connect event; empty: the platform's own
 *       string id         evt_… (or a unique id of the appended fact)
 *       string type       "customer.subscription.updated"; for a snapshot the object's "object"
 *       string api_version
 *       string body       raw, as it was signed
 *   n-4 u32 BE CRC-32 (zlib's) of all bytes before it; LMDB has no checksum of its own
 *
 * string and zigzag as in base/bytes.h.
 */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

enum record_kind {
	RECORD_WEBHOOK = 1,  /* a signed event */
	RECORD_EVENT = 2,    /* an event that the reconciler listed; same body, no signature */
	RECORD_SNAPSHOT = 3, /* an object as the API returned it in second `created` (proto/fact.h) */
	RECORD_OVERRIDE = 4, /* an operator's grant or revocation (proto/fact.h) */
	RECORD_MARK = 5,     /* a reconcile pass that is over (proto/fact.h) */
};

struct record {
	uint64_t origin;
	uint64_t seq;
	enum record_kind kind;
	bool livemode;
	int64_t received_ms;
	int64_t created;
	struct view secret;
	struct view account;
	struct view id;
	struct view type;
	struct view api_version;
	struct view body;
};

/* The exact size that record_write needs. */
size_t record_size(const struct record *r);
void record_write(struct writer *w, const struct record *r);
/* Views point into bytes. ERR_VERSION, ERR_TRUNCATED, ERR_MALFORMED, ERR_CHECKSUM. */
NODISCARD enum error record_read(struct view bytes, struct record *ret_r);

#endif
