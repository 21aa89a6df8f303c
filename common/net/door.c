#include "net/door.h"

enum error door_open(struct door *d, void *context, struct curve_gate *gate, const struct door_options *o,
		     struct problem *why) {
	*d = (struct door){.gate = gate};
	enum error e = zsocket_create(context, o->type, &o->limits, &d->socket, why);
	d->peers = e ? NULL : peers_of(d->socket);
	if (!e) e = curve_gate_bind_all(gate, o->rights, d->socket, &o->at, d->actual, why);
	if (e) zsocket_close(&d->socket);
	return e;
}

void door_close(struct door *d) { zsocket_close(&d->socket); }
