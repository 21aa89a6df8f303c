/* What the files of the edge share. Everything here is under sim->mutex unless it says otherwise.
 *
 *   edge.c        create, destroy, hooks, routes         gate.c       rates and faults of the API
 *   misbehave.c   what goes wrong, by chance             idempotency.c
 *   deliver.c     which event goes where, and when       courier.c    the thread that sends
 *   endpoint.c    webhook endpoints and their secrets    control.c    /_sim/deliveries, flush, deliver, misbehave
 */
#ifndef STRIPE_SIM_EDGE_PRIVATE_H
#define STRIPE_SIM_EDGE_PRIVATE_H

#include <stdatomic.h>

#include "edge.h"
#include "shape.h"

#define DELIVERIES_MAX 500000u /* on their way at one time; what is more is given up at once */
#define COURIER_SLOTS 16       /* HTTP requests at one time */
#define COURIER_TIMEOUT_MS 15000
#define ENDPOINTS_MAX 16 /* Stripe's limit for an account */
#define SECRETS_MAX 4    /* of one endpoint at one time */
#define SECRET_MAX 128
#define URL_MAX 2048
#define KEYS_MAX 10000 /* idempotency keys that are remembered; the oldest go */
#define KEY_LIVES SIM_DAY

/* ---- misbehave.c ---- */

struct misbehaviour {
	double drop, duplicate, reorder, never_generate, old_version, thin, fail_api;
	int64_t delay_min, delay_max; /* seconds of the simulated clock */
	int64_t limit_rps;            /* 0: none */
	json_t *types;                /* prefixes of the types that it is about; NULL or empty: all */
};
struct edge;
bool chance(struct edge *e, double p);
uint64_t edge_draw(struct edge *e);
bool misbehaviour_concerns(const struct misbehaviour *m, const char *type);
/* Sets all from r->params: what is not given is good behaviour. */
json_t *misbehave(struct sim_request *r);

/* ---- deliver.c ---- */

enum delivery_state {
	DELIVERY_FREE,
	DELIVERY_WAITING, /* for a moment of the simulated clock */
	DELIVERY_HELD,    /* so that later ones overtake it */
	DELIVERY_QUEUED,
	DELIVERY_SENDING,
};
struct delivery {
	enum delivery_state state;
	bool again; /* a repetition: nothing hangs on it */
	bool thin;
	unsigned generation; /* of the slot, so that an old reminder is not taken for a new one */
	unsigned tries;
	uint64_t release; /* held until so many have been made */
	uint32_t next;    /* in the queue or the free list; DELIVERIES_MAX: none */
	char event[SIM_ID_MAX];
	char endpoint[SIM_ID_MAX];
	char version[API_VERSION_MAX + 1];
};
struct deliveries {
	struct delivery *at; /* room of them */
	uint32_t count, room, free, first, last;
	uint64_t made; /* ever */
	uint64_t queued, sending, waiting;
	uint64_t delivered, failed, dropped;
};

/* Hooks. */
void deliver_event(struct edge *e, struct record *event);
void deliver_due(struct edge *e, const char *id);
/* Everything that waits goes now. */
void deliver_hurry(struct edge *e);
/* One event once more, to every endpoint that wants it, or to one. The number of deliveries. */
size_t deliver_again(struct edge *e, struct record *event, const char *version, bool thin);
/* The next one to send, now SENDING; DELIVERIES_MAX: none. */
uint32_t deliver_take(struct edge *e);
/* How the sending went. */
void deliver_done(struct edge *e, uint32_t slot, unsigned generation, bool taken);
/* Forgets all, then takes up what the events' records say is undelivered. */
void deliver_restart(struct edge *e);
void deliver_finish(struct edge *e);

/* ---- endpoint.c ---- */

/* Those of an event's account that want its type, and are enabled. */
size_t endpoints_for(struct edge *e, const struct record *event, struct record *ret[ENDPOINTS_MAX]);
/* "t=…,v1=…" with one v1 for each secret that is alive. Malloc. */
char *endpoint_sign(struct edge *e, const struct record *endpoint, const char *body);
/* The time that the receivers' clocks show. */
int64_t edge_clock(const struct edge *e);
bool endpoint_add(struct edge *e, const char *url, const char *secret);
json_t *endpoint_create(struct sim_request *r);
json_t *endpoint_list(struct sim_request *r);
json_t *endpoint_retrieve(struct sim_request *r);
json_t *endpoint_update(struct sim_request *r);
json_t *endpoint_delete(struct sim_request *r);
json_t *endpoint_roll(struct sim_request *r);

/* ---- courier.c ---- */

struct courier;
NODISCARD enum error courier_create(struct edge *e, struct courier **ret_c, struct problem *why);
void courier_destroy(struct courier **c);
/* There is something to send. Any thread. */
void courier_wake(struct courier *c);

/* ---- control.c ---- */

json_t *control_deliveries(struct sim_request *r);
json_t *control_flush(struct sim_request *r);
json_t *control_deliver(struct sim_request *r);

/* ---- gate.c, idempotency.c ---- */

bool gate_admit(struct edge *e, struct sim_request *r);

struct keys;
struct keys *keys_create(void);
void keys_destroy(struct keys **k);
void keys_forget(struct keys *k);
bool keys_replay(struct keys *k, struct sim_request *r, unsigned *ret_status, char **ret_text);
void keys_remember(struct keys *k, struct sim_request *r, unsigned status, const char *text);

/* ---- the whole ---- */

struct edge_given {
	char url[URL_MAX];
	char secret[SECRET_MAX];
};

struct edge {
	struct sim *sim;
	const char *api_version;
	uint64_t seed, drawn;
	struct misbehaviour misbehaviour;
	struct deliveries deliveries;
	struct courier *courier;
	struct keys *keys;
	pthread_cond_t idle; /* nothing is queued or being sent */
	int64_t second;      /* of the process's clock, in which so many requests came */
	int64_t second_count;
	struct edge_given given[EDGE_WEBHOOKS_MAX];
	size_t given_count;
};

static inline struct edge *edge_of(const struct sim_request *r) { return r->sim->hooks.ctx; }

#endif
