/* Apart from the sockets, which a library for applications has too: that one needs no czmq. */
#include "net/zsocket.h"

#include <czmq.h>
#include <errno.h>

enum error zcontext_create(void **ret_context, struct problem *why) {
	zsys_handler_set(NULL); /* czmq's signal handlers: main() owns signals */
	void *context = zmq_ctx_new();
	if (!context)
		return problem_set(why, errno == EMFILE ? ERR_UNAVAILABLE : ERR_MEMORY, "ZeroMQ: %s",
				   zmq_strerror(errno));
	*ret_context = context;
	return OK;
}

void zcontext_shutdown(void *context) {
	if (context) (void)zmq_ctx_shutdown(context);
}

void zcontext_destroy(void **context) {
	if (!context || !*context) return;
	while (zmq_ctx_term(*context) != 0 && errno == EINTR) {
	}
	*context = NULL;
}
