/* One request's bytes to one reply's bytes. */
#ifndef QUERY_SERVE_H
#define QUERY_SERVE_H

#include "answer.h"
#include "line.h"
#include "memo.h"
#include "net/curve_keys.h"
#include "store_link.h"

/* Changes looked at for one `since`, those of the other mode included. */
#define SINCE_SCAN_MAX 4096

struct server {
	const struct catalog *catalog; /* may be exchanged between requests; then memo_forget */
	struct memo *memo;             /* NULL: nothing is remembered */
	struct store_link *link;
	struct tg01_decoder *decoder;
	struct line_maker lines;
	bool livemode;
	int64_t started_mono_ms;
	/* counted for the metrics */
	uint64_t requests[TG01_OP_COUNT];
	uint64_t errors[TG01_CODE_COUNT];
};

struct moment {
	int64_t wall_ms;
	int64_t mono_ms;
};

/* `version` and `message` are a request's last two frames; `rights` what its sender may do (net/curve_gate.h). Renews
 * the link's snapshot; the caller rests it when there is no more to do. Always writes a reply: w has TG01_MESSAGE_MAX
 * bytes. Nothing is allocated. */
void serve(struct server *s, struct view version, struct view message, unsigned rights, struct moment now,
	   struct writer *w);

/* There is no room for it now: nothing of the message is read but its id. */
void serve_overloaded(struct server *s, struct view message, struct writer *w);

/* An error that is not about a request's content. */
void serve_error(struct server *s, const struct tg01_id *id, enum tg01_code code, const char *text, struct writer *w);

#endif
