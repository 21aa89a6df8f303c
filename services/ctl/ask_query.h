/* One question to the query service (TG01). */
#ifndef CTL_ASK_QUERY_H
#define CTL_ASK_QUERY_H

#include "net/tg_request.h"
#include "verb.h"

struct query_call {
	void *zmq;
	struct tg_client *client;
	struct curve_pair mine, server; /* with a CURVE_DIR */
};

/* The question that the flags and the argument of the call make. ERR_USAGE. */
NODISCARD enum error query_question(const struct call *c, struct tg01_question *ret_q, struct problem *why);

/* Asks; a refusal of the server is an error too, with the exit code that fits. The reply's views live until
 * query_close, which is called whatever the outcome. */
NODISCARD enum error query_ask(const struct call *c, const struct tg01_request *r, struct query_call *ret_q,
			       struct tg01_reply *ret_reply, struct problem *why);
void query_close(struct query_call *q);

/* epoch, ver and as_of added to a result. */
json_t *query_source(json_t *result, const struct tg01_source *s);

#endif
