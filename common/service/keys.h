/* A service's keys: who may come in to what it binds, and as whom it goes to others. One for each process.
 *
 *     keys_open(&k, &service, settings.curve_dir, &needs, why)       before any socket
 *     door_open(&door, service.zmq, k.gate, …)                       what it binds (net/door.h)
 *     keys_connect(&k, socket, endpoint, why)                        what it connects; or …_watched
 *     keys_reload(&k)                                                on HUP
 *     keys_report(&k)                                                each second
 *     keys_unwatch(&k), the sockets, keys_close(&k)
 *
 * Everything local needs no keys, and then nothing is read: the directory may be named and not be there. One thread,
 * but for the gate.
 */
#ifndef SERVICE_KEYS_H
#define SERVICE_KEYS_H

#include "net/door.h"
#include "net/handshakes.h"
#include "service/start.h"

#define KEYS_REPORT_MS 500  /* for a loop that has nothing else to wake up for */
#define KEYS_AGAIN_MS 2000  /* between tries of a server that turns us away */
#define KEYS_WATCHED_MAX 64 /* connections that are looked at */

#define CURVE_DIR_SETTING(type, member)                                                                                \
	{                                                                                                              \
		"CURVE_DIR", SETTING_DIR, offsetof(type, member),                                                      \
			.help = "the directory of keys (tiergate keygen); needed by endpoints that are not local"      \
	}

struct keys {
	struct service *service;
	const char *dir;         /* NULL: none */
	struct curve_gate *gate; /* NULL: all that is bound is local */
	bool has_identity;
	struct curve_identity identity;
	struct counter *denied;
	struct gauge *bad_files;
	uint64_t counted;
	unsigned watched;
	struct keys_watch {
		struct handshakes handshakes;
		void *socket;
		bool keyed;
		bool quiet; /* another to the same place says it */
		int64_t again_ms;
		char at[ENDPOINT_MAX];
	} watches[KEYS_WATCHED_MAX];
};

struct keys_needs {
	bool binds;    /* to an endpoint that is not local */
	bool connects; /* to one */
};

/* *k is overwritten. dir outlives it; NULL is fine when nothing is needed, which settings_read has seen to. */
NODISCARD enum error keys_open(struct keys *k, struct service *service, const char *dir, struct keys_needs needs,
			       struct problem *why);
/* Before the first of the connected sockets is closed; and after all sockets, before the context. A zeroed one is
 * fine. */
void keys_unwatch(struct keys *k);
void keys_close(struct keys *k);

NODISCARD enum error keys_connect(struct keys *k, void *socket, const char *endpoint, struct problem *why);
/* The same for a socket that keys_connected is asked about, with keys or without. */
NODISCARD enum error keys_connect_watched(struct keys *k, void *socket, const char *endpoint, struct problem *why);
/* Somebody is there, as far as libzmq has told. */
bool keys_connected(struct keys *k, const void *socket);
/* Before such a socket is closed, when keys_report is still to come. */
void keys_forget(struct keys *k, const void *socket);

/* The allowed keys again; connections of those that were taken out end. Says so, and names what cannot be used. */
void keys_reload(struct keys *k);
/* Logs and counts who was turned away; logs who turns us away, and tries again. */
void keys_report(struct keys *k);

#endif
