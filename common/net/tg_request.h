/* A blocking TG01 client over REQ: one question, one answer or a clear failure in bounded time.
 *
 * The socket is REQ with RELAXED, CORRELATE and IMMEDIATE (net/zsocket.h): a reply that comes after its
 * question was given up is dropped by libzmq, and nothing is queued for a server that is not there. After each
 * timeout the socket is made anew, which drops whatever state the connection was in.
 * Nothing is retried here: the caller knows what a second try is worth (reply.retry, ERR_TIMEOUT).
 *
 * For one thread at a time. libtiergate is for applications; this is for the operator's command and tests.
 */
#ifndef NET_TG_REQUEST_H
#define NET_TG_REQUEST_H

#include "base/error.h"
#include "net/curve_keys.h"
#include "net/zsocket.h"
#include "proto/tg01.h"

struct tg_client;

struct tg_client_options {
	void *context;                   /* outlives the client */
	struct endpoints endpoints;      /* all are connected; each question goes to one of them */
	const struct curve_pair *mine;   /* keys for endpoints that are not local; both or neither, */
	const struct curve_pair *server; /* outliving the client; only server->public_text is used */
	int timeout_ms;                  /* for a question, 1 to TG_TIMEOUT_MAX_MS */
};

#define TG_TIMEOUT_MAX_MS (60 * 1000)

NODISCARD enum error tg_client_create(const struct tg_client_options *o, struct tg_client **ret_c, struct problem *why);
void tg_client_destroy(struct tg_client **c);

/* Sends r and waits for its reply. r->id is ignored: the client numbers its questions. Views in the reply live until
 * the next call. OK also when the server refused: then ret_reply->failed.
 * ERR_UNAVAILABLE: no server is connected within the timeout. ERR_TIMEOUT: sent, and no answer. ERR_MALFORMED, …: what
 * came is not a reply to this. ERR_LIMIT: the request is larger than TG01_MESSAGE_MAX. */
NODISCARD enum error tg_client_ask(struct tg_client *c, const struct tg01_request *r, struct tg01_reply *ret_reply,
				   struct problem *why);

#endif
