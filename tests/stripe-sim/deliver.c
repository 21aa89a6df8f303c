#include "edge_private.h"

#include <stdio.h>
#include <stdlib.h>

#define NO_SLOT DELIVERIES_MAX
#define HOLD_MOST 8 /* so many are let pass before one that is held */
#define HOLD_S 5    /* or so long */

/* When the next try is, after so many: the schedule of live mode, for three days; in test mode the first three. */
static const int64_t backoff[] = {300, 1800, 7200, 18000, 36000, 43200, 43200, 43200, 43200, 43200};
#define TRIES_LIVE ARRAY_LEN(backoff)
#define TRIES_TEST ((size_t)3)

/* ---- what an event's record says ----------------------------------------------------
 * hidden.undelivered: {"we_…": {"state": "pending"|"failed"|"dropped", "tries", "thin", "version"}}; gone when all
 * has been taken. So it is saved with the event, and tells delivery_success. */

static json_t *undelivered(struct record *event, bool make) {
	json_t *all = json_object_get(event->hidden, "undelivered");
	if (all || !make) return all;
	all = json_object();
	(void)json_object_set_new(record_hidden(event), "undelivered", all);
	return all;
}

static void count_pending(struct record *event) {
	set_int(event->json, "pending_webhooks", (int64_t)json_object_size(undelivered(event, false)));
}

static void note(struct record *event, const struct delivery *d, const char *state) {
	json_t *o = json_pack("{s:s, s:i, s:b, s:s}", "state", state, "tries", (int)d->tries, "thin", (int)d->thin,
			      "version", d->version);
	(void)json_object_set_new(undelivered(event, true), d->endpoint, o);
	count_pending(event);
}

static void settle(struct record *event, const char *endpoint) {
	json_t *all = undelivered(event, false);
	if (!all) return;
	(void)json_object_del(all, endpoint);
	count_pending(event);
	if (json_object_size(all)) return;
	(void)json_object_del(event->hidden, "undelivered");
	if (json_object_size(event->hidden)) return;
	json_decref(event->hidden);
	event->hidden = NULL;
}

/* ---- slots ----------------------------------------------------------------------------- */

static uint32_t slot_new(struct deliveries *ds) {
	if (ds->free < ds->count) {
		uint32_t i = ds->free;
		ds->free = ds->at[i].next;
		return i;
	}
	if (ds->count == ds->room) {
		uint32_t room = ds->room ? ds->room * 2 : 256;
		if (room > DELIVERIES_MAX) room = DELIVERIES_MAX;
		struct delivery *at = room > ds->room ? reallocarray(ds->at, room, sizeof *at) : NULL;
		if (!at) return NO_SLOT;
		ds->at = at;
		ds->room = room;
	}
	ds->at[ds->count].generation = 0;
	return ds->count++;
}

static uint64_t *counter(struct deliveries *ds, enum delivery_state s) {
	switch (s) {
	case DELIVERY_WAITING:
	case DELIVERY_HELD:
		return &ds->waiting;
	case DELIVERY_QUEUED:
		return &ds->queued;
	case DELIVERY_SENDING:
		return &ds->sending;
	case DELIVERY_FREE:
	default:
		return NULL;
	}
}

static void enter(struct edge *e, uint32_t slot, enum delivery_state state) {
	struct deliveries *ds = &e->deliveries;
	struct delivery *d = &ds->at[slot];
	uint64_t *from = counter(ds, d->state), *to = counter(ds, state);
	if (from) --*from;
	if (to) ++*to;
	d->state = state;
	if (state == DELIVERY_FREE) {
		d->generation++;
		d->next = ds->free;
		ds->free = slot;
	}
	if (state == DELIVERY_QUEUED) {
		d->next = NO_SLOT;
		if (ds->last == NO_SLOT)
			ds->first = slot;
		else
			ds->at[ds->last].next = slot;
		ds->last = slot;
		courier_wake(e->courier);
	}
	if (ds->queued + ds->sending == 0) pthread_cond_broadcast(&e->idle);
}

static void remind(struct edge *e, uint32_t slot, int64_t in_s) {
	char id[SIM_ID_MAX];
	(void)snprintf(id, sizeof id, "%u/%u", (unsigned)slot, e->deliveries.at[slot].generation);
	sim_at_main(e->sim, e->sim->main.now + in_s, DUE_DELIVERY, id);
}

/* ---- making ---------------------------------------------------------------------------- */

/* A new one, not yet in any state; NO_SLOT: there are too many. */
static uint32_t make(struct edge *e, const struct record *event, const struct record *endpoint, bool again) {
	struct deliveries *ds = &e->deliveries;
	uint32_t slot = slot_new(ds);
	if (slot == NO_SLOT) return NO_SLOT;
	struct delivery *d = &ds->at[slot];
	*d = (struct delivery){.state = DELIVERY_FREE, .again = again, .generation = d->generation, .next = NO_SLOT};
	const char *version = text_of(endpoint->json, "api_version");
	if (!version) version = text_of(event->json, "api_version");
	(void)snprintf(d->event, sizeof d->event, "%s", record_id(event));
	(void)snprintf(d->endpoint, sizeof d->endpoint, "%s", record_id(endpoint));
	(void)snprintf(d->version, sizeof d->version, "%s", version ? version : e->api_version);
	ds->made++;
	return slot;
}

static void send_or_hold(struct edge *e, uint32_t slot, bool misbehaves) {
	const struct misbehaviour *m = &e->misbehaviour;
	bool hold = chance(e, m->reorder) && misbehaves;
	uint64_t by = 1 + edge_draw(e) % HOLD_MOST;
	int64_t span = m->delay_max - m->delay_min;
	int64_t delay = m->delay_min + (int64_t)(edge_draw(e) % (uint64_t)(span + 1));
	if (!misbehaves) delay = 0;
	if (delay > 0) {
		remind(e, slot, delay);
		enter(e, slot, DELIVERY_WAITING);
	} else if (hold) {
		e->deliveries.at[slot].release = e->deliveries.made + by;
		remind(e, slot, HOLD_S);
		enter(e, slot, DELIVERY_HELD);
	} else {
		enter(e, slot, DELIVERY_QUEUED);
	}
}

static void deliver_to(struct edge *e, struct record *event, const struct record *endpoint, bool misbehaves) {
	const struct misbehaviour *m = &e->misbehaviour;
	bool drop = chance(e, m->drop) && misbehaves, twice = chance(e, m->duplicate) && misbehaves;
	bool old = chance(e, m->old_version) && misbehaves, thin = chance(e, m->thin) && misbehaves;
	uint32_t slot = make(e, event, endpoint, false);
	if (slot == NO_SLOT) {
		e->deliveries.failed++;
		return;
	}
	struct delivery *d = &e->deliveries.at[slot];
	d->thin = thin || bool_of(endpoint->hidden, "thin");
	if (old) (void)snprintf(d->version, sizeof d->version, "%s", CLASSIC_VERSION);
	note(event, d, drop ? "dropped" : "pending");
	struct delivery copy = *d;
	if (drop) {
		e->deliveries.dropped++;
		enter(e, slot, DELIVERY_FREE);
	} else {
		send_or_hold(e, slot, misbehaves);
	}
	if (!twice || drop || (slot = make(e, event, endpoint, true)) == NO_SLOT) return;
	e->deliveries.at[slot].thin = copy.thin;
	memcpy(e->deliveries.at[slot].version, copy.version, sizeof copy.version);
	send_or_hold(e, slot, true);
}

/* Those that were held until now. */
static void release(struct edge *e, bool all) {
	struct deliveries *ds = &e->deliveries;
	for (uint32_t i = 0; ds->waiting && i < ds->count; i++) {
		const struct delivery *d = &ds->at[i];
		bool held = d->state == DELIVERY_HELD && (all || d->release <= ds->made);
		if (held || (all && d->state == DELIVERY_WAITING)) enter(e, i, DELIVERY_QUEUED);
	}
}

void deliver_event(struct edge *e, struct record *event) {
	set_text(event->json, "api_version", e->api_version);
	struct record *to[ENDPOINTS_MAX];
	size_t n = endpoints_for(e, event, to);
	bool misbehaves = misbehaviour_concerns(&e->misbehaviour, text_of(event->json, "type"));
	for (size_t i = 0; i < n; i++) deliver_to(e, event, to[i], misbehaves);
	if (e->misbehaviour.reorder > 0) release(e, false);
}

size_t deliver_again(struct edge *e, struct record *event, const char *version, bool thin) {
	struct record *to[ENDPOINTS_MAX];
	size_t n = endpoints_for(e, event, to), made = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t slot = make(e, event, to[i], true);
		if (slot == NO_SLOT) continue;
		struct delivery *d = &e->deliveries.at[slot];
		d->thin = thin;
		if (version) (void)snprintf(d->version, sizeof d->version, "%s", version);
		enter(e, slot, DELIVERY_QUEUED);
		made++;
	}
	return made;
}

/* ---- time -------------------------------------------------------------------------------- */

void deliver_due(struct edge *e, const char *id) {
	unsigned slot = 0, generation = 0;
	if (sscanf(id, "%u/%u", &slot, &generation) != 2 || slot >= e->deliveries.count) return;
	const struct delivery *d = &e->deliveries.at[slot];
	if (d->generation != generation) return;
	if (d->state == DELIVERY_WAITING || d->state == DELIVERY_HELD) enter(e, slot, DELIVERY_QUEUED);
}

void deliver_hurry(struct edge *e) { release(e, true); }

/* ---- sending ----------------------------------------------------------------------------- */

uint32_t deliver_take(struct edge *e) {
	struct deliveries *ds = &e->deliveries;
	uint32_t slot = ds->first;
	if (slot == NO_SLOT) return NO_SLOT;
	ds->first = ds->at[slot].next;
	if (ds->first == NO_SLOT) ds->last = NO_SLOT;
	enter(e, slot, DELIVERY_SENDING);
	return slot;
}

static void try_later(struct edge *e, uint32_t slot, struct record *event) {
	struct delivery *d = &e->deliveries.at[slot];
	size_t most = e->sim->livemode ? TRIES_LIVE : TRIES_TEST;
	if (d->again || d->tries >= most) {
		if (!d->again) note(event, d, "failed");
		e->deliveries.failed++;
		enter(e, slot, DELIVERY_FREE);
		return;
	}
	remind(e, slot, backoff[d->tries++]);
	note(event, d, "pending");
	enter(e, slot, DELIVERY_WAITING);
}

void deliver_done(struct edge *e, uint32_t slot, unsigned generation, bool taken) {
	struct deliveries *ds = &e->deliveries;
	if (slot >= ds->count || ds->at[slot].generation != generation || ds->at[slot].state != DELIVERY_SENDING)
		return;
	struct delivery *d = &ds->at[slot];
	struct record *event = sim_find_any(e->sim, d->event);
	if (!event) {
		enter(e, slot, DELIVERY_FREE);
	} else if (taken) {
		ds->delivered++;
		settle(event, d->endpoint);
		enter(e, slot, DELIVERY_FREE);
	} else {
		try_later(e, slot, event);
	}
}

/* ---- start over ---------------------------------------------------------------------------- */

static void take_up(struct edge *e, struct record *event) {
	const char *endpoint;
	json_t *o;
	json_object_foreach(undelivered(event, false), endpoint, o) {
		const struct record *to = sim_find_any(e->sim, endpoint);
		if (!to || !text_is(o, "state", "pending")) continue;
		uint32_t slot = make(e, event, to, false);
		if (slot == NO_SLOT) return;
		struct delivery *d = &e->deliveries.at[slot];
		d->tries = (unsigned)int_of(o, "tries");
		d->thin = bool_of(o, "thin");
		(void)snprintf(d->version, sizeof d->version, "%s", text_of(o, "version"));
		enter(e, slot, DELIVERY_QUEUED);
	}
}

/* What is being sent right now comes back to a slot of another generation, and is passed over. */
void deliver_restart(struct edge *e) {
	struct deliveries *ds = &e->deliveries;
	for (uint32_t i = 0; i < ds->count; i++) ds->at[i].generation++;
	ds->free = NO_SLOT;
	for (uint32_t i = ds->count; i-- > 0;) {
		ds->at[i].state = DELIVERY_FREE;
		ds->at[i].next = ds->free;
		ds->free = i;
	}
	ds->first = ds->last = NO_SLOT;
	ds->made = ds->queued = ds->sending = ds->waiting = ds->delivered = ds->failed = ds->dropped = 0;
	for (size_t s = 0; s < e->sim->scope_count; s++) {
		const struct records *events = &e->sim->scopes[s]->lists[K_EVENT];
		for (size_t i = 0; i < events->count; i++) take_up(e, events->at[i]);
	}
	pthread_cond_broadcast(&e->idle);
}

void deliver_finish(struct edge *e) {
	free(e->deliveries.at);
	e->deliveries.at = NULL;
}
