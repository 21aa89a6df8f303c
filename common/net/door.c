#include "net/door.h"

#include <time.h>

#define TRY_MS 10

static enum error bind_all(struct door *d, const struct endpoints *at, struct problem *why) {
	enum error e = zsocket_create(d->context, d->options.type, &d->options.limits, &d->socket, why);
	d->peers = e ? NULL : peers_of(d->socket);
	if (!e) e = curve_gate_bind_all(d->gate, d->options.rights, d->socket, at, d->actual, why);
	if (e) zsocket_close(&d->socket);
	return e;
}

enum error door_open(struct door *d, void *context, struct curve_gate *gate, const struct door_options *o,
		     struct problem *why) {
	*d = (struct door){.context = context, .gate = gate, .options = *o};
	return bind_all(d, &d->options.at, why);
}

enum error door_reopen(struct door *d, struct problem *why) {
	const struct timespec wait = {.tv_nsec = TRY_MS * 1000000L};
	struct endpoints at;
	/* where it was: a wildcard would give it another port */
	enum error e = endpoints_parse(view_str(d->actual), &at, why);
	if (e) return e;
	zsocket_close(&d->socket);
	e = bind_all(d, &at, why);
	for (unsigned i = 0; i < DOOR_WAIT_MS / TRY_MS && e == ERR_UNAVAILABLE; i++) {
		(void)nanosleep(&wait, NULL);
		e = bind_all(d, &at, why);
	}
	return e;
}

void door_close(struct door *d) { zsocket_close(&d->socket); }
