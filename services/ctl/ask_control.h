/* Requests to the worker, over its control socket. */
#ifndef CTL_ASK_CONTROL_H
#define CTL_ASK_CONTROL_H

#include "ask_socket.h"
#include "proto/control.h"

struct control_answer {
	struct control_reply reply; /* its texts point into this struct */
	char why[STREAM_TEXT_MAX + 1];
};

/* A refusal of the worker's is an error, too. *ret_a may not be moved. */
NODISCARD enum error control_ask(const struct call *c, const struct control_request *r, struct control_answer *ret_a,
				 struct problem *why);

#endif
