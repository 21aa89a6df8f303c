#include "service/clock.h"
#include "service/random.h"
#include "store/store_dir.h"
#include "worker.h"
#include <stdio.h>
#include <zmq.h>

#define REPLAY_HWM 4 /* requests that wait for a journal which is away */

static void open_metrics(struct worker *w) {
	struct metrics *m = w->service.metrics;
	struct worker_metrics *x = &w->metrics;
	x->applied = metrics_counter(m, "records_applied_total", "records folded into the store", NULL);
	x->ignored = metrics_counter(m, "records_ignored_total", "records of event types that are not used", NULL);
	x->quarantined = metrics_counter(m, "records_quarantined_total", "records put aside with a reason", NULL);
	x->corrupt = metrics_counter(m, "records_corrupt_total", "records whose bytes are damaged", NULL);
	x->skipped = metrics_counter(m, "records_skipped_total", "records that a journal no longer had", NULL);
	x->changes = metrics_counter(m, "changes_total", "changes of subjects' rows", NULL);
	x->reaped = metrics_counter(m, "readers_reaped_total", "dead readers removed from the store", NULL);
	x->dropped =
		metrics_counter(m, "messages_dropped_total", "messages that are not what their socket speaks", NULL);
	x->by_clock = metrics_counter(m, "changes_by_clock_total", "changes that time alone brought", NULL);
	x->in_quarantine = metrics_gauge(m, "quarantine", "records that are aside now", NULL);
	x->unmapped = metrics_gauge(m, "unmapped_prices", "prices that were met and are in no tier", NULL);
	x->wants = metrics_gauge(m, "wants", "objects that wait to be fetched from Stripe", NULL);
	x->overrides = metrics_gauge(m, "overrides", "overrides on the books, revoked ones included", NULL);
	x->backlog = metrics_gauge(m, "backlog_records", "records heard of and not committed yet", NULL);
	x->cursor = metrics_gauge(m, "store_version", "the store's version", NULL);
	x->map_used = metrics_gauge(m, "map_used_bytes", "bytes of the store in use", NULL);
	x->map_size = metrics_gauge(m, "map_size_bytes", "the store's limit", NULL);
	x->fold = metrics_histogram(m, "fold_seconds", "from the first record of a transaction to its commit", NULL);
}

static bool note_moment(void *at_ms, const struct change *c) {
	*(int64_t *)at_ms = c->at_ms;
	return false;
}

/* The clock was set back while nobody watched it: the store has lived through moments that are yet to come. */
static bool was_ahead(struct worker *w) {
	int64_t at_ms = INT64_MIN;
	if (w->ver == 0 || look_changes(w->look, w->ver - 1, 1, note_moment, &at_ms) != OK) return false;
	if (at_ms <= wall_ms() + CLOCK_BACK_MS) return false;
	log_warn(&w->service.log, log_ev("clock_set_back"), kv_str("doing", "evaluating all answers again"));
	return true;
}

enum error worker_open_store(struct worker *w, struct problem *why) {
	struct entitlements_options o = {.dir = w->store_dir, .map_size = w->settings.map_size};
	enum error e = random_u64(&o.epoch, why);
	if (e == OK) e = setting_blame("STORE_DIR", entitlements_open(&o, &w->store, why), why);
	if (e == OK) e = look_begin(w->store, &w->look, why);
	if (e != OK) return e;
	w->ver = look_version(w->look);
	w->complete = look_complete(w->look);
	w->moments = (struct moments){
		.watch = w->moments.watch, .surveyed = look_surveyed(w->look), .mixed = !w->complete && w->ver > 0};
	if (w->complete && w->moments.surveyed != catalog_file_get(w->catalog)->hash) worker_survey(w, CHANGE_CATALOG);
	if (w->complete && was_ahead(w)) worker_survey(w, CHANGE_CLOCK);
	look_rest(w->look);
	return OK;
}

static enum error open_follower(struct worker *w, unsigned i, struct problem *why) {
	/* a replay reply may be large; PUB carries one record a message */
	const struct zsocket_limits limits = {.receive_hwm = 10000, .message_max = RECORD_MAX};
	/* what nobody took is asked again with another id: few wait, and their answers are passed over */
	const struct zsocket_limits asks = {.send_hwm = REPLAY_HWM, .receive_hwm = 10000, .message_max = RECORD_MAX};
	struct follower *f = &w->followers[i];

	source_init(&f->source);
	f->pub_endpoint = w->settings.journals.at[i].pub;
	f->replay_endpoint = w->settings.journals.at[i].replay;
	enum error e = zsocket_create(w->service.zmq, ZMQ_SUB, &limits, &f->sub, why);
	if (e == OK && zmq_setsockopt(f->sub, ZMQ_SUBSCRIBE, "", 0) != 0)
		e = problem_set(why, ERR_INTERNAL, "cannot subscribe: %s", zmq_strerror(zmq_errno()));
	if (e == OK) e = keys_connect(w->keys, f->sub, f->pub_endpoint, why);
	if (e == OK) e = zsocket_create(w->service.zmq, ZMQ_DEALER, &asks, &f->replay, why);
	if (e == OK) e = keys_connect(w->keys, f->replay, f->replay_endpoint, why);
	return e;
}

static enum error open_sockets(struct worker *w, struct problem *why) {
	const struct worker_settings *s = &w->settings;
	const struct door_options changes = {.type = ZMQ_PUB, .at = s->changes_pub, .rights = CURVE_CHANGES};
	const struct door_options control = {.type = ZMQ_ROUTER, .at = s->control, .rights = CURVE_CONTROL};
	struct keys_needs needs = {.binds = !endpoints_are_local(&s->changes_pub) || !endpoints_are_local(&s->control)};
	for (unsigned i = 0; i < s->journals.count; i++)
		if (!endpoint_is_local(s->journals.at[i].pub) || !endpoint_is_local(s->journals.at[i].replay))
			needs.connects = true;
	w->keys = &w->own_keys;
	enum error e = keys_open(w->keys, &w->service, s->curve_dir, needs, why);
	if (e == OK) e = door_open(&w->changes, w->service.zmq, w->keys->gate, &changes, why);
	if (e == OK) e = door_open(&w->control, w->service.zmq, w->keys->gate, &control, why);
	return e == OK ? worker_open_followers(w, why) : e;
}

enum error worker_open_followers(struct worker *w, struct problem *why) {
	enum error e = OK;
	for (unsigned i = 0; e == OK && i < w->settings.journals.count; i++) {
		w->follower_count = i + 1;
		e = open_follower(w, i, why);
	}
	return e;
}

/* A store of an older form is remade from the journals beside it, as a rebuild does it, and replaced when the new one
 * is complete; what else was left beside it is removed. */
static enum error open_store(struct worker *w, struct problem *why) {
	enum error e = store_dir_recover(w->settings.store_dir, why);
	if (e != OK) return e;
	w->outdated = entitlements_outdated(w->settings.store_dir);
	if (w->outdated) {
		log_warn(&w->service.log, log_ev("store_outdated"), kv_str("dir", w->settings.store_dir),
			 kv_str("doing", "making it anew from the journals"));
		e = store_dir_beside(w->settings.store_dir, STORE_NEW, w->store_dir, why);
		if (e == OK) e = store_dir_remove(w->store_dir, why);
		return e == OK ? worker_open_store(w, why) : e;
	}
	if (snprintf(w->store_dir, sizeof w->store_dir, "%s", w->settings.store_dir) >= (int)sizeof w->store_dir)
		return problem_set(why, ERR_CONFIG, "STORE_DIR: is too long");
	e = worker_open_store(w, why);
	if (e == OK) rebuild_clean(w); /* it is ours: nobody fills another beside it */
	return e;
}

enum error worker_open(struct worker *w, struct problem *why) {
	open_metrics(w);
	enum error e = catalog_file_load(w->settings.catalog, &w->catalog, why);
	if (e != OK) return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
	w->decoder = stripe_decoder_create(view_str(w->settings.metadata_key));
	if (!w->decoder) return problem_set(why, ERR_MEMORY, "cannot make the decoder");
	e = open_store(w, why);
	if (e == OK) e = open_sockets(w, why);
	return e;
}

void worker_close(struct worker *w) {
	rebuild_stop(w);
	fold_abort(&w->fold);
	for (unsigned i = 0; i < w->follower_count; i++) {
		keys_forget(w->keys, w->followers[i].sub);
		keys_forget(w->keys, w->followers[i].replay);
		zsocket_close(&w->followers[i].sub);
		zsocket_close(&w->followers[i].replay);
	}
	door_close(&w->control);
	door_close(&w->changes);
	keys_close(&w->own_keys);
	look_end(&w->look);
	entitlements_close(&w->store);
	stripe_decoder_destroy(&w->decoder);
	catalog_file_destroy(&w->catalog);
}
