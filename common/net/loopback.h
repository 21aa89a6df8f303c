/* Whether a host is this very machine: what may go there without encryption, and without keys. */
#ifndef NET_LOOPBACK_H
#define NET_LOOPBACK_H

#include "base/view.h"

#include <stdbool.h>

/* "localhost", an address of 127.0.0.0/8 as four decimal numbers, or "[::1]" in any of its forms, in its brackets.
 * 127.example.com and 127.0.0.1.example.com are somebody else's, and so is what only looks like an address (127.1). */
bool host_is_loopback(struct view host);

#endif
