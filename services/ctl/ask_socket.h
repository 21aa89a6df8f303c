/* One question over a REQ socket to a service of ours: ["VERSION"][body] → ["VERSION"][body] and more frames. */
#ifndef CTL_ASK_SOCKET_H
#define CTL_ASK_SOCKET_H

#include "proto/stream.h"
#include "verb.h"

#define ASK_FRAMES_MAX (2 + STREAM_REPLAY_RECORDS_MAX)

struct ask_socket;

struct ask_peer {
	const char *endpoint;
	const char *setting; /* "JOURNAL_REPLAY", for messages */
	const char *service; /* "tiergate-ingress" */
	const char *version; /* "TGJ1" */
};

/* peer's strings outlive it. */
NODISCARD enum error ask_open(const struct call *c, const struct ask_peer *peer, struct ask_socket **ret_a,
			      struct problem *why);
void ask_close(struct ask_socket **a);

/* ERR_UNAVAILABLE or ERR_TIMEOUT (say which service is missed), ERR_MALFORMED, ERR_LIMIT. */
NODISCARD enum error ask_question(struct ask_socket *a, struct view body, struct problem *why);

/* The frames after the version: 0 is the reply's body. They live until the next question. */
unsigned ask_frame_count(const struct ask_socket *a);
struct view ask_frame(struct ask_socket *a, unsigned i);

#endif
