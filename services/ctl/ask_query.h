/* One question to the query service (TG01), through libtiergate as every application asks. */
#ifndef CTL_ASK_QUERY_H
#define CTL_ASK_QUERY_H

#include "proto/tg01.h"
#include "tiergate.h"
#include "verb.h"

/* The question that the flags and the argument of the call make. ERR_USAGE. */
NODISCARD enum error query_question(const struct call *c, struct tg01_question *ret_q, struct problem *why);

/* Asks, and calls `take` with the reply, whose views live until it returns; another thread does, while this one waits.
 * A refusal of the server is an error, with the exit code that fits. */
NODISCARD enum error query_ask(const struct call *c, const struct tg01_request *r,
			       void (*take)(void *ctx, const struct tg01_reply *reply), void *ctx, struct problem *why);

/* A client as the flags say; feed: it follows the feed. */
NODISCARD enum error query_open(const struct call *c, bool feed, struct tg_client **ret_client, struct problem *why);
/* Why nobody answered, as an error of ours. */
enum error query_silence(const struct call *c, enum tg_error error, const char *text, struct problem *why);

/* epoch, ver and as_of added to a result. */
json_t *query_source(json_t *result, const struct tg01_source *s);

#endif
