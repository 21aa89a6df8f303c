/* The public port: HTTP in, a verdict, a submission, and the answer after the commit. */
#ifndef INGRESS_RECEIVER_H
#define INGRESS_RECEIVER_H

#include "committer.h"
#include "meters.h"
#include "net/http_server.h"
#include "secrets.h"
#include "service/log.h"

#define RECEIVER_THREADS_MAX 8
#define REJECTION_LOG_MS 60000 /* a rejection is logged at most this often for each code, with their number since */

/* Lives as long as the server. */
struct receiver {
	struct secrets *secrets;
	struct committer *committer;
	const struct meters *meters;
	const struct log *log;
	/* the receiver's own, zeroed */
	struct {
		_Atomic int64_t logged_ms;
		_Atomic uint64_t count;
	} rejections[ERROR_COUNT];
};

NODISCARD enum error receiver_start(struct receiver *rc, const char *listen, struct http_server **ret_s,
				    struct problem *why);

#endif
