/* Questions to the ingress about its journal, over the replay socket. */
#ifndef CTL_ASK_JOURNAL_H
#define CTL_ASK_JOURNAL_H

#include "ask_socket.h"

struct journal_asker {
	struct ask_socket *socket;
	struct ask_peer peer;
};

NODISCARD enum error journal_asker_open(const struct call *c, struct journal_asker *ret_j, struct problem *why);
void journal_asker_close(struct journal_asker *j);

/* A refusal of the journal is an error, too. */
NODISCARD enum error journal_ask(struct journal_asker *j, const struct stream_request *r,
				 struct stream_reply *ret_reply, struct problem *why);
/* Record i of a replay's reply; its views live until the next question. */
NODISCARD enum error journal_asked_record(struct journal_asker *j, unsigned i, struct record *ret_r,
					  struct problem *why);

/* A record's envelope, without its body. */
json_t *record_json(const struct record *r);
/* Its body: the JSON value, or a string when it is none. */
json_t *record_body_json(const struct record *r);

#endif
