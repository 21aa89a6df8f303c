/* The keys with which a verb goes to a service that is not local, why it may be turned away, and whether it is there.
 */
#ifndef CTL_OWN_KEYS_H
#define CTL_OWN_KEYS_H

#include "net/handshakes.h"
#include "verb.h"

/* Connects the socket of that context, with keys where the endpoint is not local, and watched. *ret_h is overwritten,
 * and handshakes_close is for the caller. */
NODISCARD enum error own_keys_connect(const struct call *c, void *zmq, void *socket, const char *endpoint,
				      struct handshakes *ret_h, struct problem *why);

/* Waits for who is there, up to --timeout: one that is connects at once. Gives handshakes_connection's number. */
uint64_t own_keys_await(const struct call *c, struct handshakes *h);

/* No answer came: because of the keys? Then their problem, else OK. */
enum error own_keys_problem(struct handshakes *h, const char *endpoint, struct problem *why);

#endif
