#include "service/clock.h"
#include "worker.h"
#include <zmq.h>

/* PUB never blocks: a subscriber that is too slow loses messages, and finds the gap by the version. */
static void publish(struct worker *w, const char *topic, const struct writer *out) {
	struct view v = writer_view(out);
	if (v.len == 0) return;
	if (zmq_send(w->changes.socket, topic, 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
		(void)zmq_send(w->changes.socket, v.ptr, v.len, ZMQ_DONTWAIT);
}

void worker_publish_change(void *worker, const struct change *c) {
	struct worker *w = worker;
	w->ver = c->ver;
	if (w->is_shadow) return;
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes);
	const struct stream_change message = stream_change_of(entitlements_epoch(w->store), c);
	stream_change_write(&out, &message);
	publish(w, STREAM_TOPIC_CHANGE, &out);
	counter_add(w->metrics.changes, 1);
}

static void count_cursor(void *count, uint64_t origin, uint64_t seq) {
	(void)origin;
	if (seq) ++*(unsigned *)count;
}

/* A journal that was never heard since the start may be away for long, and query must not wait for it: a store that
 * was filled from as many journals as there are is as complete as it can be. */
static bool was_filled(struct worker *w, int64_t now_ms) {
	unsigned cursors = 0;
	if (now_ms - w->started_ms < SOURCE_SILENCE_MS) return false;
	enum error e = look_renew(w->look);
	if (e == OK) e = look_cursors(w->look, count_cursor, &cursors);
	look_rest(w->look);
	return e == OK && cursors >= w->follower_count;
}

/* The store is as fresh as the least fresh of its journals. A silent one does not make it less complete: that it may be
 * behind is what as_of says. */
static int64_t as_of(struct worker *w, int64_t now_ms, bool *ret_caught_up) {
	int64_t least = INT64_MAX;
	bool caught_up = true;
	for (unsigned i = 0; i < w->follower_count; i++) {
		const struct source *s = &w->followers[i].source;
		if (s->committed_as_of_wall_ms < least) least = s->committed_as_of_wall_ms;
		if (caught_up) caught_up = s->heard_ms ? source_complete(s) : was_filled(w, now_ms);
	}
	*ret_caught_up = caught_up;
	return least == INT64_MAX ? 0 : least;
}

void worker_publish_pulse(struct worker *w) {
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes);
	int64_t now = mono_ms();
	if (w->is_shadow) return;
	struct stream_pulse pulse = {.epoch = entitlements_epoch(w->store), .ver = w->ver};
	pulse.as_of = as_of(w, now, &pulse.caught_up);
	stream_pulse_write(&out, &pulse);
	publish(w, STREAM_TOPIC_HEARTBEAT, &out);
	w->pulse_due_ms = now + PULSE_MS;
}
