/* Who may come in: the server's side of CURVE, and the ZAP handler that knows the allowed keys.
 *
 * One per process, since ZAP is (https://rfc.zeromq.org/spec/27): a thread that answers libzmq's question "may this key
 * connect to that socket?" out of a hash table, once per handshake. A key that is allowed gets its name as the
 * connection's User-Id, and each message of it carries that name (curve_gate_rights). Local endpoints know no keys and
 * never ask.
 *
 * A key that was taken out is refused at its next handshake, its next message has no rights, and its connections are
 * ended (net/peers.h). libzmq tells which key a connection has with a message of it alone: so those of which no message
 * was taken yet, and a PUB's subscribers, end as well, and come back by themselves when their key is still allowed.
 */
#ifndef NET_CURVE_GATE_H
#define NET_CURVE_GATE_H

#include "net/curve_keys.h"
#include "net/zsocket.h"

#include <zmq.h>

struct curve_gate;

/* Reads DIR/server.key and DIR/allowed/ and starts to answer. Before any socket of the context is bound with it.
 * ERR_NOT_FOUND or ERR_CONFIG: the directory; ERR_UNAVAILABLE: the context has a gate already, or no threads. */
NODISCARD enum error curve_gate_open(void *context, const char *dir, struct curve_gate **ret_g, struct problem *why);
/* Before the context is destroyed. */
void curve_gate_close(struct curve_gate **g);

/* Reads allowed/ again (curve_clients_reload), and ends the connections of keys that are gone or may less than before;
 * *ret_taken: how many keys these are. What was there stays when the directory cannot be read. One thread alone calls
 * this and the next. */
NODISCARD enum error curve_gate_reload(struct curve_gate *g, unsigned *ret_taken, struct curve_bad_files *ret_bad,
				       struct problem *why);
unsigned curve_gate_clients(const struct curve_gate *g);

/* Binds each endpoint: a local one as it is; any other with the server's key, for clients that have one of `rights`.
 * g NULL: no keys are configured, and an endpoint that is not local is ERR_CONFIG. ret_actual (may be NULL) is the
 * list again as it was bound, separated by `;`. Any thread. */
NODISCARD enum error curve_gate_bind_all(struct curve_gate *g, unsigned rights, void *socket,
					 const struct endpoints *list, char ret_actual[ENDPOINTS_TEXT_MAX],
					 struct problem *why);

/* What the sender of a message may do, by the keys of now: all for one that came over a local endpoint, nothing for a
 * key that is no longer allowed. Any thread. g may be NULL. */
unsigned curve_gate_rights(struct curve_gate *g, zmq_msg_t *message);

/* A handshake that was refused, for the log. */
struct curve_denial {
	char address[64];              /* the peer's; where it spoke no CURVE, the endpoint that it came to */
	char key[CURVE_TEXT_SIZE];     /* its public key; empty: it spoke no CURVE that far */
	char name[CURVE_NAME_MAX + 1]; /* the key is allowed, but not to do this */
	unsigned wanted;               /* the rights of which one would have done */
};

/* Takes one out; false when there is none. At most CURVE_DENIALS_KEPT wait, no two of them alike; *ret_total counts all
 * since the start. */
#define CURVE_DENIALS_KEPT 16
bool curve_gate_denied(struct curve_gate *g, struct curve_denial *ret_d, uint64_t *ret_total);

/* The client's side: connects to each endpoint, with keys where it is not local: this side's pair and the server's
 * public key. mine NULL: no keys, and such an endpoint is ERR_CONFIG. */
NODISCARD enum error curve_connect_all(void *socket, const struct curve_pair *mine, const struct curve_pair *server,
				       const struct endpoints *list, struct problem *why);
/* The same for one endpoint and a directory of keys: the server's is looked up for that host. me NULL: no keys. A
 * socket that connects with keys does so to one endpoint alone. */
NODISCARD enum error curve_connect(void *socket, const struct curve_identity *me, const char *endpoint,
				   struct problem *why);

#endif
